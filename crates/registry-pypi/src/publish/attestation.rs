//! Attestations (PEP 740): what somebody signed about a file.
//!
//! The registry checks what they are about. Whether a signature holds is for those to verify who
//! install.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_core::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    file_name::FileName,
    wire::{Bundle, Provenance, Publisher},
};

/// The most attestations of a file.
const MOST: usize = 8;

#[derive(Deserialize)]
struct Attestation {
    version: u64,
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    statement: String,
    #[serde(rename = "signature")]
    _signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    name: String,
    digest: Digest,
}

#[derive(Deserialize)]
struct Digest {
    #[serde(default)]
    sha256: String,
}

/// The provenance that attestations make, if they are about this file, which `user` published.
///
/// # Errors
/// When one of them is about anything else, or is none.
pub fn provenance(text: &str, file: &FileName, sha256: &str, user: &str) -> Result<Vec<u8>> {
    let malformed =
        |what: &dyn std::fmt::Display| invalid(format!("Malformed attestations: {what}"));
    let attestations: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| malformed(&error))?;
    if attestations.is_empty() {
        return Err(malformed(&"an empty attestation set is not permitted"));
    }
    if attestations.len() > MOST {
        return Err(invalid(format!(
            "A maximum of {MOST} attestations per file are supported"
        )));
    }
    let mut seen = BTreeSet::new();
    for attestation in &attestations {
        let attestation: Attestation =
            serde_json::from_str(attestation.get()).map_err(|error| malformed(&error))?;
        if attestation.version != 1 {
            return Err(malformed(&"their version is not 1"));
        }
        let statement = STANDARD.decode(&attestation.envelope.statement);
        let statement = statement.map_err(|_| malformed(&"a statement is not base64"))?;
        let statement: Statement =
            serde_json::from_slice(&statement).map_err(|error| malformed(&error))?;
        check(&statement, file, sha256)?;
        if !seen.insert(statement.predicate_type.clone()) {
            let kind = statement.predicate_type;
            return Err(invalid(format!(
                "Multiple attestations for the same file with the same predicate type ({kind}) are \
                 not supported"
            )));
        }
    }
    let provenance = Provenance {
        version: 1,
        attestation_bundles: [Bundle {
            publisher: Publisher {
                kind: "registry",
                claims: [("user", user)].into_iter().collect(),
            },
            attestations: &attestations,
        }],
    };
    serde_json::to_vec(&provenance).map_err(Error::internal)
}

/// Refuses a statement about anything but one file of this name and content.
fn check(statement: &Statement, file: &FileName, sha256: &str) -> Result<()> {
    if statement.kind != "https://in-toto.io/Statement/v1" {
        return Err(invalid(
            "Malformed attestations: a statement is not an in-toto one",
        ));
    }
    let [subject] = statement.subject.as_slice() else {
        return Err(invalid(
            "an attestation is about more or less than one file",
        ));
    };
    let named = FileName::parse(&subject.name, None);
    if !named.is_ok_and(|named| named.means(file)) {
        let (name, text) = (&subject.name, &file.text);
        return Err(invalid(format!(
            "an attestation is about '{name}', not '{text}'"
        )));
    }
    if !subject.digest.sha256.eq_ignore_ascii_case(sha256) {
        return Err(invalid(
            "an attestation is about a file with another SHA-256",
        ));
    }
    Ok(())
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!(
        "Invalid attestations supplied during upload: {what}"
    ))
}

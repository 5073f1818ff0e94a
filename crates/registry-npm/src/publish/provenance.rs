//! Provenance: a [Sigstore](https://www.sigstore.dev) bundle about a tarball.
//!
//! The registry checks what a bundle is about. Whether its signature holds is for those to verify
//! who install.

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_core::{Error, Result, digest::hex};
use serde::Deserialize;

use crate::{PackageName, Version};

/// A bundle, and what it states about what.
#[derive(Debug)]
pub struct Bundle {
    /// The bundle, as sent.
    pub text: String,
    /// What kind of statement it is.
    pub predicate_type: String,
    subjects: Vec<Subject>,
}

#[derive(Debug, Deserialize)]
struct Subject {
    name: String,
    digest: Digest,
}

#[derive(Debug, Deserialize)]
struct Digest {
    #[serde(default)]
    sha512: String,
}

/// Reads a bundle with a DSSE envelope around an in-toto statement.
pub(super) fn parse(text: &str) -> Result<Bundle> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Outline {
        dsse_envelope: Envelope,
    }
    #[derive(Deserialize)]
    struct Envelope {
        payload: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statement {
        predicate_type: String,
        subject: Vec<Subject>,
    }
    let broken = |_| Error::invalid("the provenance is not a Sigstore bundle of a statement");
    let outline: Outline = serde_json::from_str(text).map_err(broken)?;
    let payload = STANDARD.decode(outline.dsse_envelope.payload);
    let payload = payload.map_err(|_| Error::invalid("the provenance's payload is not base64"))?;
    let statement: Statement = serde_json::from_slice(&payload).map_err(broken)?;
    Ok(Bundle {
        text: text.to_owned(),
        predicate_type: statement.predicate_type,
        subjects: statement.subject,
    })
}

/// Refuses a bundle about anything but these bytes under this name.
pub(super) fn check_subject(
    bundle: &Bundle,
    name: &PackageName,
    version: &Version,
    sha512: &[u8],
) -> Result<()> {
    let purl = |name: &str| format!("pkg:npm/{name}@{version}");
    // The scope's mark is escaped in a package URL.
    let purls = [name.as_str().replace('@', "%40"), name.to_string()].map(|name| purl(&name));
    match &*bundle.subjects {
        [subject]
            if purls.contains(&subject.name)
                && subject.digest.sha512.eq_ignore_ascii_case(&hex(sha512)) =>
        {
            Ok(())
        }
        _ => Err(Error::invalid(format!(
            "the provenance is not about this tarball of {name}@{version}"
        ))),
    }
}

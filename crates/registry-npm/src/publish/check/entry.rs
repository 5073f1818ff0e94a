//! From a manifest to the entry that is stored.

use registry_core::{Error, Result};
use serde_json::value::{RawValue, to_raw_value};

use super::{Publication, Stored};
use crate::{
    document::{Dist, Entry, Provenance, shortened},
    wire::{Fields, INSTALL_FIELDS, Person},
};

/// Fields that the registry writes itself, or keeps elsewhere.
const OWN_FIELDS: &[&str] = &[
    "_id",
    "_rev",
    "_npmUser",
    "_hasShrinkwrap",
    "_attachments",
    "hasInstallScript",
    "deprecated",
    "dist",
    "readme",
];

impl Publication<'_> {
    pub(super) fn entry(
        &self,
        dist: &Dist,
        stored: &Stored<'_>,
        publisher: &Person,
        time: &str,
    ) -> Result<bytes::Bytes> {
        let mut install = Object::default();
        let mut rest = Object::default();
        for (key, value) in self
            .manifest
            .iter()
            .filter(|(key, _)| !OWN_FIELDS.contains(key))
        {
            let half = if INSTALL_FIELDS.contains(&key) {
                &mut install
            } else {
                &mut rest
            };
            half.raw(key, value.get())?;
        }
        let scripts: Option<Fields<'_>> = self.manifest.parse("scripts");
        let runs = |script| {
            scripts
                .as_ref()
                .is_some_and(|scripts| scripts.get(script).is_some())
        };
        if stored.inspected.has_install_script
            || ["preinstall", "install", "postinstall"]
                .into_iter()
                .any(runs)
        {
            install.raw("hasInstallScript", "true")?;
        }
        if stored.inspected.has_shrinkwrap {
            install.raw("_hasShrinkwrap", "true")?;
        }
        install.raw("_npmUser", json(publisher)?.get())?;
        rest.raw(
            "_id",
            json(&format!("{}@{}", self.name, self.version))?.get(),
        )?;
        let deprecated: Option<String> = self.manifest.parse("deprecated");
        let deprecated = deprecated.filter(|text| !text.is_empty());
        let deprecated = deprecated
            .map(|text| json(&shortened(text, 4096)))
            .transpose()?;
        let bundle = self.provenance.as_ref().zip(stored.provenance);
        Entry {
            time,
            file: stored.file,
            size: stored.size,
            deprecated: deprecated.as_deref(),
            provenance: bundle.map(|(bundle, stored)| Provenance {
                file: &stored.file,
                size: stored.size,
                sha512: &stored.digest,
                predicate_type: &bundle.predicate_type,
            }),
            dist: &json(dist)?,
            install: &install.finish()?,
            rest: &rest.finish()?,
        }
        .to_bytes()
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>> {
    to_raw_value(value).map_err(Error::internal)
}

/// A JSON object in the making, on one line.
#[derive(Default)]
struct Object(String);

impl Object {
    fn raw(&mut self, key: &str, value: &str) -> Result<()> {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(json(key)?.get());
        self.0.push(':');
        compact(value, &mut self.0);
        Ok(())
    }

    fn finish(mut self) -> Result<Box<RawValue>> {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        RawValue::from_string(self.0).map_err(Error::internal)
    }
}

/// Copies JSON without its line breaks, which are never within a token.
fn compact(json: &str, into: &mut String) {
    into.extend(
        json.split(['\n', '\r'])
            .map(|line| line.trim_start_matches([' ', '\t'])),
    );
}

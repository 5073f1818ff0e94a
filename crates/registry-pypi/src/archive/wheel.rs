//! What is in a wheel.
//!
//! Rules: [binary distribution format](https://packaging.python.org/en/latest/specifications/binary-distribution-format/).

use std::{collections::BTreeMap, io::Read};

use registry_core::{Error, Result, archive::zip};

use super::{Inspected, Limits, ZIP, entry_points, record};
use crate::metadata::Metadata;

/// What the folder that describes a wheel ends in.
const DIST_INFO: &str = ".dist-info";

/// The files in that folder that are looked into.
const METADATA: &str = "METADATA";
const WHEEL: &str = "WHEEL";
const RECORD: &str = "RECORD";
const ENTRY_POINTS: &str = "entry_points.txt";

/// What signs the list of files, and so is not in it.
const SIGNATURES: [&str; 2] = ["RECORD.jws", "RECORD.p7s"];

/// Reads a wheel to its end and says what is in it. Blocks as `reader` does.
///
/// # Errors
/// When it is damaged, dangerous or incomplete.
pub fn inspect(reader: &mut dyn Read, limits: &Limits) -> Result<Inspected> {
    let mut found = Found::default();
    let read = zip::read(reader, &limits.into(), |entry| found.take(entry, limits));
    read.map_err(|fault| fault.told(ZIP))?;
    found.finish()
}

/// What has been seen of a wheel so far.
#[derive(Default)]
struct Found {
    folder: Option<String>,
    /// The content of those files in it that are looked into.
    content: BTreeMap<&'static str, Vec<u8>>,
    files: Vec<String>,
    /// Bytes of their names.
    names_size: u64,
}

impl Found {
    fn take(&mut self, entry: zip::Entry<'_>, limits: &Limits) -> Result<(), zip::Fault> {
        let top = entry.path.split_once('/');
        if let Some((folder, file)) = top.filter(|(folder, _)| folder.ends_with(DIST_INFO)) {
            let known = self.folder.get_or_insert_with(|| folder.to_owned());
            if known != folder {
                let both = format!("it holds both {known} and {folder}");
                return Err(wrong(both).into());
            }
            let looked_into = [
                (METADATA, limits.metadata),
                (WHEEL, limits.metadata),
                (RECORD, limits.record),
                (ENTRY_POINTS, limits.metadata),
            ];
            if let Some((name, limit)) = looked_into.into_iter().find(|(name, _)| *name == file) {
                let content = zip::bounded(entry.content, limit, name)?;
                self.content.insert(name, content);
            }
        }
        self.names_size += entry.path.len() as u64;
        if self.names_size > limits.record {
            let long = "the names of its files are too long";
            return Err(zip::Fault::TooLarge(long.to_owned()));
        }
        if !entry.path.ends_with('/') {
            self.files.push(entry.path.to_owned());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Inspected> {
        let Some(folder) = self.folder.take() else {
            return Err(wrong(format!("it holds no {DIST_INFO} folder")));
        };
        let wheel = self.required(&folder, WHEEL)?;
        let metadata = self.required(&folder, METADATA)?;
        let list = self.required(&folder, RECORD)?;
        let version = Metadata::parse(&wheel)?;
        let version = version.get("wheel-version").unwrap_or_default();
        if !version.starts_with("1.") {
            return Err(wrong(format!("its Wheel-Version is {version:?}, not 1.0")));
        }
        let exempt = SIGNATURES.map(|name| format!("{folder}/{name}"));
        record::check(&list, &self.files, &exempt)?;
        if let Some(text) = self.content.get(ENTRY_POINTS) {
            entry_points::check(text)?;
        }
        let below = |file: &String| {
            let file = file.strip_prefix(&folder)?.strip_prefix('/')?;
            Some(file.to_owned())
        };
        let files = self.files.iter().filter_map(below).collect();
        Ok(Inspected {
            folder,
            metadata,
            files,
        })
    }

    fn required(&mut self, folder: &str, name: &'static str) -> Result<Vec<u8>> {
        let content = self.content.remove(name);
        content.ok_or_else(|| {
            Error::invalid(format!(
                "Wheel does not contain the required {name} file: {folder}/{name}"
            ))
        })
    }
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!(
        "Invalid distribution file. The wheel was refused: {what}"
    ))
}

//! What is in a wheel.
//!
//! Rules: [binary distribution format](https://packaging.python.org/en/latest/specifications/binary-distribution-format/).

use std::{collections::BTreeSet, io::Read};

use registry_core::{
    Error, Result,
    archive::{
        paths::{FILE, Paths},
        zip,
    },
};

use super::{
    Inspected, Limits, ZIP, entry_points,
    record::{self, EXEMPT},
};
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
    let mut found = Found {
        limits,
        folder: None,
        seen: BTreeSet::new(),
        metadata: Vec::new(),
        paths: Paths::new(limits.entries),
        names_size: 0,
    };
    let read = zip::read(reader, &limits.into(), |entry| found.take(entry));
    read.map_err(|fault| fault.told(ZIP))?;
    found.finish()
}

/// What has been seen of a wheel so far. What is looked into is judged as it comes, and of it all only
/// the metadata is kept.
struct Found<'a> {
    limits: &'a Limits,
    folder: Option<String>,
    /// Which of the files that have to be there were.
    seen: BTreeSet<&'static str>,
    metadata: Vec<u8>,
    paths: Paths,
    /// Bytes of the names of files and folders.
    names_size: u64,
}

impl Found<'_> {
    fn take(&mut self, entry: zip::Entry<'_>) -> Result<(), zip::Fault> {
        self.names_size += entry.path.len() as u64;
        if self.names_size > self.limits.record {
            return Err(too_large("the names of its files are too long"));
        }
        if !entry.path.ends_with('/') && self.paths.mark(entry.path, FILE).is_none() {
            return Err(too_large(
                "it holds too many files, or its RECORD names too many",
            ));
        }
        let top = entry.path.split_once('/');
        let Some((folder, file)) = top.filter(|(folder, _)| folder.ends_with(DIST_INFO)) else {
            return Ok(());
        };
        let known = self.folder.get_or_insert_with(|| folder.to_owned());
        if known != folder {
            let both = format!("it holds both {known} and {folder}");
            return Err(wrong(both).into());
        }
        if SIGNATURES.contains(&file) {
            self.paths.mark(entry.path, EXEMPT);
        }
        self.look_into(file, entry.content)
    }

    /// Looks into a file of the folder that describes the wheel, if it is one of those that matter.
    fn look_into(&mut self, file: &str, content: &mut dyn Read) -> Result<(), zip::Fault> {
        let most = self.limits.metadata;
        match file {
            METADATA => self.metadata = zip::bounded(content, most, METADATA)?,
            WHEEL => check_version(&zip::bounded(content, most, WHEEL)?)?,
            ENTRY_POINTS => entry_points::check(&zip::bounded(content, most, ENTRY_POINTS)?)?,
            RECORD => record::read(content, self.limits.record, &mut self.paths)?,
            _ => {}
        }
        let required = [METADATA, WHEEL, RECORD];
        self.seen
            .extend(required.into_iter().filter(|name| *name == file));
        Ok(())
    }

    fn finish(self) -> Result<Inspected> {
        let Some(folder) = self.folder else {
            return Err(wrong(format!("it holds no {DIST_INFO} folder")));
        };
        for name in [WHEEL, METADATA, RECORD] {
            if !self.seen.contains(name) {
                return Err(Error::invalid(format!(
                    "Wheel does not contain the required {name} file: {folder}/{name}"
                )));
            }
        }
        record::check(&self.paths)?;
        Ok(Inspected {
            folder,
            metadata: self.metadata,
            paths: self.paths,
        })
    }
}

/// Whether installers know the form that `WHEEL` tells of.
fn check_version(wheel: &[u8]) -> Result<()> {
    let wheel = Metadata::parse(wheel)?;
    let version = wheel.get("wheel-version").unwrap_or_default();
    if version.starts_with("1.") {
        return Ok(());
    }
    let shown: String = version.chars().take(40).collect();
    Err(wrong(format!("its Wheel-Version is {shown:?}, not 1.0")))
}

fn too_large(what: &str) -> zip::Fault {
    zip::Fault::TooLarge(what.to_owned())
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!(
        "Invalid distribution file. The wheel was refused: {what}"
    ))
}

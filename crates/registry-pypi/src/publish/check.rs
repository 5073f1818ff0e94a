//! Whether a file is what its name and its form say.

use registry_core::{Error, Result};

use super::form::Form;
use crate::{
    archive::Inspected,
    file_name::{FileName, Kind},
    metadata::Metadata,
    name::normalized,
};

/// Compares a file's name with its form.
///
/// # Errors
/// When they differ, or the name is not in its normal form and has to be.
pub fn name(file: &FileName, form: &Form, lenient: bool) -> Result<()> {
    if file.packing.kind() != form.kind {
        let (extension, kind) = (file.packing.extension(), filetype(form.kind));
        return Err(Error::invalid(format!(
            "Invalid file extension: Extension {extension} is invalid for filetype {kind}."
        )));
    }
    file.check(&form.project, &form.version, lenient)
}

/// Compares what is in a file with its name and its form; gives its metadata.
///
/// # Errors
/// When they differ, or the metadata is not right.
pub fn content(file: &FileName, form: &Form, inspected: &Inspected) -> Result<Metadata> {
    let metadata = Metadata::parse(&inspected.metadata)?;
    metadata.check()?;
    let (name, version) = (metadata.name()?, metadata.version()?);
    if name != form.project || version != form.version {
        return Err(Error::invalid(format!(
            "the file's metadata is of {} {version}, but the form is of {} {}; build and upload it \
             again",
            name.spelled(),
            form.project.spelled(),
            form.version
        )));
    }
    let folder = inspected.folder.as_str();
    let licenses = match form.kind {
        Kind::Wheel => {
            let release = folder.strip_suffix(".dist-info").unwrap_or(folder);
            if !is_of(release, form) {
                return Err(Error::invalid(format!(
                    "Invalid distribution file. The folder {folder} does not match the wheel's name \
                     '{}'",
                    file.text
                )));
            }
            "licenses/"
        }
        Kind::Sdist => "",
    };
    for license in metadata.license_files() {
        let place = format!("{licenses}{license}");
        if !inspected.holds(&place) {
            let text = &file.text;
            return Err(Error::invalid(format!(
                "License-File {license} does not exist in distribution file {text} at \
                 {folder}/{place}"
            )));
        }
    }
    Ok(metadata)
}

/// Whether `name-version` is the form's.
fn is_of(release: &str, form: &Form) -> bool {
    let split = release.split_once('-');
    split.is_some_and(|(name, version)| {
        normalized(name) == form.project.as_str()
            && version.parse().is_ok_and(|version| form.version == version)
    })
}

fn filetype(kind: Kind) -> &'static str {
    match kind {
        Kind::Wheel => "bdist_wheel",
        Kind::Sdist => "sdist",
    }
}

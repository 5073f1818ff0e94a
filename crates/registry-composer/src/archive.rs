//! What is in a zip, as Composer would unpack it: looked through from its first byte to its last as it
//! streams.

use std::{
    io::Read,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use registry_core::{
    Error, Result,
    archive::{
        self,
        zip::{self, Allowed, Entry, Fault},
    },
};

mod links;

use links::Links;

/// The file that says what a package is.
const COMPOSER_JSON: &str = "composer.json";

/// A file at the top that Composer does not see.
const DS_STORE: &str = ".DS_Store";

/// How refusals call it.
const CALLED: &str = "the zip was refused";

/// What zips of packages have: those of `git archive` a comment and links, those of who writes them
/// without going back descriptors.
const ALLOWED: Allowed = Allowed {
    descriptors: true,
    comments: true,
    links: true,
    unmarked_names: true,
};

/// The bounds of a zip.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of the zip.
    pub archive: archive::Limits,
    /// Bytes of its `composer.json`.
    pub composer_json: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: archive::Limits {
                unpacked: 4 << 30,
                entries: 100_000,
                ratio: 200,
            },
            composer_json: 1 << 20,
        }
    }
}

/// A `composer.json` that was found while the zip is still read.
pub type Early = Arc<OnceLock<Bytes>>;

/// Reads a zip to its end and gives its `composer.json`, which `early` has as soon as it was read, unless that
/// has another, of a folder that turns out not to be alone. Blocks as `reader` does.
///
/// # Errors
/// [`Invalid`](registry_core::ErrorKind::Invalid) when it is damaged or dangerous anywhere, or has no
/// `composer.json` where Composer looks for it; [`TooLarge`](registry_core::ErrorKind::TooLarge) when
/// it passes `limits`.
pub fn inspect(reader: &mut dyn Read, limits: &Limits, early: &Early) -> Result<Bytes> {
    let mut top = Top::default();
    let links = zip::read_allowing(ALLOWED, reader, &limits.archive, |entry| {
        top.take(entry, limits.composer_json, early)
    });
    let links = links.map_err(|fault| fault.told(CALLED))?;
    top.finish(&links)
}

/// The refusal of a zip.
pub(crate) fn refused(what: &str) -> Error {
    Error::invalid(format!("{CALLED}: {what}"))
}

/// What is at the top of a zip. Composer drops a folder that is alone there.
#[derive(Debug, Default)]
struct Top {
    /// The folder that the first entry is in.
    folder: Option<String>,
    /// Whether there is something beside it.
    is_shared: bool,
    /// The `composer.json` in that folder.
    within: Option<Bytes>,
    /// The `composer.json` at the top itself.
    outside: Option<Bytes>,
    links: Links,
}

impl Top {
    fn take(&mut self, entry: Entry<'_>, limit: u64, early: &Early) -> Result<(), Fault> {
        let path = entry.path;
        match path.split_once('/') {
            None if path == DS_STORE => {}
            None => {
                self.is_shared = true;
                if path == COMPOSER_JSON {
                    self.outside = Some(bounded(entry, limit, early)?);
                    return Ok(());
                }
            }
            Some((folder, below)) => {
                let alone = self.folder.get_or_insert_with(|| folder.to_owned());
                if alone != folder {
                    self.is_shared = true;
                } else if below == COMPOSER_JSON && !self.is_shared {
                    self.within = Some(bounded(entry, limit, early)?);
                    return Ok(());
                }
            }
        }
        self.links.take(entry)
    }

    fn finish(self, links: &[String]) -> Result<Bytes> {
        let root = usize::from(!self.is_shared);
        self.links
            .check(links, root)
            .map_err(|fault| fault.told(CALLED))?;
        let found = if self.is_shared {
            self.outside
        } else {
            self.within
        };
        found.ok_or_else(|| {
            refused("it has no composer.json at its top, nor in a folder that is alone there")
        })
    }
}

fn bounded(entry: Entry<'_>, limit: u64, early: &Early) -> Result<Bytes, Fault> {
    let bytes = Bytes::from(zip::bounded(entry.content, limit, "its composer.json")?);
    // The first of two stays.
    let _ = early.set(bytes.clone());
    Ok(bytes)
}

#[cfg(test)]
mod tests;

//! What is in a source distribution.
//!
//! Rules: [source distribution format](https://packaging.python.org/en/latest/specifications/source-distribution-format/).

use std::io::Read;

use registry_core::{
    Error, Result,
    archive::{
        Archive, EntryKind,
        paths::{FILE, FOLDER, LINK, Mark, Paths},
        zip,
    },
};

use super::{Inspected, Limits, ZIP};

/// The file in the top folder that describes it.
const PKG_INFO: &str = "PKG-INFO";

/// How it is read. Not all installers read on after the first gzip member.
const TAR: Archive = Archive {
    called: "Invalid distribution file. The sdist",
    many_members: false,
};

/// Reads a gzipped tar to its end and says what is in it. Blocks as `reader` does.
///
/// # Errors
/// When it is damaged, dangerous or incomplete.
pub fn inspect_tar(reader: &mut dyn Read, limits: &Limits) -> Result<Inspected> {
    let mut found = Found::new(limits);
    TAR.read(reader, &limits.into(), |entry| {
        if entry.kind == EntryKind::Global {
            return Ok(());
        }
        let path = std::str::from_utf8(&entry.path);
        let path = path.map_err(|_| TAR.invalid("it has a path that is not UTF-8"))?;
        let inner = found.below_top(path)?;
        match entry.kind {
            EntryKind::File => {
                let metadata = inner == PKG_INFO;
                found.file(&inner)?;
                if metadata {
                    let content = TAR.bounded(entry.content, limits.metadata, PKG_INFO)?;
                    found.metadata = Some(content);
                }
            }
            EntryKind::Link => {
                let target = entry.target.unwrap_or_default();
                if !found.stays(&inner, &target, entry.hard) {
                    return Err(TAR.invalid(format!("its link {path:?} leads outside of it")));
                }
                found.link(&inner)?;
            }
            EntryKind::Folder => {}
            EntryKind::Global | EntryKind::Other => {
                return Err(TAR.invalid(format!("its entry {path:?} is no file or folder")));
            }
        }
        Ok(())
    })?;
    found.finish()
}

/// Reads a zip to its end and says what is in it. Blocks as `reader` does.
///
/// # Errors
/// When it is damaged, dangerous or incomplete.
pub fn inspect_zip(reader: &mut dyn Read, limits: &Limits) -> Result<Inspected> {
    let mut found = Found::new(limits);
    let read = zip::read(reader, &limits.into(), |entry| {
        let inner = found.below_top(entry.path)?;
        if entry.path.ends_with('/') {
            return Ok(());
        }
        let metadata = inner == PKG_INFO;
        found.file(&inner)?;
        if metadata {
            found.metadata = Some(zip::bounded(entry.content, limits.metadata, PKG_INFO)?);
        }
        Ok(())
    });
    read.map_err(|fault| fault.told(ZIP))?;
    found.finish()
}

/// What has been seen of a source distribution so far.
struct Found<'a> {
    limits: &'a Limits,
    folder: Option<String>,
    metadata: Option<Vec<u8>>,
    paths: Paths,
    /// Bytes of the names of files and links.
    names_size: u64,
}

impl<'a> Found<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            folder: None,
            metadata: None,
            paths: Paths::new(limits.entries),
            names_size: 0,
        }
    }

    /// What is left of a path without the one folder that all lies in.
    fn below_top(&mut self, path: &str) -> Result<String> {
        let segments = path.split('/');
        let mut segments = segments.filter(|segment| !matches!(*segment, "" | "."));
        let top = segments.next().unwrap_or_default();
        let known = self.folder.get_or_insert_with(|| top.to_owned());
        if known != top {
            return Err(TAR.invalid(format!(
                "Incorrect number of top-level directories in sdist: {known:?} and {top:?}"
            )));
        }
        Ok(segments.collect::<Vec<_>>().join("/"))
    }

    fn file(&mut self, inner: &str) -> Result<()> {
        if inner.is_empty() {
            return Err(TAR.invalid("it holds a file that lies in no folder"));
        }
        self.admit(inner, FILE)
    }

    fn link(&mut self, inner: &str) -> Result<()> {
        if inner.is_empty() {
            return Err(TAR.invalid("its top folder is a link"));
        }
        self.admit(inner, LINK)
    }

    /// Refuses what would take the metadata's place, what would be unpacked through a link, wherever that
    /// leads by then, and one name too many.
    fn admit(&mut self, inner: &str, mark: Mark) -> Result<()> {
        if inner == PKG_INFO && self.metadata.is_some() {
            return Err(TAR.invalid("it holds PKG-INFO twice"));
        }
        self.names_size += inner.len() as u64;
        if self.names_size > self.limits.record {
            return Err(TAR.too_large("the names of its files are too long"));
        }
        let path = format!("{}/{inner}", self.folder.as_deref().unwrap_or_default());
        let above = self.paths.mark_folders(&path);
        let before = self.paths.mark(&path, mark);
        let (Some(above), Some(before)) = (above, before) else {
            let most = self.limits.entries;
            return Err(TAR.too_large(format!("it holds more than {most} files and folders")));
        };
        if above & LINK != 0 {
            return Err(TAR.invalid(format!("its entry {inner:?} lies below a link")));
        }
        if mark == LINK && before & FOLDER != 0 {
            let what = format!("something lies below a link of it, {inner:?}");
            return Err(TAR.invalid(what));
        }
        Ok(())
    }

    /// Whether a link at `inner` leads to something in the top folder: a hard one from the archive's
    /// root on, a symbolic one from the folder that it lies in.
    fn stays(&self, inner: &str, target: &[u8], hard: bool) -> bool {
        let Ok(target) = std::str::from_utf8(target) else {
            return false;
        };
        let rooted = target.starts_with(['/', '\\']);
        if target.is_empty() || rooted || target.contains([':', '\0']) {
            return false;
        }
        let top = self.folder.as_deref().unwrap_or_default();
        let mut path = Vec::new();
        if !hard {
            path.push(top);
            let mut within: Vec<&str> = inner.split('/').collect();
            within.pop();
            path.extend(within);
        }
        let mut descends = false;
        for segment in target.split(['/', '\\']) {
            match segment {
                "" | "." => {}
                // What it climbs from may be a link itself.
                ".." if descends || path.pop().is_none() => return false,
                ".." => {}
                segment => {
                    descends = true;
                    path.push(segment);
                }
            }
        }
        path.first() == Some(&top)
    }

    fn finish(self) -> Result<Inspected> {
        let folder = self.folder.unwrap_or_default();
        let metadata = self.metadata.ok_or_else(|| {
            Error::invalid(format!(
                "Invalid distribution file. PKG-INFO not found at {folder}/{PKG_INFO}"
            ))
        })?;
        Ok(Inspected {
            folder,
            metadata,
            paths: self.paths,
        })
    }
}

//! Every change that a package can undergo. Pure, so that a lost race can be run again.

use registry_core::{
    Error as CoreError, ErrorKind,
    store::{StoredBytes, release, same_release},
};

use super::{Entries, Entry, Head, in_order};
use crate::{Error, Tag, Version, wire::Person};

mod put;

pub use put::{Put, put};

type Result<T> = std::result::Result<T, Error>;

/// The longest readme that is kept, in bytes.
pub const MAX_README: usize = 64 << 10;

/// A version that wants to be published.
#[derive(Clone, Debug)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// Its entry, with the address of bytes that are stored already.
    pub entry: bytes::Bytes,
    /// The integrity of those bytes.
    pub integrity: String,
    /// The tags that it takes.
    pub tags: Vec<Tag>,
    /// Who publishes it.
    pub publisher: Person,
    /// When.
    pub time: String,
    /// Its readme.
    pub readme: Option<String>,
    /// `public` or `restricted`.
    pub access: Option<String>,
}

/// What became of a [`Release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is there now.
    New,
    /// The same bytes were there before: a retry, and nothing changed.
    Replay,
}

/// Publishes a version.
///
/// # Errors
/// [`Error::Published`] when the version, or one that differs in build metadata alone, is there
/// with other bytes or was unpublished.
pub fn publish(head: &mut Head, entries: &mut Entries, new: &Release) -> Result<Published> {
    let version = new.version.as_str();
    if let Some(entry) = entries.get(version)
        && Entry::parse(entry)?.dist()?.integrity == new.integrity
    {
        return Ok(Published::Replay);
    }
    if let Some((twin, _)) = same_release(entries, version) {
        return Err(Error::published(twin));
    }
    if head.gone.contains(new.version.release()) {
        return Err(Error::published(version));
    }
    if head.created.is_empty() || head.deleted {
        head.created = new.time.clone();
        head.deleted = false;
    }
    if head.maintainers.is_empty() {
        head.maintainers.push(new.publisher.clone());
    }
    entries.insert(version.into(), new.entry.clone());
    for tag in &new.tags {
        head.dist_tags.insert(tag.to_string(), version.to_owned());
    }
    let latest = head.dist_tags.entry(Tag::LATEST.to_owned());
    if latest.or_insert_with(|| version.to_owned()) == version {
        head.readme = new
            .readme
            .clone()
            .map(|text| super::shortened(text, MAX_README));
    }
    if let Some(access) = &new.access {
        head.access = Some(access.clone());
    }
    touch(head, &new.time);
    Ok(Published::New)
}

/// Points `tag` to a version that is there.
///
/// # Errors
/// [`ErrorKind::NotFound`] when it is not there.
pub fn set_tag(
    head: &mut Head,
    entries: &Entries,
    tag: &Tag,
    version: &str,
    now: &str,
) -> Result<()> {
    if !entries.contains_key(version) {
        return Err(CoreError::not_found(format!("version not found: {version}")).into());
    }
    head.dist_tags.insert(tag.to_string(), version.to_owned());
    touch(head, now);
    Ok(())
}

/// Takes a tag away.
///
/// # Errors
/// [`ErrorKind::NotFound`] when it is not there, [`ErrorKind::Invalid`] for `latest`.
pub fn remove_tag(head: &mut Head, tag: &Tag, now: &str) -> Result<()> {
    if tag.as_str() == Tag::LATEST {
        return Err(invalid("the tag latest can be moved, not removed"));
    }
    if head.dist_tags.remove(tag.as_str()).is_none() {
        return Err(CoreError::not_found(format!("tag not found: {tag}")).into());
    }
    touch(head, now);
    Ok(())
}

/// Adds a maintainer, if they are none yet.
pub fn add_maintainer(head: &mut Head, person: &Person, now: &str) {
    if !head
        .maintainers
        .iter()
        .any(|known| known.name == person.name)
    {
        head.maintainers.push(person.clone());
        touch(head, now);
    }
}

/// Removes a maintainer.
///
/// # Errors
/// [`ErrorKind::NotFound`] when they are none, [`ErrorKind::Invalid`] for the last.
pub fn remove_maintainer(head: &mut Head, user: &str, now: &str) -> Result<()> {
    let at = head.maintainers.iter().position(|known| known.name == user);
    let Some(at) = at else {
        return Err(CoreError::not_found(format!("{user} is not a maintainer")).into());
    };
    if head.maintainers.len() == 1 {
        return Err(invalid("a package needs one maintainer at least"));
    }
    head.maintainers.remove(at);
    touch(head, now);
    Ok(())
}

/// Takes the whole package away; its version numbers stay spent. Gives the bytes
/// that nothing names any more.
///
/// # Errors
/// [`ErrorKind::Conflict`] when it has changed since the client looked.
pub fn unpublish(
    head: &mut Head,
    entries: &mut Entries,
    is_stale: bool,
    now: &str,
) -> Result<Vec<StoredBytes>> {
    if head.deleted {
        return Ok(Vec::new());
    }
    if is_stale {
        return Err(stale());
    }
    let all: Vec<String> = entries.keys().map(ToString::to_string).collect();
    let files = remove(head, entries, &all)?;
    bury(head);
    touch(head, now);
    Ok(files)
}

/// Takes versions away, and gives their bytes.
fn remove(head: &mut Head, entries: &mut Entries, versions: &[String]) -> Result<Vec<StoredBytes>> {
    let mut files = Vec::new();
    for version in versions {
        if let Some(bytes) = entries.remove(&**version) {
            files.extend(Entry::parse(&bytes)?.stored()?);
            head.gone.insert(release(version).to_owned());
        }
    }
    head.dist_tags
        .retain(|_, version| entries.contains_key(&**version));
    if head.latest().is_none() {
        let left = in_order(entries);
        let stable = left.iter().rfind(|(version, _)| !version.is_prerelease());
        match stable.or(left.last()) {
            Some((version, _)) => {
                let latest = Tag::LATEST.to_owned();
                head.dist_tags.insert(latest, version.to_string());
            }
            None if !versions.is_empty() => bury(head),
            None => {}
        }
    }
    Ok(files)
}

/// Leaves of a package only what may not be forgotten.
fn bury(head: &mut Head) {
    *head = Head {
        deleted: true,
        gone: std::mem::take(&mut head.gone),
        created: std::mem::take(&mut head.created),
        modified: std::mem::take(&mut head.modified),
        ..Head::default()
    };
}

/// Sets the time of the last change, which never runs backwards.
fn touch(head: &mut Head, now: &str) {
    if head.modified.as_str() < now {
        now.clone_into(&mut head.modified);
    }
}

fn stale() -> Error {
    let message = "the package has changed since it was read; read it again and repeat";
    CoreError::new(ErrorKind::Conflict, message).into()
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    CoreError::invalid(message).into()
}

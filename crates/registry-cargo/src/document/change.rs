//! Every change that a crate can undergo. Pure, so that a lost race can be run again.

use bytes::Bytes;
use registry_core::{
    Error as CoreError,
    store::{Entries, same_release},
};

use super::{Entry, Head, highest, no_crate, no_version};
use crate::{CrateName, Error, Version};

type Result<T> = std::result::Result<T, Error>;

/// How many owners a crate may have.
const MAX_OWNERS: usize = 100;

/// A version that wants to be published.
#[derive(Clone, Debug)]
pub struct Release {
    /// The crate's name, as it is spelled.
    pub name: CrateName,
    /// The version.
    pub version: Version,
    /// Its entry, with the name of bytes that are stored already.
    pub entry: Bytes,
    /// The SHA-256 of those bytes.
    pub cksum: String,
    /// What it says it is.
    pub description: Option<String>,
    /// Who publishes it, unless nobody in particular does.
    pub publisher: Option<String>,
    /// When.
    pub time: String,
}

/// What became of a [`Release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is there now.
    New,
    /// The same bytes were there before: a retry, and nothing changed.
    Replay,
}

/// Refuses a name that is too much like that of the crate that is there. To be asked before who owns
/// that one: whoever spells it otherwise is told no more of it.
///
/// # Errors
/// [`Error::Taken`].
pub fn check_alike(head: &Head, name: &CrateName) -> Result<()> {
    if head.name.is_empty() || head.name == name.as_str() {
        return Ok(());
    }
    Err(Error::named(&head.name))
}

/// Publishes a version of a crate whose name [`check_alike`] found right.
///
/// # Errors
/// [`Error::Taken`] when a version is there that differs in bytes or in build metadata; `InvalidName`
/// for a new crate of a reserved name.
pub fn publish(head: &mut Head, entries: &mut Entries, new: &Release) -> Result<Published> {
    if head.name.is_empty() {
        new.name.check_new()?;
        head.name = new.name.to_string();
        head.created.clone_from(&new.time);
        head.owners.extend(new.publisher.clone());
    }
    let version = new.version.to_string();
    if let Some((twin, entry)) = same_release(entries, &version) {
        if twin == version && Entry::parse(entry)?.stored()?.digest == new.cksum {
            return Ok(Published::Replay);
        }
        return Err(Error::uploaded(twin));
    }
    entries.insert(version.as_str().into(), new.entry.clone());
    if is_highest(head, entries, &new.version)? {
        head.max_version = version;
        head.description.clone_from(&new.description);
    }
    Ok(Published::New)
}

/// Whether a version that is not yanked is now the highest of those.
fn is_highest(head: &Head, entries: &Entries, version: &Version) -> Result<bool> {
    let Some(entry) = entries.get(&*head.max_version) else {
        return Ok(true);
    };
    // When the highest is yanked, all others are.
    let highest: Version = head.max_version.parse().map_err(CoreError::internal)?;
    Ok(*version > highest || Entry::parse(entry)?.yanked)
}

/// Refuses a crate that is not there by this very spelling. To be asked before who owns it: one
/// spelling is not to tell of another.
///
/// # Errors
/// `NotFound`.
pub fn check_name(head: &Head, name: &CrateName) -> Result<()> {
    if head.name.is_empty() || !head.is_spelled(&name.lower()) {
        return Err(no_crate(name).into());
    }
    Ok(())
}

/// Yanks a version, or takes that back. Tells whether it was otherwise before.
///
/// # Errors
/// `NotFound` when the version is not there.
pub fn yank(
    head: &mut Head,
    entries: &mut Entries,
    name: &CrateName,
    version: &Version,
    yanked: bool,
) -> Result<bool> {
    let text = version.to_string();
    let entry = entries.get(&*text);
    let entry = entry.ok_or_else(|| no_version(name, version))?;
    let mut entry = Entry::parse(entry)?;
    if entry.yanked == yanked {
        return Ok(false);
    }
    entry.yanked = yanked;
    let bytes = entry.to_bytes()?;
    entries.insert(text.into(), bytes);
    if let Some((version, description)) = highest(entries)? {
        head.max_version = version.to_string();
        head.description = description;
    }
    Ok(true)
}

/// Makes users owners. Tells whether one was not yet.
///
/// # Errors
/// `Invalid` for too many owners.
pub fn add_owners(head: &mut Head, users: &[String]) -> Result<bool> {
    let before = head.owners.len();
    for user in users {
        if !head.owners.contains(user) {
            head.owners.push(user.clone());
        }
    }
    if head.owners.len() > MAX_OWNERS {
        let message = format!("a crate may have {MAX_OWNERS} owners at most");
        return Err(CoreError::invalid(message).into());
    }
    Ok(head.owners.len() > before)
}

/// Makes users owners no longer.
///
/// # Errors
/// `Invalid` for who is no owner and for the last of them.
pub fn remove_owners(head: &mut Head, users: &[String]) -> Result<()> {
    if let Some(user) = users.iter().find(|user| !head.owners.contains(user)) {
        let message = format!("could not find owner with login `{user}`");
        return Err(CoreError::invalid(message).into());
    }
    head.owners.retain(|owner| !users.contains(owner));
    if head.owners.is_empty() {
        let message = "cannot remove all individual owners of a crate; add another one first";
        return Err(CoreError::invalid(message).into());
    }
    Ok(())
}

//! Every change that a gem can undergo. Pure, so that a lost race can be run again.

use bytes::Bytes;
use registry_core::{Error as CoreError, ErrorKind, store::Entries};

use super::{Entry, Head, no_gem};
use crate::{Error, GemName, Platform, Version};

type Result<T> = std::result::Result<T, Error>;

/// How many owners a gem may have.
const MAX_OWNERS: usize = 100;

/// A version that wants to be published.
#[derive(Clone, Debug)]
pub struct Release {
    /// The gem's name, as it is spelled.
    pub name: GemName,
    /// The version.
    pub version: Version,
    /// The platform.
    pub platform: Platform,
    /// Its entry, with the names of bytes that are stored already, but for its place.
    pub entry: Bytes,
    /// The SHA-256 of the gem's file.
    pub sha256: String,
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

/// Which version is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The gem.
    pub name: GemName,
    /// The version, as its publisher spelled it.
    pub version: Version,
    /// The platform.
    pub platform: Platform,
}

impl Target {
    /// What the gem's document calls it.
    pub fn slug(&self) -> String {
        self.version.with(&self.platform).to_string()
    }
}

fn conflict(message: String) -> Error {
    CoreError::new(ErrorKind::Conflict, message).into()
}

/// Publishes a version; `logged` is how many changes of the gem the log is known to tell of.
///
/// # Errors
/// `Conflict` when the version is there with other bytes, or was and is taken back, or the gem is
/// spelled otherwise; [`Error::Unsaved`] when the version is there by another spelling.
pub fn publish(
    head: &mut Head,
    entries: &mut Entries,
    new: &Release,
    logged: u64,
) -> Result<Published> {
    if head.name.is_empty() {
        head.name = new.name.to_string();
        head.created.clone_from(&new.time);
        head.owners.extend(new.publisher.clone());
    }
    if !head.is_spelled(&new.name) {
        return Err(conflict(format!(
            "Unable to change case of gem name with indexed versions\n\
             Attempted to push {} while there is {}",
            new.name, head.name
        )));
    }
    let slug = new.version.with(&new.platform).to_string();
    if let Some(entry) = entries.get(&*slug) {
        return again(&Entry::parse(entry)?, new);
    }
    check_unique(entries, new)?;
    let mut entry = Entry::parse(&new.entry)?;
    entry.place = head.changes + 1;
    entries.insert(slug.as_str().into(), entry.to_bytes()?);
    head.note(slug, logged);
    Ok(Published::New)
}

/// A version that is there already.
fn again(there: &Entry<'_>, new: &Release) -> Result<Published> {
    if there.yanked {
        return Err(conflict(format!(
            "A yanked version already exists ({}-{}).\n\
             Repushing of gem versions is not allowed. Please use a new version and retry",
            new.name,
            there.slug()
        )));
    }
    if there.gem.sha256 == new.sha256 {
        return Ok(Published::Replay);
    }
    Err(conflict(
        "Repushing of gem versions is not allowed.\n\
         Please bump the version number and push a new different release.\n\
         See also `gem yank` if you want to unpublish the bad release."
            .to_owned(),
    ))
}

/// Looks for what clients take for the same version and platform.
fn check_unique(entries: &Entries, new: &Release) -> Result<()> {
    let (version, platform) = (new.version.canonical(), new.platform.resolved());
    for entry in entries.values() {
        let there = Entry::parse(entry)?;
        if there.platform.resolved() == platform && there.version.canonical() == version {
            return Err(Error::unsaved(format_args!(
                "Canonical number has already been taken. Existing version: {}",
                there.slug()
            )));
        }
    }
    Ok(())
}

/// Takes a version back, or brings it back. Tells whether it was otherwise before, and what the
/// document calls it.
///
/// # Errors
/// `NotFound` when the version is not there, [`Error::Senseless`] when it was taken back before.
pub fn yank(
    head: &mut Head,
    entries: &mut Entries,
    target: &Target,
    yanked: bool,
    logged: u64,
) -> Result<(bool, String)> {
    check_name(head, &target.name)?;
    let slug = slug_of(entries, target)?;
    let missing = || {
        let platform = Some(&target.platform).filter(|platform| !platform.is_ruby());
        let platform = platform.map(|platform| format!(" ({platform})"));
        let platform = platform.unwrap_or_default();
        CoreError::not_found(format!(
            "The version {}{platform} does not exist.",
            target.version
        ))
    };
    if !entries.contains_key(&*slug) {
        return Err(missing().into());
    }
    let changed = set_yanked(head, entries, &slug, yanked, logged)?;
    if yanked && !changed {
        let message = format!("{} {slug} has already been deleted", target.name);
        return Err(Error::senseless(message));
    }
    Ok((changed, slug))
}

/// Takes a version back if it is there, as the document calls it, or brings it back. Tells whether it
/// was otherwise before.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn set_yanked(
    head: &mut Head,
    entries: &mut Entries,
    slug: &str,
    yanked: bool,
    logged: u64,
) -> Result<bool> {
    let Some(stored) = entries.get(slug) else {
        return Ok(false);
    };
    let mut entry = Entry::parse(stored)?;
    if entry.yanked == yanked {
        return Ok(false);
    }
    entry.yanked = yanked;
    let (bytes, change) = (entry.to_bytes()?, entry.change());
    entries.insert(slug.into(), bytes);
    head.note(change, logged);
    Ok(true)
}

/// What the document calls a version. Clients know its platform as they read it (`x86-linux`), which
/// need not be how its publisher spelled it (`i686-linux`). How another would be read is not asked for:
/// all that clients do not know are `unknown`.
fn slug_of(entries: &Entries, target: &Target) -> Result<String> {
    let slug = target.slug();
    if entries.contains_key(&*slug) {
        return Ok(slug);
    }
    let platform = target.platform.resolved();
    if platform != target.platform.as_str() {
        return Ok(slug);
    }
    for entry in entries.values() {
        let there = Entry::parse(entry)?;
        if there.version == target.version && there.platform.resolved() == platform {
            return Ok(there.slug());
        }
    }
    Ok(slug)
}

/// Makes a user an owner. Tells whether they were not yet.
///
/// # Errors
/// `NotFound` when the gem is not there, [`Error::Senseless`] for too many owners.
pub fn add_owner(head: &mut Head, name: &GemName, user: &str) -> Result<bool> {
    check_name(head, name)?;
    if head.owners.iter().any(|owner| owner == user) {
        return Ok(false);
    }
    if head.owners.len() >= MAX_OWNERS {
        return Err(Error::senseless(format_args!(
            "A gem may have {MAX_OWNERS} owners at most."
        )));
    }
    head.owners.push(user.to_owned());
    Ok(true)
}

/// Makes a user an owner no longer.
///
/// # Errors
/// `NotFound` when the gem is not there or the user is no owner, [`Error::Senseless`] for the last of
/// them.
pub fn remove_owner(head: &mut Head, name: &GemName, user: &str) -> Result<()> {
    check_name(head, name)?;
    let before = head.owners.len();
    head.owners.retain(|owner| owner != user);
    if head.owners.len() == before {
        return Err(CoreError::not_found("Owner could not be found.").into());
    }
    if head.owners.is_empty() {
        let message = "Unable to remove the only owner; add another one first.";
        return Err(Error::senseless(message));
    }
    Ok(())
}

fn check_name(head: &Head, name: &GemName) -> Result<()> {
    if head.is_spelled(name) {
        return Ok(());
    }
    Err(no_gem().into())
}

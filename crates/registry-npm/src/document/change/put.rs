//! A document put back: what may change in a published package.

use registry_core::{
    Error as CoreError,
    store::{StoredBytes, release},
};
use serde_json::{Value, value::RawValue};

use super::{Result, invalid, remove, stale, touch};
use crate::{
    Error, Tag,
    document::{Entries, Entry, Head},
    wire::{Fields, PutDocument},
};

/// The longest name or mail address of a maintainer, in bytes: the log repeats them.
const MAX_PERSON: usize = 256;

/// Who puts a document back, when, and whether it was computed from the present revision.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The user.
    pub user: &'a str,
    /// The time.
    pub now: &'a str,
    /// Whether the package has changed since the client read it.
    pub stale: bool,
    /// Whether versions that the document lacks are to go: it came to `/-rev/`.
    pub removes: bool,
}

/// Applies a document without attachments: deprecation, owners, stars, access, tags, and the
/// removal of versions. Gives the bytes that nothing names any more.
///
/// # Errors
/// `Invalid` when it would add or alter a version, `Conflict` when it was computed from an older
/// state that it would bring back.
pub fn put(
    head: &mut Head,
    entries: &mut Entries,
    document: &PutDocument<'_>,
    put: Put<'_>,
) -> Result<Vec<StoredBytes>> {
    let mut deprecations = Vec::new();
    for (version, manifest) in document.versions.iter().flatten() {
        let Some(entry) = entries.get(&**version) else {
            return Err(unknown_version(head, version));
        };
        let entry = Entry::parse(entry)?;
        let manifest: Fields<'_> = parse(manifest)?;
        unaltered(version, &entry, &manifest)?;
        if let Some(deprecated) = manifest.get("deprecated") {
            deprecations.push((version, deprecation(deprecated)?));
        }
    }
    let removed = match &document.versions {
        Some(kept) if put.removes => {
            let versions = entries
                .keys()
                .filter(|version| !kept.contains_key(&***version));
            versions.map(|version| version.to_string()).collect()
        }
        _ => Vec::new(),
    };
    // `npm owner` sends nothing but the owners; others send them along with everything.
    let owners = document.maintainers.as_ref();
    let owners =
        owners.filter(|owners| document.versions.is_none() && **owners != head.maintainers);
    if put.stale && (!removed.is_empty() || owners.is_some()) {
        return Err(stale());
    }
    if owners.is_some_and(Vec::is_empty) {
        return Err(invalid("a package needs one maintainer at least"));
    }
    let too_long = |text: &String| text.len() > MAX_PERSON;
    let mut people = document.maintainers.iter().flatten();
    if people.any(|person| too_long(&person.name) || person.email.as_ref().is_some_and(too_long)) {
        return Err(invalid(format!(
            "a maintainer's name or mail address has {MAX_PERSON} bytes at most"
        )));
    }
    for (version, deprecated) in deprecations {
        deprecate(entries, version, deprecated.as_deref())?;
    }
    put_head(head, entries, document, put);
    let files = remove(head, entries, &removed)?;
    touch(head, put.now);
    Ok(files)
}

/// Applies the part of a document that is about the package as a whole.
fn put_head(head: &mut Head, entries: &Entries, document: &PutDocument<'_>, put: Put<'_>) {
    if let Some(users) = &document.users {
        // Everybody's stars are in the document; a user sets only their own.
        if users.get(put.user).is_some_and(|starred| *starred) {
            head.stars.insert(put.user.to_owned());
        } else {
            head.stars.remove(put.user);
        }
    }
    if put.stale {
        return;
    }
    if let Some(maintainers) = &document.maintainers
        && !maintainers.is_empty()
    {
        head.maintainers = maintainers.clone();
    }
    if let Some(access) = &document.access {
        head.access = Some(access.clone());
    }
    // On the way to removing versions, the client guesses where `latest` goes.
    let tags = document.dist_tags.iter().flatten().filter(|_| !put.removes);
    for (tag, version) in tags {
        if tag.parse::<Tag>().is_ok() && entries.contains_key(&**version) {
            head.dist_tags.insert(tag.clone(), version.clone());
        }
    }
}

/// Refuses a manifest that says anything else than what was published.
fn unaltered(version: &str, entry: &Entry<'_>, manifest: &Fields<'_>) -> Result<()> {
    let (install, rest): (Fields<'_>, Fields<'_>) = (parse(entry.install)?, parse(entry.rest)?);
    for (key, sent) in manifest.iter() {
        if key.starts_with('_') || matches!(key, "deprecated" | "readme" | "readmeFilename") {
            continue;
        }
        let same = if key == "dist" {
            same_dist(&parse(entry.dist)?, &parse(sent)?, version)
        } else {
            let stored = install.get(key).or_else(|| rest.get(key));
            stored.is_some_and(|stored| {
                stored.get() == sent.get() || same_json(&value(stored), &value(sent))
            })
        };
        if !same {
            return Err(invalid(format!(
                "{key:?} of version {version} cannot be changed once it is published"
            )));
        }
    }
    Ok(())
}

/// Whether `sent` names the tarball that is `stored`, at whatever address.
fn same_dist(stored: &Fields<'_>, sent: &Fields<'_>, version: &str) -> bool {
    sent.iter().all(|(key, value)| match key {
        "tarball" => {
            let file = format!("-{version}.tgz");
            let url: Option<String> = serde_json::from_str(value.get()).ok();
            url.is_some_and(|url| url.contains("/-/") && url.ends_with(&file))
        }
        "attestations" | "signatures" => true,
        _ => {
            let stored = stored.get(key);
            stored.is_some_and(|stored| same_json(&self::value(stored), &self::value(value)))
        }
    })
}

/// Equal as JavaScript sees it: `1.0` is `1`.
fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, a)| b.get(key).is_some_and(|b| same_json(a, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}

/// The message that a manifest is deprecated with; nothing where it is empty.
fn deprecation(raw: &RawValue) -> Result<Option<String>> {
    match value(raw) {
        Value::String(text) if text.len() > 4096 => {
            Err(invalid("a deprecation message has 4096 bytes at most"))
        }
        Value::String(text) if !text.is_empty() => Ok(Some(text)),
        Value::String(_) | Value::Null | Value::Bool(false) => Ok(None),
        Value::Bool(true) => Ok(Some("this version is deprecated".to_owned())),
        _ => Err(invalid("deprecated has to be a message")),
    }
}

fn deprecate(entries: &mut Entries, version: &str, message: Option<&str>) -> Result<()> {
    if let Some(stored) = entries.get_mut(version) {
        let mut entry = Entry::parse(stored)?;
        let message = message.map(serde_json::value::to_raw_value).transpose();
        let message = message.map_err(CoreError::internal)?;
        if entry.deprecated.map(RawValue::get) != message.as_deref().map(RawValue::get) {
            entry.deprecated = message.as_deref();
            let bytes = entry.to_bytes()?;
            *stored = bytes;
        }
    }
    Ok(())
}

fn parse<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Result<T> {
    serde_json::from_str(raw.get())
        .map_err(|error| invalid(format!("a manifest cannot be read: {error}")))
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn unknown_version(head: &Head, version: &str) -> Error {
    if head.gone.contains(release(version)) {
        return stale();
    }
    invalid(format!(
        "version {version} does not exist, and is published only with its tarball"
    ))
}

//! Where a repository's documents lie in the bucket. The only place that knows keys.

use registry_core::{
    Result,
    digest::Digest,
    storage::Key,
    store::{Resource, Subject},
};

use crate::{RepositoryName, Tag, name};

/// The folder of all repositories, below the mount's.
const REPOSITORIES: &str = "repositories";

/// The folders in a repository's folder; no component of a name begins like them.
const MANIFESTS: &str = "_manifests";
const TAGS: &str = "_tags";
const REFERRERS: &str = "_referrers";

/// Ends the first half of a component that is longer than a key's segment, and begins the second;
/// no component holds it.
const CONTINUED: &str = "+";

/// A repository and its folder.
pub(crate) fn resource(name: &RepositoryName) -> Result<Resource> {
    let mut home = REPOSITORIES.to_owned();
    for component in name.components() {
        home.push('/');
        match component.split_at_checked(Key::MAX_SEGMENT - 1) {
            Some((head, tail)) if !tail.is_empty() => {
                home.extend([head, CONTINUED, "/", CONTINUED, tail]);
            }
            _ => home.push_str(component),
        }
    }
    Ok(Resource {
        name: name.as_str().into(),
        home: Key::new(home)?,
    })
}

/// A manifest's document, below its repository's folder.
pub(crate) fn manifest(digest: &Digest) -> String {
    format!("{MANIFESTS}/{}", by_digest(digest))
}

/// A tag's document, below its repository's folder.
pub(crate) fn tag(tag: &Tag) -> String {
    format!("{TAGS}/{tag}")
}

/// The document of what refers to a manifest, below its repository's folder.
pub(crate) fn referrers(subject: &Digest) -> String {
    format!("{REFERRERS}/{}", by_digest(subject))
}

fn by_digest(digest: &Digest) -> String {
    digest.to_string().replacen(':', "/", 1)
}

/// A document of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    /// A manifest.
    Manifest(Digest),
    /// A tag.
    Tag(Tag),
    /// What refers to a manifest.
    Referrers(Digest),
}

/// What the document at a key below the mount's folder is about. The log calls it `a/b@sha256:…` or
/// `a/b:latest`, and does not speak of referrers.
pub(crate) fn subject(key: &Key) -> Option<Subject> {
    let (resource, slot) = slot(key)?;
    let logged = match &slot {
        Slot::Manifest(digest) => Some(format!("{}@{digest}", resource.name)),
        Slot::Tag(tag) => Some(format!("{}:{tag}", resource.name)),
        Slot::Referrers(_) => None,
    };
    let logged = logged.map(Into::into);
    Some(Subject { resource, logged })
}

/// Which document lies at a key below the mount's folder.
fn slot(key: &Key) -> Option<(Resource, Slot)> {
    let key = key.below(&Key::new(REPOSITORIES).ok()?)?;
    // Each of the folders is the first segment that begins with an underscore.
    let at = key.as_str().find("/_")?;
    let (name, rest) = (&key.as_str()[..at], &key.as_str()[at + 1..]);
    let name = name.replace("+/+", "");
    let slot = match *rest.split('/').collect::<Vec<_>>() {
        [MANIFESTS, algorithm, hex] => {
            Slot::Manifest(name::digest(&format!("{algorithm}:{hex}")).ok()?)
        }
        [REFERRERS, algorithm, hex] => {
            Slot::Referrers(name::digest(&format!("{algorithm}:{hex}")).ok()?)
        }
        [TAGS, tag] => Slot::Tag(tag.parse().ok()?),
        _ => return None,
    };
    Some((resource(&name.parse().ok()?).ok()?, slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(key: &str) -> Option<String> {
        let (resource, slot) = slot(&Key::new(key).unwrap())?;
        Some(format!("{} {slot:?}", resource.name))
    }

    #[test]
    fn keys() {
        let of = resource(&"a/b".parse().unwrap()).unwrap();
        let digest: Digest = format!("sha256:{}", "0a".repeat(32)).parse().unwrap();
        let latest: Tag = "_x".parse().unwrap();
        for (file, slot_there, log) in [
            (
                manifest(&digest),
                Slot::Manifest(digest.clone()),
                Some(format!("a/b@{digest}")),
            ),
            (tag(&latest), Slot::Tag(latest), Some("a/b:_x".to_owned())),
            (referrers(&digest), Slot::Referrers(digest.clone()), None),
        ] {
            let key = of.home.join(file).unwrap();
            assert_eq!(slot(&key), Some((of.clone(), slot_there.clone())), "{key}");
            let logged = subject(&key).unwrap().logged;
            assert_eq!(logged.as_deref(), log.as_deref());
        }
        assert_eq!(
            of.home.join(manifest(&digest)).unwrap().as_str(),
            format!("repositories/a/b/_manifests/sha256/{}", "0a".repeat(32))
        );
        for none in [
            "repositories/a/b",
            "repositories/a/b/_manifests/sha256/00",
            "repositories/a/_other/x",
            "repositories/_tags/x",
            "repositories/a/_tags/b/c",
            "blobs/sha256/00/00",
            "log/0000000000",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn the_longest_names_are_found_again() {
        for name in [
            "a".repeat(255),
            format!("{}/{}", "a".repeat(203), "b".repeat(51)),
            "a".repeat(199),
            "a".repeat(200),
            format!("{}.{}", "a".repeat(199), "b".repeat(14)),
            format!("{}_tags", "a".repeat(199)),
            "a/".repeat(127) + "a",
        ] {
            let of = resource(&name.parse().unwrap()).unwrap();
            let latest = "latest".parse().unwrap();
            let key = of.home.join(tag(&latest)).unwrap();
            assert_eq!(slot(&key), Some((of, Slot::Tag(latest))), "{name}");
        }
    }
}

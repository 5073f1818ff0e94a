//! What the log tells of every manifest and tag, and what is made of it: the tags of a repository,
//! and the repositories that there are.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use registry_core::{
    Error, Result,
    digest::{Algorithm, Digest, hex},
    store::{Fold, LogEntry, RawDocument},
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::document::{Manifest, Tagged};

/// What the log says of a tag.
#[derive(Serialize, Deserialize)]
struct Told {
    digest: Digest,
    manifest: String,
}

/// What the log is to say of a manifest or a tag: `null` when it is gone.
pub(crate) fn entry(name: &str, document: &RawDocument) -> Result<Box<RawValue>> {
    let told = if name.contains('@') {
        let manifest = document.typed::<Manifest>()?.head;
        to_raw_value(&manifest.is_alive().then_some(manifest.incarnation))
    } else {
        let tagged = document.typed::<Tagged>()?.head;
        let told = tagged.target().map(|(digest, manifest)| Told {
            digest: digest.clone(),
            manifest: manifest.to_owned(),
        });
        to_raw_value(&told)
    };
    told.map_err(Error::internal)
}

/// Which life of a manifest: 0 is none.
type Incarnation = u64;

/// A digest that takes little memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Packed {
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
}

/// A view of all repositories of a mount.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Repositories {
    all: BTreeMap<Box<str>, Repository>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Repository {
    tags: BTreeMap<Box<str>, TagState>,
    manifests: BTreeMap<Packed, ManifestState>,
    /// How many of the manifests are alive.
    live: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct ManifestState {
    revision: u64,
    incarnation: Incarnation,
}

#[derive(Debug, PartialEq, Eq)]
struct TagState {
    revision: u64,
    /// Nothing once it is gone.
    target: Option<(Packed, Incarnation)>,
}

impl Repository {
    fn is_alive(&self, tag: &TagState) -> bool {
        tag.target.as_ref().is_some_and(|(digest, incarnation)| {
            let manifest = self.manifests.get(digest);
            manifest.is_some_and(|manifest| manifest.incarnation == *incarnation)
        })
    }

    fn put_manifest(&mut self, digest: Packed, state: ManifestState) {
        self.live += usize::from(state.incarnation != 0);
        let before = self.manifests.insert(digest, state);
        self.live -= usize::from(before.is_some_and(|before| before.incarnation != 0));
    }
}

impl Repositories {
    /// Tags of a repository, in order: at most `n` of those behind `last`, and whether there are
    /// more; `None` if nothing was ever pushed to a repository of this name.
    pub(crate) fn tags(
        &self,
        name: &str,
        last: Option<&str>,
        n: usize,
    ) -> Option<(Vec<String>, bool)> {
        let repository = self.all.get(name)?;
        let tags = repository.tags.range::<str, _>((after(last), Unbounded));
        let alive = tags.filter(|(_, state)| repository.is_alive(state));
        Some(cut(alive.map(|(tag, _)| tag), n))
    }

    /// The repositories that hold something, in order: at most `n` of those behind `last`, and
    /// whether there are more.
    pub(crate) fn names(&self, last: Option<&str>, n: usize) -> (Vec<String>, bool) {
        let names = self.all.range::<str, _>((after(last), Unbounded));
        let full = names.filter(|(_, repository)| repository.live > 0);
        cut(full.map(|(name, _)| name), n)
    }

    fn repository(&mut self, name: &str) -> &mut Repository {
        self.all.entry(name.into()).or_default()
    }

    fn take(&mut self, entry: &LogEntry<'_>) -> Result<()> {
        let (name, data, revision) = (&*entry.name, entry.data.get(), entry.revision);
        if let Some((name, digest)) = name.split_once('@') {
            let told: Option<String> = serde_json::from_str(data).map_err(Error::internal)?;
            let incarnation = told.map_or(Ok(0), |told| incarnation(&told))?;
            let state = ManifestState {
                revision,
                incarnation,
            };
            let digest = Packed::new(&digest.parse()?)?;
            self.repository(name).put_manifest(digest, state);
            return Ok(());
        }
        let (name, tag) = name.split_once(':').ok_or_else(|| unknown(name))?;
        let told: Option<Told> = serde_json::from_str(data).map_err(Error::internal)?;
        let target = |told: Told| -> Result<_> {
            Ok((Packed::new(&told.digest)?, incarnation(&told.manifest)?))
        };
        let target = told.map(target).transpose()?;
        let state = TagState { revision, target };
        self.repository(name).tags.insert(tag.into(), state);
        Ok(())
    }
}

fn after(last: Option<&str>) -> std::ops::Bound<&str> {
    last.map_or(Unbounded, Excluded)
}

/// The first `n` of some names, and whether there are more.
fn cut<'a>(mut names: impl Iterator<Item = &'a Box<str>>, n: usize) -> (Vec<String>, bool) {
    let first = names
        .by_ref()
        .take(n)
        .map(|name| name.to_string())
        .collect();
    (first, names.next().is_some())
}

fn unknown(name: &str) -> Error {
    Error::internal(format!("the log speaks of {name}, which is no document"))
}

fn incarnation(text: &str) -> Result<Incarnation> {
    Incarnation::from_str_radix(text, 16).map_err(Error::internal)
}

impl Packed {
    fn new(digest: &Digest) -> Result<Self> {
        let wrong = || Error::internal(format!("{digest} is no digest of content"));
        match digest.algorithm() {
            Algorithm::Sha256 => bytes(digest.hex()).map(Self::Sha256),
            Algorithm::Sha512 => bytes(digest.hex()).map(|bytes| Self::Sha512(Box::new(bytes))),
            _ => None,
        }
        .ok_or_else(wrong)
    }

    fn digest(&self) -> Result<Digest> {
        let (algorithm, hex) = match self {
            Self::Sha256(bytes) => (Algorithm::Sha256, hex(bytes)),
            Self::Sha512(bytes) => (Algorithm::Sha512, hex(&**bytes)),
        };
        format!("{}:{hex}", algorithm.as_str()).parse()
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (hex.len() == 2 * N).then_some(bytes)
}

impl Fold for Repositories {
    fn name(&self) -> &'static str {
        "repositories-1"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        self.take(&entry)
    }

    fn revision(&self, name: &str) -> Option<u64> {
        if let Some((name, digest)) = name.split_once('@') {
            let digest = Packed::new(&digest.parse().ok()?).ok()?;
            return Some(self.all.get(name)?.manifests.get(&digest)?.revision);
        }
        let (name, tag) = name.split_once(':')?;
        Some(self.all.get(name)?.tags.get(tag)?.revision)
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        let mut put = |name: String, revision, told: serde_json::Result<Box<RawValue>>| {
            let data = told.map_err(Error::internal)?;
            to(LogEntry {
                name: name.into(),
                revision,
                data: &data,
            })
        };
        for (name, repository) in &self.all {
            for (digest, state) in &repository.manifests {
                let told = Some(state.incarnation).filter(|incarnation| *incarnation != 0);
                let told = told.map(|incarnation| format!("{incarnation:016x}"));
                let digest = digest.digest()?;
                put(
                    format!("{name}@{digest}"),
                    state.revision,
                    to_raw_value(&told),
                )?;
            }
            for (tag, state) in &repository.tags {
                let told = |(digest, incarnation): &(Packed, Incarnation)| -> Result<_> {
                    Ok(Told {
                        digest: digest.digest()?,
                        manifest: format!("{incarnation:016x}"),
                    })
                };
                let told = state.target.as_ref().map(told).transpose()?;
                put(format!("{name}:{tag}"), state.revision, to_raw_value(&told))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn view(entries: &[(&str, u64, String)]) -> Repositories {
        let mut view = Repositories::default();
        for (name, revision, data) in entries {
            let data = RawValue::from_string(data.clone()).unwrap();
            let entry = LogEntry {
                name: (*name).into(),
                revision: *revision,
                data: &data,
            };
            view.apply(entry).unwrap();
        }
        view
    }

    fn manifest(incarnation: &str) -> String {
        format!("{incarnation:?}")
    }

    fn tag(incarnation: &str) -> String {
        format!(r#"{{"digest":"{A}","manifest":"{incarnation}"}}"#)
    }

    fn tags(view: &Repositories, last: Option<&str>, n: usize) -> Option<(String, bool)> {
        let (tags, more) = view.tags("r/a", last, n)?;
        Some((tags.join(" "), more))
    }

    fn some() -> Vec<(&'static str, u64, String)> {
        let of = format!("r/a@{A}").leak() as &str;
        vec![
            (of, 1, manifest("000000000000000a")),
            ("r/a:2", 1, tag("000000000000000a")),
            ("r/a:1", 1, tag("000000000000000a")),
            ("r/a:old", 1, tag("0000000000000009")),
            ("r/a:gone", 2, "null".to_owned()),
            (
                "r/a:elsewhere",
                1,
                tag("000000000000000a").replace("aaa", "bbb"),
            ),
            ("r/b:1", 1, tag("000000000000000a")),
        ]
    }

    #[test]
    fn tags_whose_manifest_is_alive() {
        let mut entries = some();
        let all = view(&entries);
        assert_eq!(tags(&all, None, 9), Some(("1 2".into(), false)));
        assert_eq!(tags(&all, None, 1), Some(("1".into(), true)));
        assert_eq!(tags(&all, None, 0), Some((String::new(), true)));
        assert_eq!(tags(&all, Some("1"), 9), Some(("2".into(), false)));
        assert_eq!(tags(&all, Some("10"), 9), Some(("2".into(), false)));
        assert_eq!(tags(&all, Some("z"), 9), Some((String::new(), false)));
        assert_eq!(all.tags("r", None, 9), None);
        assert_eq!(all.names(None, 9), (vec!["r/a".to_owned()], false));
        entries.push((entries[0].0, 2, "null".to_owned()));
        let deleted = view(&entries);
        assert_eq!(tags(&deleted, None, 9), Some((String::new(), false)));
        assert_eq!(deleted.names(None, 9), (vec![], false));
        entries.push((entries[0].0, 3, manifest("000000000000000b")));
        entries.push(("r/a:new", 1, tag("000000000000000b")));
        let again = view(&entries);
        assert_eq!(tags(&again, None, 9), Some(("new".into(), false)));
        assert_eq!(again.names(None, 9).0, ["r/a"]);
        assert_eq!(again.names(Some("r/a"), 9).0, Vec::<String>::new());
    }

    #[test]
    fn revisions_of_what_is_gone_are_known() {
        let all = view(&some());
        assert_eq!(all.revision("r/a:gone"), Some(2));
        assert_eq!(all.revision(&format!("r/a@{A}")), Some(1));
        assert_eq!(all.revision("r/a:none"), None);
        assert_eq!(all.revision(&format!("r/b@{A}")), None);
    }

    #[test]
    fn what_is_saved_makes_the_same_view() {
        let mut entries = some();
        let long = format!("r/c@sha512:{}", "0f".repeat(64));
        entries.push((&long, 7, manifest("ffffffffffffffff")));
        let all = view(&entries);
        let mut again = Repositories::default();
        all.save(&mut |entry| again.apply(entry)).unwrap();
        assert_eq!(again, all);
    }
}

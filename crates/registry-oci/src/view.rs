//! What the log tells of every manifest and tag, and what is made of it: the tags of a repository,
//! and the repositories that there are.

use std::{
    collections::BTreeMap,
    hash::BuildHasher,
    ops::Bound::{Excluded, Unbounded},
};

use hashbrown::{DefaultHashBuilder, HashTable};
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Packed {
    Sha256([u8; 32]),
    Sha512(Box<[u8; 64]>),
}

/// A view of all repositories of a mount. What is known of each lies in tables that all share, since
/// there may be very many with little in them.
#[derive(Default)]
pub(crate) struct Repositories {
    /// The repositories' numbers.
    names: BTreeMap<Box<str>, u32>,
    /// By number, how many manifests are alive.
    live: Vec<u32>,
    tags: BTreeMap<(u32, Box<str>), TagState>,
    manifests: Vec<ManifestState>,
    /// The manifests' places in that list, by repository and digest.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

struct ManifestState {
    repository: u32,
    digest: Packed,
    /// 0 for a manifest of which only a tag speaks.
    revision: u32,
    incarnation: Incarnation,
}

struct TagState {
    /// The manifest's place.
    manifest: u32,
    /// 0 once the tag is gone.
    incarnation: Incarnation,
    revision: u32,
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
        let number = *self.names.get(name)?;
        let from = (number, last.unwrap_or_default().into());
        let all = self.tags.range((Excluded(from), Unbounded));
        let all = all.take_while(|((of, _), _)| *of == number);
        let alive = all.filter(|(_, tag)| {
            let manifest = self.manifests.get(tag.manifest as usize);
            tag.incarnation != 0 && manifest.is_some_and(|of| of.incarnation == tag.incarnation)
        });
        Some(cut(alive.map(|((_, tag), _)| tag), n))
    }

    /// The repositories that hold something, in order: at most `n` of those behind `last`, and
    /// whether there are more.
    pub(crate) fn names(&self, last: Option<&str>, n: usize) -> (Vec<String>, bool) {
        let names = self.names.range::<str, _>((after(last), Unbounded));
        let full = names.filter(|(_, number)| self.live[**number as usize] > 0);
        cut(full.map(|(name, _)| name), n)
    }

    /// Whether this life of a manifest lasts.
    pub(crate) fn is_alive(&self, name: &str, digest: &Digest, life: &str) -> bool {
        let (state, life) = (self.manifest(name, digest), incarnation(life).ok());
        state.is_some_and(|state| state.incarnation != 0 && Some(state.incarnation) == life)
    }

    fn manifest(&self, name: &str, digest: &Digest) -> Option<&ManifestState> {
        let (number, digest) = (*self.names.get(name)?, Packed::new(digest).ok()?);
        let place = self.place(number, &digest)?;
        self.manifests.get(place as usize)
    }

    fn place(&self, number: u32, digest: &Packed) -> Option<u32> {
        let same = |place: &u32| {
            let of = &self.manifests[*place as usize];
            of.repository == number && of.digest == *digest
        };
        let hash = self.hasher.hash_one((number, digest));
        self.places.find(hash, same).copied()
    }

    /// The number of a repository, which has one from now on.
    fn number(&mut self, name: &str) -> Result<u32> {
        if let Some(number) = self.names.get(name) {
            return Ok(*number);
        }
        let number = u32::try_from(self.live.len()).map_err(Error::internal)?;
        self.names.insert(name.into(), number);
        self.live.push(0);
        Ok(number)
    }

    /// The place of a manifest, which has one from now on.
    fn placed(&mut self, number: u32, digest: Packed) -> Result<u32> {
        if let Some(place) = self.place(number, &digest) {
            return Ok(place);
        }
        let place = u32::try_from(self.manifests.len()).map_err(Error::internal)?;
        let (manifests, hasher) = (&mut self.manifests, &self.hasher);
        let hash = hasher.hash_one((number, &digest));
        manifests.push(ManifestState {
            repository: number,
            digest,
            revision: 0,
            incarnation: 0,
        });
        self.places.insert_unique(hash, place, |place| {
            let of = &manifests[*place as usize];
            hasher.hash_one((of.repository, &of.digest))
        });
        Ok(place)
    }

    fn take(&mut self, entry: &LogEntry<'_>) -> Result<()> {
        let (name, data) = (&*entry.name, entry.data.get());
        // No document is written four thousand million times.
        let revision = u32::try_from(entry.revision).unwrap_or(u32::MAX);
        if let Some((name, digest)) = name.split_once('@') {
            let told: Option<String> = serde_json::from_str(data).map_err(Error::internal)?;
            let life = told.map_or(Ok(0), |told| incarnation(&told))?;
            let digest = Packed::new(&digest.parse()?)?;
            let number = self.number(name)?;
            let place = self.placed(number, digest)?;
            let state = &mut self.manifests[place as usize];
            let live = &mut self.live[number as usize];
            *live += u32::from(life != 0);
            *live -= u32::from(state.incarnation != 0);
            (state.incarnation, state.revision) = (life, revision);
            return Ok(());
        }
        let (name, tag) = name.split_once(':').ok_or_else(|| unknown(name))?;
        let told: Option<Told> = serde_json::from_str(data).map_err(Error::internal)?;
        let number = self.number(name)?;
        let mut state = TagState {
            manifest: u32::MAX,
            incarnation: 0,
            revision,
        };
        if let Some(told) = told {
            state.incarnation = incarnation(&told.manifest)?;
            state.manifest = self.placed(number, Packed::new(&told.digest)?)?;
        }
        self.tags.insert((number, tag.into()), state);
        Ok(())
    }

    /// What the log says of a tag.
    fn told(&self, tag: &TagState) -> Result<Option<Told>> {
        let manifest = self.manifests.get(tag.manifest as usize);
        let told = |of: &ManifestState| -> Result<_> {
            Ok(Told {
                digest: of.digest.digest()?,
                manifest: format!("{:016x}", tag.incarnation),
            })
        };
        manifest
            .filter(|_| tag.incarnation != 0)
            .map(told)
            .transpose()
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
        let revision = match name.split_once('@') {
            Some((name, digest)) => self.manifest(name, &digest.parse().ok()?)?.revision,
            None => {
                let (name, tag) = name.split_once(':')?;
                let number = *self.names.get(name)?;
                self.tags.get(&(number, tag.into()))?.revision
            }
        };
        (revision > 0).then_some(revision.into())
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        let mut put = |name: String, revision: u32, told: serde_json::Result<Box<RawValue>>| {
            let data = told.map_err(Error::internal)?;
            to(LogEntry {
                name: name.into(),
                revision: revision.into(),
                data: &data,
            })
        };
        let mut names = vec![""; self.live.len()];
        for (name, number) in &self.names {
            names[*number as usize] = name;
        }
        for state in self.manifests.iter().filter(|state| state.revision > 0) {
            let told = Some(state.incarnation).filter(|incarnation| *incarnation != 0);
            let told = told.map(|incarnation| format!("{incarnation:016x}"));
            let (name, digest) = (names[state.repository as usize], state.digest.digest()?);
            put(
                format!("{name}@{digest}"),
                state.revision,
                to_raw_value(&told),
            )?;
        }
        for ((number, tag), state) in &self.tags {
            let (name, told) = (names[*number as usize], self.told(state)?);
            put(format!("{name}:{tag}"), state.revision, to_raw_value(&told))?;
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
        let saved = |view: &Repositories| {
            let mut lines = Vec::new();
            let mut line = |entry: LogEntry<'_>| {
                lines.push(format!("{} {} {}", entry.name, entry.revision, entry.data));
                Ok(())
            };
            view.save(&mut line).unwrap();
            lines.sort();
            lines
        };
        assert_eq!(saved(&again), saved(&all));
        assert_eq!(saved(&all).len(), entries.len());
        assert_eq!(tags(&again, None, 9), tags(&all, None, 9));
        assert_eq!(again.names(None, 9), all.names(None, 9));
    }
}

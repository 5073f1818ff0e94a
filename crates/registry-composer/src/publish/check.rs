//! Is a zip what its address, its form and its `composer.json` say together.

use std::collections::BTreeSet;

use registry_core::{Error, Result, digest::Algorithm, store::Staged};

use crate::{
    PackageName, Version,
    composer_json::ComposerJson,
    document::{Card, Dist, Entry, Source, change::Release},
    version::ends_word,
    wire::Abandoned,
};

/// What is said of a zip beside what is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// Its versions, as the address and the form have them.
    pub(super) versions: Vec<String>,
    /// Where its source is.
    pub(super) source: Option<Source>,
}

/// Refuses a zip that is another package.
pub(super) fn name(name: &PackageName, json: &ComposerJson) -> Result<()> {
    if json.name == *name {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the address says {name}, but composer.json in the zip is of {}",
        json.name
    )))
}

/// The version on which all who name one agree, as the first of them spells it.
pub(super) fn version(said: &[String], json: &ComposerJson) -> Result<Version> {
    let said = said.iter().map(|text| Version::parse(text));
    let mut all = said.collect::<Result<Vec<_>>>()?;
    all.extend(json.version.clone());
    let mut all = all.into_iter();
    let Some(version) = all.next() else {
        return Err(Error::invalid(
            "the zip has no version; add \"version\" to its composer.json, or ?version= to the \
             address",
        ));
    };
    let branch = version.normalized().strip_prefix("dev-");
    let splits = |c: char| ends_word(c) || matches!(c, '#' | '|');
    if branch.is_some_and(|name| name.contains(splits)) {
        return Err(Error::invalid(format!(
            "nobody could require the branch {:?}: give it a name without spaces, commas and |, and with + \
             for #",
            version.pretty()
        )));
    }
    match all.find(|other| other.normalized() != version.normalized()) {
        Some(other) => Err(Error::invalid(format!(
            "the zip is to be version {}, but it says that it is {}",
            version.pretty(),
            other.pretty()
        ))),
        None => Ok(version),
    }
}

/// The version to publish, whose zip was stored.
pub(super) fn release(
    version: Version,
    json: &ComposerJson,
    source: Option<Source>,
    staged: &Staged,
    published: &str,
) -> Result<Release> {
    let reference = staged.digests().hex(Algorithm::Sha1);
    let fields = serde_json::value::to_raw_value(&json.fields).map_err(Error::internal)?;
    let entry = Entry {
        version: version.pretty().into(),
        reference: reference.as_str().into(),
        published: published.into(),
        time: json.time.as_deref().map(Into::into),
        source,
        card: card(json)?,
        fields: &fields,
    };
    Ok(Release {
        entry: entry.to_bytes()?,
        dist: Dist {
            file: staged.file().to_owned(),
            size: staged.size(),
            sha256: staged.digests().hex(Algorithm::Sha256),
            version: version.normalized().to_owned(),
            left: None,
            branches: BTreeSet::new(),
        },
        reference,
        version,
    })
}

/// The longest description that a search shows, in bytes.
const MAX_DESCRIPTION: usize = 1000;
/// How many keywords a package is found by, and how many packages it is told to provide.
const MAX_LISTED: usize = 100;
/// The longest of them, and the longest type, in bytes: the log has them all. What is longer is not told of.
const MAX_WORD: usize = 200;

/// What a search shows of a version.
fn card(json: &ComposerJson) -> Result<Card> {
    let abandoned = json.fields.get("abandoned");
    let abandoned = abandoned.map(|said| serde_json::from_str(said.get()));
    let abandoned: Option<Abandoned> = abandoned.transpose().map_err(Error::internal)?;
    let mut description = json.description.clone().unwrap_or_default();
    description.truncate(description.floor_char_boundary(MAX_DESCRIPTION));
    let few = |all: &[String]| {
        let all = all.iter().filter(|word| word.len() <= MAX_WORD);
        all.take(MAX_LISTED).cloned().collect()
    };
    let mut kind = json.kind.clone();
    kind.truncate(kind.floor_char_boundary(MAX_WORD));
    Ok(Card {
        description,
        kind,
        keywords: few(&json.keywords),
        provides: few(&json.provides),
        abandoned: match abandoned {
            Some(Abandoned::Plain(false)) => None,
            Some(Abandoned::For(other)) if other.len() > MAX_WORD => Some(Abandoned::Plain(true)),
            said => said,
        },
    })
}

//! The forms in which a package is served.

use std::{borrow::Cow, collections::BTreeMap};

use registry_core::{Error, Result, store::Document};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{Entry, Head, Known, versions};
use crate::{
    PackageName, Version,
    advisory::Told,
    minify::{FORM, Fields, minify},
    wire::{Abandoned, Metadata},
};

/// What advisories of this registry say of where they come from.
const REPOSITORY: &str = "registry";

/// A package's address below a mount, whose address has no slash at the end.
#[derive(Clone, Debug)]
pub struct Place {
    /// The mount's address.
    pub base: String,
    /// The package.
    pub name: PackageName,
}

impl Place {
    /// The address of a zip.
    pub fn dist(&self, reference: &str) -> String {
        let Self { base, name } = self;
        format!("{base}/dists/{name}/{reference}.zip")
    }

    /// The address of what there is to know of the package.
    pub fn page(&self) -> String {
        let Self { base, name } = self;
        format!("{base}/packages/{name}.json")
    }
}

/// A zip, as clients read of it.
#[derive(Serialize)]
struct DistAt<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: String,
    reference: &'a str,
    shasum: &'a str,
}

/// The list of a package's releases, or of its branches.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn metadata(place: &Place, document: &Document<Head>, branches: bool) -> Result<Vec<u8>> {
    let all = listed(place, document, |version| version.is_dev() == branches)?;
    let all = all.into_iter().map(|(_, fields)| fields).collect();
    let name = place.name.as_str();
    let metadata = Metadata {
        minified: Some(FORM),
        packages: BTreeMap::from([(name, minify(all))]),
        security_advisories: (!branches).then(|| advisories(&place.name, &document.head)),
    };
    serde_json::to_vec(&metadata).map_err(Error::internal)
}

/// A package's advisories.
pub fn advisories<'a>(name: &'a PackageName, head: &'a Head) -> Vec<Told<'a>> {
    let all = head.advisories.values();
    all.map(|known| advisory(name, known)).collect()
}

/// One of them.
pub fn advisory<'a>(name: &'a PackageName, known: &'a Known) -> Told<'a> {
    known.advisory.told(name, REPOSITORY)
}

/// All there is to know of a package, its versions by how they are spelled.
#[derive(Serialize)]
struct Page<'a> {
    package: About<'a>,
}

#[derive(Serialize)]
struct About<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    abandoned: Option<&'a Abandoned>,
    versions: BTreeMap<String, Fields<'a>>,
}

/// All there is to know of a package.
///
/// # Errors
/// `NotFound` when it has no versions; when the stored bytes are damaged.
pub fn page(place: &Place, document: &Document<Head>) -> Result<Vec<u8>> {
    let all = listed(place, document, |_| true)?;
    let card = document.head.card.as_ref();
    let card = card.ok_or_else(|| super::no_package(&place.name))?;
    let page = Page {
        package: About {
            name: place.name.as_str(),
            description: &card.description,
            kind: &card.kind,
            abandoned: card.abandoned.as_ref(),
            versions: all.into_iter().collect(),
        },
    };
    serde_json::to_vec(&page).map_err(Error::internal)
}

/// Some of the versions, with how they are spelled, the newest first.
fn listed<'a>(
    place: &Place,
    document: &'a Document<Head>,
    is_meant: impl Fn(&Version) -> bool,
) -> Result<Vec<(String, Fields<'a>)>> {
    let all = versions(&document.entries)
        .map(|(name, bytes)| (Version::from_normalized(name, name), bytes));
    let mut all: Vec<_> = all.filter(|(version, _)| is_meant(version)).collect();
    all.sort_by(|(a, _), (b, _)| b.cmp(a));
    let made = all.into_iter().map(|(version, bytes)| {
        let entry = Entry::parse(bytes)?;
        let fields = fields(place, &document.head, &version, &entry)?;
        Ok((entry.version.into_owned(), fields))
    });
    made.collect()
}

/// All that clients are told of a version: what its `composer.json` says, and what the registry does.
fn fields<'a>(
    place: &Place,
    head: &Head,
    version: &Version,
    entry: &Entry<'a>,
) -> Result<Fields<'a>> {
    let said: BTreeMap<String, &RawValue> =
        serde_json::from_str(entry.fields.get()).map_err(Error::internal)?;
    let said = said.into_iter();
    let mut fields: Fields<'a> = said
        .map(|(key, value)| (key, Cow::Borrowed(value)))
        .collect();
    let dist = DistAt {
        kind: "zip",
        url: place.dist(&entry.reference),
        reference: &entry.reference,
        shasum: &entry.reference,
    };
    let own = [
        ("name", raw(&place.name.as_str())?),
        ("version", raw(&entry.version)?),
        ("version_normalized", raw(&version.normalized())?),
        ("dist", raw(&dist)?),
        ("published-time", raw(&entry.published)?),
    ];
    fields.extend(own.map(|(key, value)| (key.to_owned(), value)));
    let time = entry.time.as_ref().unwrap_or(&entry.published);
    fields.insert("time".to_owned(), raw(time)?);
    if let Some(source) = &entry.source {
        fields.insert("source".to_owned(), raw(source)?);
    }
    if let Some(abandoned) = &head.abandoned {
        fields.insert("abandoned".to_owned(), raw(abandoned)?);
    }
    Ok(fields)
}

fn raw(value: &(impl Serialize + ?Sized)) -> Result<Cow<'static, RawValue>> {
    to_raw_value(value).map(Cow::Owned).map_err(Error::internal)
}

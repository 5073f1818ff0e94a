//! The documents that npm clients send and get.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

mod account;
pub use account::*;

/// The media type of the abbreviated packument; clients tell the forms apart by it.
pub const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// The fields of a manifest that an install needs: the abbreviated packument has no others.
pub const INSTALL_FIELDS: &[&str] = &[
    "name",
    "version",
    "deprecated",
    "dependencies",
    "acceptDependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "bundledDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "directories",
    "dist",
    "engines",
    "_hasShrinkwrap",
    "hasInstallScript",
    "funding",
    "cpu",
    "os",
    "libc",
    "_npmUser",
];

/// How many keys one manifest may have.
const MAX_FIELDS: usize = 1000;

/// Somebody who may write a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user's name.
    pub name: String,
    /// Where to write to, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// The body of `PUT /{pkg}`, whatever it is for.
#[derive(Debug, Deserialize)]
pub struct PutDocument<'a> {
    /// The package's name.
    pub name: Option<String>,
    /// The package's name, once more.
    #[serde(rename = "_id")]
    pub id: Option<String>,
    /// The revision from which the client computed the document.
    #[serde(rename = "_rev")]
    pub rev: Option<String>,
    /// Tags to set.
    #[serde(rename = "dist-tags")]
    pub dist_tags: Option<BTreeMap<String, String>>,
    /// Manifests by version.
    #[serde(borrow)]
    pub versions: Option<BTreeMap<String, &'a RawValue>>,
    /// Who may write the package.
    pub maintainers: Option<Vec<Person>>,
    /// Who starred the package.
    pub users: Option<BTreeMap<String, bool>>,
    /// `public` or `restricted`.
    pub access: Option<String>,
    /// The readme of the release; what is no string is no readme.
    #[serde(borrow)]
    pub readme: Option<&'a RawValue>,
    /// The tarball and its provenance.
    #[serde(rename = "_attachments")]
    pub attachments: Option<BTreeMap<String, Attachment>>,
}

/// An attachment, after [`PublishScanner`](crate::publish::PublishScanner) took its data.
#[derive(Debug, Deserialize)]
pub struct Attachment {
    /// How long the decoded data is said to be.
    pub length: Option<u64>,
    /// The text of a provenance bundle; empty for a tarball.
    #[serde(default)]
    pub data: String,
}

/// A JSON object whose keys keep their order and whose values are left as they are.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The value of `key`, as JSON.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        let mut fields = self.0.iter();
        fields.find(|(of, _)| of == key).map(|(_, value)| *value)
    }

    /// The value of `key`, where it has the type asked for.
    pub fn parse<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.get(key)?.get()).ok()
    }

    /// Every field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (&**key, *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    if fields.len() == MAX_FIELDS {
                        return Err(serde::de::Error::custom("an object has too many keys"));
                    }
                    // As in JavaScript, the last of equal keys counts.
                    fields.retain(|(of, _)| *of != key);
                    fields.push((key, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The answer of `GET /-/v1/search`.
#[derive(Debug, Serialize)]
pub struct SearchResult<'a> {
    /// The hits of this page.
    pub objects: Vec<SearchObject>,
    /// How many hits there are on all pages.
    pub total: usize,
    /// When the answer was made.
    pub time: &'a str,
}

/// A hit of a search.
#[derive(Debug, Serialize)]
pub struct SearchObject {
    /// A [`SearchPackage`], as JSON.
    pub package: Box<RawValue>,
    /// Clients read the field, and do nothing with it.
    pub score: Score,
    /// The same.
    #[serde(rename = "searchScore")]
    pub search_score: f64,
}

/// The score of a hit.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Score {
    /// The sum of the parts.
    #[serde(rename = "final")]
    pub total: f64,
    /// The parts.
    pub detail: ScoreDetail,
}

/// What a score is made of.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ScoreDetail {
    /// Not measured.
    pub quality: f64,
    /// Not measured.
    pub popularity: f64,
    /// Not measured.
    pub maintenance: f64,
}

/// What a search shows of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchPackage {
    /// The name.
    pub name: String,
    /// The version that `latest` names.
    pub version: String,
    /// The description, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The keywords.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// When that version was published.
    pub date: String,
    /// Who published it.
    pub publisher: Username,
    /// Who may write it. npm crashes where this is missing.
    pub maintainers: Vec<Username>,
    /// Addresses of the package.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

/// A user, as search results name one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Username {
    /// The user's name.
    pub username: String,
}

/// The answer of `GET /-/package/{pkg}/visibility`.
#[derive(Debug, Serialize)]
pub struct Visibility {
    /// Whether anybody may read the package.
    pub public: bool,
}

/// The body of `POST /-/npm/v1/security/advisories/bulk`: versions by package.
pub type BulkQuery = BTreeMap<String, Vec<String>>;

/// The answer of `GET /-/npm/v1/attestations/{pkg}@{version}`.
#[derive(Debug, Serialize)]
pub struct Attestations<'a> {
    /// One, or none.
    pub attestations: Vec<Attestation<'a>>,
}

/// A signed statement about a release.
#[derive(Debug, Serialize)]
pub struct Attestation<'a> {
    /// What it states.
    #[serde(rename = "predicateType")]
    pub predicate_type: &'a str,
    /// The bundle, as the publisher sent it.
    pub bundle: &'a RawValue,
}

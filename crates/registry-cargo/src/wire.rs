//! The documents that cargo sends and gets.
//!
//! See [Registry Web API](https://doc.rust-lang.org/cargo/reference/registry-web-api.html) and
//! [Index Format](https://doc.rust-lang.org/cargo/reference/registry-index.html).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

pub use fields::Fields;

mod fields;

/// What each feature turns on.
pub type Features = BTreeMap<String, Vec<String>>;

/// Whose metadata it is: all that is read before it is known who may send it.
#[derive(Debug, Deserialize)]
pub struct Named {
    /// The name.
    pub name: String,
}

/// The metadata of a publish. What the index has no use for is not kept.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self")]
pub struct NewCrate {
    /// The name.
    pub name: String,
    /// The version.
    pub vers: String,
    /// What it depends on.
    #[serde(default)]
    pub deps: Vec<NewDependency>,
    /// Its features.
    #[serde(default)]
    pub features: Features,
    /// What it is, in a few words.
    #[serde(default)]
    pub description: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub keywords: Option<Vec<String>>,
    /// The native library that it alone may link to.
    #[serde(default)]
    pub links: Option<String>,
    /// The oldest compiler that it takes.
    #[serde(default)]
    pub rust_version: Option<String>,
    /// All other fields.
    #[serde(skip)]
    pub more: Fields,
}

impl<'de> Deserialize<'de> for NewCrate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let own = Self::deserialize(&mut serde_json::Deserializer::from_str(json.get()));
        let more = Fields::read(&json, &[OF_CRATE, NOT_INDEXED, OWN_FIELDS]);
        Ok(Self {
            more: more.map_err(D::Error::custom)?,
            ..own.map_err(D::Error::custom)?
        })
    }
}

/// Fields of [`NewCrate`].
const OF_CRATE: &[&str] = &[
    "name",
    "vers",
    "deps",
    "features",
    "description",
    "keywords",
    "links",
    "rust_version",
];

/// Fields of the metadata that are about the crate and not for who resolves it.
const NOT_INDEXED: &[&str] = &[
    "authors",
    "badges",
    "categories",
    "documentation",
    "homepage",
    "license",
    "license_file",
    "readme",
    "readme_file",
    "repository",
];

/// Fields of an index line that the registry writes itself.
const OWN_FIELDS: &[&str] = &["cksum", "features2", "pubtime", "v", "yanked"];

/// A dependency, as a publish tells of it.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self")]
pub struct NewDependency {
    /// The crate's own name.
    pub name: String,
    /// Which versions will do.
    pub version_req: String,
    /// The features that are asked for.
    #[serde(default)]
    pub features: Vec<String>,
    /// Whether it can be left out.
    #[serde(default)]
    pub optional: bool,
    /// Whether its default features are asked for.
    #[serde(default = "yes")]
    pub default_features: bool,
    /// For which platform it is needed, verbatim.
    #[serde(default)]
    pub target: Option<String>,
    /// For what it is needed.
    #[serde(default)]
    pub kind: Kind,
    /// The index of another registry that has it.
    #[serde(default)]
    pub registry: Option<String>,
    /// What it is called in the depending crate, where that is not its own name.
    #[serde(default)]
    pub explicit_name_in_toml: Option<String>,
    /// What cargo keeps for features that are not stable.
    #[serde(skip)]
    pub unstable: Unstable,
    /// All other fields.
    #[serde(skip)]
    pub more: Fields,
}

impl<'de> Deserialize<'de> for NewDependency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let own = Self::deserialize(&mut serde_json::Deserializer::from_str(json.get()));
        let unstable = serde_json::from_str(json.get());
        let more = Fields::read(&json, &[OF_DEPENDENCY, UNSTABLE, OWN_DEPENDENCY_FIELDS]);
        Ok(Self {
            unstable: unstable.map_err(D::Error::custom)?,
            more: more.map_err(D::Error::custom)?,
            ..own.map_err(D::Error::custom)?
        })
    }
}

/// Fields of [`NewDependency`].
const OF_DEPENDENCY: &[&str] = &[
    "name",
    "version_req",
    "features",
    "optional",
    "default_features",
    "target",
    "kind",
    "registry",
    "explicit_name_in_toml",
];

/// Fields of [`Unstable`].
const UNSTABLE: &[&str] = &["public", "artifact", "bindep_target", "lib"];

/// Fields of a dependency in the index that the registry writes itself.
const OWN_DEPENDENCY_FIELDS: &[&str] = &["req", "package"];

/// Fields of a dependency that stand in the index as they are published, and that only nightly cargos
/// act on; all of them read them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Unstable {
    /// Whether those who depend on the crate see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<bool>,
    /// What is built of it to be used as a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Vec<String>>,
    /// For which target that is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bindep_target: Option<String>,
    /// Whether it is a library beside that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lib: bool,
}

fn yes() -> bool {
    true
}

/// For what a dependency is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The crate itself.
    #[default]
    Normal,
    /// Its build script.
    Build,
    /// Its tests, examples and benches.
    Dev,
}

/// A line of the index without `yanked`, which alone may change.
#[derive(Debug, Serialize)]
pub struct IndexLine<'a> {
    /// The crate's name, as it is spelled.
    pub name: &'a str,
    /// The version.
    pub vers: &'a str,
    /// What it depends on.
    pub deps: Vec<IndexDependency>,
    /// The SHA-256 of the crate file, in hexadecimal.
    pub cksum: &'a str,
    /// Its features, as far as every cargo understands them.
    pub features: Features,
    /// Its other features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features2: Option<Features>,
    /// The native library that it alone may link to.
    pub links: Option<&'a str>,
    /// The oldest compiler that it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rust_version: Option<&'a str>,
    /// When it was published, in whole seconds: cargo passes over a line with any other time.
    pub pubtime: &'a str,
    /// The form of the line, where it is not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub v: Option<u32>,
    /// Fields of the metadata that are not known here.
    #[serde(flatten)]
    pub more: Fields,
}

/// A dependency in a line of the index.
#[derive(Debug, Serialize)]
pub struct IndexDependency {
    /// What the crate calls it.
    pub name: String,
    /// Which versions will do.
    pub req: String,
    /// The features that are asked for.
    pub features: Vec<String>,
    /// Whether it can be left out.
    pub optional: bool,
    /// Whether its default features are asked for.
    pub default_features: bool,
    /// For which platform it is needed, verbatim.
    pub target: Option<String>,
    /// For what it is needed.
    pub kind: Kind,
    /// The index of another registry that has it.
    pub registry: Option<String>,
    /// Its own name, where the crate calls it by another.
    pub package: Option<String>,
    /// What cargo keeps for features that are not stable.
    #[serde(flatten)]
    pub unstable: Unstable,
    /// Fields of the metadata that are not known here.
    #[serde(flatten)]
    pub more: Fields,
}

/// `config.json`, from which cargo learns where everything is.
#[derive(Debug, Serialize)]
pub struct Config<'a> {
    /// Below which address crate files are.
    pub dl: &'a str,
    /// Where the web API is, without `/api/v1`.
    pub api: &'a str,
    /// Whether a token has to be sent with everything.
    #[serde(rename = "auth-required", skip_serializing_if = "std::ops::Not::not")]
    pub auth_required: bool,
}

/// The answer to a publish.
#[derive(Debug, Default, Serialize)]
pub struct Published {
    /// What cargo tells its user.
    pub warnings: Warnings,
}

/// Warnings about a publish.
#[derive(Debug, Default, Serialize)]
pub struct Warnings {
    /// Every category will do here.
    pub invalid_categories: Vec<String>,
    /// Badges are not looked at.
    pub invalid_badges: Vec<String>,
    /// Anything else.
    pub other: Vec<String>,
}

/// The answer to a change. cargo insists on both fields after a change of owners.
#[derive(Debug, Serialize)]
pub struct Done<'a> {
    /// Always true.
    pub ok: bool,
    /// What was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<&'a str>,
}

/// The owners of a crate.
#[derive(Debug, Serialize)]
pub struct Owners {
    /// Each of them.
    pub users: Vec<Owner>,
}

/// An owner of a crate.
#[derive(Debug, Serialize)]
pub struct Owner {
    /// A number that cargo wants and does nothing with.
    pub id: u32,
    /// The user's name.
    pub login: String,
    /// The full name, if the user gave one.
    pub name: Option<String>,
}

/// The users that are to become owners, or no longer to be.
#[derive(Debug, Deserialize)]
pub struct ChangeOwners {
    /// Their names. Some clients call the field `owners`.
    #[serde(alias = "owners")]
    pub users: Vec<String>,
}

/// The answer to a search.
#[derive(Debug, Serialize)]
pub struct Found {
    /// The hits of this page, each a [`Card`] as JSON.
    pub crates: Vec<Box<RawValue>>,
    /// How many there are on all pages.
    pub meta: Total,
}

/// How many hits a search has.
#[derive(Debug, Serialize)]
pub struct Total {
    /// On all pages.
    pub total: usize,
}

/// What a search shows of a crate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The name, as it is spelled.
    pub name: String,
    /// The highest version that is not yanked, or the highest of all if all are.
    pub max_version: String,
    /// What it is, in a few words.
    pub description: Option<String>,
}

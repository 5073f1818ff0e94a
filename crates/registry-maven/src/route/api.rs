//! The addresses beside the tree.

use http::Method;
use registry_core::{Error, Result, protocol::Asked};

use super::Route;
use crate::{
    ArtifactId, GroupId, VersionName,
    name::{FilePath, Place},
};

/// What a search asks for, in the words of Solr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// The query: words, or `field:value` joined by `AND`.
    pub text: String,
    /// Whether versions are asked for, and not artifacts.
    pub versions: bool,
    /// How many hits to skip.
    pub from: usize,
    /// How many hits to give, 200 at most.
    pub size: usize,
}

/// What is said of a bundle in its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleQuery {
    /// What its uploader calls it.
    pub name: String,
    /// Whether it is published as soon as it is found to be good.
    pub automatic: bool,
}

/// A version that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The group.
    pub group: GroupId,
    /// The artifact.
    pub artifact: ArtifactId,
    /// The version.
    pub version: VersionName,
}

/// Which builds of snapshots are to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PruneQuery {
    /// How many of the newest stay.
    pub keep: Option<usize>,
    /// How old, in seconds, one must be to go.
    pub older_than: Option<u64>,
    /// Whether it is only told what would go.
    pub dry_run: bool,
}

/// The route, if it is one beside the tree: what a group could be called is one only with a method
/// that no place in the tree takes.
pub(super) fn parse(asked: Asked<'_>, segments: &[&str]) -> Result<Option<Route>> {
    let post = *asked.method == Method::POST;
    let route = match *segments {
        ["solrsearch", "select"] => asked.get(Route::Search(search(asked)))?,
        ["api", "v1", "publisher", "upload"] => {
            let bundle = Route::Bundle(bundle(asked)?);
            asked.only("POST", &[(Method::POST, bundle)])?
        }
        ["api", "v1", "publisher", "status"] => {
            let id = asked.param("id");
            let id =
                id.ok_or_else(|| Error::invalid("the address needs ?id= with a deployment"))?;
            asked.only("POST", &[(Method::POST, Route::BundleStatus(id))])?
        }
        ["api", "v1", "publisher", "deployment", id] => {
            let publish = (Method::POST, Route::PublishBundle(id.to_owned()));
            let delete = (Method::DELETE, Route::DropBundle(id.to_owned()));
            asked.only("POST, DELETE", &[publish, delete])?
        }
        [
            "api",
            "v1",
            "publisher",
            "deployment",
            id,
            "download",
            ref path @ ..,
        ] => asked.get(Route::BundleFile(Some(id.to_owned()), file(path)?))?,
        [
            "api",
            "v1",
            "publisher",
            "deployments",
            "download",
            ref path @ ..,
        ] => asked.get(Route::BundleFile(None, file(path)?))?,
        ["api", "v1", "publisher", "published"] => {
            asked.get(Route::IsPublished(component(asked)?))?
        }
        ["api", "v1", "prune"] if post => Route::Prune(prune(asked)?),
        _ => return Ok(None),
    };
    Ok(Some(route))
}

/// A file in the tree of a bundle, which has no metadata.
fn file(path: &[&str]) -> Result<FilePath> {
    match Place::parse(path, false) {
        Ok(Place::File(path)) => Ok(path),
        _ => Err(super::unknown()),
    }
}

fn component(asked: Asked<'_>) -> Result<Component> {
    let given = |name: &str| {
        let missing = || {
            Error::invalid(format!(
                "the address needs ?namespace=, name= and version=; it has no {name}"
            ))
        };
        asked.param(name).ok_or_else(missing)
    };
    Ok(Component {
        group: given("namespace")?.parse()?,
        artifact: given("name")?.parse()?,
        version: given("version")?.parse()?,
    })
}

fn search(asked: Asked<'_>) -> SearchQuery {
    SearchQuery {
        text: asked.param("q").unwrap_or_default(),
        versions: asked.param("core").as_deref() == Some("gav"),
        from: asked.number("start").unwrap_or(0),
        size: asked.number("rows").unwrap_or(20).min(200),
    }
}

fn bundle(asked: Asked<'_>) -> Result<BundleQuery> {
    let automatic = match asked.param("publishingType").as_deref() {
        Some("AUTOMATIC") => true,
        None | Some("USER_MANAGED") => false,
        Some(_) => {
            let message = "publishingType is AUTOMATIC or USER_MANAGED";
            return Err(Error::invalid(message));
        }
    };
    let name = asked.param("name").unwrap_or_default();
    Ok(BundleQuery {
        name: name.chars().take(200).collect(),
        automatic,
    })
}

fn prune(asked: Asked<'_>) -> Result<PruneQuery> {
    let number = |name: &str| match asked.param(name) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Error::invalid(format!("{name} is a number"))),
        },
    };
    let keep = number("keep")?.map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
    let older_than = number("older-than")?;
    if keep.is_none() && older_than.is_none() {
        return Err(Error::invalid(
            "say how many builds to keep, or how old those are that go",
        ));
    }
    Ok(PruneQuery {
        keep,
        older_than,
        dry_run: asked.param("dry-run").as_deref() == Some("true"),
    })
}

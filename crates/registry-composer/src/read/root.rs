//! `packages.json`: where everything is, and what there is.

use http::StatusCode;
use registry_core::{Error, auth::Action, protocol};

use super::dated;
use crate::{
    Answer, Call,
    view::Packages,
    wire::{AdvisoriesAt, Root},
};

/// Beyond so many names, it says only whose packages there are.
const MAX_NAMES: usize = 10_000;

/// What no name looks like. An empty list is none to Composer, and then it asks for all that a project
/// needs, whoever has it.
const NOTHING: &str = "-/-";

impl Call<'_> {
    /// Where everything is, and what there is.
    ///
    /// Who may read everything gets a date with it, with which to ask whether it is still so. For
    /// others, it would change with their rights and not only with the packages.
    pub(crate) async fn root(&self) -> Answer {
        let listing = self.granted.view(Packages::listing).await?;
        if !self.granted.may("*", Action::Read).await? {
            let names = self.granted.readable(listing.names.clone()).await?;
            let response =
                protocol::json(StatusCode::OK, &self.root_of(&names, &patterns(&names)))?;
            return Ok(protocol::revalidated(response));
        }
        let form = listing.page(self.context.base.as_str(), || {
            let patterns = patterns(&listing.names);
            let root = self.root_of(&listing.names, &patterns);
            let body = serde_json::to_vec(&root).map_err(Error::internal)?;
            dated(body, listing.changed)
        })?;
        Ok(protocol::revalidated(protocol::rendered(
            &form,
            self.headers,
        )))
    }

    fn root_of<'a>(&self, names: &'a [String], patterns: &'a [String]) -> Root<'a> {
        let base = self.context.base.as_str();
        Root {
            packages: [],
            metadata_url: format!("{base}/p2/%package%.json"),
            available_packages: (names.len() <= MAX_NAMES).then_some(names),
            available_package_patterns: Some(patterns).filter(|patterns| !patterns.is_empty()),
            providers_api: format!("{base}/providers/%package%.json"),
            search: format!("{base}/search.json?q=%query%&type=%type%"),
            list: format!("{base}/packages/list.json"),
            notify_batch: format!("{base}/downloads/"),
            security_advisories: AdvisoriesAt {
                metadata: true,
                api_url: format!("{base}/api/security-advisories/"),
            },
        }
    }
}

/// What the names look like, where they are too many to be told or there are none; nothing where even
/// that is too long.
fn patterns(names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return vec![NOTHING.to_owned()];
    }
    if names.len() <= MAX_NAMES {
        return Vec::new();
    }
    let vendors = names.iter().filter_map(|name| name.split_once('/'));
    let mut patterns: Vec<String> = vendors.map(|(vendor, _)| format!("{vendor}/*")).collect();
    patterns.dedup();
    if patterns.len() > MAX_NAMES {
        patterns.clear();
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_told_by_their_vendors() {
        let names = |count: usize, vendors: usize| -> Vec<String> {
            let mut names: Vec<String> = (0..count)
                .map(|n| format!("v{}/p{n}", n % vendors))
                .collect();
            names.sort_unstable();
            names
        };
        assert_eq!(patterns(&[]), [NOTHING]);
        assert!(patterns(&names(MAX_NAMES, 2)).is_empty());
        assert_eq!(patterns(&names(MAX_NAMES + 1, 2)), ["v0/*", "v1/*"]);
        assert!(patterns(&names(MAX_NAMES + 1, MAX_NAMES + 1)).is_empty());
    }
}

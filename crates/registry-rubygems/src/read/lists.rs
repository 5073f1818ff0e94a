//! The lists of all versions in Ruby's own format, for clients that do not read the compact index.

use std::{collections::BTreeMap, io::Write, time::SystemTime};

use flate2::{Compression, write::GzEncoder};
use registry_core::{Error as CoreError, Result, protocol, store::Rendered};

use crate::{
    Answer, Call, Platform, Version, layout::FILE_TYPE, marshal, read::compact::All, route::Specs,
};

impl Call<'_> {
    /// A list of versions.
    pub(crate) async fn specs(&self, which: Specs) -> Answer {
        let now = self.context.clock.system_time();
        let render = move |all: All| list(&all, which, now);
        let form = self.of_all(name(which), render).await?;
        let response = protocol::rendered(&form, self.headers);
        Ok(protocol::revalidated(response))
    }
}

/// What a list is called among the forms of the view.
fn name(which: Specs) -> &'static str {
    match which {
        Specs::Released => "specs",
        Specs::Latest => "latest_specs",
        Specs::Prerelease => "prerelease_specs",
    }
}

/// A gem, a version of it, and the platform.
type Item<'a> = (&'a str, &'a str, &'a str);

fn list(all: &All, which: Specs, now: SystemTime) -> Result<Rendered> {
    let each = all.iter().flat_map(|(name, live)| {
        live.iter().map(|slug| {
            let (version, platform) = slug.split_once('-').unwrap_or((slug, Platform::RUBY));
            (&**name, version, platform)
        })
    });
    // A version with a letter is a prerelease.
    let prerelease = |(_, version, _): &Item<'_>| version.contains(|c: char| c.is_alphabetic());
    let mut items: Vec<Item<'_>> = match which {
        Specs::Released => each.filter(|item| !prerelease(item)).collect(),
        Specs::Prerelease => each.filter(prerelease).collect(),
        Specs::Latest => newest(each.filter(|item| !prerelease(item)))?,
    };
    items.sort_unstable();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    let packed = gzip.write_all(&marshal::index(items));
    let packed = packed.and_then(|()| gzip.finish());
    Rendered::as_it_is(packed.map_err(CoreError::internal)?, FILE_TYPE, now)
}

/// The newest of each gem for each platform.
fn newest<'a>(each: impl Iterator<Item = Item<'a>>) -> Result<Vec<Item<'a>>> {
    let mut newest: BTreeMap<(&str, &str), (Version, &str)> = BTreeMap::new();
    for (name, version, platform) in each {
        let parsed: Version = version.parse().map_err(CoreError::internal)?;
        let best = newest.get(&(name, platform));
        if best.is_none_or(|(best, _)| *best < parsed) {
            newest.insert((name, platform), (parsed, version));
        }
    }
    let newest = newest.into_iter();
    Ok(newest
        .map(|((name, platform), (_, version))| (name, version, platform))
        .collect())
}

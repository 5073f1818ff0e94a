//! The JSON API's page of a project and of a release.

use std::collections::BTreeMap;

use registry_core::{Error, Result, store::Document};

use super::{
    Head, Listed, offered,
    render::{Addresses, metadata},
};
use crate::{
    Version,
    file_name::Kind,
    metadata::Metadata,
    name::normalized,
    wire::json::{Digests, Downloads, File, Info, Page},
};

/// The file whose metadata speaks for a release: of the given version, or of the one that installers
/// would pick, the first wheel, or else the source distribution.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn spokesman<'a>(
    document: &'a Document<Head>,
    version: Option<&Version>,
) -> Result<Option<Listed<'a>>> {
    let all = offered(document)?;
    let picked = all.iter().max_by_key(|listed| {
        let yanked = document.head.yanked(&listed.entry).is_some();
        (!yanked, !listed.version.is_prerelease(), &listed.version)
    });
    let version = version
        .or_else(|| picked.map(|listed| &listed.version))
        .cloned();
    let of_release = all
        .into_iter()
        .filter(|listed| Some(&listed.version) == version.as_ref());
    Ok(of_release.min_by_key(|listed| listed.entry.kind != Kind::Wheel))
}

/// The page of a project, or of one release, for which `by` speaks with its `metadata`.
///
/// # Errors
/// When the stored bytes are damaged.
pub fn page(
    addresses: Addresses<'_>,
    document: &Document<Head>,
    by: &Listed<'_>,
    metadata: &Metadata,
    all: bool,
) -> Result<Vec<u8>> {
    let listed = offered(document)?;
    let head = &document.head;
    let mut releases: BTreeMap<&str, Vec<File<'_>>> = BTreeMap::new();
    for listed in &listed {
        let of_release = releases.entry(&listed.entry.version).or_default();
        of_release.push(file(addresses, head, listed));
    }
    let urls = releases
        .get(&*by.entry.version)
        .cloned()
        .unwrap_or_default();
    let mut info = info(metadata);
    info.name = &head.name;
    info.version = &by.entry.version;
    info.project_url = format!("{}/simple/{}/", addresses.base, addresses.project);
    info.package_url.clone_from(&info.project_url);
    info.release_url.clone_from(&info.project_url);
    info.yanked = urls.iter().all(|file| file.yanked);
    info.yanked_reason = urls.iter().find_map(|file| file.yanked_reason);
    info.yanked_reason = info.yanked_reason.filter(|_| info.yanked);
    let page = Page {
        info,
        releases: all.then_some(releases),
        urls,
        vulnerabilities: [],
        last_serial: document.revision,
        project_status: &head.status,
    };
    serde_json::to_vec(&page).map_err(Error::internal)
}

fn file<'a>(addresses: Addresses<'_>, head: &'a Head, listed: &'a Listed<'a>) -> File<'a> {
    let Listed { name, entry, .. } = listed;
    let yanked = head.yanked(entry);
    File {
        filename: name,
        packagetype: entry.kind,
        python_version: &entry.python,
        has_sig: false,
        comment_text: None,
        md5_digest: &entry.md5,
        digests: Digests {
            md5: &entry.md5,
            sha256: &entry.sha256,
            blake2b_256: &entry.blake2,
        },
        core_metadata: self::metadata(entry),
        size: entry.size,
        downloads: -1,
        upload_time: entry.time.split(['.', 'Z']).next().unwrap_or_default(),
        upload_time_iso_8601: &entry.time,
        url: addresses.file(name),
        requires_python: entry.requires_python.as_deref(),
        yanked: yanked.is_some(),
        yanked_reason: yanked.filter(|reason| !reason.is_empty()),
    }
}

/// What the metadata says.
fn info(metadata: &Metadata) -> Info<'_> {
    let some = |list: Vec<_>| (!list.is_empty()).then_some(list);
    let all = |name| some(metadata.all(name).collect());
    let urls = metadata.all("project-url").filter_map(|field| {
        let (label, url) = field.split_once(',')?;
        Some((label.trim(), url.trim()))
    });
    let mut urls: BTreeMap<_, _> = urls.collect();
    let known = |urls: &BTreeMap<&str, &str>, label: &str| {
        urls.keys()
            .any(|known| normalized(known) == normalized(label))
    };
    let old = [("Homepage", "home-page"), ("Download", "download-url")];
    for (label, field) in old {
        if let Some(url) = metadata.get(field).filter(|_| !known(&urls, label)) {
            urls.insert(label, url);
        }
    }
    Info {
        summary: metadata.get("summary"),
        description_content_type: metadata.get("description-content-type"),
        description: metadata.get("description"),
        keywords: metadata.get("keywords"),
        license: metadata.get("license"),
        license_expression: metadata.get("license-expression"),
        license_files: all("license-file"),
        classifiers: metadata.all("classifier").collect(),
        author: metadata.get("author"),
        author_email: metadata.get("author-email"),
        maintainer: metadata.get("maintainer"),
        maintainer_email: metadata.get("maintainer-email"),
        requires_python: metadata.get("requires-python"),
        platform: metadata.get("platform"),
        downloads: Downloads::default(),
        project_urls: (!urls.is_empty()).then_some(urls),
        requires_dist: all("requires-dist"),
        provides_extra: all("provides-extra"),
        home_page: metadata.get("home-page"),
        download_url: metadata.get("download-url"),
        dynamic: all("dynamic"),
        ..Info::default()
    }
}

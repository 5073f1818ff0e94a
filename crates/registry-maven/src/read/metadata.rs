//! `maven-metadata.xml`: made of what is there, whatever clients put.

use std::sync::Arc;

use jiff::Timestamp;
use registry_core::{
    Error, Result,
    auth::Action,
    digest::{Algorithm, MultiHasher},
    protocol,
    store::{Document, Rendered},
};

use super::files::{checksum_field, checksum_file};
use crate::{
    Answer, ArtifactId, Call, GroupId, VersionName,
    checksum::ALGORITHMS,
    document::{Head, snapshot, time},
    error::if_there,
    layout::{self, VERSION},
    metadata::{ArtifactLevel, Metadata, Plugin, SnapshotFile, SnapshotLevel},
    name::Levels,
    view::{Artifacts, Listed},
};

/// What a form of metadata is called.
const FORM: &str = "metadata";

impl Call<'_> {
    /// The metadata of a folder, or its checksum.
    pub(crate) async fn metadata(&self, folder: &[String], checksum: Option<Algorithm>) -> Answer {
        let levels = Levels::of(folder);
        let form = match &levels.snapshot {
            Some(of) => self.snapshot_metadata(of).await?,
            None => self.listed_metadata(folder, levels).await?,
        };
        let missing = || Error::not_found("there is no metadata at this address");
        let form = form.ok_or_else(missing)?;
        let response = match checksum {
            None => protocol::rendered(&form, self.headers),
            Some(algorithm) => {
                let (name, _) = checksum_field(algorithm, "")?;
                let sum = form.headers.get(name);
                let sum = sum.and_then(|value| value.to_str().ok());
                checksum_file(sum.unwrap_or_default(), form.modified, self.headers)?
            }
        };
        Ok(protocol::revalidated(response))
    }

    /// The builds of a snapshot.
    async fn snapshot_metadata(
        &self,
        (group, artifact, version): &(GroupId, ArtifactId, VersionName),
    ) -> Result<Option<Arc<Rendered>>> {
        if !self.config.policy.allows(version) {
            return Ok(None);
        }
        let resource = layout::version(group, artifact, version)?;
        let repo = self.granted.authorize(&resource, Action::Read).await?;
        let of = (group.clone(), artifact.clone(), version.clone());
        let render = move |document: &Document<Head>| snapshot(&of, document);
        // There are documents of versions that have no build.
        let form = if_there(repo.rendered(VERSION, FORM, "", render).await)?;
        Ok(form.flatten())
    }

    /// The versions of an artifact, and the plugins of a group.
    async fn listed_metadata(
        &self,
        folder: &[String],
        levels: Levels,
    ) -> Result<Option<Arc<Rendered>>> {
        let policy = self.config.policy;
        if self.granted.may("*", Action::Read).await? {
            let name = folder.join("/");
            let (of, to) = (levels.clone(), levels.clone());
            let stamp = |all: &Artifacts| all.stamp(&levels);
            let gather = |all: &Artifacts| all.listed(&of);
            let render = move |listed: Listed| listed_form(&to, listed, policy);
            let named = (FORM, &*name);
            let form = self.granted.rendered_part(named, stamp, gather, render);
            return Ok(if_there(form.await)?.flatten());
        }
        let mut listed = self
            .granted
            .view(|all: &Artifacts| all.listed(&levels))
            .await?;
        if let Some((group, artifact)) = &levels.artifact
            && !self
                .granted
                .may(&format!("{group}:{artifact}"), Action::Read)
                .await?
        {
            listed.versions.clear();
        }
        if let Some(group) = &levels.group {
            let named = listed
                .plugins
                .iter()
                .map(|(artifact, _)| format!("{group}:{artifact}"));
            let seen = self.granted.readable(named.collect()).await?;
            listed
                .plugins
                .retain(|(artifact, _)| seen.contains(&format!("{group}:{artifact}")));
        }
        let form = if_there(listed_form(&levels, listed, policy))?;
        Ok(form.map(Arc::new))
    }
}

/// The form of a snapshot's metadata.
fn snapshot(
    (group, artifact, version): &(GroupId, ArtifactId, VersionName),
    document: &Document<Head>,
) -> Result<Rendered> {
    let newest = snapshot::newest(&document.entries, artifact, version)?;
    let times: Vec<(_, String)> = newest.values().map(|one| (one, updated(one.at))).collect();
    let files = times.iter().map(|(one, updated)| SnapshotFile {
        file: &one.file,
        updated,
    });
    let metadata = Metadata {
        snapshot: Some(SnapshotLevel::of(group, artifact, version, files)),
        ..Metadata::default()
    };
    let at = newest.values().map(|one| one.at).max();
    form(&metadata, at.unwrap_or_default())
}

/// The form of what is listed in a folder.
fn listed_form(levels: &Levels, listed: Listed, policy: crate::Policy) -> Result<Rendered> {
    let versions = listed.versions.iter().filter_map(|text| text.parse().ok());
    let versions: Vec<VersionName> = versions.filter(|of| policy.allows(of)).collect();
    let plugins = listed.plugins.into_iter().map(|(artifact, prefix)| Plugin {
        name: prefix.name,
        prefix: prefix.prefix,
        artifact,
    });
    let plugins: Vec<_> = plugins.collect();
    let at = updated(listed.at);
    let artifact = levels.artifact.as_ref();
    let artifact =
        artifact.map(|(group, artifact)| ArtifactLevel::of(group, artifact, &versions, &at));
    let metadata = Metadata {
        plugins: &plugins,
        artifact,
        snapshot: None,
    };
    form(&metadata, listed.at)
}

/// A form with its checksums, or `NotFound` where there is nothing to say.
fn form(metadata: &Metadata<'_>, at: i64) -> Result<Rendered> {
    let text = metadata.render();
    let text = text.ok_or_else(|| Error::not_found("there is nothing to say"))?;
    let mut hasher = MultiHasher::new(&ALGORITHMS);
    hasher.update(text.as_bytes());
    let sums = hasher.finish();
    let mut form = Rendered::as_it_is(text.into_bytes(), "application/xml", time(at))?;
    for algorithm in ALGORITHMS {
        let (name, value) = checksum_field(algorithm, &sums.hex(algorithm))?;
        form.headers.insert(name, value);
    }
    Ok(form)
}

/// A time, in milliseconds since 1970, as metadata tells it.
fn updated(at: i64) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y%m%d%H%M%S").to_string()
}

//! The clean-up of snapshots, by count and age.

use http::StatusCode;
use registry_core::{
    Error, ErrorKind,
    auth::Action,
    protocol,
    store::{Change, Document, StoredBytes},
};

use crate::{
    Answer, ArtifactId, Call, GroupId, VersionName,
    document::{
        Entry, Head, change,
        snapshot::{self, Keep},
    },
    layout::{self, VERSION},
    route::PruneQuery,
    view::Artifacts,
    wire::{Pruned, PrunedBuild},
};

impl Call<'_> {
    /// Removes old builds of every snapshot, or tells which would go.
    pub(crate) async fn prune(&self, query: PruneQuery) -> Answer {
        if !self.granted.identity().admin {
            let message = "only an administrator may clean up";
            return Err(Error::new(ErrorKind::Denied, message));
        }
        if !query.dry_run {
            self.deployments().clean_up().await?;
        }
        let age = query
            .older_than
            .map(|age| i64::try_from(age).unwrap_or(i64::MAX));
        let keep = Keep {
            count: query.keep,
            since: age.map(|age| self.now().saturating_sub(age.saturating_mul(1000))),
        };
        let mut report = Pruned {
            dry_run: query.dry_run,
            builds: Vec::new(),
        };
        for (name, version) in self.granted.view(Artifacts::snapshots).await? {
            let Some((group, artifact)) = name.split_once(':') else {
                continue;
            };
            let of = (group.parse()?, artifact.parse()?, version);
            report
                .builds
                .extend(self.prune_one(&of, keep, query.dry_run).await?);
        }
        protocol::json(StatusCode::OK, &report)
    }

    /// Removes old builds of one snapshot.
    async fn prune_one(
        &self,
        (group, artifact, version): &(GroupId, ArtifactId, VersionName),
        keep: Keep,
        dry: bool,
    ) -> Result<Vec<PrunedBuild>, Error> {
        let of = layout::version(group, artifact, version)?;
        let repo = self.granted.authorize(&of, Action::Delete).await?;
        let Some(mut document) = repo.document::<Head>(VERSION).await? else {
            return Ok(Vec::new());
        };
        let now = self.now();
        let (artifact, version) = (artifact.clone(), version.clone());
        let remove = move |document: &mut Document<Head>| {
            remove(document, (&of.name, &artifact, &version), keep, now)
        };
        let (builds, _) = remove(&mut document)?;
        if dry || builds.is_empty() {
            return Ok(builds);
        }
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let (builds, removed) = remove(document)?;
            let changed = !builds.is_empty();
            Ok(Change::when(changed, builds).removing(removed))
        };
        repo.change(VERSION, Vec::new(), change).await
    }
}

/// Removes old builds from a document: which they are, and the bytes that they had.
fn remove(
    document: &mut Document<Head>,
    (name, artifact, version): (&str, &ArtifactId, &VersionName),
    keep: Keep,
    now: i64,
) -> Result<(Vec<PrunedBuild>, Vec<StoredBytes>), Error> {
    let Document { head, entries, .. } = document;
    let (mut builds, mut removed) = (Vec::new(), Vec::new());
    for (build, files) in snapshot::outdated(entries, artifact, version, keep)? {
        let mut pruned = PrunedBuild {
            artifact: name.to_owned(),
            version: version.of_build(&build),
            files: files.len(),
            bytes: 0,
        };
        for file in files {
            if let Some(entry) = entries.get(&*file) {
                pruned.bytes += Entry::parse(entry)?.size;
            }
            removed.push(change::delete(head, entries, version, &file, now)?);
        }
        builds.push(pruned);
    }
    Ok((builds, removed))
}

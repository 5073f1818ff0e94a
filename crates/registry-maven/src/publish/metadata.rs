//! `PUT` of metadata: taken for what the registry cannot know by itself, the prefixes of plugins.

use http::StatusCode;
use registry_core::{
    Body, Error, ErrorKind,
    auth::Action,
    digest::Algorithm,
    protocol,
    store::{Change, Document, Repo, Resource},
};

use crate::{
    Answer, Call, GroupId,
    checksum::MAX_CHECKSUM,
    document::Prefix,
    layout::{self, PLUGIN},
    metadata::{self, Plugin},
    name::Levels,
};

impl Call<'_> {
    /// Takes metadata, or its checksum, which is not that of what the registry makes of it.
    pub(crate) async fn put_metadata(
        &self,
        folder: &[String],
        checksum: Option<Algorithm>,
        body: Body,
    ) -> Answer {
        if self.granted.identity().read_only {
            let message = "a read-only token can change nothing";
            return Err(Error::new(ErrorKind::Denied, message));
        }
        if checksum.is_some() {
            body.collect(MAX_CHECKSUM as usize).await?;
            return Ok(protocol::empty(StatusCode::OK));
        }
        let plugins = metadata::read(&body.collect(self.config.max_metadata).await?)?;
        let levels = Levels::of(folder);
        match levels.group.filter(|_| !plugins.is_empty()) {
            Some(group) => self.put_plugins(&group, plugins).await?,
            None => {
                self.check_versions(&levels.snapshot, &levels.artifact)
                    .await?
            }
        }
        Ok(protocol::empty(StatusCode::OK))
    }

    /// Refuses who may not write an artifact, or the snapshot of one.
    async fn check_versions(
        &self,
        snapshot: &Option<(GroupId, crate::ArtifactId, crate::VersionName)>,
        artifact: &Option<(GroupId, crate::ArtifactId)>,
    ) -> Result<(), Error> {
        let of = match (snapshot, artifact) {
            (Some((group, artifact, version)), _) => {
                self.check_policy(version)?;
                layout::artifact(group, artifact)?
            }
            (None, Some((group, artifact))) => layout::artifact(group, artifact)?,
            (None, None) => {
                let message = "there is no such folder of an artifact or of a group of plugins";
                return Err(Error::new(ErrorKind::InvalidName, message));
            }
        };
        self.granted.authorize(&of, Action::Write).await.map(drop)
    }

    /// Takes the plugins of a group. A client sends all that it was told of, those of others among
    /// them: what it may not change is left as it is.
    async fn put_plugins(&self, group: &GroupId, plugins: Vec<Plugin>) -> Result<(), Error> {
        let mut targets: Vec<(Repo, Plugin)> = Vec::new();
        let mut other: Option<Resource> = None;
        for plugin in plugins {
            let of = layout::artifact(group, &plugin.artifact.parse()?)?;
            if self.granted.may(&of.name, Action::Write).await? {
                let repo = self.granted.authorize(&of, Action::Write).await?;
                targets.push((repo, plugin));
            } else {
                other = Some(of);
            }
        }
        if let (true, Some(of)) = (targets.is_empty(), other) {
            self.granted.authorize(&of, Action::Write).await?;
        }
        let now = self.now();
        for (repo, plugin) in targets {
            let known = repo.head::<Prefix>(PLUGIN).await?;
            if known.is_some_and(|known| is_same(&known, &plugin)) {
                continue;
            }
            let change = move |document: &mut Document<Prefix>| -> Result<_, Error> {
                let changed = !is_same(&document.head, &plugin);
                if changed {
                    document.head = Prefix {
                        prefix: plugin.prefix.clone(),
                        name: plugin.name.clone(),
                        at: now,
                    };
                }
                Ok(Change::when(changed, ()))
            };
            repo.change(PLUGIN, Vec::new(), change).await?;
        }
        Ok(())
    }
}

fn is_same(known: &Prefix, plugin: &Plugin) -> bool {
    known.prefix == plugin.prefix && known.name == plugin.name
}

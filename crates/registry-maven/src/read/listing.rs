//! What is in a folder.

use std::{collections::BTreeSet, fmt::Write as _};

use http::StatusCode;
use registry_core::{Error, auth::Action, protocol};

use crate::{
    Answer, Call, GroupId,
    checksum::ALGORITHMS,
    document::Head,
    layout::{self, VERSION},
    name::{Levels, METADATA},
    view::{Artifacts, folders_of},
};

/// What a folder holds.
#[derive(Default)]
struct Folder {
    folders: BTreeSet<String>,
    files: BTreeSet<String>,
}

impl Call<'_> {
    /// A page of what is in a folder.
    pub(crate) async fn folder(&self, path: &[String]) -> Answer {
        let mut found = Folder::default();
        self.groups(path, &mut found).await?;
        self.versions(path, &mut found).await?;
        self.files(path, &mut found).await?;
        if found.folders.is_empty() && found.files.is_empty() && !path.is_empty() {
            return Err(Error::not_found("there is nothing at this address"));
        }
        let levels = Levels::of(path);
        let stamp = self.granted.view(|all: &Artifacts| all.stamp(&levels));
        if stamp.await?.is_some() {
            found.add(METADATA);
        }
        let title = format!("/{}", path.join("/"));
        let page = protocol::page(StatusCode::OK, &title, &html(&title, path, &found));
        Ok(protocol::revalidated(page))
    }

    /// The groups and artifacts in a folder.
    async fn groups(&self, path: &[String], found: &mut Folder) -> Result<(), Error> {
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let group = match GroupId::of_path(&segments) {
            Ok(group) => group.to_string(),
            Err(_) if path.is_empty() => String::new(),
            Err(_) => return Ok(()),
        };
        if self.granted.may("*", Action::Read).await? {
            let all = self.granted.view(|all: &Artifacts| all.folders(&group));
            found.folders.extend(all.await?);
            return Ok(());
        }
        let names = self
            .granted
            .view(|all: &Artifacts| all.names(&group))
            .await?;
        let names = self.granted.readable(names).await?;
        found.folders.extend(folders_of(&names, &group));
        Ok(())
    }

    /// The versions in a folder.
    async fn versions(&self, path: &[String], found: &mut Folder) -> Result<(), Error> {
        let Some((group, artifact)) = Levels::of(path).artifact else {
            return Ok(());
        };
        let name = format!("{group}:{artifact}");
        if !self.granted.may(&name, Action::Read).await? {
            return Ok(());
        }
        let versions = self.granted.view(|all: &Artifacts| all.versions(&name));
        let policy = self.config.policy;
        let shown = versions.await?.into_iter();
        let shown = shown.filter(|text| text.parse().is_ok_and(|version| policy.allows(&version)));
        found.folders.extend(shown);
        Ok(())
    }

    /// The files in a folder that is a version's.
    async fn files(&self, path: &[String], found: &mut Folder) -> Result<(), Error> {
        let Some((version, above)) = path.split_last() else {
            return Ok(());
        };
        let (Some((group, artifact)), Ok(version)) = (Levels::of(above).artifact, version.parse())
        else {
            return Ok(());
        };
        let resource = layout::version(&group, &artifact, &version)?;
        if !self.config.policy.allows(&version)
            || !self.granted.may(&resource.name, Action::Read).await?
        {
            return Ok(());
        }
        let repo = self.granted.authorize(&resource, Action::Read).await?;
        let document = repo.document::<Head>(VERSION).await?;
        let document = document.map(|document| (document.head, document.entries));
        let (head, entries) = document.unwrap_or_default();
        let published = self.published(&head).await?;
        let names = entries.keys().map(|name| &**name);
        let waiting = published.iter().flat_map(|(part, _)| part.files.keys());
        let waiting = waiting.filter(|name| !head.gone.contains(*name));
        for name in names.chain(waiting.map(String::as_str)) {
            found.add(name);
        }
        if version.is_snapshot() && !entries.is_empty() {
            found.add(METADATA);
        }
        Ok(())
    }
}

impl Folder {
    /// Adds a file with its checksums.
    fn add(&mut self, file: &str) {
        let sums = ALGORITHMS.map(|algorithm| format!("{file}.{}", algorithm.as_str()));
        self.files.extend(sums);
        self.files.insert(file.to_owned());
    }
}

/// The page's body: links that are relative, as those who read it by program take them.
fn html(title: &str, path: &[String], found: &Folder) -> String {
    let mut out = format!("<h1>{}</h1>\n<pre>\n", protocol::escape(title));
    if !path.is_empty() {
        out.push_str("<a href=\"../\">../</a>\n");
    }
    let folders = found.folders.iter().map(|name| format!("{name}/"));
    for name in folders.chain(found.files.iter().cloned()) {
        let name = protocol::escape(&name);
        let _ = writeln!(out, "<a href=\"{name}\">{name}</a>");
    }
    out.push_str("</pre>\n");
    out
}

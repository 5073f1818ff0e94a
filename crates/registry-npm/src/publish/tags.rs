//! Tags, access, and what is unpublished.

use std::collections::BTreeMap;

use http::StatusCode;
use registry_core::{
    Body, Error as CoreError, ErrorKind, protocol,
    store::{Change, Document, StoredBytes},
};
use serde::Deserialize;

use super::check_writer;
use crate::{
    Answer, Call, Error, PackageName, Tag,
    document::{Entries, Head, change, is_stale},
    layout::DOCUMENT,
    read::{done, version_of},
};

/// The most bytes of these requests' bodies.
pub(super) const MAX_BODY: usize = 1 << 20;

#[derive(Deserialize)]
struct SetAccess {
    access: Option<String>,
    /// `npm access set mfa=…`.
    publish_requires_tfa: Option<bool>,
}

impl Call<'_> {
    /// Changes a package that exists.
    pub(super) async fn edit(
        &self,
        mut edit: impl FnMut(&mut Head, &mut Entries, u64) -> Result<Vec<StoredBytes>, Error>
        + Send
        + 'static,
    ) -> Result<(), Error> {
        let writer = self.writer();
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            if document.revision == 0 || document.head.deleted {
                return Err(CoreError::not_found("package not found").into());
            }
            check_writer(&writer, &document.head)?;
            let Document {
                head,
                entries,
                revision,
                ..
            } = document;
            let removed = edit(head, entries, *revision)?;
            Ok(Change::write(()).removing(removed))
        };
        self.granted
            .repo()?
            .change(DOCUMENT, Vec::new(), change)
            .await
    }

    /// Points one tag to a version.
    pub(crate) async fn set_tag(&self, tag: Tag, body: Body) -> Answer {
        let version: String = protocol::read_json(body, MAX_BODY).await?;
        let now = self.now();
        self.edit(move |head, entries, _| {
            change::set_tag(head, entries, &tag, &version, &now)?;
            Ok(Vec::new())
        })
        .await?;
        done(StatusCode::CREATED)
    }

    /// Points several tags to versions.
    pub(crate) async fn set_tags(&self, body: Body) -> Answer {
        let tags: BTreeMap<String, String> = protocol::read_json(body, MAX_BODY).await?;
        let parsed = tags
            .into_iter()
            .map(|(tag, version)| Ok((tag.parse::<Tag>()?, version)));
        let tags = parsed.collect::<Result<Vec<_>, CoreError>>()?;
        let now = self.now();
        self.edit(move |head, entries, _| {
            for (tag, version) in &tags {
                change::set_tag(head, entries, tag, version, &now)?;
            }
            Ok(Vec::new())
        })
        .await?;
        done(StatusCode::CREATED)
    }

    /// Takes one tag away.
    pub(crate) async fn remove_tag(&self, tag: Tag) -> Answer {
        let now = self.now();
        self.edit(move |head, _, _| {
            change::remove_tag(head, &tag, &now)?;
            Ok(Vec::new())
        })
        .await?;
        done(StatusCode::OK)
    }

    /// Records `public` or `restricted`.
    pub(crate) async fn set_access(&self, body: Body) -> Answer {
        let SetAccess {
            access,
            publish_requires_tfa,
        } = protocol::read_json(body, MAX_BODY).await?;
        if publish_requires_tfa == Some(true) {
            let message = "this registry has no second factor that a publish could require";
            return Err(CoreError::new(ErrorKind::Unsupported, message).into());
        }
        if !matches!(access.as_deref(), None | Some("public" | "restricted")) {
            return Err(CoreError::invalid("access is either public or restricted").into());
        }
        self.edit(move |head, _, _| {
            head.access = access.clone().or(head.access.take());
            Ok(Vec::new())
        })
        .await?;
        done(StatusCode::OK)
    }

    /// Takes the whole package away.
    pub(crate) async fn unpublish(&self, rev: String) -> Answer {
        let now = self.now();
        self.edit(move |head, entries, revision| {
            change::unpublish(head, entries, is_stale(Some(&rev), revision), &now)
        })
        .await?;
        done(StatusCode::OK)
    }

    /// The last step of unpublishing a version, which went with its place in the packument.
    pub(crate) async fn delete_tarball(&self, name: &PackageName, file: &str) -> Answer {
        let version = version_of(name, file).unwrap_or_default();
        if self
            .granted
            .repo()?
            .entry(DOCUMENT, version)
            .await?
            .is_some()
        {
            let message = "the tarball belongs to a version that is published; unpublish that";
            return Err(CoreError::invalid(message).into());
        }
        done(StatusCode::OK)
    }
}

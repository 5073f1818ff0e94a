//! A manifest that is pushed.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    digest::{Algorithm, Digest, random_hex},
    protocol::{self, Protocol},
    store::{Change, Document, Hold, Repo},
    task,
};

use super::{
    condition::Condition,
    references::Missing,
    referrers,
    tags::{self, Target},
};
use crate::{
    Answer, Call, Oci, Reference, RepositoryName, Tag,
    blobs::header_of,
    document,
    error::{Code, Error, Result},
    layout,
    read::DOCKER_CONTENT_DIGEST,
    wire::{self, Kind},
};

/// A manifest that passed all checks, on its way into its repository.
struct Push {
    repo: Repo,
    hold: Hold,
    digest: Digest,
    manifest: wire::Manifest,
    text: Bytes,
    /// What the manifest becomes if it is not there yet.
    head: document::Manifest,
    tags: Vec<Tag>,
    /// What is asked of the manifest that is pushed by its digest.
    condition: Condition,
    /// What the tag has to name still, where something was asked of that.
    before: Option<Option<Target>>,
}

impl Call<'_> {
    /// Takes a manifest in, under its digest and any tags.
    pub(crate) async fn put_manifest(
        &self,
        name: &RepositoryName,
        reference: Reference,
        mut tags: Vec<Tag>,
        body: Body,
    ) -> Answer {
        let text = body.collect(self.config.max_manifest).await;
        let text = text.map_err(|error| self.too_large(error))?;
        let manifest = wire::Manifest::parse(self.content_type()?, &text)?;
        let digest = match &reference {
            Reference::Digest(digest) => check_digest(digest, &text)?,
            Reference::Tag(_) => Digest::of(Algorithm::Sha256, &text),
        };
        let answer = self.pushed(name, &digest, &manifest, &tags)?;
        let repo = self.granted.repo()?.clone();
        let (mut condition, mut before) = (Condition::of(self.headers), None);
        if let Reference::Tag(tag) = reference {
            let condition = std::mem::take(&mut condition);
            if !condition.is_none() {
                let target = tags::target(&repo, &tag).await?;
                let alive = tags::is_alive(&repo, target.as_ref()).await?;
                let there = target.as_ref().filter(|_| alive);
                condition.check(there.map(|(digest, _)| digest))?;
                before = Some(target);
            }
            tags.push(tag);
        }
        if let Some(subject) = &manifest.subject {
            referrers::check_room(&repo, subject, &digest).await?;
        }
        let hold = self.check_references(&manifest).await?;
        let head = document::Manifest {
            digest: Some(digest.clone()),
            media_type: manifest.media_type.to_owned(),
            size: text.len() as u64,
            subject: manifest.subject.clone(),
            blobs: manifest.blobs(),
            manifests: manifest.digests(|what| what == wire::What::Manifest),
            incarnation: random_hex::<4>()?,
            gone: false,
            doubtful: false,
            pushed: self.now(),
        };
        let push = Push {
            repo,
            hold,
            digest,
            manifest,
            text,
            head,
            tags,
            condition,
            before,
        };
        task::carry_through(push.commit()).await??;
        Ok(answer)
    }

    /// A body that is too long, with the name of the setting that bounds it.
    fn too_large(&self, error: CoreError) -> Error {
        if error.kind() != ErrorKind::TooLarge {
            return error.into();
        }
        let (most, mount) = (self.config.max_manifest, &*self.context.mount);
        let section = if mount == Oci::NAME { "" } else { "mount." };
        let message = format!(
            "the manifest has more than the {most} bytes that are taken here; make it smaller, or \
             have {section}{mount}.max_manifest raised"
        );
        CoreError::new(ErrorKind::TooLarge, message).into()
    }

    fn content_type(&self) -> Result<Option<&str>> {
        let value = self.headers.get(header::CONTENT_TYPE);
        let text = value.map(|value| value.to_str()).transpose();
        text.map_err(|_| Error::new(Code::ManifestInvalid, "the Content-Type is not ASCII"))
    }

    /// The answer to a push that will have gone well.
    fn pushed(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        manifest: &wire::Manifest,
        tags: &[Tag],
    ) -> Result<Response<Body>> {
        let mut response = protocol::empty(StatusCode::CREATED);
        let location = self.location(&format!("/{name}/manifests/{digest}"))?;
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, location);
        headers.insert(DOCKER_CONTENT_DIGEST, header_of(digest)?);
        if let Some(subject) = &manifest.subject {
            headers.insert("oci-subject", header_of(subject)?);
        }
        for tag in tags {
            let tag = HeaderValue::try_from(tag.as_str()).map_err(CoreError::internal)?;
            headers.append("oci-tag", tag);
        }
        Ok(response)
    }
}

impl Push {
    /// Writes it all, in an order in which whatever is seen is whole.
    async fn commit(self) -> Result<()> {
        let (born, incarnation) = self.put().await?;
        let lost = self.hold.confirm().await?;
        let lost = Missing::of(&self.manifest, &lost);
        if !lost.is_empty() {
            self.take_back(born, &incarnation, lost).await?;
        }
        if let Some(subject) = &self.manifest.subject {
            let size = self.head.size;
            let entry = referrers::Entry::new(&self.manifest, &self.digest, size, &incarnation)?;
            referrers::add(&self.repo, subject, entry).await?;
        }
        tags::set(
            &self.repo,
            &self.digest,
            &incarnation,
            self.tags,
            self.before,
            &self.head.pushed,
        )
        .await
    }

    /// Makes a tombstone of this life of the manifest, whose blobs were lost, if it began with this push;
    /// unless somebody else has pushed the manifest since, with its blobs.
    async fn take_back(&self, born: bool, incarnation: &str, lost: Missing) -> Result<()> {
        let doubted = if born {
            doubt(&self.repo, &self.digest, incarnation).await?
        } else {
            None
        };
        // Whoever pushes the manifest from now on takes the doubt away; whoever did before has brought
        // the blobs.
        let hold = self.repo.hold(lost.digests()).await?;
        let Some(error) = Missing::of(&self.manifest, hold.missing()).into_error() else {
            return Ok(());
        };
        if let Some(revision) = doubted {
            bury(&self.repo, &self.digest, Some(revision)).await?;
        }
        Err(error)
    }

    /// Writes the manifest; tells whether it was not there before, and which life of it this is.
    async fn put(&self) -> Result<(bool, String)> {
        let text = std::str::from_utf8(&self.text).map_err(CoreError::internal)?;
        let content = serde_json::to_vec(text).map_err(CoreError::internal)?;
        let content = Bytes::from(content);
        let (head, text) = (self.head.clone(), self.text.clone());
        let media_type = self.manifest.media_type;
        let (condition, digest) = (self.condition.clone(), self.digest.clone());
        let change = move |document: &mut Document<document::Manifest>| -> Result<_> {
            let there = &document.head;
            let alive = there.is_alive();
            let ours = there.incarnation.ends_with(&head.incarnation);
            if !ours {
                condition.check(alive.then_some(&digest))?;
            }
            if alive && !there.doubtful && there.media_type == head.media_type {
                // One whose answer was lost comes again, and finds what it wrote.
                return Ok(Change::keep((ours, there.incarnation.clone())));
            }
            let mut next = head.clone();
            if alive {
                next.incarnation.clone_from(&there.incarnation);
            } else {
                // Of two lives, the one that is greater came later.
                let order = document.revision.saturating_add(1) & u64::from(u32::MAX);
                next.incarnation = format!("{order:08x}{}", head.incarnation);
            }
            let incarnation = next.incarnation.clone();
            document.head = next;
            document
                .entries
                .insert(document::CONTENT.into(), content.clone());
            Ok(Change::write((!alive, incarnation)).putting(media_type, text.clone()))
        };
        let file = layout::manifest(&self.digest);
        self.repo.change(&file, Vec::new(), change).await
    }
}

/// Writes into a manifest that its blobs may be lost, if it still has this life; the document's revision
/// then.
async fn doubt(repo: &Repo, digest: &Digest, incarnation: &str) -> Result<Option<u64>> {
    let life = incarnation.to_owned();
    let change = move |document: &mut Document<document::Manifest>| -> Result<_> {
        if !document.head.is_alive() || document.head.incarnation != life {
            return Ok(Change::keep(None));
        }
        document.head.doubtful = true;
        Ok(Change::write(Some(document.revision + 1)))
    };
    repo.change(&layout::manifest(digest), Vec::new(), change)
        .await
}

/// Makes a tombstone of a manifest: of this revision of it, or of whichever it has. Gives what it was,
/// or nothing if it was not there.
pub(super) async fn bury(
    repo: &Repo,
    digest: &Digest,
    revision: Option<u64>,
) -> Result<Option<document::Manifest>> {
    let of = digest.clone();
    let change = move |document: &mut Document<document::Manifest>| -> Result<_> {
        let other = revision.is_some_and(|revision| revision != document.revision);
        if !document.head.is_alive() || other {
            return Ok(Change::keep(None));
        }
        let tombstone = document::Manifest {
            digest: Some(of.clone()),
            gone: true,
            ..document::Manifest::default()
        };
        document.entries.clear();
        let was = std::mem::replace(&mut document.head, tombstone);
        let (media_type, _) = wire::known(&was.media_type).unwrap_or((wire::IMAGE, Kind::Image));
        let size = was.size;
        Ok(Change::write(Some(was)).deleting(media_type, size))
    };
    let file = layout::manifest(digest);
    repo.change(&file, Vec::new(), change).await
}

/// Refuses bytes that are not what the address says.
fn check_digest(digest: &Digest, text: &[u8]) -> Result<Digest> {
    let found = Digest::of(digest.algorithm(), text);
    if found == *digest {
        return Ok(found);
    }
    let message = format!("the manifest's digest is {found}, and the address says {digest}");
    Err(Error::new(Code::DigestInvalid, message))
}

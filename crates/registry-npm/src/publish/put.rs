//! `PUT /{pkg}`: a publish, streamed, or a change of what may change.

use bytes::Bytes;
use http::StatusCode;
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    auth::{Action, Writer},
    digest::Algorithm,
    store::{Change, Document, Incoming, Inspection, Repo, StageWriter, Staged},
};

use super::{
    Bundle, Event, Publication, PublishScanner, Stored,
    check::{self, is_publish},
    check_writer,
    tags::MAX_BODY,
};
use crate::{
    Answer, Call, Error, PackageName,
    document::{
        Head,
        change::{self, Published, Put, Release},
        is_stale,
    },
    layout::{self, DOCUMENT, PROVENANCE, PROVENANCE_TYPE, TARBALL, TARBALL_TYPE},
    read::done,
    tarball::{self, Inspected},
    users::NOBODY,
    wire::PutDocument,
};

const DIGESTS: &[Algorithm] = &[Algorithm::Sha1, Algorithm::Sha512];

/// A tarball on its way in.
struct Tarball {
    file: String,
    writer: StageWriter,
    inspection: Inspection<Inspected>,
}

impl Call<'_> {
    /// A publish, or a change.
    pub(crate) async fn put(&self, name: PackageName, rev: Option<String>, body: Body) -> Answer {
        let (document, tarball) = self.receive(&name, body).await?;
        let parsed = check::parse(&document)?;
        if is_publish(&parsed) {
            let tarball = tarball.ok_or_else(|| CoreError::invalid("the tarball has no data"))?;
            return self.publish(&name, &parsed, tarball).await;
        }
        if tarball.is_some() {
            return Err(CoreError::invalid("the tarball is not among _attachments").into());
        }
        self.change(&name, rev, document).await
    }

    /// The repository, for one who may write it.
    async fn writable(&self, name: &PackageName) -> Result<Repo, CoreError> {
        self.granted
            .authorize(&layout::resource(name)?, Action::Write)
            .await
    }

    /// Reads the body: the document without its attachments, and the tarball, stored as it came.
    async fn receive(
        &self,
        name: &PackageName,
        mut body: Body,
    ) -> Result<(Bytes, Option<Tarball>), CoreError> {
        let most = self.most_of_a_document(name).await?;
        let mut scanner = PublishScanner::new(most);
        let mut tarball: Option<Tarball> = None;
        while let Some(bytes) = body.next().await {
            let events = match scanner.feed(&bytes?) {
                Err(error) if error.kind() == ErrorKind::TooLarge => {
                    self.writable(name).await?;
                    return Err(error);
                }
                events => events?,
            };
            for event in events {
                match (event, &mut tarball) {
                    (Event::Start { file }, None) => {
                        tarball = Some(self.begin(name, file).await?);
                    }
                    (Event::Start { .. }, Some(_)) => {
                        return Err(CoreError::invalid("a publish holds exactly one tarball"));
                    }
                    (Event::Data(data), Some(tarball)) => {
                        tarball.inspection.feed(data.clone()).await;
                        tarball.writer.write(data).await?;
                    }
                    (Event::Data(_) | Event::End, _) => {}
                }
            }
        }
        Ok((scanner.finish()?.into(), tarball))
    }

    /// How large a document may be that whoever asks may put here: without the right to write, they
    /// can only give or take a star.
    async fn most_of_a_document(&self, name: &PackageName) -> Result<usize, CoreError> {
        if self.granted.may(name.as_str(), Action::Write).await? {
            return Ok(self.config.max_document);
        }
        self.granted.user()?;
        Ok(self.config.max_document.min(MAX_BODY))
    }

    async fn begin(&self, name: &PackageName, file: String) -> Result<Tarball, CoreError> {
        let incoming = Incoming {
            stem: &layout::stem(name, &file),
            extension: TARBALL,
            content_type: TARBALL_TYPE,
            size: None,
            limit: self.config.max_tarball,
            digests: DIGESTS,
        };
        let writer = self.writable(name).await?.stage(&incoming).await?;
        let limits = self.config.unpacked.clone();
        let inspect = move |reader: &mut dyn std::io::Read| tarball::inspect(reader, &limits);
        let inspection = Inspection::start(self.granted.actor(), inspect).await?;
        Ok(Tarball {
            file,
            writer,
            inspection,
        })
    }

    async fn publish(
        &self,
        name: &PackageName,
        document: &PutDocument<'_>,
        tarball: Tarball,
    ) -> Answer {
        let repo = self.writable(name).await?;
        let publication = Publication::check(name, document)?;
        if publication.attachment != tarball.file {
            return Err(CoreError::invalid("the tarball's data stands under another name").into());
        }
        let inspected = tarball.inspection.finish().await?;
        let staged = tarball.writer.finish().await?;
        let provenance = match &publication.provenance {
            Some(bundle) => Some(self.stage_bundle(&repo, &publication, bundle).await?),
            None => None,
        };
        let publisher = self.person().await?;
        let bundle = provenance
            .as_ref()
            .map(|bundle| bundle.stored(Algorithm::Sha512));
        let stored = Stored {
            file: staged.file(),
            size: staged.size(),
            digests: staged.digests(),
            inspected: &inspected,
            provenance: bundle.as_ref(),
        };
        let release = publication.release(&stored, publisher, &self.now())?;
        let staged = [Some(staged), provenance].into_iter().flatten().collect();
        self.commit(&repo, name, release, staged).await
    }

    async fn stage_bundle(
        &self,
        repo: &Repo,
        publication: &Publication<'_>,
        bundle: &Bundle,
    ) -> Result<Staged, CoreError> {
        let incoming = Incoming {
            stem: &format!("{}-{}", publication.name.unscoped(), publication.version),
            extension: PROVENANCE,
            content_type: PROVENANCE_TYPE,
            size: Some(bundle.text.len() as u64),
            limit: self.config.max_document as u64,
            digests: DIGESTS,
        };
        let mut writer = repo.stage(&incoming).await?;
        writer.write(bundle.text.clone().into()).await?;
        writer.finish().await
    }

    async fn commit(
        &self,
        repo: &Repo,
        name: &PackageName,
        release: Release,
        staged: Vec<Staged>,
    ) -> Answer {
        let (writer, name) = (self.writer(), name.clone());
        let publish = move |document: &mut Document<Head>| -> Result<_, Error> {
            if document.revision == 0 {
                name.check_new()?;
            }
            check_writer(&writer, &document.head)?;
            let Document { head, entries, .. } = document;
            Ok(match change::publish(head, entries, &release)? {
                Published::New => Change::write(()),
                Published::Replay => Change::keep(()),
            })
        };
        repo.change(DOCUMENT, staged, publish).await?;
        done(StatusCode::CREATED)
    }

    /// A document put back without a tarball.
    async fn change(&self, name: &PackageName, rev: Option<String>, body: Bytes) -> Answer {
        let only_stars = check::is_star(&check::parse(&body)?);
        let repo = if only_stars {
            self.granted.changer()?;
            let resource = layout::resource(name)?;
            self.granted.authorize(&resource, Action::Read).await?
        } else {
            self.writable(name).await?
        };
        let may_remove = self.granted.may(name.as_str(), Action::Delete).await?;
        let (writer, now) = (self.writer(), self.now());
        let name = name.clone();
        let put = move |document: &mut Document<Head>| -> Result<_, Error> {
            let put_back = check::parse(&body)?;
            if document.entries.is_empty() {
                return Err(CoreError::not_found("package not found").into());
            }
            check::names(&name, &put_back)?;
            if !only_stars {
                check_writer(&writer, &document.head)?;
            }
            let put = Put {
                user: writer.user().unwrap_or(NOBODY),
                now: &now,
                stale: is_stale(
                    rev.as_deref().or(put_back.rev.as_deref()),
                    document.revision,
                ),
                removes: rev.is_some(),
            };
            let Document { head, entries, .. } = document;
            let removed = change::put(head, entries, &put_back, put)?;
            if !removed.is_empty() && !may_remove {
                let message = "these credentials may not unpublish";
                return Err(CoreError::new(ErrorKind::Denied, message).into());
            }
            Ok(Change::write(()).removing(removed))
        };
        repo.change(DOCUMENT, Vec::new(), put).await?;
        done(StatusCode::OK)
    }

    /// Who asks, for checks within a change.
    pub(super) fn writer(&self) -> Writer {
        self.granted.writer(self.config.owners_enforced)
    }
}

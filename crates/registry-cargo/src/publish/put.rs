//! `PUT /api/v1/crates/new`: a publish, streamed.

use bytes::Bytes;
use http::StatusCode;
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    auth::Action,
    digest::Algorithm,
    protocol,
    store::{Change, Document, Incoming, Inspection, Repo, StageWriter, StoredBytes},
};

use super::{Event, Publication, PublishScanner, check::parse_name, check_owner, parse};
use crate::{
    Answer, Call, CrateName, Error, Version,
    document::{
        Head,
        change::{self, Release},
    },
    layout::{self, CRATE, CRATE_TYPE, DOCUMENT},
    tarball,
    wire::Published,
};

/// A crate file on its way in.
struct CrateFile {
    writer: StageWriter,
    inspection: Inspection<Vec<u8>>,
}

/// What is to be published, by one who may write it.
struct Target {
    name: CrateName,
    version: Version,
    repo: Repo,
    /// The metadata as it was sent: what is made of it takes many times as much memory, and is not to
    /// be held for as long as the crate file takes to come.
    metadata: Bytes,
}

impl Call<'_> {
    /// A publish.
    pub(crate) async fn publish(&self, mut body: Body) -> Answer {
        let mut scanner = PublishScanner::new(self.config.metadata.size, body.length());
        let mut target: Option<Target> = None;
        let mut file: Option<CrateFile> = None;
        while let Some(bytes) = body.next().await {
            for event in scanner.feed(bytes?)? {
                match event {
                    Event::Metadata(json) => target = Some(self.target(&json).await?),
                    Event::Start(size) => file = Some(self.begin(target.as_ref(), size).await?),
                    Event::Data(data) => {
                        let file = file.as_mut().ok_or_else(out_of_order)?;
                        file.inspection.feed(data.clone()).await;
                        file.writer.write(data).await?;
                    }
                }
            }
        }
        scanner.finish()?;
        let Target { repo, metadata, .. } = target.ok_or_else(out_of_order)?;
        let CrateFile { writer, inspection } = file.ok_or_else(out_of_order)?;
        let manifest = inspection.finish().await?;
        let staged = writer.finish().await?;
        let stored = staged.stored(Algorithm::Sha256);
        let release = self.release(&metadata, &manifest, &stored)?;
        self.commit(&repo, release, staged).await
    }

    /// What the metadata asks to publish, if it is in order and whoever asks may.
    async fn target(&self, json: &Bytes) -> Result<Target, CoreError> {
        let resource = layout::resource(&parse_name(json)?)?;
        let repo = self.granted.authorize(&resource, Action::Write).await?;
        let Publication { name, version, .. } =
            Publication::check(parse(json)?, &self.config.metadata)?;
        Ok(Target {
            name,
            version,
            repo,
            // Not a part of some larger buffer.
            metadata: Bytes::copy_from_slice(json),
        })
    }

    /// The version that metadata and manifest together make, of a crate file that was stored. It does
    /// not wait for anything, so that few publishes at a time hold what they were read to.
    fn release(
        &self,
        metadata: &[u8],
        manifest: &[u8],
        stored: &StoredBytes,
    ) -> Result<Release, CoreError> {
        let publication = Publication::check(parse(metadata)?, &self.config.metadata)?;
        let manifest = tarball::manifest(manifest)?;
        let publisher = self.writer().user().map(str::to_owned);
        publication.release(&manifest, stored, publisher, &self.now())
    }

    async fn begin(&self, target: Option<&Target>, size: u32) -> Result<CrateFile, CoreError> {
        let target = target.ok_or_else(out_of_order)?;
        let limit = self.config.max_crate;
        if u64::from(size) > limit {
            let message = format!("the crate file has {size} bytes, and may have {limit} at most");
            return Err(CoreError::new(ErrorKind::TooLarge, message));
        }
        let (name, version) = (target.name.clone(), target.version.clone());
        let incoming = Incoming {
            stem: &layout::stem(&name, &version),
            extension: CRATE,
            content_type: CRATE_TYPE,
            size: Some(size.into()),
            limit,
            digests: &[Algorithm::Sha256],
        };
        let writer = target.repo.stage(&incoming).await?;
        let limits = self.config.unpacked.clone();
        let inspect = move |reader: &mut dyn std::io::Read| {
            tarball::inspect(reader, &name, &version, &limits)
        };
        let inspection = Inspection::start(self.granted.actor(), inspect).await?;
        Ok(CrateFile { writer, inspection })
    }

    async fn commit(
        &self,
        repo: &Repo,
        release: Release,
        staged: registry_core::store::Staged,
    ) -> Answer {
        let writer = self.writer();
        let again = format!(
            "crate version `{}` was uploaded before with the same content",
            release.version
        );
        let publish = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            change::check_alike(head, &release.name)?;
            check_owner(&writer, head)?;
            let published = change::publish(head, entries, &release)?;
            Ok(match published {
                change::Published::New => Change::write(published),
                change::Published::Replay => Change::keep(published),
            })
        };
        let mut answer = Published::default();
        if repo.change(DOCUMENT, vec![staged], publish).await? == change::Published::Replay {
            answer.warnings.other.push(again);
        }
        Ok(protocol::json(StatusCode::OK, &answer)?)
    }
}

/// The scanner gives the metadata before the crate file.
fn out_of_order() -> CoreError {
    CoreError::internal("a publish came out of order")
}

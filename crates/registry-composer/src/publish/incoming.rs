//! A zip on its way in.

use bytes::Bytes;
use registry_core::{
    Error, ErrorKind, Result,
    auth::Action,
    digest::Algorithm,
    store::{self, Incoming, Inspection, Repo, StageWriter, Staged},
};

use crate::{
    Call, PackageName,
    archive::{Early, inspect, refused},
    composer_json::ComposerJson,
    layout::{self, ZIP, ZIP_TYPE},
};

/// A zip on its way in.
pub(super) struct Zip<'c> {
    call: &'c Call<'c>,
    is_named: bool,
    inspection: Inspection<Bytes>,
    early: Early,
    to: Sink,
}

/// Where its bytes go.
enum Sink {
    /// Nowhere, until its `composer.json` says of which package it is.
    Held(Held),
    Stored(Box<Target>),
}

/// Where the bytes of a package go.
struct Target {
    name: PackageName,
    repo: Repo,
    writer: StageWriter,
}

/// A zip that came in and is stored.
pub(super) struct Arrived {
    /// The package that it may be written to.
    pub(super) name: PackageName,
    /// Where that is.
    pub(super) repo: Repo,
    /// The zip.
    pub(super) staged: Staged,
    /// Its `composer.json`.
    pub(super) json: ComposerJson,
}

impl<'c> Zip<'c> {
    /// A zip begins, of the package that the address named, if it did, and of so many bytes, if they were
    /// announced.
    pub(super) async fn begin(
        call: &'c Call<'c>,
        name: Option<PackageName>,
        announced: Option<u64>,
    ) -> Result<Self> {
        let most = call.config.max_zip;
        if announced.is_some_and(|size| size > most) {
            let message = format!("a zip may have {most} bytes at most");
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let is_named = name.is_some();
        let early = Early::default();
        let (limits, told) = (call.config.zip.clone(), early.clone());
        let look = move |reader: &mut dyn std::io::Read| inspect(reader, &limits, &told);
        let to = match name {
            Some(name) => {
                let repo = call.granted.repo()?.clone();
                Sink::Stored(Box::new(call.target(name, repo).await?))
            }
            None => Sink::Held(Held::default()),
        };
        Ok(Self {
            call,
            is_named,
            inspection: Inspection::start(call.granted.actor(), look).await?,
            early,
            to,
        })
    }

    /// More of it.
    pub(super) async fn take(&mut self, data: Bytes) -> Result<()> {
        self.inspection.feed(data.clone()).await;
        match &mut self.to {
            Sink::Stored(target) => target.writer.write(data).await,
            Sink::Held(held) => {
                held.push(data, self.call.config.max_held)?;
                let early = self.early.get().filter(|_| held.fault.is_none());
                match early.map(|json| ComposerJson::parse(json)) {
                    Some(Ok(json)) => {
                        self.to = Sink::Stored(Box::new(self.call.settle(held, &json).await?));
                    }
                    Some(Err(fault)) => held.fault = Some(fault),
                    None => {}
                }
                Ok(())
            }
        }
    }

    /// It is whole.
    pub(super) async fn finish(self) -> Result<Arrived> {
        let json = self.inspection.finish().await?;
        if !self.is_named && self.early.get().is_some_and(|early| *early != json) {
            return Err(refused(
                "it has more than one composer.json near its top, and the address names no package; \
                 put it to packages/{vendor}/{package}",
            ));
        }
        let json = ComposerJson::parse(&json)?;
        let target = match self.to {
            Sink::Stored(target) => *target,
            Sink::Held(mut held) => self.call.settle(&mut held, &json).await?,
        };
        Ok(Arrived {
            name: target.name,
            repo: target.repo,
            staged: target.writer.finish().await?,
            json,
        })
    }
}

impl Call<'_> {
    /// Begins to store a zip of a package.
    async fn target(&self, name: PackageName, repo: Repo) -> Result<Target> {
        let incoming = Incoming {
            stem: name.package(),
            extension: ZIP,
            content_type: ZIP_TYPE,
            size: None,
            limit: self.config.max_zip,
            digests: &[Algorithm::Sha1, Algorithm::Sha256],
        };
        let writer = repo.stage(&incoming).await?;
        Ok(Target { name, repo, writer })
    }

    /// Now that it is known what a zip is, stores what was held of it.
    async fn settle(&self, held: &mut Held, json: &ComposerJson) -> Result<Target> {
        let name = json.name.clone();
        let resource = layout::resource(&name)?;
        let repo = self.granted.authorize(&resource, Action::Write).await?;
        let mut target = self.target(name, repo).await?;
        for bytes in std::mem::take(&mut held.bytes) {
            target.writer.write(bytes).await?;
        }
        Ok(target)
    }
}

/// Bytes in memory that nobody knows yet where to put.
#[derive(Default)]
struct Held {
    bytes: Vec<Bytes>,
    count: store::Held,
    /// What is wrong with the `composer.json` that was seen, unless it turns out to be none.
    fault: Option<Error>,
}

impl Held {
    fn push(&mut self, bytes: Bytes, most: usize) -> Result<()> {
        let fits = self.count.grow(bytes.len());
        self.bytes.push(bytes);
        if self.count.size() > most {
            let late = || {
                let message = format!(
                    "composer.json is not among the first {most} bytes of the zip; put it at its \
                     beginning, or put the zip to packages/{{vendor}}/{{package}}"
                );
                Error::new(ErrorKind::TooLarge, message)
            };
            return Err(self.fault.take().unwrap_or_else(late));
        }
        if !fits {
            let message = "too many zips come in whose address names no package; put this one to \
                           packages/{vendor}/{package}, or try again";
            return Err(Error::new(ErrorKind::RateLimited, message));
        }
        Ok(())
    }
}

//! `POST /api/v1/gems`: a push, streamed.

use std::io::Read;

use bytes::Bytes;
use http::header;
use registry_core::{
    Body, Error as CoreError, ErrorKind, Result,
    auth::Action,
    digest::Algorithm,
    multipart::{self, Event, Multipart},
    store::{self, Change, Document, Inspection, Repo, StageWriter, Staged},
};
use serde_json::value::to_raw_value;

use super::{Opening, check_writer, logged, uses};
use crate::{
    Answer, Call, Error, compact,
    document::{
        Entry, Head, Part,
        change::{self, Published, Release},
    },
    gem,
    layout::{self, DOCUMENT, FILE_TYPE, GEM, QUICK},
    marshal, read,
    spec::{Gemspec, Spec},
};

/// What the media types of forms begin with.
const FORMS: &str = "multipart/";
/// The part of a form that is the gem's file.
const GEM_PART: &str = "gem";
/// How much the other parts of a form may hold, in bytes: attestations, which are not looked at.
const MAX_OTHER: usize = 1 << 20;

/// A gem's file on its way in.
enum Incoming {
    /// It has not yet said what it is.
    Opening(Opening),
    /// It has.
    Begun(Box<GemFile>),
}

/// A gem's file that is being stored.
struct GemFile {
    repo: Repo,
    writer: StageWriter,
    inspection: Inspection<Spec>,
}

impl Call<'_> {
    /// A push: the gem's file alone, or in a form with attestations.
    pub(crate) async fn push(&self, mut body: Body) -> Answer {
        self.check_use(uses::PUSH)?;
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let form = content_type.filter(|value| {
            let kind = value.get(..FORMS.len()).unwrap_or_default();
            kind.eq_ignore_ascii_case(FORMS)
        });
        let incoming = match form {
            Some(form) => self.receive_form(form, body).await?,
            None => {
                let announced = body.length();
                let mut incoming = Incoming::Opening(Opening::default());
                while let Some(bytes) = body.next().await {
                    incoming = self.take(incoming, bytes?, announced).await?;
                }
                incoming
            }
        };
        match incoming {
            Incoming::Begun(file) => self.received(*file).await,
            Incoming::Opening(opening) => Err(self.too_short(opening).await),
        }
    }

    /// Reads a form for the gem's file in it.
    async fn receive_form(&self, content_type: &str, mut body: Body) -> Result<Incoming, Error> {
        let boundary = multipart::boundary(Some(content_type)).map_err(CoreError::from)?;
        let mut parser = Multipart::new(&boundary, multipart::Limits::default());
        let mut incoming = Incoming::Opening(Opening::default());
        let (mut gems, mut in_gem, mut other) = (0, false, 0);
        while let Some(bytes) = body.next().await {
            parser.feed(bytes?);
            while let Some(event) = parser.next_event().map_err(CoreError::from)? {
                match event {
                    Event::Start(part) => {
                        in_gem = part.name == GEM_PART;
                        gems += usize::from(in_gem);
                    }
                    Event::Data(data) if in_gem => {
                        incoming = self.take(incoming, data, None).await?;
                    }
                    Event::Data(data) => other += data.len(),
                    Event::End => in_gem = false,
                }
                if gems > 1 {
                    let message = "the form holds more than one gem; push each by itself";
                    return Err(CoreError::invalid(message).into());
                }
                if other > MAX_OTHER {
                    let message = format!(
                        "what the form holds beside the gem may have {MAX_OTHER} bytes at most"
                    );
                    return Err(CoreError::new(ErrorKind::TooLarge, message).into());
                }
            }
        }
        parser.finish().map_err(CoreError::from)?;
        if gems == 0 {
            let message = format!("the form has no part called {GEM_PART}");
            return Err(Error::of_gem(CoreError::invalid(message)));
        }
        Ok(incoming)
    }

    /// Takes in the next bytes of a gem's file, of which so many were announced.
    async fn take(
        &self,
        incoming: Incoming,
        mut bytes: Bytes,
        announced: Option<u64>,
    ) -> Result<Incoming, Error> {
        let mut file = match incoming {
            Incoming::Begun(file) => file,
            Incoming::Opening(mut opening) => {
                let Some(at) = opening.feed(&bytes).map_err(Error::of_gem)? else {
                    return Ok(Incoming::Opening(opening));
                };
                bytes = opening.into_bytes();
                Box::new(self.begin(bytes.slice(at), announced).await?)
            }
        };
        file.inspection.feed(bytes.clone()).await;
        file.writer.write(bytes).await.map_err(too_large)?;
        Ok(Incoming::Begun(file))
    }

    /// What the gem says of itself is there: it needs the right to write it.
    async fn begin(&self, metadata: Bytes, announced: Option<u64>) -> Result<GemFile, Error> {
        let limits = self.config.gem.clone();
        let parse = move |_: &mut dyn Read| gem::spec(&metadata, &limits);
        let begun: Gemspec = Inspection::start(self.granted.actor(), parse)
            .await?
            .finish()
            .await
            .map_err(Error::of_gem)?;
        let spec = &begun.spec;
        let resource = layout::resource(&spec.name)?;
        let repo = self.granted.authorize(&resource, Action::Write).await?;
        let incoming = store::Incoming {
            stem: &spec.full_name(),
            extension: GEM,
            content_type: FILE_TYPE,
            size: announced,
            limit: self.config.max_gem,
            digests: &[Algorithm::Sha256],
        };
        let writer = repo.stage(&incoming).await?;
        let limits = self.config.gem.clone();
        let inspect = move |reader: &mut dyn Read| gem::inspect_begun(reader, begun, &limits);
        Ok(GemFile {
            repo,
            writer,
            inspection: Inspection::start(self.granted.actor(), inspect).await?,
        })
    }

    /// A file that ended before it said what it is: whatever is wrong with it.
    async fn too_short(&self, opening: Opening) -> Error {
        let (bytes, limits) = (opening.into_bytes(), self.config.gem.clone());
        let inspect = move |_: &mut dyn Read| gem::inspect(&mut &*bytes, &limits);
        let verdict = match Inspection::start(self.granted.actor(), inspect).await {
            Ok(inspection) => inspection.finish().await,
            Err(error) => return error.into(),
        };
        let cut_off = || CoreError::invalid("the file breaks off before its metadata");
        Error::of_gem(verdict.err().unwrap_or_else(cut_off))
    }

    /// The file has ended.
    async fn received(&self, file: GemFile) -> Answer {
        let GemFile {
            repo,
            writer,
            inspection,
        } = file;
        let spec = inspection.finish().await.map_err(Error::of_gem)?;
        let staged = writer.finish().await?;
        let quick = stage_quick(&repo, &spec).await?;
        let release = self.release(&spec, &staged, &quick)?;
        self.commit(&repo, release, vec![staged, quick]).await
    }

    fn release(&self, spec: &Spec, staged: &Staged, quick: &Staged) -> Result<Release> {
        let time = self.now();
        let gem = staged.stored(Algorithm::Sha256);
        let quick = quick.stored(Algorithm::Sha256);
        let line = compact::info_line(spec, &gem.digest, &time);
        let said = to_raw_value(spec).map_err(CoreError::internal)?;
        let entry = Entry {
            version: spec.version.clone(),
            platform: spec.platform.clone(),
            created: time.as_str().into(),
            place: 0,
            yanked: false,
            gem: Part::of(&gem),
            quick: Part::of(&quick),
            line: line.trim_end().into(),
            spec: &said,
        };
        Ok(Release {
            name: spec.name.clone(),
            version: spec.version.clone(),
            platform: spec.platform.clone(),
            entry: entry.to_bytes()?,
            sha256: gem.digest.clone(),
            publisher: self.writer().user().map(str::to_owned),
            time,
        })
    }

    async fn commit(&self, repo: &Repo, release: Release, staged: Vec<Staged>) -> Answer {
        let writer = self.writer();
        let logged = logged(repo, &release.name).await?;
        let version = release.version.with(&release.platform).to_string();
        let name = release.name.clone();
        self.check_file_name(repo, &name, &version).await?;
        let publish = move |document: &mut Document<Head>| -> Result<_, Error> {
            check_writer(&writer, &document.head, "push to")?;
            let Document { head, entries, .. } = document;
            let published = change::publish(head, entries, &release, logged)?;
            Ok(match published {
                Published::New => Change::write(published),
                Published::Replay => Change::keep(published),
            })
        };
        let said = match repo.change(DOCUMENT, staged, publish).await? {
            Published::New => "Successfully registered gem",
            Published::Replay => "Gem was already pushed",
        };
        // Another gem with such a file may have come meanwhile.
        self.check_file_name(repo, &name, &version).await?;
        Ok(read::text(format!("{said}: {name} ({version})")))
    }
}

/// Stores a gem's specification, as `quick/` has it.
async fn stage_quick(repo: &Repo, spec: &Spec) -> Result<Staged> {
    let names = (&*spec.full_name(), QUICK);
    let bytes = marshal::gemspec_rz(spec)?;
    repo.stage_whole(names, FILE_TYPE, bytes).await
}

/// A file that is too large, in words that say what it is.
fn too_large(error: CoreError) -> CoreError {
    if error.kind() == ErrorKind::TooLarge {
        return CoreError::new(
            ErrorKind::TooLarge,
            format!("The gem is too large: {error}."),
        );
    }
    error
}

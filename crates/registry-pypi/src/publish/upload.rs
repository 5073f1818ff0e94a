//! `POST` of a form: a file, streamed.

use http::{StatusCode, header};
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    archive::RATIO_FREE,
    auth::Action,
    digest::Algorithm,
    multipart::{self, Event, Multipart, boundary},
    protocol,
    store::{Change, Document, Incoming, Inspection, Repo, StageWriter, Staged},
};

use super::{
    attestation, check,
    form::{DIGESTS, Fields, Form},
};
use crate::{
    Answer, Call, Error, ProjectName,
    archive::{self, Inspected},
    document::{
        Entry, Head,
        change::{self, Added, Upload},
    },
    file_name::FileName,
    layout::{self, DOCUMENT, FILE_TYPE, METADATA, METADATA_TYPE, PROVENANCE, PROVENANCE_TYPE},
    metadata::Metadata,
};

/// The field that is the file.
const CONTENT: &str = "content";

/// A signature that no index keeps any more.
const SIGNATURE: &str = "gpg_signature";

/// A file on its way in.
struct Content {
    name: String,
    repo: Repo,
    writer: StageWriter,
    inspection: Inspection<Inspected>,
}

/// A form that has come in, with its file, which is stored.
struct Received {
    form: Form,
    file: FileName,
    repo: Repo,
    staged: Staged,
    inspected: Inspected,
}

impl Call<'_> {
    /// Publishes a file.
    pub(crate) async fn upload(&self, body: Body) -> Answer {
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let received = self.receive(&boundary(content_type)?, body).await?;
        let Received {
            form,
            file,
            inspected,
            ..
        } = &received;
        let metadata = check::content(file, form, inspected)?;
        self.publish(received, &metadata).await
    }

    /// Reads the form, and stores its file as it comes.
    async fn receive(&self, boundary: &str, mut body: Body) -> Result<Received, Error> {
        let announced = body.length();
        let mut parser = Multipart::new(boundary, multipart::Limits::default());
        let mut fields = Fields::new(self.config.max_form);
        let mut content: Option<Content> = None;
        let mut in_content = false;
        while let Some(bytes) = body.next().await {
            parser.feed(bytes?);
            while let Some(event) = parser.next_event()? {
                match (event, &mut content) {
                    (Event::Start(part), None) if part.name == CONTENT => {
                        in_content = true;
                        let name = part.file.unwrap_or_default();
                        content = Some(self.begin(&fields, name, announced).await?);
                    }
                    (Event::Start(part), Some(_)) if part.name == CONTENT => {
                        let message = "the form holds more than one file; upload each by itself";
                        return Err(CoreError::invalid(message).into());
                    }
                    (Event::Start(part), _) if part.file.is_some() && part.name != SIGNATURE => {
                        let name = part.name;
                        let message = format!("{name}: Should not be a file.");
                        return Err(CoreError::invalid(message).into());
                    }
                    (Event::Start(part), _) => fields.start(part.name)?,
                    (Event::Data(data), Some(content)) if in_content => {
                        content.inspection.feed(data.clone()).await;
                        content.writer.write(data).await.map_err(too_large)?;
                    }
                    (Event::Data(data), _) => fields.data(&data)?,
                    (Event::End, _) => {
                        fields.end();
                        in_content = false;
                    }
                }
            }
        }
        parser.finish()?;
        self.received(&fields, content).await
    }

    /// A file begins: it needs the right to write the project, whose name the form may only tell
    /// later, and the file's own name tells now.
    async fn begin(
        &self,
        fields: &Fields,
        name: String,
        announced: Option<u64>,
    ) -> Result<Content, Error> {
        let project = fields.project()?;
        let file = FileName::parse(&name, project.as_ref())?;
        let project: ProjectName = match project {
            Some(project) => project,
            None => file.name.parse()?,
        };
        let resource = layout::resource(&project)?;
        let repo = self.granted.authorize(&resource, Action::Write).await?;
        let incoming = Incoming {
            stem: file.stem(),
            extension: file.packing.extension(),
            content_type: FILE_TYPE,
            size: None,
            limit: self.config.max_file,
            digests: &DIGESTS.map(|(_, algorithm)| algorithm),
        };
        let writer = repo.stage(&incoming).await?;
        let mut limits = self.config.archive.clone();
        // The file is no longer than the form; what it may unpack to is known from the beginning.
        let packed = announced.unwrap_or(self.config.max_file);
        let unpacked = RATIO_FREE.max(packed.saturating_mul(limits.ratio));
        limits.unpacked = limits.unpacked.min(unpacked);
        let packing = file.packing;
        let inspect =
            move |reader: &mut dyn std::io::Read| archive::inspect(reader, packing, &limits);
        Ok(Content {
            name,
            repo,
            writer,
            inspection: Inspection::start(self.granted.actor(), inspect).await?,
        })
    }

    /// The form has ended.
    async fn received(&self, fields: &Fields, content: Option<Content>) -> Result<Received, Error> {
        let form = Form::check(fields)?;
        let content =
            content.ok_or_else(|| CoreError::invalid("Upload payload does not have a file."))?;
        let file = FileName::parse(&content.name, Some(&form.project))?;
        check::name(&file, &form, self.config.lenient_names)?;
        // Authorized was who may write the project of the file's name, which is this one: else it
        // would not have come so far.
        if content.repo.name() != form.project.as_str() {
            return Err(CoreError::invalid("the file's name and the form differ").into());
        }
        let staged = content.writer.finish().await?;
        // What was altered on its way is damaged too, and this says why.
        form.check_digests(staged.digests())?;
        Ok(Received {
            form,
            file,
            repo: content.repo,
            staged,
            inspected: content.inspection.finish().await?,
        })
    }

    /// Stores what goes with the file, and commits it.
    async fn publish(&self, received: Received, metadata: &Metadata) -> Answer {
        let Received {
            form,
            file,
            repo,
            staged,
            inspected,
        } = received;
        let user = self
            .granted
            .identity()
            .user
            .as_deref()
            .unwrap_or("anonymous");
        let sha256 = staged.digests().hex(Algorithm::Sha256);
        let provenance = match &form.attestations {
            Some(text) => Some(attestation::provenance(text, &file, &sha256, user)?),
            None => None,
        };
        let names = (file.stem(), METADATA);
        let part = repo.stage_whole(names, METADATA_TYPE, inspected.metadata);
        let part = part.await?;
        let provenance = match provenance {
            Some(bytes) => {
                let names = (file.stem(), PROVENANCE);
                Some(repo.stage_whole(names, PROVENANCE_TYPE, bytes).await?)
            }
            None => None,
        };
        let stored = Stored {
            content: &staged,
            metadata: &part,
            provenance: provenance.as_ref(),
        };
        let entry = Entry {
            uploader: user.to_owned(),
            time: format!("{:.6}", self.context.clock.now()),
            ..stored.entry(&form, metadata)
        };
        let staged = [Some(staged), Some(part), provenance];
        let upload = Upload {
            project: form.project.spelled().to_owned(),
            file: file.text,
            version: form.version,
            entry,
        };
        let rules = self.config.rules;
        let add = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            Ok(match change::add(head, entries, &upload, rules)? {
                Added::New => Change::write(()),
                Added::Replay => Change::keep(()),
            })
        };
        let staged = staged.into_iter().flatten().collect();
        repo.change(DOCUMENT, staged, add).await?;
        Ok(protocol::empty(StatusCode::OK))
    }
}

/// A file and what goes with it, as they are stored.
struct Stored<'a> {
    content: &'a Staged,
    metadata: &'a Staged,
    provenance: Option<&'a Staged>,
}

impl Stored<'_> {
    /// The entry that names it all, but for who uploaded it and when.
    fn entry(&self, form: &Form, metadata: &Metadata) -> Entry {
        let digests = self.content.digests();
        let part = |part: &Staged| part.stored(Algorithm::Sha256).into();
        Entry {
            version: form.version.to_string(),
            kind: form.kind,
            python: form.python.clone(),
            time: String::new(),
            uploader: String::new(),
            file: self.content.file().to_owned(),
            size: self.content.size(),
            md5: digests.hex(Algorithm::Md5),
            sha256: digests.hex(Algorithm::Sha256),
            blake2: digests.hex(Algorithm::Blake2b256),
            requires_python: metadata.get("requires-python").map(str::to_owned),
            yanked: None,
            metadata: part(self.metadata),
            provenance: self.provenance.map(part),
        }
    }
}

/// A file that is too large, in words that say what its limit is.
fn too_large(error: CoreError) -> CoreError {
    if error.kind() == ErrorKind::TooLarge {
        let message = format!("File too large: {error}.");
        return CoreError::new(ErrorKind::TooLarge, message);
    }
    error
}

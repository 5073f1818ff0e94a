//! `PUT` of a file, streamed.

use std::io::Read;

use bytes::Bytes;
use http::StatusCode;
use registry_core::{
    Body, Error, ErrorKind,
    digest::{Algorithm, MultiHasher},
    protocol,
    store::{Change, Document, Incoming, Inspection, Repo, Staged},
};

use crate::{
    Answer, Call,
    checksum::ALGORITHMS,
    document::{
        Entry, Head,
        change::{self, Added, NewFile},
    },
    layout::{self, VERSION},
    module::Module,
    name::FilePath,
    pom::Pom,
};

/// The longest extension that the stored name keeps, in bytes.
const MAX_EXTENSION: usize = 20;

/// A file that has come in and is stored.
pub(super) struct Received {
    pub(super) staged: Staged,
    /// What it says that the version is packed as, if it is a POM.
    pub(super) packaging: Option<String>,
}

impl Call<'_> {
    /// Takes a file.
    pub(crate) async fn put_file(&self, path: FilePath, body: Body) -> Answer {
        self.check_policy(&path.version)?;
        let repo = self.granted.repo()?;
        if !path.is_mutable() {
            let name = path.file.as_str();
            let (head, entry) = self.deployments().settled(repo, name).await?;
            if let Some(entry) = entry {
                return self.put_again(&path, &entry, body).await;
            }
            if head.gone.contains(name) && !self.granted.identity().admin {
                return Err(change::deleted(name));
            }
        }
        let received = self.receive(repo, &path, body).await?;
        let new = self.new_file(&path, &received)?;
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            Ok(match change::add(head, entries, &new)? {
                Added::New => Change::write(StatusCode::CREATED),
                Added::Replaced(before) => Change::write(StatusCode::OK).removing(vec![before]),
                Added::Replay => Change::keep(StatusCode::OK),
            })
        };
        let status = repo.change(VERSION, vec![received.staged], change).await?;
        Ok(protocol::empty(status))
    }

    /// Takes a file that is there, and cannot change: nothing of it is stored a second time.
    async fn put_again(&self, path: &FilePath, entry: &Bytes, mut body: Body) -> Answer {
        let name = path.file.as_str().to_owned();
        let entry = Entry::parse(entry)?;
        let taken = || change::taken(&name);
        if body.length().is_some_and(|length| length != entry.size) {
            return Err(taken());
        }
        let mut hasher = MultiHasher::new(&[Algorithm::Sha256]);
        let mut size = 0;
        while let Some(bytes) = body.next().await {
            let bytes = bytes?;
            size += bytes.len() as u64;
            if size > entry.size {
                return Err(taken());
            }
            hasher.update(&bytes);
        }
        let sha256 = hasher.finish().hex(Algorithm::Sha256);
        if sha256 != entry.sha256 {
            return Err(taken());
        }
        // The log has to know of it, which a crash may have kept it from.
        let change = move |document: &mut Document<Head>| -> Result<_, Error> {
            let entry = document.entries.get(&*name);
            let entry = entry.map(|entry| Entry::parse(entry)).transpose()?;
            if entry.is_none_or(|entry| entry.sha256 != sha256) {
                return Err(change::taken(&name));
            }
            Ok(Change::keep(StatusCode::OK))
        };
        let change = self.granted.repo()?.change(VERSION, Vec::new(), change);
        Ok(protocol::empty(change.await?))
    }

    /// Stores a file as it comes, and looks into it if it is one that says what it is of.
    async fn receive(
        &self,
        repo: &Repo,
        path: &FilePath,
        mut body: Body,
    ) -> Result<Received, Error> {
        let described = is_described(path);
        let limit = if described {
            self.config.max_pom.min(self.config.max_file)
        } else {
            self.config.max_file
        };
        if let Some(length) = body.length() {
            check_size(path, length, limit)?;
        }
        let (stem, extension) = stored_name(path);
        let incoming = Incoming {
            stem,
            extension: &extension,
            content_type: layout::content_type(&path.file),
            size: body.length(),
            limit,
            digests: &ALGORITHMS,
        };
        let mut writer = repo.stage(&incoming).await?;
        let mut inspection = match described {
            true => {
                let path = path.clone();
                let inspect = move |reader: &mut dyn Read| describe(reader, &path);
                Some(Inspection::start(self.granted.actor(), inspect).await?)
            }
            false => None,
        };
        let mut size = 0;
        while let Some(bytes) = body.next().await {
            let bytes = bytes?;
            size += bytes.len() as u64;
            check_size(path, size, limit)?;
            if let Some(inspection) = &mut inspection {
                inspection.feed(bytes.clone()).await;
            }
            writer.write(bytes).await?;
        }
        check_some(path, size)?;
        let packaging = match inspection {
            Some(inspection) => inspection.finish().await?,
            None => None,
        };
        let staged = writer.finish().await?;
        Ok(Received { staged, packaging })
    }

    /// The change that a file brings.
    pub(super) fn new_file(&self, path: &FilePath, received: &Received) -> Result<NewFile, Error> {
        let now = self.now();
        Ok(NewFile {
            name: path.file.as_str().to_owned(),
            entry: Entry::of(&received.staged, now)?,
            mutable: path.is_mutable(),
            revives: self.granted.identity().admin,
            packaging: received.packaging.clone(),
            now,
        })
    }
}

/// What a file is stored as, up to what makes it unique and from there on.
pub(super) fn stored_name(path: &FilePath) -> (&str, String) {
    let name = path.file.as_str();
    let extension = format!(".{}", path.file.extension);
    let short = Some(extension).filter(|extension| extension.len() <= MAX_EXTENSION);
    let extension = short.unwrap_or_default();
    (name.strip_suffix(&*extension).unwrap_or(name), extension)
}

/// Whether a file says what it is of.
pub(super) fn is_described(path: &FilePath) -> bool {
    path.file.is_any_pom() || path.file.is_module()
}

/// Looks into such a file as it streams; gives the packaging that the version's POM tells.
pub(super) fn describe(reader: &mut dyn Read, path: &FilePath) -> Result<Option<String>, Error> {
    if path.file.is_module() {
        Module::read(reader)?.check(path)?;
        return Ok(None);
    }
    let pom = Pom::read(reader)?;
    if !path.file.is_pom() {
        return Ok(None);
    }
    pom.check(path)?;
    let packaging = match &*pom.packaging {
        "" => "jar",
        packaging => packaging,
    };
    Ok(Some(packaging.chars().take(100).collect()))
}

pub(super) fn check_size(path: &FilePath, size: u64, limit: u64) -> Result<(), Error> {
    if size <= limit {
        return Ok(());
    }
    let name = path.file.as_str();
    let message = format!("{name} is too large: it may have {limit} bytes at most");
    Err(Error::new(ErrorKind::TooLarge, message))
}

/// Refuses a file that can only have been cut off: nothing reads it, and it would stay.
pub(super) fn check_some(path: &FilePath, size: u64) -> Result<(), Error> {
    let empty = matches!(
        &*path.file.extension,
        "pom" | "jar" | "module" | "war" | "aar"
    );
    if size > 0 || !empty {
        return Ok(());
    }
    let name = path.file.as_str();
    Err(Error::invalid(format!(
        "{name} is empty; build and deploy it again"
    )))
}

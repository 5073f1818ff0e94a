//! A bundle: many files of many versions in one zip, as build tools send them to be published
//! together. Here it comes in and is checked; nothing is written before all of it was found good.

mod unpack;

use std::collections::{
    BTreeMap,
    btree_map::Entry::{Occupied, Vacant},
};

use futures_util::future::try_join;
use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{
    Body, Error, ErrorKind, Result,
    auth::Action,
    digest::random_hex,
    multipart::{self, Event, Multipart, boundary},
    store::{Incoming, Inspection, Repo, StageWriter, Staged, Told},
};

use self::unpack::{Found, unpack};
use super::deployment::steps::{self, Part};
use crate::{
    Answer, Call,
    checksum::ALGORITHMS,
    document::{
        Entry, Head, Held,
        bundle::{self, Bundle},
        change,
    },
    layout,
    name::FilePath,
    route::BundleQuery,
};

/// The most versions that a bundle has files of.
const MAX_VERSIONS: usize = 2000;
/// The most files of one version.
const MAX_PART: usize = 2000;
/// The part of the form that is the zip.
const BUNDLE: &str = "bundle";

/// The files of one version.
struct Version {
    repo: Repo,
    staged: Vec<Staged>,
    files: BTreeMap<String, String>,
    packaging: Option<String>,
    has_pom: bool,
}

/// What came in.
#[derive(Default)]
struct Received {
    /// By `group:artifact:version`: an order that all bundles have, so that of two which want the same
    /// places one comes through.
    versions: BTreeMap<String, Version>,
    /// Checksums, by version and file.
    sums: BTreeMap<(String, String), Held>,
}

impl Call<'_> {
    /// Takes a bundle.
    pub(crate) async fn bundle(&self, query: BundleQuery, body: Body) -> Answer {
        if !self.granted.may("*", Action::Write).await? {
            self.granted.user()?;
        }
        let mut received = self.receive_bundle(body).await?;
        received.compare()?;
        self.check_bundle(&received).await?;
        let id = uuid()?;
        let now = self.now();
        let mut names: Vec<String> = received.versions.keys().cloned().collect();
        let first = names.first().cloned().unwrap_or_default();
        let parts = received.versions.into_values().map(|version| Part {
            repo: version.repo,
            staged: version.staged,
            bundle: Bundle {
                first: if names.is_empty() {
                    first.clone()
                } else {
                    String::new()
                },
                // The first takes them all.
                versions: std::mem::take(&mut names),
                name: query.name.clone(),
                since: now,
                files: version.files,
                packaging: version.packaging,
                ..Bundle::default()
            },
        });
        let (called, parts, automatic) = (id.clone(), parts.collect(), query.automatic);
        let arrive = async move { steps::arrive(&called, parts, automatic, now).await };
        let arrived = registry_core::task::carry_through(arrive).await?;
        self.clean_up_beside();
        arrived?;
        let mut response = Response::new(Body::from(id));
        *response.status_mut() = StatusCode::CREATED;
        let plain = HeaderValue::from_static("text/plain");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        Ok(response)
    }

    /// Reads the form, and unpacks the zip in it as it comes.
    async fn receive_bundle(&self, body: Body) -> Result<Received> {
        let content_type = self.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let parser = Multipart::new(&boundary(content_type)?, multipart::Limits::default());
        let limits = unpack::limits(self.config);
        let max_pom = self.config.max_pom;
        let work = move |reader: &mut dyn std::io::Read, teller: &_| {
            unpack(reader, &limits, max_pom, teller)
        };
        let (inspection, told) = Inspection::start_telling(self.granted.actor(), work).await?;
        let feed = self.feed(parser, body, inspection);
        let ((), received) = try_join(feed, self.take_in(told)).await?;
        if received.versions.is_empty() {
            return Err(Error::invalid("the bundle holds no files of a version"));
        }
        Ok(received)
    }

    /// Gives the zip in a form to what unpacks it.
    async fn feed(
        &self,
        mut parser: Multipart,
        mut body: Body,
        mut inspection: Inspection<()>,
    ) -> Result<()> {
        let (mut inside, mut found, mut size) = (false, false, 0);
        while let Some(bytes) = body.next().await {
            parser.feed(bytes?);
            while let Some(event) = parser.next_event()? {
                match event {
                    Event::Start(part) => {
                        inside = part.name == BUNDLE;
                        if inside && std::mem::replace(&mut found, true) {
                            return Err(Error::invalid("the form holds more than one bundle"));
                        }
                    }
                    Event::Data(data) if inside => {
                        size += data.len() as u64;
                        let most = self.config.max_bundle;
                        if size > most {
                            let message = format!("a bundle may have {most} bytes at most");
                            return Err(Error::new(ErrorKind::TooLarge, message));
                        }
                        inspection.feed(data).await;
                    }
                    Event::Data(_) => {}
                    Event::End => inside = false,
                }
            }
        }
        parser.finish()?;
        if !found {
            return Err(Error::invalid("the form has no part called bundle"));
        }
        inspection.finish().await
    }

    /// Stores what comes out of the zip.
    async fn take_in(&self, mut told: Told<Found>) -> Result<Received> {
        let mut received = Received::default();
        let mut current: Option<(FilePath, StageWriter)> = None;
        while let Some(found) = told.next().await {
            match found {
                Found::File(path, size) => {
                    let version = self.version(&mut received, &path).await?;
                    check_part(&path, version.files.len())?;
                    let repo = version.repo.clone();
                    current = Some((*path.clone(), self.stage(&repo, &path, size).await?));
                }
                Found::Data(data) => {
                    let (_, writer) = current.as_mut().ok_or_else(out_of_order)?;
                    writer.write(data).await?;
                }
                Found::End(packaging) => {
                    let (path, writer) = current.take().ok_or_else(out_of_order)?;
                    let staged = writer.finish().await?;
                    let entry = Entry::of(&staged, self.now())?;
                    let entry = String::from_utf8(entry.to_vec()).map_err(Error::internal)?;
                    let version = self.version(&mut received, &path).await?;
                    version.has_pom |= path.file.is_pom();
                    version.packaging = packaging.or(version.packaging.take());
                    version.files.insert(path.file.as_str().to_owned(), entry);
                    version.staged.push(staged);
                }
                Found::Checksum(path, algorithm, hex) => {
                    let key = (path.version_name(), path.file.as_str().to_owned());
                    received.sums.entry(key).or_default().insert(algorithm, hex);
                }
            }
        }
        Ok(received)
    }

    /// The version that a file is of, for one who may write it.
    async fn version<'r>(
        &self,
        received: &'r mut Received,
        path: &FilePath,
    ) -> Result<&'r mut Version> {
        let name = path.version_name();
        let many = received.versions.len() >= MAX_VERSIONS;
        match received.versions.entry(name) {
            Occupied(known) => Ok(known.into_mut()),
            Vacant(place) => {
                let name = place.key();
                self.check_policy(&path.version)?;
                if path.version.is_snapshot() {
                    let message = format!("{name} is a snapshot, and a bundle holds releases only");
                    return Err(Error::invalid(message));
                }
                if many {
                    let message = format!("a bundle may have {MAX_VERSIONS} versions at most");
                    return Err(Error::new(ErrorKind::TooLarge, message));
                }
                let of = layout::version(&path.group, &path.artifact, &path.version)?;
                Ok(place.insert(Version {
                    repo: self.granted.authorize(&of, Action::Write).await?,
                    staged: Vec::new(),
                    files: BTreeMap::new(),
                    packaging: None,
                    has_pom: false,
                }))
            }
        }
    }

    async fn stage(&self, repo: &Repo, path: &FilePath, size: Option<u64>) -> Result<StageWriter> {
        super::put::check_size(path, size.unwrap_or_default(), self.config.max_file)?;
        let (stem, extension) = super::put::stored_name(path);
        let incoming = Incoming {
            stem,
            extension: &extension,
            content_type: layout::content_type(&path.file),
            size,
            limit: self.config.max_file,
            digests: &ALGORITHMS,
        };
        repo.stage(&incoming).await
    }

    /// Refuses a bundle that could not be published: a version of it lacks its POM, or has a file that
    /// is there with other content.
    async fn check_bundle(&self, received: &Received) -> Result<()> {
        // The first has the record, which names them all.
        let mut versions = received.versions.len();
        for (name, version) in &received.versions {
            if !version.has_pom {
                let message = format!("{name} has no POM in the bundle");
                return Err(Error::invalid(message));
            }
            let (head, _) = self.deployments().settled(&version.repo, "").await?;
            let names = version.files.len() + std::mem::take(&mut versions);
            self.deployments()
                .check_room(&version.repo, head, names)
                .await?;
            let document = version.repo.document::<Head>(layout::VERSION).await?;
            let document = document.map(|document| (document.head, document.entries));
            let (head, entries) = document.unwrap_or_default();
            bundle::check(&head, &entries, "", &version.files)?;
        }
        Ok(())
    }
}

impl Received {
    /// Compares the checksums in the bundle with the files.
    fn compare(&mut self) -> Result<()> {
        for (name, version) in &self.versions {
            for (file, entry) in &version.files {
                let key = (name.clone(), file.clone());
                let held = self.sums.remove(&key).unwrap_or_default();
                change::compare(file, &Entry::parse(entry.as_bytes())?, &held)?;
            }
        }
        match self.sums.keys().next() {
            None => Ok(()),
            Some((_, file)) => {
                let message = format!("the bundle holds a checksum of {file}, but not the file");
                Err(Error::invalid(message))
            }
        }
    }
}

/// Refuses one more file of a version than a bundle may have.
fn check_part(path: &FilePath, files: usize) -> Result<()> {
    if files < MAX_PART {
        return Ok(());
    }
    let name = path.version_name();
    let message = format!("{name}: a bundle may have {MAX_PART} files of a version at most");
    Err(Error::new(ErrorKind::TooLarge, message))
}

/// A random UUID ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#section-5.4)).
fn uuid() -> Result<String> {
    let hex = random_hex::<15>()?;
    let (variant, rest) = (["8", "9", "a", "b"], &hex[15..]);
    let variant = variant[usize::from(hex.as_bytes()[29]) % 4];
    Ok(format!(
        "{}-{}-4{}-{variant}{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..15],
        &rest[..3],
        &rest[3..]
    ))
}

fn out_of_order() -> Error {
    Error::internal("a bundle came out of order")
}

//! Files and their checksums.

use std::{collections::BTreeMap, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use registry_core::{
    Body, Error, ErrorKind,
    digest::Algorithm,
    protocol::{self, Artifact},
    store::Rendered,
};

use crate::{
    Answer, Call,
    checksum::ALGORITHMS,
    document::{Entry, Head, no_file, snapshot},
    layout::{self, VERSION},
    name::FilePath,
    view::{Artifacts, Fate},
};

impl Call<'_> {
    /// A file, whole or in part, or its checksum.
    pub(crate) async fn file(&self, path: &FilePath) -> Answer {
        let missing = || no_file(path.file.as_str());
        if !self.config.policy.allows(&path.version) {
            return Err(missing());
        }
        let entry = self.entry(path).await?.ok_or_else(missing)?;
        let entry = Entry::parse(&entry)?;
        let mut response = self.serve(path, &entry).await?;
        if path.is_mutable() {
            return Ok(protocol::revalidated(response));
        }
        protocol::immutable(&mut response, self.granted);
        Ok(response)
    }

    /// The entry of a file; of one of a snapshot that names no build, that of the newest.
    async fn entry(&self, path: &FilePath) -> Result<Option<Bytes>, Error> {
        let repo = self.granted.repo()?;
        if !path.is_mutable() {
            let name = path.file.as_str();
            let found = repo.head_with_entry::<Head>(VERSION, name).await?;
            let (head, entry) = found.unwrap_or_default();
            if entry.is_some() {
                return Ok(entry);
            }
            return Ok(self.published(&head).await?.remove(name));
        }
        let Some(document) = repo.document::<Head>(VERSION).await? else {
            return Ok(None);
        };
        let entries = &document.entries;
        let newest = snapshot::resolve(entries, &path.artifact, &path.version, &path.file)?;
        Ok(newest.and_then(|name| entries.get(&*name).cloned()))
    }

    /// The files of a version that are there by bundles which are published, and are no entries yet.
    pub(super) async fn published(&self, head: &Head) -> Result<BTreeMap<String, Bytes>, Error> {
        let mut files = BTreeMap::new();
        if head.parts().next().is_none() {
            return Ok(files);
        }
        let fates = self.granted.view(|all: &Artifacts| {
            let fates = head.parts().map(|(id, part)| (part, all.fate(id)));
            fates.collect::<Vec<_>>()
        });
        for (part, fate) in fates.await? {
            if let Fate::Published(at) = fate {
                for (name, entry) in &part.files {
                    let entry = Entry::parse(entry.as_bytes())?.dated(at)?;
                    files.insert(name.clone(), entry);
                }
            }
        }
        files.retain(|name, _| !head.gone.contains(name));
        Ok(files)
    }

    pub(super) async fn serve(&self, path: &FilePath, entry: &Entry<'_>) -> Answer {
        match path.checksum {
            Some(algorithm) => self.checksum(entry, algorithm),
            None => self.bytes(path, entry).await,
        }
    }

    async fn bytes(&self, path: &FilePath, entry: &Entry<'_>) -> Answer {
        let repo = self.granted.repo()?;
        let stored = entry.stored();
        let content_type = layout::content_type(&path.file);
        let artifact = Artifact {
            tag: entry.sha256,
            size: entry.size,
            content_type,
            modified: Some(entry.modified()),
        };
        let open = |range, head| repo.open(&stored, content_type, range, head);
        let served = protocol::serve_artifact(artifact, self.method, self.headers, open).await;
        // What an operator does not let out is not there either: a build looks in its next repository.
        let mut response = served.map_err(|error| match error.kind() {
            ErrorKind::Denied => no_file(path.file.as_str()),
            _ => error,
        })?;
        let sums = ALGORITHMS.map(|algorithm| (algorithm, entry.checksum(algorithm)));
        for (algorithm, sum) in sums {
            let (name, value) = checksum_field(algorithm, sum.unwrap_or_default())?;
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }

    fn checksum(&self, entry: &Entry<'_>, algorithm: Algorithm) -> Answer {
        let sum = entry.checksum(algorithm).unwrap_or_default();
        checksum_file(sum, entry.modified(), self.headers)
    }
}

/// The header by which clients that know it spare themselves a request for a checksum.
pub(super) fn checksum_field(
    algorithm: Algorithm,
    sum: &str,
) -> Result<(HeaderName, HeaderValue), Error> {
    let name = match algorithm {
        Algorithm::Md5 => "x-checksum-md5",
        Algorithm::Sha1 => "x-checksum-sha1",
        Algorithm::Sha256 => "x-checksum-sha256",
        Algorithm::Sha512 => "x-checksum-sha512",
        Algorithm::Blake2b256 => "x-checksum-blake2b256",
    };
    let value = HeaderValue::try_from(sum).map_err(Error::internal)?;
    Ok((HeaderName::from_static(name), value))
}

/// A file that holds a checksum and nothing else.
pub(super) fn checksum_file(sum: &str, modified: SystemTime, headers: &http::HeaderMap) -> Answer {
    let form = Rendered::as_it_is(sum.as_bytes().to_vec(), "text/plain", modified)?;
    let mut response: Response<Body> = protocol::rendered(&form, headers);
    response.headers_mut().remove(header::VARY);
    Ok(response)
}

//! Files and their checksums.

use std::time::SystemTime;

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
    document::{Entry, Head, bundle::Bundle, no_file, snapshot},
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
            if head.gone.contains(name) {
                return Ok(None);
            }
            let published = self.published(&head).await?;
            let entries = published.iter().map(|(part, at)| part.entry(name, *at));
            return entries.rev().find_map(Result::transpose).transpose();
        }
        let Some(document) = repo.document::<Head>(VERSION).await? else {
            return Ok(None);
        };
        let entries = &document.entries;
        let newest = snapshot::resolve(entries, &path.artifact, &path.version, &path.file)?;
        Ok(newest.and_then(|name| entries.get(&*name).cloned()))
    }

    /// The bundles that are published, and whose files of a version are there though they are no entries yet;
    /// and when that was, in milliseconds since 1970.
    pub(super) async fn published<'h>(
        &self,
        head: &'h Head,
    ) -> Result<Vec<(&'h Bundle, i64)>, Error> {
        if head.parts().next().is_none() {
            return Ok(Vec::new());
        }
        let published = self.granted.view(|all: &Artifacts| {
            let parts = head.parts().filter_map(|(id, part)| match all.fate(id) {
                Fate::Published(at) => Some((part, at)),
                Fate::Unknown | Fate::Open | Fate::Over => None,
            });
            parts.collect()
        });
        published.await
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

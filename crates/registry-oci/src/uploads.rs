//! Uploads: begun, continued, ended; and blobs mounted from other repositories.

use http::{HeaderValue, Response, StatusCode, header};
use registry_core::{
    Body, Error as CoreError, ErrorKind,
    auth::Action,
    digest::{Algorithm, Digest},
    protocol,
    store::{Finished, Piece, Progress, Upload},
};

use crate::{
    Answer, Call, Error, RepositoryName,
    blobs::header_of,
    error::{self, Code, Result},
    layout,
    read::DOCKER_CONTENT_DIGEST,
};

/// What a client may call an upload by, in its logs.
const DOCKER_UPLOAD_UUID: &str = "docker-upload-uuid";

/// What an upload begins with.
pub(crate) struct Begin {
    /// What the body is, when the request brings the whole blob.
    pub(crate) digest: Option<Digest>,
    /// The blob that another repository holds already.
    pub(crate) mount: Option<Digest>,
    /// The repository to take it from.
    pub(crate) from: Option<RepositoryName>,
    /// What the blob's digest will be made with.
    pub(crate) algorithm: Option<Algorithm>,
}

impl Call<'_> {
    /// Begins an upload (end-4a), takes a whole blob in (end-4b), or mounts one (end-11).
    pub(crate) async fn begin_upload(
        &self,
        name: &RepositoryName,
        begin: Begin,
        body: Body,
    ) -> Answer {
        let repo = self.granted.repo()?;
        // That a blob cannot be mounted is no failure: the client uploads it.
        if let Some(digest) = &begin.mount
            && self.mount(digest, begin.from.as_ref()).await?
        {
            return self.created(name, digest);
        }
        let algorithm = begin.digest.as_ref().map(Digest::algorithm);
        let algorithm = algorithm.or(begin.algorithm).unwrap_or(Algorithm::Sha256);
        let upload = repo.begin_upload(algorithm, self.config.max_blob).await?;
        let Some(digest) = begin.digest else {
            return self.accepted(name, &upload, 0, StatusCode::ACCEPTED);
        };
        let finished = upload.clone().whole(digest.clone(), body).await;
        match finished.map_err(refused)? {
            Finished::Done => self.created(name, &digest),
            Finished::OutOfOrder(offset) => self.out_of_order(name, &upload, offset),
        }
    }

    /// Makes the repository hold a blob of another one that may be read by whoever asks.
    async fn mount(&self, digest: &Digest, from: Option<&RepositoryName>) -> Result<bool> {
        let repo = self.granted.repo()?;
        let holders = match from {
            Some(from) => vec![layout::resource(from)?],
            None => repo.holders(digest).await?,
        };
        for holder in &holders {
            if let Some(from) = self.granted.subject_repo(holder, Action::Read).await?
                && repo.mount_blob(digest, &from).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How far an upload is (end-13).
    pub(crate) async fn upload(&self, name: &RepositoryName, id: &str) -> Answer {
        let upload = self.find_upload(id).await?;
        let offset = upload.offset().await.map_err(refused)?;
        self.accepted(name, &upload, offset, StatusCode::NO_CONTENT)
    }

    /// Takes more bytes in (end-5).
    pub(crate) async fn append_upload(
        &self,
        name: &RepositoryName,
        id: &str,
        body: Body,
    ) -> Answer {
        let upload = self.find_upload(id).await?;
        let piece = self.piece(&body)?;
        match upload.clone().append(body, piece).await.map_err(refused)? {
            Progress::At(offset) => self.accepted(name, &upload, offset, StatusCode::ACCEPTED),
            Progress::OutOfOrder(offset) => self.out_of_order(name, &upload, offset),
        }
    }

    /// Takes the last bytes in, and makes a blob of them all (end-6).
    pub(crate) async fn finish_upload(
        &self,
        name: &RepositoryName,
        id: &str,
        digest: &Digest,
        body: Body,
    ) -> Answer {
        let upload = self.find_upload(id).await?;
        let piece = self.piece(&body)?;
        let finished = upload.clone().finish(digest.clone(), body, piece).await;
        match finished.map_err(refused)? {
            Finished::Done => self.created(name, digest),
            Finished::OutOfOrder(offset) => self.out_of_order(name, &upload, offset),
        }
    }

    /// Ends an upload without a blob (end-14).
    pub(crate) async fn cancel_upload(&self, _: &RepositoryName, id: &str) -> Answer {
        let upload = self.find_upload(id).await?;
        upload.cancel().await.map_err(refused)?;
        Ok(protocol::empty(StatusCode::NO_CONTENT))
    }

    async fn find_upload(&self, id: &str) -> Result<Upload> {
        let repo = self.granted.repo()?;
        let upload = repo.find_upload(id, self.config.max_blob).await;
        upload.map_err(refused)
    }

    /// What `Content-Range` says of a body: the first and last of its bytes, without a unit.
    fn piece(&self, body: &Body) -> Result<Piece> {
        let Some(range) = self.headers.get(header::CONTENT_RANGE) else {
            return Ok(Piece {
                from: None,
                length: body.length(),
            });
        };
        let range = range.to_str().unwrap_or_default();
        let (from, last) = parse_range(range).ok_or_else(|| {
            let message = "Content-Range should be the first and the last byte, such as 0-1023";
            Error::new(Code::BlobUploadInvalid, message)
        })?;
        let length = last - from + 1;
        if body.length().is_some_and(|body| body != length) {
            let message =
                format!("Content-Range speaks of {length} bytes, Content-Length does not");
            return Err(Error::new(Code::SizeInvalid, message));
        }
        Ok(Piece {
            from: Some(from),
            length: Some(length),
        })
    }

    /// Where an upload stands, and where it goes on.
    fn accepted(
        &self,
        name: &RepositoryName,
        upload: &Upload,
        offset: u64,
        status: StatusCode,
    ) -> Answer {
        let mut response = protocol::empty(status);
        self.stands(&mut response, name, upload, offset)?;
        Ok(response)
    }

    fn stands(
        &self,
        response: &mut Response<Body>,
        name: &RepositoryName,
        upload: &Upload,
        offset: u64,
    ) -> Result<()> {
        let location = self.location(&format!("/{name}/blobs/uploads/{}", upload.name()))?;
        let header = |text: String| HeaderValue::try_from(text).map_err(CoreError::internal);
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, location);
        // There is no way to say that there are no bytes yet.
        let range = format!("0-{}", offset.saturating_sub(1));
        headers.insert(header::RANGE, header(range)?);
        headers.insert(DOCKER_UPLOAD_UUID, header(upload.uuid().to_owned())?);
        Ok(())
    }

    fn out_of_order(&self, name: &RepositoryName, upload: &Upload, offset: u64) -> Answer {
        let message =
            format!("the upload stands at byte {offset}, where the next piece has to begin");
        let error = Error::new(Code::BlobUploadInvalid, message);
        let mut response = error::plain(&error.status(StatusCode::RANGE_NOT_SATISFIABLE));
        self.stands(&mut response, name, upload, offset)?;
        Ok(response)
    }

    fn created(&self, name: &RepositoryName, digest: &Digest) -> Answer {
        let mut response = protocol::empty(StatusCode::CREATED);
        let location = self.location(&format!("/{name}/blobs/{digest}"))?;
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, location);
        headers.insert(DOCKER_CONTENT_DIGEST, header_of(digest)?);
        Ok(response)
    }
}

/// The first and last byte of `Content-Range: 0-1023`; some clients put the unit before it, some
/// the size of the whole behind.
fn parse_range(range: &str) -> Option<(u64, u64)> {
    let range = range.trim();
    let range = range.strip_prefix("bytes").unwrap_or(range);
    let range = range.trim_start_matches(['=', ' ']);
    let (first, last) = range.split('/').next()?.trim().split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < u64::MAX).then_some((first, last))
}

/// The core's refusals under the codes that the specification has for uploads.
fn refused(error: CoreError) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::with(Code::BlobUploadUnknown, error),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, range) in [
            ("0-0", Some((0, 0))),
            ("5-1023", Some((5, 1023))),
            ("bytes 5-9", Some((5, 9))),
            ("bytes=5-9", Some((5, 9))),
            ("0-9/10", Some((0, 9))),
            ("0-9/*", Some((0, 9))),
            ("9-5", None),
            ("-5", None),
            ("5-", None),
            ("", None),
            ("+1-2", None),
            ("0x1-2", None),
            ("0-18446744073709551615", None),
            ("0-99999999999999999999", None),
        ] {
            assert_eq!(parse_range(text), range, "{text}");
        }
    }
}

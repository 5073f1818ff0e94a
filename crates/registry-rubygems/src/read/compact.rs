//! The compact index: `/versions`, `/names` and `/info`, whole or from where a client's copy ends.
//!
//! The entity tag of a text is the MD5 of it, compressed or not: Bundler before 2.5 compares it with
//! its copy. Clients join what they get of a part to what they have, and compare the whole with the
//! SHA-256 in `Repr-Digest`.

use std::{borrow::Cow, convert::Infallible, future::ready, sync::Arc, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use registry_core::{
    Body, Error as CoreError, Result,
    auth::Action,
    digest::{Algorithm, Digest, sha256},
    protocol::{self, Artifact},
    storage::ByteRange,
    store::{Document, Opened, Rendered},
};

use crate::{
    Answer, Call, GemName, compact,
    document::{self, Head, no_gem},
    layout::DOCUMENT,
    view::{self, Gems, Live, Reading},
};

/// The media type of the compact index.
const PLAIN: &str = "text/plain; charset=utf-8";

/// Gems with the versions of them that are offered.
pub(super) type All = Vec<(Arc<str>, Live)>;

/// A text of the compact index, as requests for it are answered.
struct Plain {
    /// It, and its MD5.
    reading: Arc<Reading>,
    /// The same, compressed by gzip, if that was asked for and is worth it.
    gzip: Option<Vec<Bytes>>,
    /// Its digests.
    digests: HeaderMap,
}

impl Call<'_> {
    /// All versions of all gems, as they came and went.
    pub(crate) async fn versions(&self) -> Answer {
        let now = self.context.clock.system_time();
        if let Some(names) = self.readable().await? {
            let key = key(Some(&names));
            let render = move |text: Arc<Reading>| rendered(view::versions_of(&text, &names), now);
            let look = |gems: &Gems| gems.versions().read();
            let form = self.listed(("versions", &key), look, render).await?;
            return self.form(&form).await;
        }
        let gzip = self.takes_gzip();
        let look = |gems: &Gems| {
            let text = gems.versions();
            let reading = text.read();
            let gzip = gzip && !self.has(&reading.md5)?;
            Ok::<_, CoreError>((reading, gzip.then(|| text.gzip())))
        };
        let (reading, gzip) = self.granted.view(look).await??;
        let digests = digests(&reading.sha256)?;
        let plain = Plain {
            reading,
            gzip,
            digests,
        };
        self.plain(plain).await
    }

    /// All gems of which a version is offered.
    pub(crate) async fn names(&self) -> Answer {
        let now = self.context.clock.system_time();
        let render = move |live: All| {
            let mut names: Vec<_> = live.iter().map(|(name, _)| &**name).collect();
            names.sort_unstable();
            rendered(compact::names(names).into_bytes(), now)
        };
        let form = self.of_all("names", render).await?;
        self.form(&form).await
    }

    /// A form of all gems that whoever asks may read and of which versions are offered.
    pub(super) async fn of_all(
        &self,
        form: &'static str,
        render: impl FnOnce(All) -> Result<Rendered> + Send + 'static,
    ) -> Result<Arc<Rendered>> {
        let names = self.readable().await?;
        let key = key(names.as_deref());
        let look = |gems: &Gems| gems.live(names.as_deref());
        self.listed((form, &key), look, render).await
    }

    /// A form of the view, made once while no version comes or goes.
    async fn listed<S: Send + 'static>(
        &self,
        named: (&'static str, &str),
        look: impl FnOnce(&Gems) -> S,
        render: impl FnOnce(S) -> Result<Rendered> + Send + 'static,
    ) -> Result<Arc<Rendered>> {
        let stamp = |gems: &Gems| Some(gems.versions().size());
        let form = self.granted.rendered_part(named, stamp, look, render);
        form.await?.ok_or_else(|| CoreError::internal("no stamp"))
    }

    /// What resolving needs to know of a gem's versions.
    pub(crate) async fn info(&self, name: GemName) -> Answer {
        let spelled = name.to_string();
        let render = move |document: &Document<Head>| {
            if !document.head.is_spelled(&name) {
                return Err(no_gem());
            }
            let published = document::published(&document.entries)?;
            rendered(document::info(&published).into_bytes(), document.modified)
        };
        let repo = self.granted.repo()?;
        // The same at every address, but only for the gem that is spelled so.
        let form = repo.rendered(DOCUMENT, "info", &spelled, render).await?;
        self.form(&*form.ok_or_else(no_gem)?).await
    }

    /// Those gems that whoever asks may read, sorted; nothing if that is all of them.
    async fn readable(&self) -> Result<Option<Vec<String>>> {
        if self.granted.may("*", Action::Read).await? {
            return Ok(None);
        }
        let names = self.granted.view(Gems::names).await?;
        self.granted.readable(names).await.map(Some)
    }

    /// Whether the whole text is asked for by a client who takes it compressed.
    fn takes_gzip(&self) -> bool {
        !self.headers.contains_key(header::RANGE) && protocol::accepts_gzip(self.headers)
    }

    async fn form(&self, form: &Rendered) -> Answer {
        let gzip = form.gzip.clone().filter(|_| self.takes_gzip());
        let tag = form.etag.to_str().map_err(CoreError::internal)?;
        let reading = Reading {
            md5: tag.trim_matches('"').to_owned(),
            sha256: Vec::new(),
            size: form.body.len() as u64,
            pieces: vec![form.body.clone()],
        };
        let plain = Plain {
            reading: Arc::new(reading),
            gzip: gzip.map(|bytes| vec![bytes]),
            digests: form.headers.clone(),
        };
        self.plain(plain).await
    }

    async fn plain(&self, plain: Plain) -> Answer {
        let Plain {
            reading,
            gzip,
            digests,
        } = plain;
        let tag = &reading.md5;
        let artifact = Artifact {
            tag,
            size: reading.size,
            content_type: PLAIN,
            modified: None,
        };
        let mut response = match gzip {
            Some(gzip) if !self.has(tag)? => packed(gzip, tag)?,
            _ => {
                let open = |range, _| ready(Ok(opened(&reading, range)));
                let headers = self.fitting(artifact.size);
                protocol::serve_artifact(artifact, self.method, &headers, open).await?
            }
        };
        let fields = response.headers_mut();
        fields.extend(digests);
        fields.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        Ok(protocol::revalidated(response))
    }

    /// The headers of the request, but for a range that lies behind the end: a client whose copy is
    /// longer than the text is best off with all of it (RFC 9110 §14.2). Of a refusal, Bundler since 2.5
    /// would make one more request, and take the compressed text that this brings for damaged.
    fn fitting(&self, size: u64) -> Cow<'_, HeaderMap> {
        let from = self.headers.get(header::RANGE);
        let from = from.and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
        let from = from.and_then(|range| range.strip_suffix('-')?.parse::<u64>().ok());
        if from.is_none_or(|from| from < size) {
            return Cow::Borrowed(self.headers);
        }
        let mut headers = self.headers.clone();
        headers.remove(header::RANGE);
        Cow::Owned(headers)
    }

    /// Whether the client has the text of this tag.
    fn has(&self, tag: &str) -> Result<bool> {
        Ok(protocol::none_match(self.headers, &quoted(tag)?))
    }
}

/// What forms are kept under that show only some gems.
fn key(names: Option<&[String]>) -> String {
    let hash = |names: &[String]| Digest::of(Algorithm::Sha256, names.join(" ").as_bytes());
    names.map_or_else(String::new, |names| hash(names).hex().to_owned())
}

/// A text of the compact index, as it is kept.
fn rendered(text: Vec<u8>, modified: SystemTime) -> Result<Rendered> {
    let md5 = Digest::of(Algorithm::Md5, &text);
    let headers = digests(&sha256(&text))?;
    let mut form = Rendered::new(text, PLAIN, modified)?;
    form.etag = quoted(md5.hex())?;
    form.gzip_etag = form.etag.clone();
    form.headers = headers;
    Ok(form)
}

fn quoted(tag: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(format!("\"{tag}\"")).map_err(CoreError::internal)
}

/// The digests of a text (RFC 9530, and RFC 3230 for clients that know only that): of all of it, even
/// where only a part is sent.
fn digests(sha256: &[u8]) -> Result<HeaderMap> {
    let hash = STANDARD.encode(sha256);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("repr-digest", format!("sha-256=:{hash}:")),
        ("digest", format!("sha-256={hash}")),
    ] {
        let value = HeaderValue::try_from(value).map_err(CoreError::internal)?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The whole text, compressed.
fn packed(pieces: Vec<Bytes>, tag: &str) -> Result<Response<Body>> {
    let mut response = Response::new(body(pieces));
    *response.status_mut() = StatusCode::OK;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(PLAIN));
    fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(header::ETAG, quoted(tag)?);
    Ok(response)
}

/// A text, or a part of it, as something stored.
fn opened(reading: &Reading, range: Option<ByteRange>) -> Opened {
    let range = range.and_then(|range| range.resolve(reading.size));
    let (range, pieces) = match range {
        Some(range) => (range.clone(), reading.part(range)),
        None => (0..reading.size, reading.pieces.clone()),
    };
    Opened {
        range,
        body: body(pieces),
    }
}

fn body(mut pieces: Vec<Bytes>) -> Body {
    if pieces.len() == 1 {
        return Body::from(pieces.remove(0));
    }
    let length = pieces.iter().map(|piece| piece.len() as u64).sum();
    let pieces = pieces.into_iter().map(Ok::<_, Infallible>);
    Body::from_stream(stream::iter(pieces), Some(length))
}

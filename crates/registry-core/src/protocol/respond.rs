//! Answers that every protocol gives in the same way.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use crate::{
    auth::Granted,
    body::Body,
    error::{Error, ErrorKind, Result},
    storage::ByteRange,
    store::{Opened, Rendered, Repo, StoredBytes},
};

/// An answer of JSON.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Response<Body>> {
    let body = serde_json::to_vec(value).map_err(Error::internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// What a response says in place of its status's own phrase, where the HTTP version has room for one
/// (RFC 9112 §4): an extension of the response, for a server that can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Box<str>);

impl Reason {
    /// The longest phrase, in characters.
    const LONGEST: usize = 500;

    /// A sentence as a phrase: on one line, in ISO 8859-1, cut where it is too long.
    pub fn new(sentence: &str) -> Self {
        let fitting = |c: char| match c {
            c if c.is_control() => ' ',
            '\0'..='\u{ff}' => c,
            _ => '?',
        };
        Self(sentence.chars().map(fitting).take(Self::LONGEST).collect())
    }

    /// The phrase as it is sent, a byte for each character.
    pub fn to_bytes(&self) -> Vec<u8> {
        let chars = self.0.chars();
        chars.map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
    }
}

/// A form of a document: validators honoured, compressed for who takes it. The protocol adds what
/// is its own (`Vary` on more than the encoding, `Cache-Control`).
pub fn rendered(form: &Rendered, headers: &HeaderMap) -> Response<Body> {
    let gzip = form.gzip.as_ref().filter(|_| accepts_gzip(headers));
    let etag = if gzip.is_some() {
        &form.gzip_etag
    } else {
        &form.etag
    };
    let date = match form.is_dated {
        true => Some(form.modified),
        false => strong_date(form.modified, SystemTime::now()),
    };
    let fresh = match headers.get(header::IF_NONE_MATCH) {
        Some(_) => none_match_hits(headers, &[&form.etag, &form.gzip_etag]),
        // A later one than its own is of a state that is no more: a backup was put back.
        None if form.is_dated => since(headers) == date,
        None => date.is_some_and(|date| not_modified_since(headers, date)),
    };
    let mut response = Response::new(Body::empty());
    let fields = response.headers_mut();
    fields.clone_from(&form.headers);
    fields.insert(header::ETAG, etag.clone());
    fields.insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-encoding"),
    );
    if let Some(date) = date.and_then(http_date) {
        fields.insert(header::LAST_MODIFIED, date);
    }
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    fields.insert(header::CONTENT_TYPE, form.content_type.clone());
    if gzip.is_some() {
        fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = Body::from(gzip.unwrap_or(&form.body).clone());
    response
}

/// An artifact, as a request for it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Artifact<'a> {
    /// What its entity tag holds between the quotes: a digest.
    pub tag: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub content_type: &'static str,
    /// When it was stored, if that is told; it is once that second is over.
    pub modified: Option<SystemTime>,
}

/// Sends the bytes that a document names, whole or in part, or only their headers: ranges and
/// validators honoured.
///
/// # Errors
/// `RangeNotSatisfiable`, a hook's veto, or a failure of the store.
pub async fn serve(
    repo: &Repo,
    stored: &StoredBytes,
    content_type: &'static str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response<Body>> {
    let artifact = Artifact {
        tag: &stored.digest,
        size: stored.size,
        content_type,
        modified: None,
    };
    let open = |range, head| repo.open(stored, content_type, range, head);
    serve_artifact(artifact, method, headers, open).await
}

/// Sends an artifact that `open` opens, as [`serve`] does.
///
/// # Errors
/// `RangeNotSatisfiable`, or what `open` says.
pub async fn serve_artifact<O, F>(
    artifact: Artifact<'_>,
    method: &Method,
    headers: &HeaderMap,
    open: O,
) -> Result<Response<Body>>
where
    O: FnOnce(Option<ByteRange>, bool) -> F + Send,
    F: Future<Output = Result<Opened>> + Send,
{
    let etag = ["\"", artifact.tag, "\""].concat();
    let etag = HeaderValue::try_from(etag).map_err(Error::internal)?;
    let now = SystemTime::now();
    let modified = artifact.modified.and_then(|date| strong_date(date, now));
    let artifact = Artifact {
        modified,
        ..artifact
    };
    check_unmodified(headers, &artifact, &etag)?;
    let mut response = if is_known(headers, &artifact, &etag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        let range = wanted_range(method, headers, &artifact, &etag)?;
        let head = method == Method::HEAD;
        bytes(&artifact, open(range, head).await?, range.is_some(), head)?
    };
    let fields = response.headers_mut();
    fields.insert(header::ETAG, etag);
    if let Some(date) = artifact.modified.and_then(http_date) {
        fields.insert(header::LAST_MODIFIED, date);
    }
    Ok(response)
}

/// Whether the client has the artifact already (RFC 9110 §13.1.2, §13.1.3).
fn is_known(headers: &HeaderMap, artifact: &Artifact<'_>, etag: &HeaderValue) -> bool {
    match (headers.get(header::IF_NONE_MATCH), artifact.modified) {
        (Some(_), _) => none_match_hits(headers, &[etag]),
        (None, Some(modified)) => not_modified_since(headers, modified),
        (None, None) => false,
    }
}

/// Refuses to go on with an artifact that is no longer the one that the client has a part of
/// (RFC 9110 §13.1.1, §13.1.4).
fn check_unmodified(
    headers: &HeaderMap,
    artifact: &Artifact<'_>,
    etag: &HeaderValue,
) -> Result<()> {
    let date = |name| -> Option<SystemTime> {
        httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
    };
    let holds = match headers.get(header::IF_MATCH) {
        Some(_) => listed(headers, header::IF_MATCH).any(|tag| tag == "*" || *etag == *tag),
        None => match (date(header::IF_UNMODIFIED_SINCE), artifact.modified) {
            (Some(since), Some(modified)) => whole_second(modified) <= since,
            _ => true,
        },
    };
    if holds {
        return Ok(());
    }
    let message = "it is no longer what the request has a part of; get it anew";
    Err(Error::new(ErrorKind::PreconditionFailed, message))
}

/// The entity tags that a header lists.
fn listed(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Says of an artifact's answer that it will always be the same: to everybody, or, if it was given
/// to somebody in particular, to them.
pub fn immutable(response: &mut Response<Body>, granted: &Granted) {
    let value = match granted.identity().user {
        None => "public, max-age=31536000, immutable",
        Some(_) => "private, max-age=31536000, immutable",
    };
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(header::CACHE_CONTROL, value);
}

/// Lets caches keep an answer but not use it without asking: clients wait for what was just
/// published.
pub fn revalidated(mut response: Response<Body>) -> Response<Body> {
    let value = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, value);
    response
}

/// The part of an artifact that a request asks for (RFC 9110 §14.2), validators honoured; `None`
/// for the whole of it.
///
/// # Errors
/// `RangeNotSatisfiable` when the part holds no byte.
fn wanted_range(
    method: &Method,
    headers: &HeaderMap,
    artifact: &Artifact<'_>,
    etag: &HeaderValue,
) -> Result<Option<ByteRange>> {
    let Some(range) = headers.get(header::RANGE).filter(|_| method == Method::GET) else {
        return Ok(None);
    };
    if let Some(validator) = headers.get(header::IF_RANGE)
        && validator != etag
        && artifact.modified.and_then(http_date).as_ref() != Some(validator)
    {
        return Ok(None);
    }
    // A unit or a form that is not known is as if it were not there.
    let Some(range) = range.to_str().ok().and_then(parse_range) else {
        return Ok(None);
    };
    if range.resolve(artifact.size).is_none() {
        return Err(Error::range_not_satisfiable(artifact.size));
    }
    Ok(Some(range))
}

/// A number of digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn parse_range(value: &str) -> Option<ByteRange> {
    let (first, last) = value
        .trim()
        .strip_prefix("bytes=")?
        .trim()
        .split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(ByteRange::Last(number(last)?)),
        (first, "") => Some(ByteRange::From(number(first)?)),
        (first, last) => {
            // One that ends before it begins holds no byte.
            Some(ByteRange::Inclusive(number(first)?, number(last)?))
        }
    }
}

fn bytes(
    artifact: &Artifact<'_>,
    opened: Opened,
    partial: bool,
    head: bool,
) -> Result<Response<Body>> {
    let mut response = Response::new(Body::empty());
    let header = |text: String| HeaderValue::try_from(text).map_err(Error::internal);
    let fields = response.headers_mut();
    let content_type = HeaderValue::from_static(artifact.content_type);
    fields.insert(header::CONTENT_TYPE, content_type);
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if head {
        fields.insert(header::CONTENT_LENGTH, artifact.size.into());
        return Ok(response);
    }
    let range = opened.range;
    fields.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if partial {
        let value = format!("bytes {}-{}/{}", range.start, range.end - 1, artifact.size);
        fields.insert(header::CONTENT_RANGE, header(value)?);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    *response.body_mut() = opened.body;
    Ok(response)
}

/// Whether the client takes gzip (RFC 9110 §12.5.3).
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut star = false;
    for coding in values.flat_map(|value| value.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = parameters
            .trim()
            .strip_prefix("q=")
            .is_some_and(|quality| quality.trim().parse::<f32>().is_ok_and(|q| q == 0.0));
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                return !refused;
            }
            "*" => star = !refused,
            _ => {}
        }
    }
    star
}

/// Whether `If-None-Match` names an entity tag (RFC 9110 §13.1.2): the client has it already.
pub fn none_match(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    none_match_hits(headers, &[etag])
}

fn none_match_hits(headers: &HeaderMap, etags: &[&HeaderValue]) -> bool {
    listed(headers, header::IF_NONE_MATCH).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || etags.iter().any(|etag| etag.as_bytes() == tag.as_bytes())
    })
}

fn not_modified_since(headers: &HeaderMap, date: SystemTime) -> bool {
    since(headers).is_some_and(|since| date <= since)
}

/// Of when the client has it.
fn since(headers: &HeaderMap) -> Option<SystemTime> {
    let value = headers.get(header::IF_MODIFIED_SINCE)?.to_str().ok()?;
    httpdate::parse_http_date(value).ok()
}

/// The date by which a client may ask whether something has changed (RFC 9110 §8.8.2.2): none before the
/// second that it names is over, since what changes in it again would have the same.
fn strong_date(modified: SystemTime, now: SystemTime) -> Option<SystemTime> {
    let date = whole_second(modified);
    Some(date).filter(|date| now >= *date + Duration::from_secs(1))
}

/// A time in whole seconds, rounded up: what changed is never older than its date says.
fn whole_second(time: SystemTime) -> SystemTime {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let up = u64::from(since.subsec_nanos() > 0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs() + up)
}

fn http_date(time: SystemTime) -> Option<HeaderValue> {
    HeaderValue::try_from(httpdate::fmt_http_date(whole_second(time))).ok()
}

/// The body of a small JSON document in a request, parsed.
///
/// # Errors
/// `TooLarge` beyond `limit`, `Invalid` when it is not such JSON.
pub async fn read_json<T: serde::de::DeserializeOwned>(body: Body, limit: usize) -> Result<T> {
    parsed(&body.collect(limit).await?)
}

/// The same of a request that need not have a body.
///
/// # Errors
/// `TooLarge` beyond `limit`, `Invalid` when it is something else than such JSON.
pub async fn read_json_if_any<T: serde::de::DeserializeOwned>(
    body: Body,
    limit: usize,
) -> Result<Option<T>> {
    let bytes = body.collect(limit).await?;
    let any = Some(&bytes).filter(|bytes| !bytes.is_empty());
    any.map(parsed).transpose()
}

fn parsed<T: serde::de::DeserializeOwned>(bytes: &Bytes) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(
            ErrorKind::Invalid,
            format!("the request body is not the JSON it should be: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a form that changed so many milliseconds ago is answered by to who has it of a date.
    fn asked(ago: u64, since: impl Fn(&HeaderMap) -> Option<HeaderValue>) -> Response<Body> {
        let modified = SystemTime::now() - Duration::from_millis(ago);
        let form = Rendered::new(b"it".to_vec(), "text/plain", modified).unwrap();
        let first = rendered(&form, &HeaderMap::new());
        let mut headers = HeaderMap::new();
        let since = since(first.headers()).map(|date| (header::IF_MODIFIED_SINCE, date));
        headers.extend(since);
        rendered(&form, &headers)
    }

    #[test]
    fn a_date_that_is_had_once_is_given_at_once() {
        let now = whole_second(SystemTime::now());
        let mut form = Rendered::new(b"it".to_vec(), "text/plain", now).unwrap();
        form.is_dated = true;
        let first = rendered(&form, &HeaderMap::new());
        let mut headers = HeaderMap::new();
        let date = first.headers()[header::LAST_MODIFIED].clone();
        headers.insert(header::IF_MODIFIED_SINCE, date);
        assert_eq!(rendered(&form, &headers).status(), StatusCode::NOT_MODIFIED);
        for other in [now + Duration::from_secs(1), now - Duration::from_secs(1)] {
            form.modified = other;
            assert_eq!(rendered(&form, &headers).status(), StatusCode::OK);
        }
    }

    #[test]
    fn a_date_is_given_once_its_second_is_over() {
        let last = |headers: &HeaderMap| headers.get(header::LAST_MODIFIED).cloned();
        let old = asked(5000, last);
        assert_eq!(old.status(), StatusCode::NOT_MODIFIED);
        assert!(old.headers().contains_key(header::LAST_MODIFIED));
        // Whatever date a client makes up: within the second it may have changed since.
        let later = |_: &HeaderMap| {
            let date = SystemTime::now() + Duration::from_secs(60);
            HeaderValue::try_from(httpdate::fmt_http_date(date)).ok()
        };
        assert_eq!(asked(5000, later).status(), StatusCode::NOT_MODIFIED);
        let new = asked(0, later);
        assert_eq!(new.status(), StatusCode::OK);
        assert!(!new.headers().contains_key(header::LAST_MODIFIED));
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        for (modified, now, date) in [
            (1000, 1999, None),
            (1000, 2000, Some(1000)),
            (1001, 2999, None),
            (1999, 3000, Some(2000)),
            (9000, 1000, None),
        ] {
            assert_eq!(strong_date(at(modified), at(now)), date.map(at));
        }
    }

    #[test]
    fn a_reason_is_one_line_that_fits() {
        for (sentence, sent) in [
            ("File already exists", &b"File already exists"[..]),
            ("one\r\ntwo\0", b"one  two "),
            ("caf\u{e9} \u{2013} \u{85}", b"caf\xe9 ?  "),
        ] {
            assert_eq!(Reason::new(sentence).to_bytes(), sent);
        }
        assert_eq!(Reason::new(&"x".repeat(9000)).to_bytes().len(), 500);
    }
}

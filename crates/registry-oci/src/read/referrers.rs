//! What refers to a manifest.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use registry_core::{Error as CoreError, digest::Digest, protocol, store::Repo};

use crate::{
    Answer, Call, Reference, RepositoryName,
    document::{self, Referrer},
    error::{Code, Result},
    layout, name,
    route::Page,
    view::Repositories,
    wire::{Descriptor, INDEX, Index, Manifest, Named},
};

/// The most bytes of descriptors in one answer, but that there is one.
const MAX_ANSWER: usize = 4 << 20;
/// The most descriptors in one answer that are made of their manifests.
const MAX_MADE: usize = 64;
/// How many entries of a list are looked at together.
const BATCH: usize = 256;
/// The most bytes of manifests in an index under a fallback tag that are looked at, 16 KiB for each at
/// least.
const MAX_FALLBACK: u64 = 16 << 20;

impl Call<'_> {
    /// The manifests that refer to `subject`, which need not be there, in the order of their
    /// digests.
    pub(crate) async fn referrers(
        &self,
        name: &RepositoryName,
        subject: &Digest,
        wanted: Option<&str>,
        page: Page,
    ) -> Answer {
        let (shown, more) = self.page_of(name, subject, wanted, &page).await?;
        let index = Index {
            schema_version: 2,
            media_type: INDEX,
            manifests: &shown,
        };
        let mut response = protocol::json(StatusCode::OK, &index)?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(INDEX));
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(wanted) = wanted {
            let applied = HeaderValue::from_static("artifactType");
            headers.insert("oci-filters-applied", applied);
            query.append_pair("artifactType", wanted);
        }
        if let Some(last) = shown.last().filter(|_| more) {
            let path = format!("/{name}/referrers/{subject}");
            let link = self.next(&path, &page, &last.digest.to_string(), &query.finish())?;
            headers.insert(header::LINK, link);
        }
        Ok(response)
    }

    /// What refers to `subject`, as much as fits into one answer, and whether there is more. A
    /// descriptor can be large: no more of them are held than are shown.
    async fn page_of(
        &self,
        name: &RepositoryName,
        subject: &Digest,
        wanted: Option<&str>,
        page: &Page,
    ) -> Result<(Vec<Descriptor>, bool)> {
        let repo = self.granted.repo()?;
        let document = repo.document::<()>(&layout::referrers(subject)).await?;
        let last = page.last.as_deref();
        let fits = |kind: Option<&str>| wanted.is_none() || kind == wanted;
        let mut listed = Shown::new(page.n);
        let entries = document.iter().flat_map(|document| &document.entries);
        let entries = entries.filter(|(digest, _)| last.is_none_or(|last| ***digest > *last));
        let entries: Vec<_> = entries.collect();
        let mut made = 0;
        'all: for some in entries.chunks(BATCH) {
            for (digest, entry) in self.alive(name, some).await? {
                if !fits(entry.artifact_type.as_deref()) {
                    continue;
                }
                let descriptor = match entry.descriptor {
                    Some(descriptor) => Some(descriptor),
                    None if made == MAX_MADE => {
                        listed.more = true;
                        break 'all;
                    }
                    None => {
                        made += 1;
                        describe(repo, &digest, subject).await?
                    }
                };
                if let Some(descriptor) = descriptor
                    && !listed.add(&digest.to_string(), descriptor)?
                {
                    break 'all;
                }
            }
        }
        let is_known = |digest: &str| {
            let entries = document.as_ref().map(|document| &document.entries);
            entries.is_some_and(|entries| entries.contains_key(digest))
        };
        let mut others = Shown::new(page.n);
        for digest in self.by_fallback_tag(subject).await? {
            let text = digest.to_string();
            if last.is_some_and(|last| *text <= *last) || is_known(&text) {
                continue;
            }
            if let Some(descriptor) = describe(repo, &digest, subject).await?
                && fits(descriptor.artifact_type.as_deref())
                && !others.add(&text, descriptor)?
            {
                break;
            }
        }
        Shown::join(listed, others, page.n)
    }

    /// Those entries of a list whose manifests are alive: what was left by a deletion that broke off is
    /// not shown.
    async fn alive(
        &self,
        name: &RepositoryName,
        entries: &[(&Arc<str>, &Bytes)],
    ) -> Result<Vec<(Digest, Referrer)>> {
        let mut all = Vec::with_capacity(entries.len());
        for (digest, json) in entries {
            all.push((digest.parse::<Digest>()?, Referrer::parse(json)?));
        }
        let alive = |view: &Repositories| {
            let is_alive = |(digest, entry): &(Digest, Referrer)| {
                view.is_alive(name.as_str(), digest, &entry.manifest)
            };
            all.iter().map(is_alive).collect::<Vec<_>>()
        };
        let mut alive = self.granted.view(alive).await?.into_iter();
        all.retain(|_| alive.next().unwrap_or_default());
        Ok(all)
    }

    /// The manifests that the index under the fallback tag lists, in order: it was written by a client
    /// that found no list of referrers where it was before.
    async fn by_fallback_tag(&self, subject: &Digest) -> Result<Vec<Digest>> {
        let tag = name::fallback_tag(subject)?;
        let index = match self.find(&Reference::Tag(tag)).await {
            Ok((_, form)) => form,
            Err(error) if error.code() == Code::ManifestUnknown => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let content_type = index.content_type.to_str().ok();
        let index = Manifest::parse(content_type, &index.body)?;
        let mut left = MAX_FALLBACK;
        let within = |named: &Named| {
            let size = named
                .sizes
                .first()
                .copied()
                .unwrap_or_default()
                .max(1 << 10);
            left = left.saturating_sub(size);
            left > 0
        };
        let listed = index.named.into_iter().take_while(within);
        let mut listed: Vec<Digest> = listed.map(|named| named.digest).collect();
        listed.sort_by_cached_key(Digest::to_string);
        Ok(listed)
    }
}

/// What fits into one answer, in the order of digests.
struct Shown {
    all: Vec<(String, Descriptor)>,
    size: usize,
    most: Option<usize>,
    /// Whether something did not fit.
    more: bool,
}

impl Shown {
    fn new(most: Option<usize>) -> Self {
        Self {
            all: Vec::new(),
            size: 0,
            most,
            more: false,
        }
    }

    /// Adds a descriptor if it fits, which one always does; whether it did.
    fn add(&mut self, digest: &str, descriptor: Descriptor) -> Result<bool> {
        let json = serde_json::to_vec(&descriptor).map_err(CoreError::internal)?;
        self.size += json.len() + 1;
        let full = !self.all.is_empty() && self.size > MAX_ANSWER;
        self.more = full || self.most.is_some_and(|most| self.all.len() >= most);
        if !self.more {
            self.all.push((digest.to_owned(), descriptor));
        }
        Ok(!self.more)
    }

    /// The first of both, and whether there is more. Where one of them ends early, nothing that comes
    /// later is shown of the other, or it would be passed over.
    fn join(one: Self, other: Self, most: Option<usize>) -> Result<(Vec<Descriptor>, bool)> {
        let ends = [&one, &other].into_iter().filter(|shown| shown.more);
        let ends = ends.filter_map(|shown| shown.all.last());
        let end = ends.map(|(digest, _)| digest.clone()).min();
        let mut all = BTreeMap::new();
        let mut joined = Self::new(most);
        let cut = one.more || other.more;
        all.extend(one.all.into_iter().chain(other.all));
        for (digest, descriptor) in all {
            if end.as_ref().is_some_and(|end| digest > *end) || !joined.add(&digest, descriptor)? {
                break;
            }
        }
        let shown = joined.all.into_iter().map(|(_, descriptor)| descriptor);
        Ok((shown.collect(), cut || joined.more))
    }
}

/// How a manifest is listed, if it is there and refers to `subject`.
async fn describe(repo: &Repo, digest: &Digest, subject: &Digest) -> Result<Option<Descriptor>> {
    let document = repo
        .document::<document::Manifest>(&layout::manifest(digest))
        .await?;
    let refers =
        |head: &document::Manifest| head.is_alive() && head.subject.as_ref() == Some(subject);
    let Some(document) = document.filter(|document| refers(&document.head)) else {
        return Ok(None);
    };
    let head = &document.head;
    let missing = || CoreError::internal(format!("the manifest {digest} has no text"));
    let entry = document
        .entries
        .get(document::CONTENT)
        .ok_or_else(missing)?;
    let manifest = Manifest::parse(Some(&head.media_type), &document::content(entry)?)?;
    Ok(Some(Descriptor::of(&manifest, digest, head.size)))
}

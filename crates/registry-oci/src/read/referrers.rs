//! What refers to a manifest.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderValue, StatusCode, header};
use registry_core::{Error as CoreError, digest::Digest, protocol, store::Repo};

use crate::{
    Answer, Call, Reference, RepositoryName,
    document::{self, Referrer},
    error::{Code, Result},
    layout, name,
    route::Page,
    view::Repositories,
    wire::{Descriptor, INDEX, Index, Manifest},
};

/// The most bytes of descriptors in one answer, but that there is one.
const MAX_ANSWER: usize = 4 << 20;
/// The most manifests of an index under a fallback tag that are looked at.
const MAX_FALLBACK: usize = 1000;
/// How many of those are looked at together.
const AT_ONCE: usize = 16;

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
        let all = self.listed(name, subject).await?;
        let fits = |of: &Descriptor| wanted.is_none() || of.artifact_type.as_deref() == wanted;
        let after = |digest: &String| page.last.as_ref().is_none_or(|last| digest > last);
        let all = all
            .into_iter()
            .filter(|(digest, of)| after(digest) && fits(of));
        let (shown, more) = cut(all, page.n)?;
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

    /// All that refers to `subject`, by digest.
    async fn listed(
        &self,
        name: &RepositoryName,
        subject: &Digest,
    ) -> Result<BTreeMap<String, Descriptor>> {
        let repo = self.granted.repo()?;
        let document = repo.document::<()>(&layout::referrers(subject)).await?;
        let mut all = BTreeMap::new();
        for json in document
            .iter()
            .flat_map(|document| document.entries.values())
        {
            let entry = Referrer::parse(json)?;
            all.insert(entry.descriptor.digest.to_string(), entry);
        }
        if !all.is_empty() {
            // What was left by a deletion that broke off is not shown.
            let keep = |view: &Repositories| {
                all.retain(|_, of| {
                    view.is_alive(name.as_str(), &of.descriptor.digest, &of.manifest)
                });
                all
            };
            all = self.granted.view(keep).await?;
        }
        let mut all: BTreeMap<String, Descriptor> = all
            .into_iter()
            .map(|(digest, of)| (digest, of.descriptor))
            .collect();
        for descriptor in self.by_fallback_tag(subject, &all).await? {
            all.insert(descriptor.digest.to_string(), descriptor);
        }
        Ok(all)
    }

    /// What the index under the fallback tag lists beside `known`, and really refers to `subject`:
    /// it was written by a client that found no list of referrers where it was before.
    async fn by_fallback_tag(
        &self,
        subject: &Digest,
        known: &BTreeMap<String, Descriptor>,
    ) -> Result<Vec<Descriptor>> {
        let tag = name::fallback_tag(subject)?;
        let index = match self.find(&Reference::Tag(tag)).await {
            Ok((_, form)) => form,
            Err(error) if error.code() == Code::ManifestUnknown => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let content_type = index.content_type.to_str().ok();
        let index = Manifest::parse(content_type, &index.body)?;
        let repo = self.granted.repo()?;
        let listed = index.named.iter().map(|named| &named.digest);
        let listed = listed.filter(|digest| !known.contains_key(&digest.to_string()));
        let listed = listed.take(MAX_FALLBACK);
        // A list of futures, since the compiler cannot follow a closure through an await.
        let look: Vec<_> = listed
            .map(|digest| describe(repo, digest, subject))
            .collect();
        let look = stream::iter(look).buffered(AT_ONCE);
        let found: Vec<Option<Descriptor>> = look.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
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

/// As many as fit into one answer, and whether there are more.
fn cut(
    all: impl Iterator<Item = (String, Descriptor)>,
    most: Option<usize>,
) -> Result<(Vec<Descriptor>, bool)> {
    let mut shown = Vec::new();
    let mut size = 0;
    for (_, descriptor) in all {
        let json = serde_json::to_vec(&descriptor).map_err(CoreError::internal)?;
        size += json.len() + 1;
        let full = !shown.is_empty() && size > MAX_ANSWER;
        if full || most.is_some_and(|most| shown.len() >= most) {
            return Ok((shown, true));
        }
        shown.push(descriptor);
    }
    Ok((shown, false))
}

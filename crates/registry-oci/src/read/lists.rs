//! The tags of a repository, and the repositories that there are.

use http::{Response, StatusCode, header};
use registry_core::{Body, protocol};

use crate::{Answer, Call, Code, Error, RepositoryName, route::Page, view::Repositories, wire};

/// The most tags that one answer lists.
const MAX_TAGS: usize = 10_000;
/// The most repositories that one answer lists.
const MAX_NAMES: usize = 1000;
/// How many names are looked at together.
const BATCH: usize = 1000;

impl Call<'_> {
    /// The tags of a repository, in order.
    pub(crate) async fn tags(&self, name: &RepositoryName, page: Page) -> Answer {
        let most = page.n.unwrap_or(MAX_TAGS).min(MAX_TAGS);
        let last = page.last.as_deref();
        let look = |all: &Repositories| all.tags(name.as_str(), last, most);
        let (tags, more) = self.granted.view(look).await?.ok_or_else(|| {
            let message = format!("nothing was ever pushed to {}", self.called(name));
            Error::new(Code::NameUnknown, message)
        })?;
        let list = wire::TagList {
            name: &self.called(name),
            tags: &tags,
        };
        let response = protocol::json(StatusCode::OK, &list)?;
        let path = format!("/{name}/tags/list");
        self.linked(response, &path, &page, tags.last().filter(|_| more))
    }

    /// The repositories that whoever asks may read, in order.
    pub(crate) async fn catalog(&self, page: Page) -> Answer {
        // Clients may come with a token that is good for nothing, and learn here which they need.
        let access = self.granted.identity().access.as_deref();
        if access.is_some_and(<[_]>::is_empty) {
            let message = "this access token is not for the catalog; get one that is";
            return Err(Error::new(Code::Unauthorized, message));
        }
        let most = page.n.unwrap_or(MAX_NAMES).min(MAX_NAMES);
        let everything = self.granted.may_list("*").await?;
        let mut seen: Vec<String> = Vec::new();
        let mut last = page.last.clone();
        let mut more = true;
        while more && seen.len() <= most && most > 0 {
            // One more than is wanted tells whether there is one.
            let batch = if everything { most + 1 } else { BATCH };
            let look = |all: &Repositories| all.names(last.as_deref(), batch);
            let (names, rest) = self.granted.view(look).await?;
            more = rest;
            last = names.last().cloned().or(last);
            for name in names {
                if everything || self.granted.may_list(&name).await? {
                    seen.push(name);
                }
            }
        }
        let more = seen.len() > most;
        seen.truncate(most);
        let list = wire::Catalog {
            repositories: &seen,
        };
        let response = protocol::json(StatusCode::OK, &list)?;
        self.linked(response, "/_catalog", &page, seen.last().filter(|_| more))
    }

    /// The answer with a link to what follows `last`.
    fn linked(
        &self,
        mut response: Response<Body>,
        path: &str,
        page: &Page,
        last: Option<&String>,
    ) -> Answer {
        if let Some(last) = last {
            let link = self.next(path, page, last, "")?;
            response.headers_mut().insert(header::LINK, link);
        }
        Ok(response)
    }
}

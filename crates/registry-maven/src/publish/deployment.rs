//! What becomes of a bundle. Its files are stored and named by their versions' documents, and are not
//! there before it is published. Its first version says which others it has, and is the last to be
//! written: so whoever finds it finds all of it, and what broke off goes on when it is asked for.

use std::collections::BTreeMap;

use http::StatusCode;
use registry_core::{
    Error, ErrorKind, Result,
    auth::Action,
    protocol,
    store::{Change, Document, Repo, Staged},
};

use crate::{
    Answer, Call,
    document::{Bundle, Head, change},
    layout::{self, VERSION},
    view::Artifacts,
    wire::Deployment,
};

/// The part of a bundle that is one version.
pub(super) struct Part {
    pub(super) repo: Repo,
    pub(super) staged: Vec<Staged>,
    pub(super) bundle: Bundle,
}

/// A bundle that was found good.
pub(super) struct Deploy {
    pub(super) id: String,
    /// The first of which knows the others.
    pub(super) parts: Vec<Part>,
    pub(super) publish: bool,
    pub(super) now: i64,
}

impl Deploy {
    /// Writes it, and publishes it if that is asked.
    pub(super) async fn run(self) -> Result<()> {
        let repos: Vec<Repo> = self.parts.iter().map(|part| part.repo.clone()).collect();
        for Part {
            repo,
            staged,
            bundle,
        } in self.parts.into_iter().rev()
        {
            let id = self.id.clone();
            let change = move |document: &mut Document<Head>| -> Result<_> {
                let known = document.head.bundles.insert(id.clone(), bundle.clone());
                Ok(Change::when(known.as_ref() != Some(&bundle), ()))
            };
            repo.change(VERSION, staged, change).await?;
        }
        if self.publish {
            publish(&self.id, &repos, self.now).await?;
        }
        Ok(())
    }
}

/// Publishes a bundle of these versions, the first of which knows the others.
async fn publish(id: &str, repos: &[Repo], now: i64) -> Result<()> {
    for repo in repos.iter().rev() {
        let id = id.to_owned();
        let change = move |document: &mut Document<Head>| -> Result<_> {
            let Document { head, entries, .. } = document;
            let pending = head.bundles.get(&id);
            if pending.is_none_or(|bundle| bundle.published || bundle.dropped) {
                return Ok(Change::keep(()));
            }
            let removed = change::publish_bundle(head, entries, &id, now)?;
            Ok(Change::write(()).removing(removed))
        };
        repo.change(VERSION, Vec::new(), change).await?;
    }
    Ok(())
}

/// A bundle that is there.
struct Known {
    bundle: Bundle,
    repos: Vec<Repo>,
}

impl Call<'_> {
    /// A bundle, for one who may write all of it.
    async fn known(&self, id: &str) -> Result<Known> {
        let first = self.granted.view(|all: &Artifacts| all.bundle(id)).await?;
        let first = self.bundle_repo(&first.ok_or_else(no_deployment)?).await?;
        let head = first.head::<Head>(VERSION).await?;
        let bundle = head.and_then(|head| head.bundles.get(id).cloned());
        let bundle = bundle.ok_or_else(no_deployment)?;
        let mut repos = Vec::new();
        for name in &bundle.versions {
            repos.push(self.bundle_repo(name).await?);
        }
        Ok(Known { bundle, repos })
    }

    async fn bundle_repo(&self, name: &str) -> Result<Repo> {
        let parts: Vec<&str> = name.split(':').collect();
        let [group, artifact, version] = parts[..] else {
            return Err(Error::internal(format!("{name} is no version")));
        };
        let of = layout::version(&group.parse()?, &artifact.parse()?, &version.parse()?)?;
        let repo = self.granted.authorize(&of, Action::Write).await;
        // Who may not write all of a bundle is not told of it.
        repo.map_err(|error| match error.kind() {
            ErrorKind::Denied => no_deployment(),
            _ => error,
        })
    }

    /// How it stands with a bundle. One whose publication broke off goes on.
    pub(crate) async fn bundle_status(&self, id: &str) -> Answer {
        let Known { bundle, repos } = self.known(id).await?;
        let mut errors = BTreeMap::new();
        let state = if bundle.published {
            "PUBLISHED"
        } else if bundle.automatic && !bundle.dropped {
            match self.publish_all(id, repos).await {
                Ok(()) => "PUBLISHED",
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    errors.insert("common".to_owned(), vec![error.to_string()]);
                    "FAILED"
                }
                Err(error) => return Err(error),
            }
        } else {
            "VALIDATED"
        };
        let purl = |name: &String| format!("pkg:maven/{}", purl(name));
        let deployment = Deployment {
            deployment_id: id.to_owned(),
            deployment_name: bundle.name,
            deployment_state: state.to_owned(),
            purls: bundle.versions.iter().map(purl).collect(),
            errors,
        };
        protocol::json(StatusCode::OK, &deployment)
    }

    /// Publishes a bundle.
    pub(crate) async fn publish_bundle(&self, id: &str) -> Answer {
        let Known { bundle, repos } = self.known(id).await?;
        if !bundle.published {
            let first = repos.first().ok_or_else(|| Error::internal("no version"))?;
            let of = id.to_owned();
            let change = move |document: &mut Document<Head>| -> Result<_, Error> {
                let bundle = document.head.bundles.get_mut(&of);
                let gone = || Error::not_found("the deployment was dropped");
                let bundle = bundle.filter(|bundle| !bundle.dropped).ok_or_else(gone)?;
                let changed = !std::mem::replace(&mut bundle.automatic, true);
                Ok(Change::when(changed, ()))
            };
            first.change(VERSION, Vec::new(), change).await?;
            self.publish_all(id, repos).await?;
        }
        Ok(protocol::empty(StatusCode::NO_CONTENT))
    }

    async fn publish_all(&self, id: &str, repos: Vec<Repo>) -> Result<()> {
        let (id, now) = (id.to_owned(), self.now());
        let work = async move { publish(&id, &repos, now).await };
        registry_core::task::carry_through(work).await?
    }

    /// Drops a bundle; what is published stays.
    pub(crate) async fn drop_bundle(&self, id: &str) -> Answer {
        let Known { repos, .. } = self.known(id).await?;
        let first = repos.first().ok_or_else(|| Error::internal("no version"))?;
        let of = id.to_owned();
        let mark = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Some(bundle) = document.head.bundles.get_mut(&of) else {
                return Ok(Change::keep(()));
            };
            if bundle.published {
                let message = "the deployment is published, and can no longer be dropped";
                return Err(Error::invalid(message));
            }
            let changed = !std::mem::replace(&mut bundle.dropped, true);
            Ok(Change::when(changed, ()))
        };
        first.change(VERSION, Vec::new(), mark).await?;
        for repo in repos.into_iter().rev() {
            let id = id.to_owned();
            let change = move |document: &mut Document<Head>| -> Result<_, Error> {
                let head = &mut document.head;
                let there = head.bundles.contains_key(&id);
                let removed = change::drop_bundle(head, &id)?;
                Ok(Change::when(there, ()).removing(removed))
            };
            repo.change(VERSION, Vec::new(), change).await?;
        }
        Ok(protocol::empty(StatusCode::NO_CONTENT))
    }
}

fn no_deployment() -> Error {
    Error::not_found("there is no such deployment")
}

/// A version as a package URL names it, without the type.
fn purl(name: &str) -> String {
    let mut parts = name.splitn(3, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (group, artifact, version) = (part(), part(), part());
    format!("{group}/{artifact}@{}", version.replace('+', "%2B"))
}

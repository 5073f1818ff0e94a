//! What becomes of a bundle: how it stands, and what its uploader may do with it.

pub(super) mod steps;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::StatusCode;
use registry_core::{
    Error, ErrorKind, Result,
    auth::{Action, Granted},
    clock::Clock,
    protocol,
    store::{Change, Document, Repo},
};

use crate::{
    Answer, Call,
    document::{
        Head,
        bundle::{self, Bundle, Stage},
    },
    error::if_there,
    layout::{self, VERSION},
    view::{Artifacts, Fate},
    wire::Deployment,
};

/// How long what is under way is left alone before it counts as broken off, in milliseconds.
const BROKEN_OFF: i64 = 60 * 60 * 1000;
/// How long one may wait to be published, in milliseconds.
const WAITED: i64 = 30 * 24 * 60 * 60 * 1000;

/// A bundle that is there.
pub(crate) struct Known {
    pub(crate) bundle: Bundle,
    repos: Vec<Repo>,
}

/// The bundles of whoever asks, apart from any request of theirs.
#[derive(Clone)]
pub(crate) struct Deployments {
    granted: Granted,
    clock: Clock,
}

impl Call<'_> {
    /// The bundles of whoever asks.
    pub(crate) fn deployments(&self) -> Deployments {
        Deployments {
            granted: self.granted.clone(),
            clock: self.context.clock.clone(),
        }
    }

    /// Ends what broke off, as [`clean_up`](Deployments::clean_up) does, while nobody waits, and not while
    /// that is under way: those who left something over may have left much.
    pub(super) fn clean_up_beside(&self) {
        let deployments = self.deployments();
        self.cleaning.start(async move {
            if let Err(error) = deployments.clean_up().await {
                tracing::warn!(%error, "deployments that were left over were not ended");
            }
        });
    }
}

impl Deployments {
    /// What time it is, in milliseconds since 1970.
    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// A bundle, for one who may write all of it.
    pub(crate) async fn known(&self, id: &str) -> Result<Known> {
        let first = self.granted.view(|all: &Artifacts| all.bundle(id)).await?;
        self.known_of(id, &first.ok_or_else(no_deployment)?).await
    }

    /// A bundle whose record is in a version, as `group:artifact:version`.
    async fn known_of(&self, id: &str, first: &str) -> Result<Known> {
        let first = self.bundle_repo(first).await?;
        let head = first.fresh_head::<Head>(VERSION).await?;
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
            return Err(no_deployment());
        };
        let of = layout::version(&group.parse()?, &artifact.parse()?, &version.parse()?)?;
        let repo = self.granted.authorize(&of, Action::Write).await;
        // Who may not write all of a bundle is not told of it.
        repo.map_err(|error| match error.kind() {
            ErrorKind::Denied => no_deployment(),
            _ => error,
        })
    }

    /// Does what is left to do for a bundle; tells how it stands then, and why it failed.
    async fn go_on(&self, id: &str, known: &Known) -> Result<(Stage, String)> {
        let Bundle { stage, settled, .. } = known.bundle;
        let (id, repos, now) = (id.to_owned(), known.repos.clone(), self.now());
        let work = async move {
            match stage {
                _ if settled => Ok(()),
                // Of what is published, the log has to know before its versions are told.
                Stage::Publishing | Stage::Published => steps::publish(&id, &repos, now).await,
                Stage::Failed => steps::settle(&id, &repos, None).await,
                Stage::Dropped => steps::drop_all(&id, &repos, None, now).await,
                Stage::Arriving | Stage::Waiting => Ok(()),
            }
        };
        match registry_core::task::carry_through(work).await? {
            Ok(()) if stage == Stage::Publishing => Ok((Stage::Published, String::new())),
            Ok(()) => Ok((stage, known.bundle.error.clone())),
            Err(error) if stage == Stage::Publishing && steps::is_final(&error) => {
                Ok((Stage::Failed, error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// How it stands with a bundle. What broke off goes on.
    pub(crate) async fn status(&self, id: &str) -> Answer {
        let known = self.known(id).await?;
        let (stage, error) = self.go_on(id, &known).await?;
        let state = match stage {
            Stage::Arriving => "VALIDATING",
            Stage::Waiting => "VALIDATED",
            Stage::Publishing => "PUBLISHING",
            Stage::Published => "PUBLISHED",
            Stage::Failed => "FAILED",
            Stage::Dropped => return Err(no_deployment()),
        };
        let errors = Some(error).filter(|error| !error.is_empty());
        let errors = errors.map(|error| ("common".to_owned(), vec![error]));
        let purl = |name: &String| format!("pkg:maven/{}", purl(name));
        let deployment = Deployment {
            deployment_id: id.to_owned(),
            deployment_name: known.bundle.name,
            deployment_state: state.to_owned(),
            purls: known.bundle.versions.iter().map(purl).collect(),
            errors: errors.into_iter().collect::<BTreeMap<_, _>>(),
        };
        protocol::json(StatusCode::OK, &deployment)
    }

    /// Publishes a bundle.
    pub(crate) async fn publish(&self, id: &str) -> Answer {
        let mut known = self.known(id).await?;
        let turn = (Stage::Waiting, Stage::Publishing);
        known.bundle = steps::turn(id, &known.repos, turn, self.now()).await?;
        match self.go_on(id, &known).await? {
            (Stage::Failed, error) => Err(Error::new(ErrorKind::Conflict, error)),
            _ => Ok(protocol::empty(StatusCode::NO_CONTENT)),
        }
    }

    /// Drops a bundle; what is published stays.
    pub(crate) async fn discard(&self, id: &str) -> Answer {
        let Known { repos, .. } = self.known(id).await?;
        let (id, now) = (id.to_owned(), self.now());
        let work = async move { steps::drop_all(&id, &repos, None, now).await };
        registry_core::task::carry_through(work).await??;
        Ok(protocol::empty(StatusCode::NO_CONTENT))
    }

    /// Ends what broke off of bundles that whoever asks may write: those that never came whole are
    /// dropped, as are those that waited for too long, and the others go on. One that cannot be ended now
    /// keeps no other from its end.
    pub(crate) async fn clean_up(&self) -> Result<()> {
        for id in self.left_over().await? {
            self.end(&id).await;
        }
        Ok(())
    }

    /// The bundles that broke off, or wait for too long.
    async fn left_over(&self) -> Result<Vec<String>> {
        let (broken_off, waited) = (self.now() - BROKEN_OFF, self.now() - WAITED);
        let left_over = |all: &Artifacts| all.left_over(broken_off, waited);
        self.granted.view(left_over).await
    }

    async fn end(&self, id: &str) {
        if let Err(error) = self.try_end(id).await {
            tracing::warn!(id, %error, "a deployment that was left over was not ended");
        }
    }

    async fn try_end(&self, id: &str) -> Result<()> {
        let Some(known) = if_there(self.known(id).await)? else {
            return Ok(());
        };
        let Bundle { stage, since, .. } = known.bundle;
        let now = self.now();
        match stage {
            Stage::Arriving if since < now - BROKEN_OFF => {}
            Stage::Waiting if since < now - WAITED => {}
            _ => return self.go_on(id, &known).await.map(drop),
        }
        steps::drop_all(id, &known.repos, Some(stage), now).await
    }

    /// Refuses another bundle that names so much with a version that has no room for it; says which of
    /// those that wait whoever asks may drop. What was left over of them is ended, until there is room.
    pub(super) async fn check_room(
        &self,
        repo: &Repo,
        mut head: Arc<Head>,
        names: usize,
    ) -> Result<()> {
        if bundle::no_room(&head, names).is_none() {
            return Ok(());
        }
        for id in self.left_over().await? {
            if head.bundles.contains_key(&id) && bundle::no_room(&head, names).is_some() {
                self.end(&id).await;
                head = repo.fresh_head(VERSION).await?.unwrap_or_default();
            }
        }
        let Some(why) = bundle::no_room(&head, names) else {
            return Ok(());
        };
        let mut own = Vec::new();
        for (id, part) in head.bundles.iter().filter(|(_, part)| !part.settled) {
            let known = if_there(self.known_of(id, part.first()).await)?;
            own.extend(known.map(|_| id.as_str()));
        }
        Err(bundle::too_many(&why, &own))
    }

    /// The head of a version and one of its files, for who writes: what bundles ended is settled before,
    /// and one that is just being published goes on.
    pub(super) async fn settled(
        &self,
        repo: &Repo,
        file: &str,
    ) -> Result<(Arc<Head>, Option<Bytes>)> {
        let read = || repo.fresh_head_with_entry::<Head>(VERSION, file);
        let (head, entry) = read().await?.unwrap_or_default();
        if head.parts().next().is_none() {
            return Ok((head, entry));
        }
        for (id, part) in head.parts().filter(|(_, part)| part.promised) {
            let went_on = async {
                let known = self.known_of(id, part.first()).await?;
                self.go_on(id, &known).await
            };
            match went_on.await {
                // It is gone, or nothing that whoever asks may do something about.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                went_on => drop(went_on?),
            }
        }
        self.settle_version(repo, &head).await?;
        Ok(read().await?.unwrap_or_default())
    }

    /// How a bundle ended of which the log does not tell, by its record; what was published is left to
    /// others, since the log has to know first. The record is written before the parts, and goes after them.
    async fn fate_by_record(&self, id: &str, part: &Bundle) -> Result<Fate> {
        if part.is_record() {
            let is_over = part.is_over();
            return Ok(if is_over { Fate::Over } else { Fate::Open });
        }
        let first = match self.bundle_repo(part.first()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Fate::Open),
            first => first?,
        };
        let head = first.fresh_head::<Head>(VERSION).await?;
        // Where the document itself is gone, nobody knows.
        let is_over = head.is_some_and(|head| head.bundles.get(id).is_none_or(Bundle::is_over));
        Ok(if is_over { Fate::Over } else { Fate::Open })
    }

    async fn settle_version(&self, repo: &Repo, head: &Head) -> Result<()> {
        let fates = self.granted.view(|all: &Artifacts| {
            let fates = head.parts().map(|(id, part)| (id, part, all.fate(id)));
            fates.collect::<Vec<_>>()
        });
        let mut ended = Vec::new();
        for (id, part, fate) in fates.await? {
            let fate = match fate {
                Fate::Unknown => self.fate_by_record(id, part).await?,
                // A record comes before what the log says of it.
                Fate::Over if part.is_record() && !part.is_over() => Fate::Open,
                fate => fate,
            };
            if fate != Fate::Open {
                ended.push((id.to_owned(), fate));
            }
        }
        if ended.is_empty() {
            return Ok(());
        }
        let change = move |document: &mut Document<Head>| -> Result<_> {
            let Document { head, entries, .. } = document;
            let (mut changed, mut removed) = (false, Vec::new());
            for (id, fate) in &ended {
                let published = match fate {
                    Fate::Published(at) => Some(*at),
                    Fate::Unknown | Fate::Open | Fate::Over => None,
                };
                let (settled, bytes) = bundle::settle(head, entries, id, published)?;
                changed |= settled;
                removed.extend(bytes);
            }
            Ok(Change::when(changed, ()).dropping(removed))
        };
        repo.change(VERSION, Vec::new(), change).await
    }
}

fn no_deployment() -> Error {
    Error::not_found("there is no such deployment")
}

fn dropped() -> Error {
    Error::not_found("the deployment was dropped")
}

/// A version as a package URL names it, without the type.
fn purl(name: &str) -> String {
    let mut parts = name.splitn(3, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (group, artifact, version) = (part(), part(), part());
    format!("{group}/{artifact}@{}", version.replace('+', "%2B"))
}

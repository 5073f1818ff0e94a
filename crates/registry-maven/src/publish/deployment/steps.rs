//! What is done to a bundle, step by step, each of which may be the last before a crash, and each of which
//! may be done again by another replica at the same time.

use registry_core::{
    Error, ErrorKind, Result,
    store::{Change, Document, Repo, Staged},
};

use super::dropped;
use crate::{
    document::{
        Head,
        bundle::{self, Bundle, Promise, Stage},
    },
    layout::VERSION,
};

/// A version's part of a bundle.
pub(in crate::publish) struct Part {
    pub(in crate::publish) repo: Repo,
    pub(in crate::publish) staged: Vec<Staged>,
    pub(in crate::publish) bundle: Bundle,
}

/// Writes a bundle that was found good, the first of whose parts is its record. Only once all of it is
/// there does it wait, or is it to be published.
pub(in crate::publish) async fn arrive(
    id: &str,
    parts: Vec<Part>,
    automatic: bool,
    now: i64,
) -> Result<()> {
    let repos: Vec<Repo> = parts.iter().map(|part| part.repo.clone()).collect();
    let arrived = async {
        for Part {
            repo,
            staged,
            bundle,
        } in parts
        {
            let id = id.to_owned();
            let change = move |document: &mut Document<Head>| -> Result<_> {
                bundle::take_in(&mut document.head, &id, &bundle)?;
                Ok(Change::write(()))
            };
            repo.change(VERSION, staged, change).await?;
        }
        let next = if automatic {
            Stage::Publishing
        } else {
            Stage::Waiting
        };
        turn(id, &repos, (Stage::Arriving, next), now).await
    };
    if let Err(error) = arrived.await {
        // If it cannot be dropped now, a later clean-up does that.
        if let Err(error) = drop_all(id, &repos, None, now).await {
            tracing::warn!(id, %error, "a deployment that did not arrive was not dropped");
        }
        return Err(error);
    }
    if automatic {
        publish(id, &repos, now).await?;
    }
    Ok(())
}

/// Changes the record of a bundle of these versions.
async fn record<R: Send + 'static>(
    id: &str,
    repos: &[Repo],
    mut change: impl FnMut(&mut Bundle) -> Result<(bool, R)> + Send + 'static,
) -> Result<R> {
    let first = repos.first().ok_or_else(|| Error::internal("no version"))?;
    let id = id.to_owned();
    let change = move |document: &mut Document<Head>| -> Result<_> {
        let bundle = document.head.bundles.get_mut(&id).ok_or_else(dropped)?;
        let (changed, value) = change(bundle)?;
        Ok(Change::when(changed, value))
    };
    first.change(VERSION, Vec::new(), change).await
}

/// Has a bundle go from one stage to the next, unless it has; gives its record as it is then.
///
/// # Errors
/// `NotFound` when it was dropped, `Conflict` when it has not come whole.
pub(super) async fn turn(
    id: &str,
    repos: &[Repo],
    (from, next): (Stage, Stage),
    now: i64,
) -> Result<Bundle> {
    let turn = move |bundle: &mut Bundle| match bundle.stage {
        Stage::Dropped => Err(dropped()),
        stage if stage == from => {
            (bundle.stage, bundle.since) = (next, now);
            Ok((true, bundle.clone()))
        }
        Stage::Arriving => {
            let message = "the deployment has not come whole yet; ask how it stands, and try again";
            Err(Error::new(ErrorKind::Conflict, message))
        }
        _ => Ok((false, bundle.clone())),
    };
    record(id, repos, turn).await
}

/// Publishes a bundle, or finds that it cannot be published.
///
/// # Errors
/// `Conflict` and others when it cannot; then nothing of it was or will be there.
pub(super) async fn publish(id: &str, repos: &[Repo], now: i64) -> Result<()> {
    let error = match decide(id, repos, now).await {
        Ok(at) => return settle(id, repos, Some(at)).await,
        Err(error) if is_final(&error) => error,
        Err(error) => return Err(error),
    };
    let why = error.to_string();
    let fail = move |bundle: &mut Bundle| match bundle.stage {
        Stage::Publishing => {
            (bundle.stage, bundle.since) = (Stage::Failed, now);
            bundle.error.clone_from(&why);
            Ok((true, None))
        }
        Stage::Published => Ok((false, Some(bundle.since))),
        _ => Ok((false, None)),
    };
    match record(id, repos, fail).await? {
        // Somebody else was faster, and it went well.
        Some(at) => settle(id, repos, Some(at)).await,
        None => {
            settle(id, repos, None).await?;
            Err(error)
        }
    }
}

/// Whether a bundle that was refused so can never be published.
pub(super) fn is_final(error: &Error) -> bool {
    use ErrorKind::{Conflict, DigestMismatch, TooLarge};
    matches!(error.kind(), Conflict | DigestMismatch | TooLarge)
}

/// Has all versions promise the places of the files, the first with the write that says that the bundle is
/// published: the commit. Gives when that was.
async fn decide(id: &str, repos: &[Repo], now: i64) -> Result<i64> {
    let (first, others) = repos
        .split_first()
        .ok_or_else(|| Error::internal("no version"))?;
    let mut all_there = true;
    for repo in others.iter().rev() {
        let id = id.to_owned();
        let change = move |document: &mut Document<Head>| -> Result<_> {
            let Document { head, entries, .. } = document;
            let promise = bundle::promise(head, entries, &id)?;
            Ok(Change::when(promise == Promise::New, promise))
        };
        all_there &= repo.change(VERSION, Vec::new(), change).await? != Promise::Gone;
    }
    let id = id.to_owned();
    let commit = move |document: &mut Document<Head>| -> Result<_> {
        let Document { head, entries, .. } = document;
        let record = head.bundles.get(&id).ok_or_else(dropped)?;
        let promise = match record.stage {
            Stage::Publishing if all_there => bundle::promise(head, entries, &id)?,
            Stage::Publishing => Promise::Gone,
            Stage::Published => return Ok(Change::keep(record.since)),
            Stage::Failed => return Err(Error::new(ErrorKind::Conflict, record.error.clone())),
            Stage::Arriving | Stage::Waiting | Stage::Dropped => return Err(dropped()),
        };
        if promise == Promise::Gone {
            let message = "a part of the deployment is gone; upload all of it again";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        if let Some(record) = head.bundles.get_mut(&id) {
            (record.stage, record.since) = (Stage::Published, now);
        }
        Ok(Change::write(now))
    };
    first.change(VERSION, Vec::new(), commit).await
}

/// Tells all versions how a bundle ended; its record, last.
pub(super) async fn settle(id: &str, repos: &[Repo], published: Option<i64>) -> Result<()> {
    for repo in repos.iter().rev() {
        let id = id.to_owned();
        let change = move |document: &mut Document<Head>| -> Result<_> {
            let Document { head, entries, .. } = document;
            let (mut changed, removed) = bundle::settle(head, entries, &id, published)?;
            if let Some(record) = head.bundles.get_mut(&id) {
                changed |= !std::mem::replace(&mut record.settled, true);
            }
            Ok(Change::when(changed, ()).dropping(removed))
        };
        repo.change(VERSION, Vec::new(), change).await?;
    }
    Ok(())
}

/// Drops a bundle, be it only if it stands so; its record goes last.
///
/// # Errors
/// `Invalid` when it is published.
pub(super) async fn drop_all(
    id: &str,
    repos: &[Repo],
    only: Option<Stage>,
    now: i64,
) -> Result<()> {
    let mark = move |bundle: &mut Bundle| match bundle.stage {
        Stage::Dropped => Ok((false, true)),
        stage if only.is_some_and(|only| only != stage) => Ok((false, false)),
        Stage::Published => {
            let message = "the deployment is published, and can no longer be dropped";
            Err(Error::invalid(message))
        }
        _ => {
            (bundle.stage, bundle.since) = (Stage::Dropped, now);
            bundle.settled = false;
            Ok((true, true))
        }
    };
    match record(id, repos, mark).await {
        Ok(false) => return Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for repo in repos.iter().rev() {
        let id = id.to_owned();
        let change = move |document: &mut Document<Head>| -> Result<_> {
            let Document { head, entries, .. } = document;
            let (changed, removed) = bundle::settle(head, entries, &id, None)?;
            let changed = head.bundles.remove(&id).is_some() || changed;
            Ok(Change::when(changed, ()).dropping(removed))
        };
        repo.change(VERSION, Vec::new(), change).await?;
    }
    Ok(())
}

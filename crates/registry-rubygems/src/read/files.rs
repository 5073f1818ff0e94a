//! Gems' files, and their specifications.

use registry_core::{
    Error as CoreError, Result,
    auth::Action,
    protocol,
    store::{Repo, StoredBytes},
};

use crate::{
    Answer, Call, GemName,
    document::{Entry, Head},
    layout::{self, DOCUMENT, FILE_TYPE},
    name,
    view::Gems,
};

/// How many gems a file's name may be of before the list of all gems is asked.
const FEW: usize = 1;
/// How many of them are looked for one by one where that list has none.
const LOOKED_AT: usize = 8;

fn no_file(full: &str) -> CoreError {
    CoreError::not_found(format!("There is no gem {full}"))
}

impl Call<'_> {
    /// A gem's file, whole or in part.
    pub(crate) async fn gem(&self, full: &str) -> Answer {
        self.file(full, |entry| entry.gem.stored()).await
    }

    /// A gem's specification.
    pub(crate) async fn quick(&self, full: &str) -> Answer {
        self.file(full, |entry| entry.quick.stored()).await
    }

    async fn file(&self, full: &str, of: fn(&Entry<'_>) -> StoredBytes) -> Answer {
        let (name, slug) = self.which(full).await?.ok_or_else(|| no_file(full))?;
        let resource = layout::resource(&name)?;
        let repo: Repo = self.granted.authorize(&resource, Action::Read).await?;
        let found = repo.head_and_entry::<Head>(DOCUMENT, &slug).await?;
        let found = found.filter(|(head, _)| head.is_spelled(&name));
        let (_, entry) = found.ok_or_else(|| no_file(full))?;
        let entry = Entry::parse(&entry)?;
        if entry.yanked {
            return Err(no_file(full).into());
        }
        let stored = of(&entry);
        let mut response =
            protocol::serve(&repo, &stored, FILE_TYPE, self.method, self.headers).await?;
        protocol::immutable(&mut response, self.granted);
        Ok(response)
    }

    /// The gem that a file's name is of, and what its document calls the version. Where the name
    /// could be of more than one, it is of the one that is there; of several, of the first to have come.
    async fn which(&self, full: &str) -> Result<Option<(GemName, String)>> {
        let mut all: Vec<_> = name::releases(full).map(name::named).collect();
        if all.len() <= FEW {
            return Ok(all.pop());
        }
        let offered = |gems: &Gems| {
            let first = gems.first(full);
            let all = all.iter().enumerate();
            let offered = all.filter(|(_, (name, slug))| gems.offers(name.as_str(), slug));
            let offered = offered
                .max_by_key(|(_, (name, _))| first.is_some_and(|first| first == name.lower()));
            offered.map(|(at, _)| at)
        };
        match self.granted.view(offered).await? {
            Some(at) => Ok(Some(all.swap_remove(at))),
            None => self.which_is_there(all).await,
        }
    }

    /// The same by the gems' own documents, which tell of what was written a moment ago, or by a server
    /// that ended before it could say so in the list of all gems. The last is looked at first.
    pub(crate) async fn which_is_there(
        &self,
        all: Vec<(GemName, String)>,
    ) -> Result<Option<(GemName, String)>> {
        for (name, slug) in all.into_iter().rev().take(LOOKED_AT) {
            let resource = layout::resource(&name)?;
            let Some(repo) = self.granted.subject_repo(&resource, Action::Read).await? else {
                continue;
            };
            let found = repo.head_and_entry::<Head>(DOCUMENT, &slug).await?;
            if found.is_some_and(|(head, _)| head.is_spelled(&name)) {
                return Ok(Some((name, slug)));
            }
        }
        Ok(None)
    }
}

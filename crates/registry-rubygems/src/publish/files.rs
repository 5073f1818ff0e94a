//! Whose a file is: its name may be one that versions of several gems would have.

use registry_core::{
    Result,
    store::{Change, Document, Repo},
};

use super::{check_writer, logged};
use crate::{
    Call, Error, GemName,
    document::{Head, change},
    layout::DOCUMENT,
    name,
    view::Gems,
};

impl Call<'_> {
    /// Refuses a version whose file would be called like one of another gem, and takes it back if it is
    /// there: `a-1-2.gem` is of the gem `a-1`, or of `a` for the platform `2`, and whoever asks for it is
    /// to get what they always got.
    ///
    /// Of two that come at once, the log has one first, and all agree which: it has the file. So this is
    /// asked before a version comes, and again when the log tells of it. Where a crash kept that
    /// from being asked, a repetition does.
    pub(super) async fn check_file_name(
        &self,
        repo: &Repo,
        name: &GemName,
        version: &str,
    ) -> Result<(), Error> {
        let full = format!("{name}-{version}");
        if !self.is_of_another(repo, name, &full).await? {
            return Ok(());
        }
        let (writer, slug) = (self.writer(), version.to_owned());
        let logged = logged(repo, name).await?;
        let take_back = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            check_writer(&writer, head, "push to")?;
            let changed = change::set_yanked(head, entries, &slug, true, logged)?;
            Ok(Change::when(changed, ()))
        };
        repo.change(DOCUMENT, Vec::new(), take_back).await?;
        Err(Error::unsaved(format_args!(
            "Full name {full} has already been taken by another gem; choose another version"
        )))
    }

    /// Whether a file of this name is another gem's.
    async fn is_of_another(&self, repo: &Repo, name: &GemName, full: &str) -> Result<bool> {
        let mut all: Vec<_> = name::releases(full).collect();
        if all.len() < 2 {
            return Ok(false);
        }
        let lower = name.lower();
        let is_other = |gems: &Gems| gems.first(full).map(|first| first != lower);
        if let Some(is_other) = repo.view(is_other).await? {
            return Ok(is_other);
        }
        // The log tells of none yet; one of them may be stored. Its own gem is looked at first.
        all.sort_by_key(|(other, ..)| other == name);
        let there = self.which_is_there(all.into_iter().map(name::named).collect());
        Ok(there.await?.is_some_and(|(other, _)| other != *name))
    }
}

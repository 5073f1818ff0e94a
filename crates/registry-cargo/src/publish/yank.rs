//! Yanking: a version that nobody picks who has not picked it already.

use registry_core::store::{Change, Document};

use super::check_owner;
use crate::{
    Answer, Call, CrateName, Error, Version,
    document::{Head, change},
    layout::DOCUMENT,
    read::done,
};

impl Call<'_> {
    /// Yanks a version, or takes that back.
    pub(crate) async fn yank(&self, name: CrateName, version: Version, yanked: bool) -> Answer {
        let writer = self.writer();
        let yank = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            change::check_name(head, &name)?;
            check_owner(&writer, head)?;
            let changed = change::yank(head, entries, &name, &version, yanked)?;
            Ok(Change::when(changed, ()))
        };
        self.granted
            .repo()?
            .change(DOCUMENT, Vec::new(), yank)
            .await?;
        done(None)
    }
}

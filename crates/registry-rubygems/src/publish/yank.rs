//! Yanking: a version that is no longer offered, and cannot be published again.

use registry_core::{
    Body, Error as CoreError, Result,
    auth::Action,
    protocol::Form,
    store::{Change, Document},
};

use super::{check_writer, logged, uses};
use crate::{
    Answer, Call, Error, GemName, Platform, Version,
    document::{
        Head,
        change::{self, Target},
        no_gem,
    },
    layout::{self, DOCUMENT},
    read,
};

impl Call<'_> {
    /// Yanks a version, or takes that back.
    pub(crate) async fn yank(&self, yanked: bool, query: &str, body: Body) -> Answer {
        self.check_use(uses::YANK)?;
        let form = Form::read(query, body).await?;
        let name = form.get("gem_name").unwrap_or_default();
        let name: GemName = name.parse().map_err(|_| no_gem())?;
        let resource = layout::resource(&name)?;
        let repo = self.granted.authorize(&resource, Action::Write).await?;
        let target = target(name, &form)?;
        let name = target.name.clone();
        let (writer, logged) = (self.writer(), logged(&repo, &target.name).await?);
        let yank = move |document: &mut Document<Head>| -> Result<_, Error> {
            let Document { head, entries, .. } = document;
            check_writer(&writer, head, "delete")?;
            let (changed, slug) = change::yank(head, entries, &target, yanked, logged)?;
            Ok(Change::when(changed, slug))
        };
        let slug = repo.change(DOCUMENT, Vec::new(), yank).await?;
        if !yanked {
            self.check_file_name(&repo, &name, &slug).await?;
        }
        let said = if yanked { "deleted" } else { "undeleted" };
        Ok(read::text(format!(
            "Successfully {said} gem: {name} ({slug})"
        )))
    }
}

/// The version that a form names. What nothing can be called is not there.
fn target(name: GemName, form: &Form) -> Result<Target> {
    let field = |field: &str| form.get(field).filter(|text| !text.is_empty());
    let number = field("version").unwrap_or_default();
    let missing = || {
        let number: String = number.chars().take(80).collect();
        CoreError::not_found(format!("The version {number} does not exist."))
    };
    let version: Version = number.parse().map_err(|_| missing())?;
    let platform = field("platform").unwrap_or(Platform::RUBY);
    let platform: Platform = platform.parse().map_err(|_| missing())?;
    Ok(Target {
        name,
        version,
        platform,
    })
}

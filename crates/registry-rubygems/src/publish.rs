//! What is written: a push, read as it streams and checked, and every other change.

mod files;
mod keys;
mod opening;
mod owners;
mod push;
mod yank;

use registry_core::{Error, ErrorKind, Result, auth::Writer};

use crate::{GemName, document::Head};
pub use opening::Opening;

/// What keys may be good for, in RubyGems' own words.
pub(crate) mod uses {
    pub(crate) const PUSH: &str = "push_rubygem";
    pub(crate) const YANK: &str = "yank_rubygem";
    pub(crate) const ADD_OWNER: &str = "add_owner";
    pub(crate) const REMOVE_OWNER: &str = "remove_owner";
    /// What a key has alone, or not at all.
    pub(crate) const DASHBOARD: &str = "show_dashboard";
    /// Every one of them.
    pub(crate) const ALL: &[&str] = &[
        "index_rubygems",
        PUSH,
        YANK,
        ADD_OWNER,
        "update_owner",
        REMOVE_OWNER,
        "access_webhooks",
        "configure_trusted_publishers",
        DASHBOARD,
    ];
}

/// Refuses who is no owner, where that is asked, to do something to a gem.
fn check_writer(writer: &Writer, head: &Head, what: &str) -> Result<()> {
    if writer.may_change(head.owners.iter().map(String::as_str)) {
        return Ok(());
    }
    let (name, user) = (&head.name, writer.user().unwrap_or("YOU"));
    let message = format!(
        "You do not have permission to {what} this gem. Ask an owner to add you with: \
         gem owner {name} --add {user}"
    );
    Err(Error::new(ErrorKind::Denied, message))
}

/// How many changes of a gem the log is known to tell of.
async fn logged(repo: &registry_core::store::Repo, name: &GemName) -> Result<u64> {
    let lower = name.lower();
    repo.view(|gems: &crate::view::Gems| gems.changes(&lower))
        .await
}

//! What is written: files and their checksums, what clients say in metadata, and removals.

mod bundle;
mod checksum;
mod delete;
mod deployment;
mod metadata;
mod prune;
mod put;

use registry_core::{Error, Result};

use crate::{Call, Policy, VersionName};

impl Call<'_> {
    /// Refuses a version that the mount does not take.
    fn check_policy(&self, version: &VersionName) -> Result<()> {
        let policy = self.config.policy;
        if policy.allows(version) {
            return Ok(());
        }
        let called = match policy {
            Policy::Release => "RELEASE",
            Policy::Snapshot => "SNAPSHOT",
            Policy::Mixed => "MIXED",
        };
        Err(Error::invalid(format!(
            "Repository version policy: {called} does not allow version: {version}"
        )))
    }
}

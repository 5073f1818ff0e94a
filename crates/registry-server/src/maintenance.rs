//! `registry gc` and `registry verify`, and the collection that runs beside the requests.

use std::time::Duration;

use anyhow::Result;
use registry::protocol::RegistryService;

use crate::{admin, config::Config, mounts, output::Output, storage};

async fn open(config: &Config) -> Result<RegistryService> {
    let storage = storage::open_existing(config).await?;
    let auth = admin::provider(storage.clone(), config)?;
    mounts::registry(storage, auth, config)
}

/// Deletes what nothing names, or tells what would be deleted.
///
/// # Errors
/// When the storage fails or a document is damaged.
pub(crate) async fn gc(config: &Config, dry_run: bool, out: &mut Output) -> Result<()> {
    let report = open(config).await?.gc(config.gc.grace, dry_run).await?;
    out.line(&report.to_string());
    if dry_run {
        out.line("nothing was deleted: this was a dry run");
    }
    Ok(())
}

/// Reads everything and tells what is damaged or missing; whether all is well now.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn verify(config: &Config, repair: bool, out: &mut Output) -> Result<bool> {
    let report = open(config).await?.verify(repair).await?;
    out.line(&report.to_string());
    Ok(report.is_sound())
}

/// How often uploads that nobody goes on with are dropped.
const EXPIRE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Drops uploads that nobody goes on with, again and again.
pub(crate) async fn expire_uploads(registry: RegistryService) {
    loop {
        tokio::time::sleep(EXPIRE_EVERY).await;
        match registry.expire_uploads().await {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(dropped, "uploads that nobody went on with were dropped"),
            Err(error) => tracing::error!(?error, "old uploads could not be dropped"),
        }
    }
}

/// Collects again and again.
pub(crate) async fn collect(registry: RegistryService, interval: Duration, grace: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        match registry.gc(grace, false).await {
            Ok(report) => {
                let (scanned, collected) = (report.scanned, report.collected.len());
                tracing::info!(scanned, collected, "what nothing names was collected");
            }
            Err(error) => tracing::error!(?error, "the collection failed"),
        }
    }
}

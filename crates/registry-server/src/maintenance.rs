//! `registry gc` and `registry verify`, and the collection that runs beside the requests.

use std::time::Duration;

use anyhow::Result;
use registry::{protocol::RegistryService, store::GcReport};

use crate::{admin, config::Config, mounts, output::Output, storage};

async fn open(config: &Config) -> Result<RegistryService> {
    let storage = storage::open(config).await?;
    let auth = admin::provider(storage.clone(), config)?;
    mounts::registry(storage, auth, config)
}

/// Deletes what nothing names, or tells what would be deleted.
///
/// # Errors
/// When the storage fails or a document is damaged.
pub(crate) async fn gc(config: &Config, dry_run: bool, out: &mut Output) -> Result<()> {
    let report = open(config).await?.gc(config.gc.grace, dry_run).await?;
    let verb = if dry_run { "would delete" } else { "deleted" };
    for (key, size) in &report.collected {
        out.line(&format!("{verb} {key} ({size} bytes)"));
    }
    out.line(&format!("{verb} {}", summary(&report)));
    Ok(())
}

fn summary(report: &GcReport) -> String {
    let bytes: u64 = report.collected.iter().map(|(_, size)| size).sum();
    let (count, scanned, young) = (report.collected.len(), report.scanned, report.young);
    format!("{count} of {scanned} objects, {bytes} bytes; {young} are too young")
}

/// Reads everything and tells what is damaged or missing; whether all is well now.
///
/// # Errors
/// When the storage fails.
pub(crate) async fn verify(config: &Config, repair: bool, out: &mut Output) -> Result<bool> {
    let report = open(config).await?.verify(repair).await?;
    for problem in &report.problems {
        let repaired = if problem.repaired { " (repaired)" } else { "" };
        out.line(&format!("{}: {}{repaired}", problem.key, problem.what));
    }
    let (documents, artifacts, bytes) = (report.documents, report.artifacts, report.bytes);
    let wrong = report
        .problems
        .iter()
        .filter(|problem| !problem.repaired)
        .count();
    out.line(&format!(
        "verified {documents} documents and {artifacts} artifacts, {bytes} bytes; {} problems, {} repaired",
        report.problems.len(),
        report.problems.len() - wrong,
    ));
    Ok(wrong == 0)
}

/// Collects again and again.
pub(crate) async fn collect(registry: RegistryService, interval: Duration, grace: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        match registry.gc(grace, false).await {
            Ok(report) => tracing::info!("collected {}", summary(&report)),
            Err(error) => tracing::error!(?error, "the collection failed"),
        }
    }
}

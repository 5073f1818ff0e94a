//! `registry maven`: the clean-up of snapshots, beside running servers or without any.

use anyhow::{Context, Result, bail};
use http::Method;
use registry::maven::wire::Pruned;

use crate::{
    cli::Maven,
    config::{Config, ProtocolConfig, duration},
    mounts, operator,
    output::Output,
};

/// Carries out a command.
///
/// # Errors
/// When it says neither count nor age, there is no such mount, or the storage fails.
pub(crate) async fn carry_out(command: Maven, config: &Config, out: &mut Output) -> Result<()> {
    let Maven::Prune {
        keep,
        older_than,
        dry_run,
        mount,
    } = command;
    let age = older_than.as_deref().map(duration).transpose();
    let age = age.map_err(|wrong| anyhow::anyhow!("--older-than: {wrong}"))?;
    if keep.is_none() && age.is_none() {
        bail!("say how many builds to keep (--keep), or how old those are that go (--older-than)");
    }
    let mut mounts = config.mounts.iter();
    let found = mounts.find(|of| of.name == mount);
    let found = found.filter(|of| matches!(of.protocol, ProtocolConfig::Maven(_)));
    let found = found.with_context(|| format!("there is no Maven mount called {mount}"))?;
    let mut query = vec![format!("dry-run={dry_run}")];
    query.extend(keep.map(|keep| format!("keep={keep}")));
    query.extend(age.map(|age| format!("older-than={}", age.as_secs())));
    let path = format!("{}/api/v1/prune?{}", mounts::path(found), query.join("&"));
    let answer = operator::ask(config, (Method::POST, path, String::new()), "detail").await?;
    let report: Pruned = serde_json::from_slice(&answer)?;
    for build in &report.builds {
        let (files, bytes) = (build.files, build.bytes);
        out.line(&format!(
            "{}:{} ({files} files, {bytes} bytes)",
            build.artifact, build.version
        ));
    }
    let bytes: u64 = report.builds.iter().map(|build| build.bytes).sum();
    out.line(&format!("{} builds ({bytes} bytes)", report.builds.len()));
    if report.dry_run {
        out.line("nothing was removed: this was a dry run");
    }
    Ok(())
}

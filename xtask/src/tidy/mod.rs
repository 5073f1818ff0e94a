//! The rules that keep the workspace in shape, as a test: who may import whom, the same rooms in
//! every protocol crate, and what a source file may not contain.

mod crates;
mod sources;

use std::path::Path;

use anyhow::{Result, bail};

use crate::server;

/// Checks everything, and fails with a line for each broken rule.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut broken = crates::check(&crates::members(&server::metadata(root)?)?);
    let (files, lines) = sources::check(root)?;
    broken.extend(lines);
    if !broken.is_empty() {
        bail!("{} broken rules:\n  {}", broken.len(), broken.join("\n  "));
    }
    println!("tidy: {files} files, no broken rule");
    Ok(())
}

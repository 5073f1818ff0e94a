//! t
use anyhow::Result;
use std::path::Path;
/// t
#[derive(clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_: &Path, _: &Args) -> Result<()> {
    Ok(())
}

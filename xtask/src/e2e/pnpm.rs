//! pnpm.
use super::{Run, World};
use anyhow::Result;
pub(super) fn steps(_: &mut Run, _: &World) -> Result<()> {
    Ok(())
}

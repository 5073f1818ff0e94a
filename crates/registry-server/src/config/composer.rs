//! What a Composer mount is told.

use anyhow::Result;
use registry::composer::ComposerConfig;

use super::{source::Sources, value};

/// Resolves the keys of a section.
pub(super) fn resolve(from: &mut Sources, section: &str) -> Result<ComposerConfig> {
    let key = |key: &str| format!("{section}.{key}");
    let mut config = ComposerConfig {
        max_zip: from.get(&key("max_size"), "1G", value::size)?,
        keep_replaced: from.get(&key("keep_replaced"), "365d", value::duration)?,
        ..ComposerConfig::default()
    };
    config.zip.archive.unpacked = from.get(&key("max_unpacked"), "4G", value::size)?;
    Ok(config)
}

//! What a PyPI mount is told.

use anyhow::Result;
use registry::pypi::{PypiConfig, Rules};

use super::{some_time, source::Sources, value};

/// Resolves the keys of a section.
pub(super) fn resolve(from: &mut Sources, section: &str) -> Result<PypiConfig> {
    let key = |key: &str| format!("{section}.{key}");
    let max_metadata = from.get(&key("max_metadata"), "1M", value::size)?;
    let mut config = PypiConfig {
        max_file: from.get(&key("max_size"), "1G", value::size)?,
        // Twice, since the form repeats what is in the file.
        max_form: usize::try_from(max_metadata.saturating_mul(2)).unwrap_or(usize::MAX),
        lenient_names: from.get(&key("names"), "strict", |text| {
            value::one_of(text, &[("strict", false), ("lenient", true)])
        })?,
        rules: Rules {
            open_for: from.optional(&key("release_open_for"), some_time)?,
            max_project: from.optional(&key("max_project_size"), value::size)?,
        },
        ..PypiConfig::default()
    };
    config.archive.unpacked = from.get(&key("max_unpacked"), "8G", value::size)?;
    config.archive.metadata = max_metadata;
    Ok(config)
}

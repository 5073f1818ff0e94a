//! What a Maven mount is told.

use anyhow::Result;
use registry::maven::{MavenConfig, Policy};

use super::{source::Sources, value};

/// Resolves the keys of a section.
pub(super) fn resolve(from: &mut Sources, section: &str) -> Result<MavenConfig> {
    const POLICIES: &[(&str, Policy)] = &[
        ("release", Policy::Release),
        ("snapshot", Policy::Snapshot),
        ("mixed", Policy::Mixed),
    ];
    let key = |key: &str| format!("{section}.{key}");
    Ok(MavenConfig {
        policy: from.get(&key("policy"), "mixed", |text| {
            value::one_of(text, POLICIES)
        })?,
        max_file: from.get(&key("max_size"), "4G", value::size)?,
        max_bundle: from.get(&key("max_bundle"), "1G", value::size)?,
        ..MavenConfig::default()
    })
}

//! Versions that are one release: [build metadata](https://semver.org/#spec-item-10) makes no
//! difference.

use std::ops::Bound;

use bytes::Bytes;

use super::Entries;

/// `version` up to its build metadata.
pub fn release(version: &str) -> &str {
    version
        .split_once('+')
        .map_or(version, |(release, _)| release)
}

/// The entry of `version`, or of one that differs from it in build metadata alone.
pub fn same_release<'e>(entries: &'e Entries, version: &str) -> Option<(&'e str, &'e Bytes)> {
    let release = release(version);
    let with_metadata = || {
        let prefix = format!("{release}+");
        let from = (Bound::Included(&*prefix), Bound::Unbounded);
        let mut all = entries.range::<str, _>(from);
        all.next()
            .filter(|(version, _)| version.starts_with(&prefix))
    };
    let exact = entries.get_key_value(version);
    let plain = exact.or_else(|| entries.get_key_value(release));
    let (version, entry) = plain.or_else(with_metadata)?;
    Some((version, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_metadata_makes_no_difference() {
        let all = [
            "1.0.0",
            "1.0.0-a",
            "1.0.1+b",
            "1.0.1+c",
            "1.0.10",
            "1.1.0-a+x",
        ];
        let entries: Entries = all.map(|version| (version.into(), Bytes::new())).into();
        for (version, found) in [
            ("1.0.0", Some("1.0.0")),
            ("1.0.0+z", Some("1.0.0")),
            ("1.0.1", Some("1.0.1+b")),
            ("1.0.1+c", Some("1.0.1+c")),
            ("1.0.1+d", Some("1.0.1+b")),
            ("1.0.1-a", None),
            ("1.1.0", None),
            ("1.1.0-a", Some("1.1.0-a+x")),
            ("1.0.10+1", Some("1.0.10")),
        ] {
            let same = same_release(&entries, version).map(|(version, _)| version);
            assert_eq!(same, found, "{version}");
        }
    }
}

//! Where a package lies in the bucket. The only place that knows keys.

use registry_core::{Result, storage::Key, store::Resource};

use crate::PackageName;

/// The folder of all packages, below the mount's.
const PACKAGES: &str = "packages";

/// A package's document, in its folder; its tarballs and provenance lie beside it.
pub(crate) const DOCUMENT: &str = "index.jsonl";

/// What follows the unique part of a tarball's name.
pub(crate) const TARBALL: &str = ".tgz";

/// What follows the unique part of a provenance bundle's name.
pub(crate) const PROVENANCE: &str = ".sigstore";

/// The media type of tarballs.
pub(crate) const TARBALL_TYPE: &str = "application/octet-stream";

/// The media type of provenance bundles.
pub(crate) const PROVENANCE_TYPE: &str = "application/vnd.dev.sigstore.bundle+json";

/// Ends the first half of a part that is longer than a key's segment; no name holds it.
const CONTINUED: char = '+';

/// A package and its folder.
pub(crate) fn resource(name: &PackageName) -> Result<Resource> {
    let mut home = Key::new(PACKAGES)?;
    for mut part in name.as_str().split('/') {
        if let Some((head, tail)) = part.split_at_checked(Key::MAX_SEGMENT - 1)
            && !tail.is_empty()
        {
            home = home.join(format!("{head}{CONTINUED}"))?;
            part = tail;
        }
        // A name does not begin with a dot, but what was cut off may, and no segment does.
        home = match part.strip_prefix('.') {
            Some(_) => home.join(format!("{CONTINUED}{part}"))?,
            None => home.join(part)?,
        };
    }
    Ok(Resource {
        name: name.as_str().into(),
        home,
    })
}

/// Whose document lies at a key below the mount's folder.
pub(crate) fn subject(key: &Key) -> Option<Resource> {
    let home = key.parent().filter(|_| key.name() == DOCUMENT)?;
    let packages = Key::new(PACKAGES).ok()?;
    let name = home.below(&packages)?.as_str().replace("+/", "");
    let name = name.replace(CONTINUED, "");
    resource(&name.parse().ok()?).ok()
}

/// A tarball's name without what makes it unique, such as `left-pad-1.0.0`, from the name that its
/// publisher gave it, which may be anything.
pub(crate) fn stem(name: &PackageName, attachment: &str) -> String {
    let file = attachment.rsplit('/').next().unwrap_or_default();
    let file = file.strip_suffix(TARBALL).unwrap_or(file);
    let version = file.strip_prefix(name.unscoped()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    if version.starts_with('-') && version.chars().all(plain) {
        format!("{}{version}", name.unscoped())
    } else {
        name.unscoped().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (name, key) in [
            ("left-pad", "packages/left-pad/index.jsonl"),
            ("@acme/x", "packages/@acme/x/index.jsonl"),
        ] {
            let of = resource(&name.parse().unwrap()).unwrap();
            let document = of.home.join(DOCUMENT).unwrap();
            assert_eq!(document.as_str(), key);
            assert_eq!(subject(&document), Some(of));
        }
        for none in ["packages/x/x-1.0.0.tgz", "log/0000000000", "index.jsonl"] {
            assert_eq!(subject(&Key::new(none).unwrap()), None, "{none}");
        }
    }

    #[test]
    fn the_longest_name_has_a_document_that_is_found_again() {
        for name in [
            "n".repeat(214),
            format!("@s/{}", "n".repeat(211)),
            "n".repeat(199),
            format!("{}.{}", "n".repeat(199), "n".repeat(14)),
            format!("n{}", ".".repeat(213)),
        ] {
            let of = resource(&name.parse().unwrap()).unwrap();
            assert_eq!(subject(&of.home.join(DOCUMENT).unwrap()), Some(of));
        }
    }

    #[test]
    fn stems() {
        let name: PackageName = "@acme/x".parse().unwrap();
        for (attachment, expected) in [
            ("@acme/x-1.0.0.tgz", "x-1.0.0"),
            ("x-1.0.0+b.tgz", "x-1.0.0+b"),
            ("../../etc/passwd", "x"),
            ("x-../a", "x"),
            ("", "x"),
        ] {
            assert_eq!(stem(&name, attachment), expected, "{attachment}");
        }
    }
}

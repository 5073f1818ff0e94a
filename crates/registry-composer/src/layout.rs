//! Where a package lies in the bucket. The only place that knows keys.

use registry_core::{Result, storage::Key, store::Resource};

use crate::PackageName;

/// The folder of all packages, below the mount's.
const PACKAGES: &str = "packages";

/// A package's document, in its folder; its zips lie beside it.
pub(crate) const DOCUMENT: &str = "index.jsonl";

/// What follows the unique part of a zip's name.
pub(crate) const ZIP: &str = ".zip";

/// The media type of zips.
pub(crate) const ZIP_TYPE: &str = "application/zip";

/// A package and its folder.
pub(crate) fn resource(name: &PackageName) -> Result<Resource> {
    let (vendor, package) = (Key::segment(name.vendor()), Key::segment(name.package()));
    Ok(Resource {
        name: name.as_str().into(),
        home: Key::new(PACKAGES)?.join(format!("{vendor}/{package}"))?,
    })
}

/// Whose document lies at a key below the mount's folder.
pub(crate) fn subject(key: &Key) -> Option<Resource> {
    let home = key.parent().filter(|_| key.name() == DOCUMENT)?;
    let name: PackageName = home
        .below(&Key::new(PACKAGES).ok()?)?
        .as_str()
        .parse()
        .ok()?;
    let resource = resource(&name).ok()?;
    (resource.home == home).then_some(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (name, key) in [
            ("acme/lib", "packages/acme/lib/index.jsonl"),
            ("a.b-c/d_e--f", "packages/a.b-c/d_e--f/index.jsonl"),
        ] {
            let name: PackageName = name.parse().unwrap();
            let of = resource(&name).unwrap();
            assert_eq!(*of.name, *name.as_str());
            let document = of.home.join(DOCUMENT).unwrap();
            assert_eq!(document.as_str(), key);
            assert_eq!(subject(&document), Some(of));
        }
        for none in [
            "packages/acme/lib/lib.0123456789abcdef.zip",
            "packages/acme/index.jsonl",
            "packages/Acme/lib/index.jsonl",
            "packages/a/b/c/index.jsonl",
            "log/0000000000",
            "index.jsonl",
        ] {
            assert_eq!(subject(&Key::new(none).unwrap()), None, "{none}");
        }
    }
}

//! Where a crate lies in the bucket. The only place that knows keys.

use registry_core::{Result, storage::Key, store::Resource};

use crate::{CrateName, Version, name::prefix};

/// The folder of all crates, below the mount's.
const INDEX: &str = "index";

/// A crate's document, in its folder; its `.crate` files lie beside it.
pub(crate) const DOCUMENT: &str = "index.jsonl";

/// What follows the unique part of a crate file's name.
pub(crate) const CRATE: &str = ".crate";

/// The media type of crate files.
pub(crate) const CRATE_TYPE: &str = "application/gzip";

/// A crate and its folder.
///
/// Names that are too much alike have one folder, and so one document, in which the first of them
/// holds off the others. Scopes know the crate as it is spelled, in lower case.
pub(crate) fn resource(name: &CrateName) -> Result<Resource> {
    let canonical = name.canonical();
    let home = Key::new(INDEX)?.join(format!("{}/{canonical}", prefix(&canonical)))?;
    Ok(Resource {
        name: name.lower().into(),
        home,
    })
}

/// Whose document lies at a key below the mount's folder, under the name that all spellings have in
/// common.
pub(crate) fn subject(key: &Key) -> Option<Resource> {
    let home = key.parent().filter(|_| key.name() == DOCUMENT)?;
    let name: CrateName = home.name().parse().ok()?;
    let resource = resource(&name).ok()?;
    (resource.home == home && name.canonical() == name.as_str()).then_some(resource)
}

/// A crate file's name without what makes it unique, such as `serde-1.0.0`.
pub(crate) fn stem(name: &CrateName, version: &Version) -> String {
    format!("{name}-{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (name, key) in [
            ("a", "index/1/a/index.jsonl"),
            ("ab", "index/2/ab/index.jsonl"),
            ("abc", "index/3/a/abc/index.jsonl"),
            ("_-", "index/2/__/index.jsonl"),
            ("Foo-Bar", "index/fo/o_/foo_bar/index.jsonl"),
            ("foo_bar", "index/fo/o_/foo_bar/index.jsonl"),
        ] {
            let name: CrateName = name.parse().unwrap();
            let of = resource(&name).unwrap();
            assert_eq!(*of.name, name.lower());
            let document = of.home.join(DOCUMENT).unwrap();
            assert_eq!(document.as_str(), key);
            assert_eq!(*subject(&document).unwrap().name, name.canonical());
        }
        for none in [
            "index/fo/o_/foo_bar/foo-bar-1.0.0.crate",
            "index/fo/o-/foo-bar/index.jsonl",
            "index/xx/xx/foo_bar/index.jsonl",
            "index/foo_bar/index.jsonl",
            "log/0000000000",
            "index.jsonl",
        ] {
            assert_eq!(subject(&Key::new(none).unwrap()), None, "{none}");
        }
    }
}

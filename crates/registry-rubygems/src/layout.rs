//! Where a gem lies in the bucket. The only place that knows keys.

use registry_core::{Result, storage::Key, store::Resource};

use crate::GemName;

/// The folder of all gems, below the mount's.
const GEMS: &str = "gems";

/// A gem's document, in its folder; its files lie beside it.
pub(crate) const DOCUMENT: &str = "index.jsonl";

/// What follows the unique part of a gem file's name.
pub(crate) const GEM: &str = ".gem";

/// What follows the unique part of the name of a specification's file.
pub(crate) const QUICK: &str = ".gemspec.rz";

/// The media type of both.
pub(crate) const FILE_TYPE: &str = "application/octet-stream";

/// Between the two segments of a name that is too long for one; no name holds it.
const CONTINUED: &str = "+/+";

/// How much of such a name stands before it, in bytes.
const HEAD: usize = 150;

/// A gem and its folder.
///
/// All spellings of a name have one folder, and so one document, in which the first of them holds
/// off the others. Scopes know the gem in lower case.
pub(crate) fn resource(name: &GemName) -> Result<Resource> {
    let lower = name.lower();
    let folder = match lower.split_at_checked(HEAD) {
        Some((head, rest)) if lower.len() > Key::MAX_SEGMENT => format!("{head}{CONTINUED}{rest}"),
        _ => lower,
    };
    Ok(Resource {
        name: name.lower().into(),
        home: Key::new(GEMS)?.join(folder)?,
    })
}

/// Whose document lies at a key below the mount's folder, under the name that all spellings have in
/// common.
pub(crate) fn subject(key: &Key) -> Option<Resource> {
    let home = key.parent().filter(|_| key.name() == DOCUMENT)?;
    let folder = home.below(&Key::new(GEMS).ok()?)?;
    let name: GemName = folder.as_str().replace(CONTINUED, "").parse().ok()?;
    let resource = resource(&name).ok()?;
    (resource.home == home && name.lower() == name.as_str()).then_some(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let long = "n".repeat(255);
        let folders = format!("{}+/+{}", "n".repeat(150), "n".repeat(105));
        for (name, folder) in [
            ("a", "a"),
            ("Foo-Bar.rb", "foo-bar.rb"),
            (&"n".repeat(200), &"n".repeat(200)),
            (&long, &folders),
        ] {
            let name: GemName = name.parse().unwrap();
            let of = resource(&name).unwrap();
            assert_eq!(*of.name, *name.lower());
            let document = of.home.join(DOCUMENT).unwrap();
            assert_eq!(document.as_str(), format!("gems/{folder}/index.jsonl"));
            assert_eq!(*subject(&document).unwrap().name, name.lower());
        }
        for none in [
            "gems/foo/foo-1.0.0.0011223344556677.gem",
            "gems/Foo/index.jsonl",
            "gems/fo+/+o/index.jsonl",
            "gems/a/b/index.jsonl",
            "log/0000000000",
            "index.jsonl",
        ] {
            assert_eq!(subject(&Key::new(none).unwrap()), None, "{none}");
        }
    }
}

//! Where a project lies in the bucket. The only place that knows keys.

use registry_core::{Result, storage::Key, store::Resource};

use crate::ProjectName;

/// The folder of all projects, below the mount's.
const PACKAGES: &str = "packages";

/// A project's document, in its folder; its files, their metadata and provenance lie beside it.
pub(crate) const DOCUMENT: &str = "index.jsonl";

/// What follows the unique part of the name of a file's core metadata.
pub(crate) const METADATA: &str = ".metadata";

/// What follows the unique part of the name of a file's provenance.
pub(crate) const PROVENANCE: &str = ".provenance";

/// The media type of files.
pub(crate) const FILE_TYPE: &str = "application/octet-stream";

/// The media type of core metadata.
pub(crate) const METADATA_TYPE: &str = "text/plain; charset=utf-8";

/// The media type of provenance.
pub(crate) const PROVENANCE_TYPE: &str = "application/vnd.pypi.integrity.v1+json";

/// A project and its folder. A normal name is a segment of a key as it is.
pub(crate) fn resource(name: &ProjectName) -> Result<Resource> {
    Ok(Resource {
        name: name.as_str().into(),
        home: Key::new(PACKAGES)?.join(name.as_str())?,
    })
}

/// Whose document lies at a key below the mount's folder.
pub(crate) fn subject(key: &Key) -> Option<Resource> {
    let home = key.parent().filter(|_| key.name() == DOCUMENT)?;
    let name = home.below(&Key::new(PACKAGES).ok()?)?;
    let name: ProjectName = name.as_str().parse().ok()?;
    resource(&name).ok().filter(|_| name.is_normal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for name in ["foo-bar", &"n".repeat(200)] {
            let of = resource(&name.parse().unwrap()).unwrap();
            let document = of.home.join(DOCUMENT).unwrap();
            assert_eq!(document.as_str(), format!("packages/{name}/index.jsonl"));
            assert_eq!(subject(&document), Some(of));
        }
        for none in [
            "packages/x/x-1.0.whl",
            "packages/X/index.jsonl",
            "packages/a/b/index.jsonl",
            "log/0000000000",
            "index.jsonl",
        ] {
            assert_eq!(subject(&Key::new(none).unwrap()), None, "{none}");
        }
    }
}

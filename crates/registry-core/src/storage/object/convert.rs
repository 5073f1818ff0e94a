//! Between the store's paths, versions and errors and ours.

use object_store::{Error as StoreError, ObjectMeta, PutResult, UpdateVersion, path::Path};

use crate::{
    error::BoxError,
    storage::{Key, StorageError, Version},
};

/// A key as it is: `Path::from` would encode some of its characters.
pub(super) fn path(key: &Key) -> Result<Path, StorageError> {
    Path::parse(key.as_str()).map_err(|error| StorageError::Failed(error.into()))
}

/// A version of an entity tag and, where the store has one, a version of its own: each on a line.
fn version(tag: Option<&str>, version: Option<&str>) -> Version {
    let tag = tag.unwrap_or_default();
    match version {
        Some(version) => Version::new(format!("{tag}\n{version}")),
        None => Version::new(tag),
    }
}

pub(super) fn version_found(found: &ObjectMeta) -> Version {
    version(found.e_tag.as_deref(), found.version.as_deref())
}

pub(super) fn version_written(written: &PutResult) -> Version {
    version(written.e_tag.as_deref(), written.version.as_deref())
}

/// The reverse of [`version`].
pub(super) fn update_version(version: &Version) -> UpdateVersion {
    let (tag, version) = match version.as_str().split_once('\n') {
        Some((tag, version)) => (tag, Some(version)),
        None => (version.as_str(), None),
    };
    UpdateVersion {
        e_tag: (!tag.is_empty()).then(|| tag.to_owned()),
        version: version.map(str::to_owned),
    }
}

/// An error of the store, after its client gave up repeating.
pub(super) fn failed(error: StoreError) -> StorageError {
    match error {
        StoreError::NotFound { .. } => StorageError::NotFound,
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => {
            StorageError::Precondition
        }
        StoreError::Generic { source, .. } => by_status(source),
        _ => StorageError::Failed(error.into()),
    }
}

/// Whether an error says that the store has no such operation, or no such header.
pub(super) fn is_unsupported(error: &StoreError) -> bool {
    match error {
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => true,
        StoreError::Generic { source, .. } => status(&chain(&**source)) == Some(501),
        _ => false,
    }
}

/// Judges by the HTTP status where there was one. Without one there was no answer, and nobody
/// knows what became of the request.
fn by_status(source: BoxError) -> StorageError {
    let text = chain(&*source);
    let full = ["StorageFull", "QuotaExceeded", "XMinioStorageFull"];
    match status(&text) {
        Some(507) => StorageError::Full(source),
        Some(_) if full.iter().any(|code| text.contains(code)) => StorageError::Full(source),
        Some(408 | 429) => StorageError::Unavailable(source),
        Some(501 | 505) => StorageError::Failed(source),
        Some(500..) | None => StorageError::Unavailable(source),
        Some(_) => StorageError::Failed(source),
    }
}

/// The status in the text of an error: the type that holds it is there only with some features
/// of `object_store`, so that its text is all there is to go by.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|error| format!("{error}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_back_as_they_were() {
        for (tag, own) in [
            (Some("\"abc\""), None),
            (Some("\"abc\""), Some("17")),
            (None, Some("17")),
            (None, None),
        ] {
            let update = update_version(&version(tag, own));
            assert_eq!(
                (update.e_tag.as_deref(), update.version.as_deref()),
                (tag, own)
            );
        }
    }

    #[test]
    fn errors_are_told_apart() {
        let judge = |text: &str| {
            let source = text.to_owned().into();
            format!(
                "{:?}",
                failed(StoreError::Generic {
                    store: "S3",
                    source
                })
            )
        };
        for (text, kind) in [
            (
                "Server returned non-2xx status code: 503 Service Unavailable: ",
                "Unavailable",
            ),
            (
                "Server returned non-2xx status code: 429 Too Many: ",
                "Unavailable",
            ),
            (
                "Server returned non-2xx status code: 507 Insufficient Storage: ",
                "Full",
            ),
            (
                "Server returned non-2xx status code: 500 x: <Code>XMinioStorageFull",
                "Full",
            ),
            (
                "Server returned non-2xx status code: 400 Bad Request: ",
                "Failed",
            ),
            ("HTTP error: error sending request", "Unavailable"),
        ] {
            assert!(judge(text).starts_with(kind), "{text}: {}", judge(text));
        }
    }
}

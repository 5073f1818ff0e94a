//! Where a registry keeps its state, and how many processes share it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::azurite::{self, azurite};
use crate::fake_gcs::{self, fake_gcs};
use crate::minio::{self, minio};

/// A kind of storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A bucket of an S3 server.
    S3,
    /// A container of Azure Blob.
    Azure,
    /// A bucket of Google Cloud Storage.
    Gcs,
}

/// What one test runs against.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The storage.
    pub kind: Kind,
    /// How many servers share it.
    pub replicas: usize,
}

/// A storage of one test.
#[derive(Debug)]
pub struct Place {
    /// As `--storage` takes it.
    pub url: String,
    /// What the registry needs in its environment.
    pub environment: Vec<(String, String)>,
    /// Where the files are, if it is a directory.
    pub directory: Option<PathBuf>,
    /// For logs, and for a directory's files; goes with this value.
    folder: TempDir,
}

impl Place {
    /// A fresh storage; none where this machine has none of that kind, which was said.
    ///
    /// # Panics
    /// When the system gives no temporary folder.
    pub fn new(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Directory => {
                let folder = folder();
                let path = folder.path().join("storage");
                Some(Self::directory(path, folder))
            }
            Kind::S3 => {
                let environment = minio()?.environment();
                Some(Self::bucket("s3", minio::BUCKET, environment))
            }
            Kind::Azure => {
                let environment = azurite()?.environment();
                Some(Self::bucket("az", azurite::CONTAINER, environment))
            }
            Kind::Gcs => {
                let environment = fake_gcs()?.environment();
                Some(Self::bucket("gs", fake_gcs::BUCKET, environment))
            }
        }
    }

    /// A fresh folder of a bucket.
    pub fn bucket(scheme: &str, bucket: &str, environment: Vec<(String, String)>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            url: format!("{scheme}://{bucket}/place-{number}"),
            environment,
            directory: None,
            folder: folder(),
        }
    }

    /// A directory that lies somewhere else.
    ///
    /// # Panics
    /// When the system gives no temporary folder.
    pub fn at(path: &Path) -> Self {
        Self::directory(path.to_owned(), folder())
    }

    fn directory(path: PathBuf, folder: TempDir) -> Self {
        Self {
            url: path.to_str().expect("the path is UTF-8").to_owned(),
            environment: Vec::new(),
            directory: Some(path),
            folder,
        }
    }

    /// A folder for what the test itself writes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn folder() -> TempDir {
    let mut builder = tempfile::Builder::new();
    let folder = builder.prefix("registry-tests-").tempdir();
    folder.expect("a temporary folder")
}

/// The tests of a function, one for each kind of storage and number of processes.
#[macro_export]
macro_rules! cells {
    ($run:expr) => {
        $crate::cells!($run, one 1, three 3);
    };
    ($run:expr, $($count:ident $replicas:literal),+) => {
        $crate::cells!(@kind directory Directory, $run, $($count $replicas),+);
        $crate::cells!(@kind s3 S3, $run, $($count $replicas),+);
    };
    (@kind $module:ident $kind:ident, $run:expr, $($count:ident $replicas:literal),+) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $count() {
                    let kind = $crate::Kind::$kind;
                    let cell = $crate::Cell { kind, replicas: $replicas };
                    ($run)(cell).await;
                }
            )+
        }
    };
}

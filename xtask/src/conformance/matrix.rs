//! What the suite is run over.

use std::fmt;

use clap::ValueEnum;

/// The version of the specification that is asked for.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Version {
    /// What is written for the next one.
    Dev,
    /// The newest release.
    #[value(name = "1.1")]
    Released,
}

impl Version {
    /// As the suite calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Released => "1.1",
        }
    }
}

/// How the suite shows who it is.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Auth {
    /// It does not, and may do everything.
    None,
    /// By name and password, with each request.
    Basic,
    /// By a token that it gets for name and password.
    Bearer,
}

/// Where the server stores.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Storage {
    /// In a directory.
    Directory,
    /// In MinIO.
    S3,
}

/// One run of the suite.
#[derive(Clone, Copy)]
pub(super) struct Combination {
    pub(super) version: Version,
    /// Whether manifests may name what the repository lacks.
    pub(super) sparse: bool,
    pub(super) auth: Auth,
    pub(super) storage: Storage,
}

/// Which combinations to run; all where nothing is said.
#[derive(clap::Args, Default)]
pub(super) struct Filter {
    /// One version of the specification alone.
    #[arg(long)]
    version: Option<Version>,
    /// One kind of storage alone.
    #[arg(long)]
    storage: Option<Storage>,
    /// One way of authentication alone.
    #[arg(long)]
    auth: Option<Auth>,
    /// Sparse data alone; with `=false` only without.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    sparse: Option<bool>,
}

impl Filter {
    pub(super) fn wants(&self, combination: &Combination) -> bool {
        fn fits<T: PartialEq>(wanted: Option<T>, value: T) -> bool {
            wanted.is_none_or(|wanted| wanted == value)
        }
        fits(self.version, combination.version)
            && fits(self.storage, combination.storage)
            && fits(self.auth, combination.auth)
            && fits(self.sparse, combination.sparse)
    }
}

/// Between them these have each value of each axis.
pub(super) const SHORT: &[Combination] = &[
    Combination {
        version: Version::Dev,
        sparse: true,
        auth: Auth::Bearer,
        storage: Storage::Directory,
    },
    Combination {
        version: Version::Released,
        sparse: false,
        auth: Auth::Basic,
        storage: Storage::S3,
    },
    Combination {
        version: Version::Dev,
        sparse: false,
        auth: Auth::None,
        storage: Storage::Directory,
    },
];

/// Every combination.
pub(super) fn all() -> Vec<Combination> {
    let mut all = Vec::new();
    for version in [Version::Dev, Version::Released] {
        for sparse in [true, false] {
            for auth in [Auth::None, Auth::Basic, Auth::Bearer] {
                for storage in [Storage::Directory, Storage::S3] {
                    all.push(Combination {
                        version,
                        sparse,
                        auth,
                        storage,
                    });
                }
            }
        }
    }
    all
}

impl Combination {
    fn words(&self) -> [&'static str; 4] {
        [
            self.version.name(),
            if self.sparse { "sparse" } else { "whole" },
            match self.auth {
                Auth::None => "none",
                Auth::Basic => "basic",
                Auth::Bearer => "bearer",
            },
            match self.storage {
                Storage::Directory => "directory",
                Storage::S3 => "s3",
            },
        ]
    }

    /// A name for files.
    pub(super) fn slug(&self) -> String {
        self.words().join("-")
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [version, sparse, auth, storage] = self.words();
        write!(
            formatter,
            "{version}, {sparse} data, auth {auth}, {storage}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Auth, SHORT, Storage, Version, all};

    #[test]
    fn the_short_form_has_each_value() {
        assert_eq!(all().len(), 24);
        let seen = |test: &dyn Fn(&super::Combination) -> bool| SHORT.iter().any(test);
        for version in [Version::Dev, Version::Released] {
            assert!(seen(&|combination| combination.version == version));
        }
        for sparse in [true, false] {
            assert!(seen(&|combination| combination.sparse == sparse));
        }
        for auth in [Auth::None, Auth::Basic, Auth::Bearer] {
            assert!(seen(&|combination| combination.auth == auth));
        }
        for storage in [Storage::Directory, Storage::S3] {
            assert!(seen(&|combination| combination.storage == storage));
        }
    }
}

//! What the suite is run against: a server for each combination.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::matrix::{Auth, Combination, Storage};
use super::{Args, install};
use crate::http::Connection;
use crate::server::{self, Minio, Registry, Server};

/// The user that the suite logs in as.
pub(super) const USER: &str = "conformance";
/// Their password.
pub(super) const PASSWORD: &str = "correct-horse-7";

/// What is needed for all combinations.
pub(super) struct Target {
    /// None where the peer is run.
    bin: Option<PathBuf>,
    minio: Option<Minio>,
    folder: tempfile::TempDir,
}

impl Target {
    /// Installs what is missing, builds the server, and starts a store if one is needed.
    pub(super) fn prepare(root: &Path, args: &Args) -> Result<Self> {
        install(root, args)?;
        let folder = tempfile::Builder::new()
            .prefix("registry-conformance-")
            .tempdir()?;
        let bin = match args.peer {
            Some(_) => None,
            None => Some(server::named_or_built(root, args.bin.as_deref())?),
        };
        let combinations = args.combinations();
        let s3 = combinations
            .iter()
            .any(|combination| combination.storage == Storage::S3);
        let minio = s3.then(|| server::minio(root, &folder.path().join("minio")));
        Ok(Self {
            bin,
            minio: minio.transpose()?,
            folder,
        })
    }

    /// A server that has stored nothing yet.
    pub(super) fn start(&self, combination: &Combination) -> Result<Server> {
        let folder = self.folder.path().join(combination.slug());
        let Some(bin) = &self.bin else {
            let users = [(USER, PASSWORD)];
            let users = if combination.auth == Auth::None {
                &[][..]
            } else {
                &users
            };
            return server::docker_registry(&folder, users, None);
        };
        let mut registry = Registry::new(bin, &folder)?;
        if combination.sparse {
            registry = registry.with("REGISTRY_OCI_SPARSE", "all");
        }
        if combination.storage == Storage::S3 {
            let minio = self.minio.as_ref().context("MinIO is not started")?;
            registry = registry
                .with("REGISTRY_STORAGE", &minio.storage(&combination.slug()))
                .with_all(minio.environment());
        }
        let (anonymous, auth) = match combination.auth {
            Auth::None => ("all", None),
            Auth::Basic => ("none", Some("basic")),
            Auth::Bearer => ("none", Some("bearer")),
        };
        registry = registry.with("REGISTRY_ANONYMOUS", anonymous);
        if let Some(auth) = auth {
            registry = registry.with("REGISTRY_OCI_AUTH", auth);
            registry.add_user(USER, PASSWORD, &[])?;
        }
        registry.serve()
    }

    /// Ends a server; ours has to end well.
    pub(super) fn stop(&self, server: Server) -> Result<()> {
        match self.bin {
            Some(_) => server.stop(),
            None => Ok(()),
        }
    }
}

/// Whether somebody without credentials is asked for them in the way that the combination means:
/// a server that asks for none passes the suite too.
pub(super) fn check_challenge(server: &Server, auth: Auth) -> Result<()> {
    let answer = Connection::new(server.port).get("/v2/", &[])?;
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let scheme = challenge.split(' ').next().unwrap_or_default();
    let (status, wanted) = match auth {
        Auth::None => (200, ""),
        Auth::Basic => (401, "Basic"),
        Auth::Bearer => (401, "Bearer"),
    };
    ensure!(
        answer.status == status && scheme.eq_ignore_ascii_case(wanted),
        "GET /v2/ without credentials should be answered {status} {wanted}, and is answered {} \
         {challenge}: {}",
        answer.status,
        answer.text()
    );
    Ok(())
}

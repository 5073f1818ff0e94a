//! What is measured: our server or a peer, over a folder of its own, with a token to publish.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::super::load::{self, Job, Outcome};
use super::super::{Bench, PASSWORD, USER};
use super::package::Release;
use crate::http::Connection;
use crate::server::{self, Registry, Server};

enum Kind {
    Ours(Registry),
    Verdaccio { root: PathBuf, folder: PathBuf },
}

/// A running server.
pub(crate) struct Subject {
    kind: Kind,
    /// The process and its port.
    pub(crate) server: Server,
    /// The path under which npm's routes lie.
    pub(crate) mount: &'static str,
    token: String,
    /// Whether answers other than success end the run; a peer's are counted.
    strict: bool,
}

impl Subject {
    /// Our server over an empty folder.
    pub(crate) fn ours(bench: &Bench, name: &str) -> Result<Self> {
        if bench.peer {
            return Self::verdaccio(bench, &format!("{name}-in-our-place"));
        }
        let (registry, server, token) = bench.ours(name, "npm:package:*:*")?;
        Ok(Self {
            kind: Kind::Ours(registry),
            server,
            mount: "/npm",
            token,
            strict: true,
        })
    }

    /// Verdaccio over an empty folder.
    pub(crate) fn verdaccio(bench: &Bench, name: &str) -> Result<Self> {
        let (root, folder) = (bench.root.clone(), bench.folder.join(name));
        let server = server::verdaccio(&root, &folder)?;
        let token = server::couch_login(server.port, "", USER, PASSWORD)?;
        let kind = Kind::Verdaccio { root, folder };
        Ok(Self {
            kind,
            server,
            mount: "",
            token,
            strict: false,
        })
    }

    /// Stops it and starts it again over the same folder.
    pub(crate) fn restarted(self) -> Result<Self> {
        let Self {
            kind,
            server,
            mount,
            token,
            strict,
        } = self;
        let server = match &kind {
            Kind::Ours(registry) => {
                server.stop()?;
                registry.serve()?
            }
            Kind::Verdaccio { root, folder } => {
                drop(server);
                server::verdaccio(root, folder)?
            }
        };
        Ok(Self {
            kind,
            server,
            mount,
            token,
            strict,
        })
    }

    /// The headers of a publish.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// The path of a package's document.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.mount)
    }

    /// The path of a release's tarball.
    pub(crate) fn tarball(&self, release: &Release) -> String {
        let Release { name, version } = release;
        format!("{}/{name}/-/{name}-{version}.tgz", self.mount)
    }

    /// The request that publishes a release.
    pub(crate) fn job(&self, release: &Release) -> Result<Job> {
        Ok(Job {
            method: "PUT",
            content_type: "application/json".to_owned(),
            path: self.path(&release.name),
            body: release.body()?.into(),
        })
    }

    /// Publishes releases that are made beforehand, by some workers at once.
    pub(crate) fn publish(&self, workers: usize, releases: &[Release]) -> Result<Outcome> {
        let jobs = releases
            .iter()
            .map(|release| self.job(release))
            .collect::<Result<Vec<_>>>()?;
        self.publish_each(workers, jobs.len(), &|number| Ok(jobs[number].clone()))
    }

    /// Publishes releases that are made as they are needed.
    pub(crate) fn publish_each(
        &self,
        workers: usize,
        count: usize,
        make: &(dyn Fn(usize) -> Result<Job> + Sync),
    ) -> Result<Outcome> {
        let outcome = load::publish(
            self.server.port,
            &self.authorization(),
            workers,
            count,
            make,
        )?;
        ensure!(
            !self.strict || outcome.failures.is_empty(),
            "{} of {count} publishes failed, first: {}\n{}",
            outcome.failures.len(),
            outcome.failures[0],
            self.server.log_tail()
        );
        Ok(outcome)
    }

    /// How many versions a package has.
    pub(crate) fn versions(&self, name: &str) -> Result<usize> {
        let mut connection = Connection::new(self.server.port);
        let document = connection.get(&self.path(name), &[("accept", "application/json")])?;
        let document = document.successful("a packument")?.json()?;
        let versions = document["versions"].as_object().context("no versions")?;
        Ok(versions.len())
    }
}

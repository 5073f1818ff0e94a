//! What is measured: our server over a folder of its own, with a token to publish.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::Bench;
use super::super::load::{self, Job, Outcome};
use super::wheel::Wheel;
use crate::http::Connection;
use crate::server::Server;

/// A running server.
pub(super) struct Subject {
    /// The process and its port.
    pub(super) server: Server,
    token: String,
}

impl Subject {
    /// Our server over an empty folder.
    pub(super) fn ours(bench: &Bench, name: &str) -> Result<Self> {
        ensure!(!bench.peer, "pypiserver cannot do what is measured here");
        let (_, server, token) = bench.ours(name, "pypi:package:*:*")?;
        Ok(Self { server, token })
    }

    /// The header of an upload.
    pub(super) fn authorization(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("__token__:{}", self.token))
        )
    }

    /// Publishes wheels that are made beforehand, by some workers at once.
    pub(super) fn publish(&self, workers: usize, wheels: &[Wheel]) -> Result<Outcome> {
        let jobs = wheels.iter().map(|wheel| {
            let mut body = Vec::new();
            wheel.form_of(&mut body, 0)?;
            Ok(Job {
                method: "POST",
                path: "/pypi/legacy/".to_owned(),
                content_type: Wheel::content_type(),
                body: body.into(),
            })
        });
        let jobs: Vec<Job> = jobs.collect::<Result<_>>()?;
        let make = |number: usize| Ok(jobs[number].clone());
        let authorization = self.authorization();
        let outcome = load::publish(self.server.port, &authorization, workers, jobs.len(), &make)?;
        ensure!(
            outcome.failures.is_empty(),
            "{} publishes failed, first: {}\n{}",
            outcome.failures.len(),
            outcome.failures[0],
            self.server.log_tail()
        );
        Ok(outcome)
    }

    /// How many files a project has.
    pub(super) fn files(&self, project: &str) -> Result<usize> {
        let path = format!("/pypi/simple/{project}/");
        let page = Connection::new(self.server.port).get(&path, &[super::ACCEPT])?;
        let page = page.successful(&path)?.json()?;
        Ok(page["files"].as_array().context("files")?.len())
    }
}

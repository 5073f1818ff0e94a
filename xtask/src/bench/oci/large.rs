//! One large blob: pushed and pulled, beside what hashing and a synced write allow.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::super::Bench;
use super::super::report::{Report, Target};
use super::ROUNDS;
use super::content::{Content, Hashing, digest, settle};
use super::subject::Subject;
use crate::http::{Connection, Counter};
use crate::server::{self, Server};

const REPOSITORY: &str = "bench/large";
/// For each push.
const PULLS: usize = 3;

/// Rates of each round, in MB/s.
#[derive(Default)]
struct Rates {
    hash: Vec<f64>,
    write: Vec<f64>,
    ceiling: Vec<f64>,
    /// Ours and the peer's.
    push: [Vec<f64>; 2],
    /// Ours, the peer's, nginx's.
    pull: [Vec<f64>; 3],
}

/// A blob of 1 GiB, or a quarter of that in a short run.
pub(super) fn large(bench: &Bench, report: &mut Report) -> Result<()> {
    let mebibytes = if bench.full { 1024 } else { 256 };
    let subjects = [
        Subject::ours(bench, "large-ours")?,
        Subject::peer(bench, "large-peer")?,
    ];
    let folder = bench.folder.join("large-nginx");
    fs::create_dir_all(folder.join("files"))?;
    let file = folder.join("files").join("blob");
    fs::write(&file, "")?;
    let nginx = server::nginx(&folder, "/blob", "application/octet-stream").context("nginx")?;
    let mut rates = Rates::default();
    for round in 0..ROUNDS {
        let mut content = Content::new(round, mebibytes)?;
        settle()?;
        let (digest, hash) = content.hash()?;
        let write = content.write(&file)?;
        let rate = |took: Duration| content.size as f64 / 1e6 / took.as_secs_f64();
        rates.hash.push(rate(hash));
        rates.write.push(rate(write));
        // What is hashed while it is written takes as long as the slower of the two.
        rates.ceiling.push(rate(hash.max(write)));
        for (subject, rates) in subjects.iter().zip(&mut rates.push) {
            rates.push(push(subject, &mut content, &digest)?);
        }
        let size = content.size;
        let [ours, peer, other] = &mut rates.pull;
        for _ in 0..PULLS {
            ours.push(pull(&subjects[0], &digest, size)?);
            peer.push(pull(&subjects[1], &digest, size)?);
            other.push(fetch(&nginx, size)?);
        }
        if round == 0 {
            verify(&subjects[0], &digest)?;
        }
        println!("    round {round}: {}", rates.last());
    }
    rates.report(report, mebibytes);
    subjects.into_iter().try_for_each(Subject::remove)
}

/// In MB/s.
fn push(subject: &Subject, content: &mut Content, digest: &str) -> Result<f64> {
    let mut client = subject.client(REPOSITORY)?;
    settle()?;
    let start = Instant::now();
    client.push(content, digest)?;
    Ok(content.size as f64 / 1e6 / start.elapsed().as_secs_f64())
}

fn pull(subject: &Subject, digest: &str, size: u64) -> Result<f64> {
    let mut client = subject.client(REPOSITORY)?;
    timed(size, |sink| client.pull(digest, sink))
}

fn fetch(nginx: &Server, size: u64) -> Result<f64> {
    let mut connection = Connection::new(nginx.port);
    timed(size, |sink| {
        let answer = connection.download("/blob", &[], sink)?;
        answer.successful("nginx").map(drop)
    })
}

fn timed(size: u64, work: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<f64> {
    let mut counter = Counter::default();
    let start = Instant::now();
    work(&mut counter)?;
    let took = start.elapsed();
    ensure!(counter.0 == size, "{} of {size} bytes came", counter.0);
    Ok(size as f64 / 1e6 / took.as_secs_f64())
}

/// Whether what is pulled so fast is what was pushed.
fn verify(subject: &Subject, wanted: &str) -> Result<()> {
    let mut hashing = Hashing::default();
    subject.client(REPOSITORY)?.pull(wanted, &mut hashing)?;
    let found = digest(hashing.0);
    ensure!(
        found == wanted,
        "{wanted} was pushed, and {found} came back"
    );
    Ok(())
}

impl Rates {
    /// The last round, to be read while the others run.
    fn last(&self) -> String {
        let last = |rates: &Vec<f64>| rates.last().copied().unwrap_or_default();
        format!(
            "hash {:.0}, synced write {:.0}; push {:.0}, docker-registry {:.0}; \
             pull {:.0}, docker-registry {:.0}, nginx {:.0} MB/s",
            last(&self.hash),
            last(&self.write),
            last(&self.push[0]),
            last(&self.push[1]),
            last(&self.pull[0]),
            last(&self.pull[1]),
            last(&self.pull[2]),
        )
    }

    fn report(&self, report: &mut Report, mebibytes: u64) {
        let mut add = |verb: &str, ours: &[f64], peer: (&str, &[f64]), target: Target| {
            let measure = format!("{verb} {mebibytes} MiB");
            report.compare(&measure, "MB/s", ours, peer, &target);
        };
        let [push, other_push] = &self.push;
        let [pull, other_pull, nginx] = &self.pull;
        add("pull", pull, ("nginx", nginx), Target::AtLeast(1.0));
        add("pull", pull, ("docker-registry", other_pull), Target::None);
        let peer = ("docker-registry", other_push.as_slice());
        add("push", push, peer, Target::AtLeast(3.0));
        let ceiling = ("hash and write", self.ceiling.as_slice());
        add("push", push, ceiling, Target::AtLeast(0.6));
        add("push", push, ("hash alone", &self.hash), Target::None);
        add("push", push, ("write alone", &self.write), Target::None);
    }
}

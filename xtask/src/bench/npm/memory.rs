//! Memory at rest and with a large tarball, the time to start, and the size of the binary.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::super::Bench;
use super::super::memory::{self, Memory, Sampler};
use super::super::report::{Report, Target, median, millis};
use super::package::Release;
use super::subject::Subject;
use crate::http::{Connection, Counter};

const LARGE: u64 = 200_000_000;

/// What one server holds.
struct Held {
    idle: Memory,
    publish: Memory,
    fetch: Memory,
}

/// Idle, and while a tarball of 200 MB is published and fetched.
pub(super) fn memory(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = held(bench, Subject::ours(bench, "memory-ours")?)?;
    let peer = held(bench, Subject::verdaccio(bench, "memory-verdaccio")?)?;
    let mut add = |measure: &str, of: fn(&Held) -> f64, target: Target| {
        let peer = Some(("verdaccio", of(&peer)));
        report.add(measure, "MB", of(&ours), peer, &target);
    };
    add("idle memory", |held| held.idle.own, Target::AtMost(20.0));
    add(
        "idle memory, resident size",
        |held| held.idle.resident,
        Target::None,
    );
    add(
        "publish 200 MB, above idle",
        |held| held.publish.own - held.idle.own,
        Target::AtMost(64.0),
    );
    add(
        "publish 200 MB, resident size",
        |held| held.publish.resident,
        Target::None,
    );
    add(
        "fetch 200 MB, above idle",
        |held| held.fetch.own - held.idle.own,
        Target::AtMost(64.0),
    );
    add(
        "fetch 200 MB, resident size",
        |held| held.fetch.resident,
        Target::None,
    );
    Ok(())
}

fn held(bench: &Bench, subject: Subject) -> Result<Held> {
    let release = Release::new("large", "1.0.0");
    let (mut body, length) = release.body_file(LARGE, &bench.folder)?;
    // A start leaves garbage behind, which is not what a server at rest holds.
    thread::sleep(Duration::from_secs(2));
    let pid = subject.server.pid();
    let idle = memory::now(pid)?;
    let mut connection = Connection::new(subject.server.port);
    let authorization = subject.authorization();
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    let sampler = Sampler::start(pid);
    let answer = connection.send_file("PUT", &subject.path("large"), &headers, &mut body)?;
    answer.successful("the publish of 200 MB")?;
    let publish = sampler.peak()?;
    let sampler = Sampler::start(pid);
    let mut received = Counter::default();
    connection.download(&subject.tarball(&release), &[], &mut received)?;
    let fetch = sampler.peak()?;
    ensure!(
        received.0 == length,
        "{} of {length} bytes came back",
        received.0
    );
    fs::remove_file(bench.folder.join("body"))?;
    Ok(Held {
        idle,
        publish,
        fetch,
    })
}

/// From the start of the process to its first good answer, and the size of the binary.
pub(super) fn start(bench: &Bench, report: &mut Report) -> Result<()> {
    let times = |mut subject: Subject, count: usize| -> Result<f64> {
        let mut times = vec![subject.server.started_in];
        while times.len() < count {
            subject = subject.restarted()?;
            times.push(subject.server.started_in);
        }
        Ok(median(&millis(&times)))
    };
    let ours = times(Subject::ours(bench, "start-ours")?, 10)?;
    let peer = times(Subject::verdaccio(bench, "start-verdaccio")?, 3)?;
    let peer = Some(("verdaccio", peer));
    report.add(
        "start to first answer",
        "ms",
        ours,
        peer,
        &Target::AtMost(100.0),
    );
    if !bench.peer {
        let size = fs::metadata(&bench.bin)?.len() as f64 / 1e6;
        report.add("stripped binary", "MB", size, None, &Target::AtMost(30.0));
    }
    Ok(())
}

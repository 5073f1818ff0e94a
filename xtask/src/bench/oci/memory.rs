//! Memory while many push large blobs at once.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::memory::{self, Memory, Sampler};
use super::super::report::{Report, Target};
use super::super::{Bench, load};
use super::content::{Content, free};
use super::subject::Subject;

const PUSHES: u64 = 32;

/// What one server holds.
struct Held {
    idle: Memory,
    peak: Memory,
    rate: f64,
}

/// 32 pushes of 1 GiB at once into a directory, or of less where the run is short or the disk small.
pub(super) fn memory(bench: &Bench, report: &mut Report) -> Result<()> {
    let wanted = if bench.full { 1024 } else { 64 };
    // A quarter of what is free is left to others.
    let possible = (free(&bench.folder)? >> 20) * 3 / (4 * PUSHES);
    let mebibytes = wanted.min(possible);
    println!("    {PUSHES} pushes of {mebibytes} MiB (of {wanted} wanted, {possible} possible)");
    let digests = load::in_threads(PUSHES as usize, |number| {
        let (digest, _) = Content::new(number, mebibytes)?.hash()?;
        Ok(digest)
    })?;
    // One after the other, so that the second has the space of the first.
    let ours = held(Subject::ours(bench, "memory-ours")?, mebibytes, &digests)?;
    let peer = held(Subject::peer(bench, "memory-peer")?, mebibytes, &digests)?;
    let mut add = |what: &str, unit: &str, of: fn(&Held) -> f64, target: Target| {
        let measure = format!("{PUSHES} pushes of {mebibytes} MiB, {what}");
        let peer = Some(("docker-registry", of(&peer)));
        report.add(&measure, unit, of(&ours), peer, &target);
    };
    add("peak", "MB", |held| held.peak.own, Target::AtMost(64.0));
    add("before", "MB", |held| held.idle.own, Target::None);
    add(
        "peak resident size",
        "MB",
        |held| held.peak.resident,
        Target::None,
    );
    add("together", "MB/s", |held| held.rate, Target::None);
    Ok(())
}

fn held(subject: Subject, mebibytes: u64, digests: &[String]) -> Result<Held> {
    // A start leaves garbage behind, which is not what a server at rest holds.
    thread::sleep(Duration::from_secs(2));
    let pid = subject.server.pid();
    let idle = memory::now(pid)?;
    let (start, sampler) = (Instant::now(), Sampler::start(pid));
    load::in_threads(digests.len(), |number| {
        let mut client = subject.client(&format!("bench/memory-{number}"))?;
        let mut content = Content::new(number, mebibytes)?;
        client.push(&mut content, &digests[number])
    })?;
    let peak = sampler.peak()?;
    let took = start.elapsed().as_secs_f64();
    subject.remove()?;
    let bytes = (PUSHES * mebibytes) << 20;
    Ok(Held {
        idle,
        peak,
        rate: bytes as f64 / 1e6 / took,
    })
}

//! All protocols in one process, and a client of each at work on it at the same time: publishing a new
//! version and installing it into an empty cache, over and over. No command may fail, and what the
//! server holds in memory may not grow.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use super::{Run, World, cargo, composer, maven, npm, oci, pypi, rubygems};
use crate::bench::memory::{self, Memory};

/// How long it takes, and how long with the full sizes.
const LASTS: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(600)];
/// How many times the memory is told.
const PARTS: u32 = 10;
/// What the memory may have more at the end than after a third of the time, in MB: caches are filled
/// by then, or hold what they are allowed to.
const GROWTH: f64 = 24.0;

/// What a client does again and again: the number says which time it is, from 1.
pub(super) type Round<'w> = Box<dyn FnMut(u32) -> Result<()> + Send + 'w>;

/// Readies a client.
type Prepare = for<'w> fn(&'w World) -> Result<Round<'w>>;

const CLIENTS: &[(&str, Prepare)] = &[
    ("cargo", cargo::round),
    ("curl and composer", composer::round),
    ("mvn", maven::mvn::round),
    ("npm", npm::round),
    ("crane", oci::crane::round),
    ("twine and pip", pypi::round),
    ("gem", rubygems::round),
];

/// The one step.
pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let lasts = LASTS[usize::from(world.full)];
    let name = format!("all clients at once, for {} s", lasts.as_secs());
    run.step(world, &name, || load(world, lasts))
}

/// A folder that a round may remove when it is over.
pub(super) fn folder(world: &World, client: &str, number: u32) -> PathBuf {
    world
        .folder
        .join("mixed")
        .join(format!("{client}-{number}"))
}

/// Removes what a round left, so that hundreds of them fit on a disk.
pub(super) fn clear(folders: &[PathBuf]) -> Result<()> {
    for folder in folders {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

fn load(world: &World, lasts: Duration) -> Result<()> {
    let mut clients = Vec::new();
    for (name, prepare) in CLIENTS {
        clients.push((*name, prepare(world).with_context(|| (*name).to_owned())?));
    }
    let start = Instant::now();
    let failed = AtomicBool::new(false);
    let work = |name: &'static str, mut round: Round<'_>| {
        let mut count = 0;
        while start.elapsed() < lasts && !failed.load(Ordering::Relaxed) {
            count += 1;
            let done = round(count).with_context(|| format!("{name}, round {count}"));
            done.inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        }
        Ok((name, count))
    };
    let work = &work;
    let (counts, samples) = thread::scope(|scope| {
        let workers = clients
            .into_iter()
            .map(|(name, round)| scope.spawn(move || work(name, round)));
        let workers: Vec<_> = workers.collect();
        let samples = sample(world, start, lasts, &failed);
        let counts = workers.into_iter().map(|worker| {
            let ended = worker.join();
            ended.map_err(|_| anyhow!("a client's thread panicked"))?
        });
        (counts.collect::<Result<Vec<_>>>(), samples)
    });
    let (counts, samples) = (counts?, samples?);
    let counts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    println!("rounds: {}", counts.join(", "));
    is_flat(&samples)
}

/// What the server holds, a few times a second, until the time is over; tells of it now and then.
fn sample(
    world: &World,
    start: Instant,
    lasts: Duration,
    failed: &AtomicBool,
) -> Result<Vec<Memory>> {
    let mut samples = Vec::new();
    let mut told = 0;
    while start.elapsed() < lasts && !failed.load(Ordering::Relaxed) {
        let now = memory::now(world.server.pid())?;
        samples.push(now);
        let part = (start.elapsed().as_secs_f64() / lasts.as_secs_f64() * f64::from(PARTS)) as u32;
        if part > told {
            told = part;
            let seconds = start.elapsed().as_secs();
            println!(
                "after {seconds} s: {:.1} MB, resident {:.1} MB",
                now.own, now.resident
            );
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(samples)
}

/// Compares the memory after a third of the time with that at the end.
fn is_flat(samples: &[Memory]) -> Result<()> {
    let third = samples.len() / 3;
    let tenth = (samples.len() / 10).max(1);
    ensure!(third > 0, "the time was too short to measure anything");
    let early = median(&samples[third..(third + tenth).min(samples.len())]);
    let late = median(&samples[samples.len() - tenth..]);
    println!("memory after a third: {early:.1} MB; at the end: {late:.1} MB");
    ensure!(
        late <= early + GROWTH,
        "the server's memory grew from {early:.1} MB to {late:.1} MB"
    );
    Ok(())
}

fn median(samples: &[Memory]) -> f64 {
    let mut all: Vec<f64> = samples.iter().map(|sample| sample.own).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

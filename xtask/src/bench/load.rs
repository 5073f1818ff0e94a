//! Load: publishes by threads with connections of their own, reads by wrk, and the bare disk.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::http::Connection;
use crate::{proc, tools};

/// A publish to send.
#[derive(Clone)]
pub(crate) struct Job {
    /// The method.
    pub(crate) method: &'static str,
    /// The path of the package.
    pub(crate) path: String,
    /// The media type of the body.
    pub(crate) content_type: String,
    /// The body.
    pub(crate) body: Arc<[u8]>,
}

/// How some publishes went.
pub(crate) struct Outcome {
    /// From the first request to the last answer.
    elapsed: Duration,
    /// Of each success.
    pub(crate) latencies: Vec<Duration>,
    /// What the others were answered.
    pub(crate) failures: Vec<String>,
}

impl Outcome {
    /// Successes a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Sends `count` publishes by some workers at once, each with a connection that stays open.
pub(crate) fn publish(
    port: u16,
    authorization: &str,
    workers: usize,
    count: usize,
    make: &(dyn Fn(usize) -> Result<Job> + Sync),
) -> Result<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<(Vec<Duration>, Vec<String>)> {
        let mut connection = Connection::new(port);
        let (mut latencies, mut failures) = (Vec::new(), Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok((latencies, failures));
            }
            let job = make(number)?;
            let headers = [
                ("authorization", authorization),
                ("content-type", &job.content_type),
            ];
            let start = Instant::now();
            match connection.request(job.method, &job.path, &headers, &job.body) {
                Ok(answer) if answer.success() => latencies.push(start.elapsed()),
                Ok(answer) => failures.push(format!("{}: {}", answer.status, answer.text())),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
    };
    let start = Instant::now();
    let done = in_threads(workers, |_| work())?;
    let elapsed = start.elapsed();
    let (latencies, failures): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    Ok(Outcome {
        elapsed,
        latencies: latencies.concat(),
        failures: failures.concat(),
    })
}

/// Runs some threads, each with its number, and returns what they return.
pub(crate) fn in_threads<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        let results = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => Err(anyhow!("a worker panicked")),
        });
        results.collect()
    })
}

/// Durable small writes a second that the file system allows: by 16 threads, each in a folder of
/// its own, write, sync, rename, sync of the folder.
pub(crate) fn durable_writes(folder: &Path, duration: Duration) -> Result<f64> {
    let start = Instant::now();
    let counts = in_threads(16, |number| {
        let own = folder.join(number.to_string());
        fs::create_dir_all(&own)?;
        let directory = File::open(&own)?;
        let (temporary, bytes) = (own.join("temporary"), vec![b'x'; 2048]);
        let mut count = 0;
        while start.elapsed() < duration {
            let mut file = File::create(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, own.join(count.to_string()))?;
            directory.sync_all()?;
            count += 1;
        }
        Ok(count)
    })?;
    let rate = counts.iter().sum::<usize>() as f64 / start.elapsed().as_secs_f64();
    fs::remove_dir_all(folder)?;
    Ok(rate)
}

/// What it costs to write 2 KiB to a file of its own and to make sure of them: the middle of many.
pub(crate) fn one_sync(folder: &Path) -> Result<Duration> {
    let path = folder.join("sync");
    let mut times = Vec::new();
    for _ in 0..101 {
        let start = Instant::now();
        let mut file = File::create(&path)?;
        file.write_all(&[b'x'; 2048])?;
        file.sync_all()?;
        times.push(start.elapsed());
    }
    fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// A script for wrk that asks for each of these paths in turn.
pub(crate) fn in_turn(file: &Path, paths: &[String]) -> Result<()> {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| format!("  \"{path}\",\n"))
        .collect();
    let script = IN_TURN.replace("PATHS", &paths.concat());
    fs::write(file, script).with_context(|| file.display().to_string())
}

/// The requests are made once, so that the load costs little.
const IN_TURN: &str = r"
local paths = {
PATHS}
local requests, next = {}, 0
init = function()
  for number, path in ipairs(paths) do
    requests[number] = wrk.format('GET', path)
  end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
";

/// Requests a second that wrk gets out of a URL, over 32 connections; with a script, out of what
/// that asks for.
pub(crate) fn wrk(
    url: &str,
    headers: &[(&str, &str)],
    script: Option<&Path>,
    seconds: u64,
) -> Result<f64> {
    let mut command = Command::new(tools::need("wrk")?);
    // A peer may take its time: an answer is late only when it does not come at all.
    let duration = format!("-d{seconds}s");
    command.args(["-t2", "-c32", &duration, "--timeout", "30s"]);
    for (name, value) in headers {
        command.args(["-H", &format!("{name}: {value}")]);
    }
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let printed = proc::output(command.arg(url))?;
    let bad = printed.contains("Non-2xx") || printed.contains("Socket errors");
    ensure!(!bad, "not all answers were good:\n{printed}");
    let rate = printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    let rate = rate.with_context(|| format!("wrk said no rate:\n{printed}"))?;
    rate.trim().parse().context("wrk's rate")
}

//! What a process holds in memory, sampled while it works.
//!
//! The measure is RssAnon + RssShmem: mapped file pages are the system's cache, and go when they
//! are wanted elsewhere. The whole resident size is kept beside it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

/// Memory in MB (of 10^6 bytes).
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    /// RssAnon + RssShmem.
    pub(crate) own: f64,
    /// VmRSS.
    pub(crate) resident: f64,
}

/// What a process holds now.
pub(crate) fn now(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("the state of process {pid}"))?;
    let field = |name: &str| -> Result<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.split_whitespace().nth(1));
        let value = value.with_context(|| format!("no {name} in a process's state"))?;
        Ok(value.parse::<f64>()? * 1024.0 / 1e6)
    };
    Ok(Memory {
        own: field("RssAnon")? + field("RssShmem")?,
        resident: field("VmRSS")?,
    })
}

/// Samples a process every 50 ms, and keeps the highest.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Memory>>,
}

impl Sampler {
    /// Begins.
    pub(crate) fn start(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut peak = Memory::default();
            loop {
                let memory = now(pid)?;
                peak.own = peak.own.max(memory.own);
                peak.resident = peak.resident.max(memory.resident);
                if stopped.load(Ordering::Relaxed) {
                    return Ok(peak);
                }
                thread::sleep(Duration::from_millis(50));
            }
        });
        Self { stop, thread }
    }

    /// Ends; returns the peak.
    pub(crate) fn peak(self) -> Result<Memory> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("the sampler panicked"))?
    }
}

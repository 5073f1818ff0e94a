//! Large contents, made as they are needed, and what the machine alone can do with them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::proc;
use crate::random::Random;

const BLOCK: usize = 1 << 20;

/// Bytes that are the same for the same number and no other: one block of random ones, over and
/// over, marked with the number and with how often. That costs next to nothing.
pub(super) struct Content {
    block: Vec<u8>,
    number: u64,
    /// How many bytes, a multiple of a MiB.
    pub(super) size: u64,
}

impl Content {
    /// Of a number and a size in MiB.
    pub(super) fn new(number: usize, mebibytes: u64) -> Result<Self> {
        let mut block = vec![0; BLOCK];
        Random::new("content").read_exact(&mut block)?;
        Ok(Self {
            block,
            number: number as u64,
            size: mebibytes << 20,
        })
    }

    /// Gives it away, block by block.
    pub(super) fn each(&mut self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        for count in 0..self.size / BLOCK as u64 {
            self.block[..8].copy_from_slice(&self.number.to_le_bytes());
            self.block[8..16].copy_from_slice(&count.to_le_bytes());
            take(&self.block)?;
        }
        Ok(())
    }

    /// Its digest, and how long one thread takes to find it.
    pub(super) fn hash(&mut self) -> Result<(String, Duration)> {
        let start = Instant::now();
        let mut hash = Sha256::new();
        self.each(|block| {
            hash.update(block);
            Ok(())
        })?;
        let digest = digest(hash);
        Ok((digest, start.elapsed()))
    }

    /// Writes it to a new file and syncs that; how long it takes.
    pub(super) fn write(&mut self, path: &Path) -> Result<Duration> {
        let start = Instant::now();
        let mut file = File::create(path)?;
        self.each(|block| file.write_all(block))?;
        file.sync_all()?;
        Ok(start.elapsed())
    }
}

/// A finished digest, as it is written.
pub(super) fn digest(hash: Sha256) -> String {
    let hex: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// Where bytes go whose digest is wanted.
#[derive(Default)]
pub(super) struct Hashing(pub(super) Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lets the disk finish what others began, so that nobody pays for what a peer did not sync.
pub(super) fn settle() -> Result<()> {
    proc::run(&mut Command::new("sync"))
}

/// Bytes that are free where a folder lies.
pub(super) fn free(folder: &Path) -> Result<u64> {
    fs::create_dir_all(folder)?;
    let mut command = Command::new("df");
    let printed = proc::output(command.args(["--output=avail", "-B1"]).arg(folder))?;
    let free = printed.lines().last().unwrap_or_default().trim();
    let free = free.parse().with_context(|| format!("df said {printed}"))?;
    ensure!(free > 0, "no space is left in {}", folder.display());
    Ok(free)
}

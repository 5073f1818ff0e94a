//! Lines on their way to standard error: whoever logs leaves a line and goes on, and a thread writes
//! what has gathered. It looks again only after a pause, so that under load neither it nor those who
//! log wake each other for every line.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How long lines gather.
const PAUSE: Duration = Duration::from_millis(5);
/// How many bytes may wait; who logs more waits too.
const MOST: usize = 1 << 20;

/// Where lines are left.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Desk>);

#[derive(Debug, Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    /// There is something to write, or no more comes.
    filled: Condvar,
    /// There is room again.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    closed: bool,
}

/// Dropped, it writes what is left.
pub(crate) struct Guard {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Begins to write to `to`.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn begin(to: impl Write + Send + 'static) -> io::Result<(Self, Guard)> {
        let lines = Self::default();
        let desk = lines.0.clone();
        let writer = thread::Builder::new().name("log".to_owned());
        let thread = writer.spawn(move || desk.write(to))?;
        let guard = Guard {
            desk: lines.0.clone(),
            thread: Some(thread),
        };
        Ok((lines, guard))
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut to: impl Write) {
        let mut bytes = Vec::new();
        loop {
            let waiting = self.filled.wait_while(self.lock(), |waiting| {
                waiting.bytes.is_empty() && !waiting.closed
            });
            let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut bytes, &mut waiting.bytes);
            let closed = waiting.closed;
            drop(waiting);
            self.emptied.notify_all();
            if bytes.is_empty() && closed {
                return;
            }
            // Who could be told that the log cannot be written?
            let _ = to.write_all(&bytes).and_then(|()| to.flush());
            bytes.clear();
            if !closed {
                thread::sleep(PAUSE);
            }
        }
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let full = |waiting: &mut Waiting| waiting.bytes.len() >= MOST && !waiting.closed;
        let waiting = self.0.emptied.wait_while(self.0.lock(), full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let first = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if first {
            self.0.filled.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_once_and_whole_however_many_write() {
        let paper = Paper::default();
        let (lines, guard) = Lines::begin(paper.clone()).unwrap();
        let long = "x".repeat(3000);
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (lines, long) = (lines.clone(), long.clone());
                thread::spawn(move || {
                    for number in 0..500 {
                        let line = format!("{writer} {number} {long}\n");
                        (&lines).write_all(line.as_bytes()).unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        drop(guard);
        let paper = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        for writer in 0..4 {
            let own = paper
                .lines()
                .filter(|line| line.starts_with(&format!("{writer} ")));
            let expected = (0..500).map(|number| format!("{writer} {number} {long}"));
            assert!(own.eq(expected), "{writer}");
        }
        assert_eq!(paper.lines().count(), 2000);
    }

    #[test]
    fn what_is_written_after_the_end_holds_nobody_up() {
        let (lines, guard) = Lines::begin(io::sink()).unwrap();
        drop(guard);
        for _ in 0..3 {
            (&lines).write_all(&vec![0; MOST]).unwrap();
        }
    }
}

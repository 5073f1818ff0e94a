//! Running other programs: to the end with their output kept, or in the background under a guard.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a program left behind.
pub(crate) struct Ran {
    /// The command line, for messages.
    pub(crate) line: String,
    /// None when it was stopped because its time was up.
    pub(crate) status: Option<ExitStatus>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    /// Whether the program ended by itself and said that all went well.
    pub(crate) fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Both outputs, one after the other.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The command, how it ended, and everything it printed.
    pub(crate) fn report(&self) -> String {
        let end = match self.status {
            Some(status) => status.to_string(),
            None => "stopped, its time was up".to_owned(),
        };
        let mut report = format!("$ {}\n({end})\n", self.line);
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.trim().is_empty() {
                // Writing to a String cannot fail.
                let _ = writeln!(report, "--- {name}\n{}", text.trim_end());
            }
        }
        report
    }
}

/// A program running in the background; it ends, at the latest, with this value.
pub(crate) struct Background {
    child: Child,
}

/// How long a process that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(3);

impl Background {
    /// Starts the program.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let line = command_line(command);
        let child = command
            .spawn()
            .with_context(|| format!("starting {line}"))?;
        Ok(Self { child })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .context("asking for a process's state")
    }

    /// Asks it to end (SIGTERM), and waits that it does.
    pub(crate) fn terminate(mut self, patience: Duration) -> Result<ExitStatus> {
        run(Command::new("kill").args(["-TERM", &self.pid().to_string()]))?;
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if start.elapsed() > patience {
                bail!(
                    "process {} did not end {patience:?} after SIGTERM",
                    self.pid()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Background {
    /// Asks first, since a server may have processes of its own to end (nginx has), and ends it if
    /// that does not help.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let pid = self.pid().to_string();
            let asked = Command::new("kill").args(["-TERM", &pid]).status();
            let start = Instant::now();
            while asked.is_ok()
                && start.elapsed() < PATIENCE
                && matches!(self.child.try_wait(), Ok(None))
            {
                thread::sleep(Duration::from_millis(5));
            }
        }
        // Both fail only if the process has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command as one would type it.
pub(crate) fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a program whose output goes to the terminal; fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = command_line(command);
    let status = command
        .status()
        .with_context(|| format!("running {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Runs a program and returns its standard output; fails, with all that it printed, if it does.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let ran = capture(command, None, Duration::from_secs(600))?;
    if !ran.success() {
        bail!("{}", ran.report());
    }
    Ok(ran.stdout)
}

/// Runs a program to its end, or until its time is up, with `input` as its standard input.
pub(crate) fn capture(command: &mut Command, input: Option<&str>, limit: Duration) -> Result<Ran> {
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    let mut session = Session::start(command)?;
    if let Some(input) = input {
        session.send(input)?;
    }
    session.finish(limit)
}

/// A program that is talked to: what it prints is read as it comes, and it can be answered.
pub(crate) struct Session {
    line: String,
    child: Background,
    chunks: Receiver<(Stream, Vec<u8>)>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    seen: usize,
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

impl Session {
    /// Starts a program; its standard input is what the caller set it to.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let line = command_line(command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Background::spawn(command)?;
        let (sender, chunks) = channel();
        let pipes: [(Stream, Box<dyn Read + Send>); 2] = [
            (
                Stream::Out,
                Box::new(child.child.stdout.take().context("no standard output")?),
            ),
            (
                Stream::Err,
                Box::new(child.child.stderr.take().context("no standard error")?),
            ),
        ];
        for (stream, mut pipe) in pipes {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut buffer = [0; 8192];
                while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                    if sender.send((stream, buffer[..length].to_vec())).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self {
            line,
            child,
            chunks,
            stdout: Vec::new(),
            stderr: Vec::new(),
            seen: 0,
        })
    }

    /// Writes to the program's standard input, and leaves it open.
    pub(crate) fn send(&mut self, text: &str) -> Result<()> {
        let stdin = self
            .child
            .child
            .stdin
            .as_mut()
            .context("standard input is not a pipe")?;
        stdin
            .write_all(text.as_bytes())
            .with_context(|| format!("answering {}", self.line))?;
        stdin.flush().context("flushing")
    }

    /// Waits until `find` finds something in what was printed since the last thing found.
    /// It returns the found value and where, in the text that it was given, the thing ends.
    pub(crate) fn expect<T>(
        &mut self,
        what: &str,
        limit: Duration,
        find: impl Fn(&str) -> Option<(T, usize)>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let text = String::from_utf8_lossy(&self.stdout[self.seen..]).into_owned();
            if let Some((value, end)) = find(&text) {
                self.seen += end;
                return Ok(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.keep(chunk),
                Err(why) => {
                    let ended = matches!(why, RecvTimeoutError::Disconnected);
                    let how = if ended {
                        "ended before it printed"
                    } else {
                        "did not print"
                    };
                    let said = String::from_utf8_lossy(&self.stdout).into_owned()
                        + &String::from_utf8_lossy(&self.stderr);
                    bail!("$ {}\n{how} {what}; it said:\n{said}", self.line);
                }
            }
        }
    }

    fn keep(&mut self, (stream, chunk): (Stream, Vec<u8>)) {
        match stream {
            Stream::Out => self.stdout.extend(chunk),
            Stream::Err => self.stderr.extend(chunk),
        }
    }

    /// Closes standard input and waits for the end; stops the program when its time is up.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<Ran> {
        drop(self.child.child.stdin.take());
        let deadline = Instant::now() + limit;
        let mut status = None;
        while status.is_none() && Instant::now() < deadline {
            match self.chunks.recv_timeout(Duration::from_millis(20)) {
                Ok(chunk) => self.keep(chunk),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(5)),
            }
            status = self.child.ended()?;
        }
        let drained = Instant::now() + Duration::from_secs(2);
        while let Ok(chunk) = self
            .chunks
            .recv_timeout(drained.saturating_duration_since(Instant::now()))
        {
            self.keep(chunk);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        Ok(Ran {
            line: self.line,
            status,
            stdout,
            stderr,
        })
    }
}

/// Where a program lies, if it is installed; the folders of system programs count too.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// A `Command` in a folder.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    command
}

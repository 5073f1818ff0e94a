//! The standard output, which may be closed at any time.

use std::io::Write;

/// Writes lines, and does not mind when nobody reads them.
#[derive(Debug, Default)]
pub(crate) struct Output;

impl Output {
    /// Writes a line at once.
    pub(crate) fn line(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        if let Err(error) = written {
            tracing::debug!(%error, "nobody reads the standard output");
        }
    }
}

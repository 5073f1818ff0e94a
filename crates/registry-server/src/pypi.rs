//! `registry pypi`: changes of what was published, beside running servers or without any.

use anyhow::{Context, Result};
use http::Method;
use serde_json::json;

use crate::{
    cli::{Pypi, Release},
    config::{Config, MountConfig, ProtocolConfig},
    mounts, operator,
};

/// Carries out a command.
///
/// # Errors
/// When there is no such release, or the storage fails.
pub(crate) async fn carry_out(command: Pypi, config: &Config) -> Result<()> {
    let (method, resource, target, body, done) = match &command {
        Pypi::Yank { target, reason } => {
            let body = json!({ "reason": reason }).to_string();
            (Method::PUT, "yank", target, body, "yanked")
        }
        Pypi::Unyank { target } => (
            Method::DELETE,
            "yank",
            target,
            String::new(),
            "took back the yank of",
        ),
        Pypi::Delete { target } => (Method::DELETE, "files", target, String::new(), "deleted"),
    };
    let mount = mount(&target.mount, config)?;
    let path = format!(
        "{}/api/{resource}/{}",
        mounts::path(mount),
        segments(target)
    );
    operator::ask(config, (method, path, body), "message").await?;
    let Release {
        project,
        version,
        file,
        ..
    } = target;
    let file = file.as_ref().map(|file| format!(" {file}"));
    eprintln!("{done} {project} {version}{}", file.unwrap_or_default());
    Ok(())
}

fn mount<'a>(name: &str, config: &'a Config) -> Result<&'a MountConfig> {
    let mut mounts = config.mounts.iter();
    let mount = mounts.find(|mount| mount.name == name);
    let mount = mount.filter(|mount| matches!(mount.protocol, ProtocolConfig::Pypi(_)));
    mount.with_context(|| format!("there is no PyPI mount called {name}"))
}

/// What a release, or a file of it, is called below an address of the mount.
fn segments(target: &Release) -> String {
    let words = [
        Some(&target.project),
        Some(&target.version),
        target.file.as_ref(),
    ];
    let words = words.into_iter().flatten().map(|word| encoded(word));
    words.collect::<Vec<_>>().join("/")
}

/// A word as a segment of a path.
fn encoded(word: &str) -> String {
    let mut segment = String::new();
    for byte in word.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(char::from(byte));
            }
            _ => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn words_become_segments() {
        assert_eq!(encoded("foo_bar-1.0+x/../y"), "foo_bar-1.0%2Bx%2F..%2Fy");
    }
}

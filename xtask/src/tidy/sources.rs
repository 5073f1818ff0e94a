//! What the files of the repository may not contain, and how long they may be.
//!
//! The forbidden words are put together from pieces, so that the rules do not break themselves.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::proc;

/// The longest a file of the crates may be, its tests aside.
const LONGEST: usize = 600;
/// What a file says that is one long table, and may be longer.
const TABLE: &str = concat!("//! tidy:", " table");

/// Public registries: what runs here talks to the registry it was given, and to no other.
const HOSTS: &[&str] = &[
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("yarnpkg", ".com"),
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("sum.golang", ".org"),
    concat!("repo.maven.apache", ".org"),
    concat!("repo1.maven", ".org"),
    concat!("central.sonatype", ".com"),
    concat!("rubygems", ".org"),
    concat!("packagist", ".org"),
    concat!("registry-1.docker", ".io"),
    concat!("deb.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
];

/// Folders of one machine.
const FOLDERS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

/// What hides a failure.
const SWALLOWED: &[&str] = &[
    concat!("|", "| true"),
    concat!("|", "| echo"),
    concat!("|", "| :"),
];

/// What is not finished, or not run.
const UNFINISHED: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[ig", "nore"),
];

/// The number of files looked at, and a line for each broken rule.
pub(super) fn check(root: &Path) -> Result<(usize, Vec<String>)> {
    let arguments = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let listed = proc::output(proc::command("git", root).args(arguments))
        .context("the rules are about the files that git tracks")?;
    let mut broken = Vec::new();
    let mut files = 0;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let path = root.join(name);
        // What was deleted and not yet committed is listed; what is not text has no lines.
        if !path.is_file() {
            continue;
        }
        files += 1;
        let bytes = fs::read(&path).with_context(|| format!("reading {name}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            broken.extend(of_file(name, &text));
        }
    }
    Ok((files, broken))
}

fn of_file(name: &str, text: &str) -> Vec<String> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let mut broken = Vec::new();
    if base == "utils.rs" {
        broken.push(format!("{name}: what a file is for is its name"));
    }
    if !is_lock_file(base) {
        for (number, line) in text.lines().enumerate() {
            let rules = of_line(base, line);
            broken.extend(rules.map(|rule| format!("{name}:{}: {rule}", number + 1)));
        }
    }
    let in_crates = name.starts_with("crates/") && name.contains("/src/") && base.ends_with(".rs");
    let tests = name.contains("/tests/") || base == "tests.rs";
    if in_crates && !tests && !name.starts_with("crates/registry-testkit/") {
        broken.extend(of_source(text).map(|rule| format!("{name}: {rule}")));
    }
    broken
}

fn is_lock_file(base: &str) -> bool {
    base.ends_with(".lock") || ["package-lock.json", "pnpm-lock.yaml"].contains(&base)
}

fn of_line(base: &str, line: &str) -> impl Iterator<Item = String> {
    let host = HOSTS.iter().find(|host| line.contains(**host));
    let host = host.map(|host| format!("names the public registry {host}"));
    let folder = FOLDERS.iter().find(|folder| has_folder(line, folder));
    let folder = folder.map(|folder| format!("names a folder of one machine, {folder}"));
    let prose = base.ends_with(".md");
    let swallowed = SWALLOWED
        .iter()
        .find(|word| !prose && line.contains(**word));
    let swallowed = swallowed.map(|word| format!("hides a failure with `{word}`"));
    let rust = base.ends_with(".rs");
    let unfinished = UNFINISHED.iter().find(|word| rust && line.contains(**word));
    let unfinished = unfinished.map(|word| format!("has `{word}`"));
    [host, folder, swallowed, unfinished].into_iter().flatten()
}

/// Whether a path begins with the folder, rather than going through one of that name.
fn has_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|char| char.is_alphanumeric() || "_-.}])>*/@~".contains(char))
    })
}

/// Rules about what runs in production: what follows `#[cfg(test)]` is left out.
fn of_source(text: &str) -> impl Iterator<Item = String> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let length = code.lines().count();
    let table = code.lines().any(|line| line == TABLE);
    let long = (length > LONGEST && !table)
        .then(|| format!("{length} lines, more than {LONGEST}, and no `{TABLE}`"));
    let dense: String = code.chars().filter(|char| !char.is_whitespace()).collect();
    let whole = [
        concat!(".collect()", ".await"),
        concat!("body::to_", "bytes("),
    ];
    let unbounded = whole.into_iter().find(|word| dense.contains(word));
    let unbounded =
        unbounded.map(|word| format!("`{word}` reads a body without a limit; see Body::collect"));
    [long, unbounded].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::{FOLDERS, HOSTS, SWALLOWED, UNFINISHED, of_file};

    fn broken(name: &str, text: &str) -> usize {
        of_file(name, text).len()
    }

    #[test]
    fn words() {
        let host = format!("https://registry.{}/x", HOSTS[0]);
        assert_eq!(broken("docs/a.md", &host), 1);
        assert_eq!(broken("Cargo.lock", &host), 0);
        let folder = FOLDERS[1];
        assert_eq!(broken("a.toml", &format!("path = \"{folder}x\"")), 1);
        assert_eq!(broken("a.rs", &format!("url(\"http://host{folder}x\")")), 0);
        let swallowed = format!("npm test {}", SWALLOWED[0]);
        assert_eq!(broken(".ci/run", &swallowed), 1);
        assert_eq!(broken("README.md", &swallowed), 0);
        assert_eq!(
            broken(
                "tests/src/a.rs",
                &format!("fn f() {{ {}) }}", UNFINISHED[0])
            ),
            1
        );
        assert_eq!(broken("crates/a/src/utils.rs", ""), 1);
    }

    #[test]
    fn sources() {
        let long = "x\n".repeat(601);
        assert_eq!(broken("crates/a/src/lib.rs", &long), 1);
        assert_eq!(
            broken("crates/a/src/lib.rs", &format!("{}\n{long}", super::TABLE)),
            0
        );
        assert_eq!(
            broken(
                "crates/a/src/lib.rs",
                &format!("#[cfg(test)]\nmod tests {long}")
            ),
            0
        );
        assert_eq!(broken("xtask/src/lib.rs", &long), 0);
        assert_eq!(broken("crates/a/src/b/tests/mod.rs", &long), 0);
        assert_eq!(
            broken("crates/a/src/lib.rs", "body\n  .collect()\n  .await"),
            1
        );
        assert_eq!(
            broken("crates/a/src/lib.rs", "body.collect(limit).await"),
            0
        );
        assert_eq!(
            broken("crates/a/src/lib.rs", "stream.collect::<Vec<_>>().await"),
            0
        );
    }
}

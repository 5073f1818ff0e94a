//! `entry_points.txt`: what a wheel offers to be called by name.
//!
//! Rules: [entry points](https://packaging.python.org/en/latest/specifications/entry-points/).

use registry_core::{Error, Result};

/// The groups whose names become files, so that they may be no paths.
const SCRIPTS: &[&str] = &["console_scripts", "gui_scripts"];

/// Checks that it can be read, and that no script would be written elsewhere.
///
/// # Errors
/// By the line that is wrong.
pub fn check(text: &[u8]) -> Result<()> {
    let text = std::str::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
    let mut group: Option<&str> = None;
    let mut has_name = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let told = || format!("the line {trimmed:?} is neither a group nor a name and its value");
        if line.starts_with([' ', '\t']) && has_name {
            // A value goes on.
            continue;
        }
        if let Some(inner) = trimmed.strip_prefix('[') {
            group = Some(inner.strip_suffix(']').ok_or_else(|| wrong(told()))?);
            has_name = false;
            continue;
        }
        let (name, _) = trimmed.split_once('=').ok_or_else(|| wrong(told()))?;
        let group = group.ok_or_else(|| wrong("a name stands in no group"))?;
        has_name = true;
        let name = name.trim();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        if SCRIPTS.contains(&group) && (name.is_empty() || !name.chars().all(plain)) {
            return Err(wrong(format!("{name:?} is no name of a script")));
        }
    }
    Ok(())
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!(
        "Wheel has invalid entry points defined in the entry_points.txt file: {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_scripts_are_no_paths() {
        check(b"# a\n[console_scripts]\nfoo = foo:main\nfoo-2.1 = foo:main\n\n[x.y]\na/b=c\n")
            .unwrap();
        check(b"[x]\na =\n  b\n").unwrap();
        for bad in [
            &b"[console_scripts]\n../foo = foo:main\n"[..],
            b"[gui_scripts]\n/foo = foo:main\n",
            b"[gui_scripts]\n= foo:main\n",
            b"foo = foo:main\n",
            b"[console_scripts\nfoo = foo:main\n",
            b"[console_scripts]\nfoo\n",
            b"\xff",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}

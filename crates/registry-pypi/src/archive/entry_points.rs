//! `entry_points.txt`: what a wheel offers to be called by name.
//!
//! Rules: [entry points](https://packaging.python.org/en/latest/specifications/entry-points/).

use registry_core::{Error, Result};

/// The groups whose names become files, so that they may be no paths.
const SCRIPTS: &[&str] = &["console_scripts", "gui_scripts"];

/// What ends a line for some readers, beside what does for all.
const ENDS: [char; 9] = [
    '\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}',
];

/// Checks that it can be read, and that no script would be written elsewhere.
///
/// # Errors
/// By the line that is wrong.
pub fn check(text: &[u8]) -> Result<()> {
    let text = std::str::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
    if text.replace("\r\n", "\n").contains(ENDS) {
        return Err(wrong(
            "it has a character that only some take for the end of a line",
        ));
    }
    let mut group: Option<&str> = None;
    let mut has_name = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let told = || format!("the line {trimmed:?} is neither a group nor a name and its value");
        // To some readers this goes on with a value, to others it is a line like any other.
        let goes_on = line != line.trim_start() && has_name;
        let is_script = group.is_some_and(|group| SCRIPTS.contains(&group));
        if goes_on && trimmed.starts_with('[') {
            return Err(wrong(format!("the group {trimmed:?} is indented")));
        }
        if goes_on && !(is_script && trimmed.contains('=')) {
            continue;
        }
        if let Some(inner) = trimmed.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or_else(|| wrong(told()))?;
            // Some readers take away more than one bracket, or blanks.
            group = Some(inner.trim_matches(|c: char| matches!(c, '[' | ']') || c.is_whitespace()));
            has_name = false;
            continue;
        }
        let (name, _) = trimmed.split_once('=').ok_or_else(|| wrong(told()))?;
        if group.is_none() {
            return Err(wrong("a name stands in no group"));
        }
        has_name = true;
        let name = name.trim();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        if is_script && (name.is_empty() || !name.chars().all(plain)) {
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
        check(b"[console_scripts]\r\nfoo = foo:main\r\n").unwrap();
        check(b"[x]\na =\n  b/c = d\n").unwrap();
        check(b"[console_scripts]\nfoo =\n  foo:main\n  bar = foo:main\n").unwrap();
        for bad in [
            &b"[console_scripts]\n../foo = foo:main\n"[..],
            b"[gui_scripts]\n/foo = foo:main\n",
            b"[gui_scripts]\n= foo:main\n",
            b"[console_scripts]\nfoo = foo:main\n  ../foo = foo:main\n",
            b"[gui_scripts]\nfoo =\n\t/foo = foo:main\n",
            b"[x]\nfoo = bar\n  [console_scripts]\n  ../foo = foo:main\n",
            b"[[console_scripts]]\n../foo = foo:main\n",
            b"[x]\na = b\x0c[console_scripts]\x0c../foo = foo:main\n",
            b"[x]\na = b\r[console_scripts]\r../foo = foo:main\n",
            b"[ console_scripts ]\n../foo = foo:main\n",
            b"foo = foo:main\n",
            b"[console_scripts\nfoo = foo:main\n",
            b"[console_scripts]\nfoo\n",
            b"\xff",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}

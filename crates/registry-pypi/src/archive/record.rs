//! `RECORD`: the list of a wheel's files.
//!
//! Rules: [recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file).

use std::collections::HashMap;

use registry_core::{Error, Result};

/// Compares a list of files with the files that there are.
///
/// `exempt` are those that the list may leave out: what signs it.
///
/// # Errors
/// When a file is missing in either, or stands in the list twice.
pub fn check(list: &[u8], files: &[String], exempt: &[String]) -> Result<()> {
    let text = std::str::from_utf8(list).map_err(|_| wrong("it is not UTF-8"))?;
    // Of the list no more is kept than there are files, however long it is.
    let mut named: HashMap<&str, bool> = files.iter().map(|file| (&**file, false)).collect();
    let mut absent = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let path =
            first_field(line).ok_or_else(|| wrong(format!("the line {line:?} is not CSV")))?;
        // Old tools on Windows wrote its separators.
        let path = path.replace('\\', "/");
        match named.get_mut(path.as_str()) {
            Some(true) => return Err(wrong(format!("it names {path:?} twice"))),
            Some(named) => *named = true,
            None => absent = absent.or(Some(path)),
        }
    }
    for file in files {
        if named.get(file.as_str()) == Some(&false) && !exempt.contains(file) {
            return Err(wrong(format!("it does not name {file:?}")));
        }
    }
    match absent {
        Some(path) => Err(wrong(format!("it names {path:?}, which is not there"))),
        None => Ok(()),
    }
}

/// The first field of a line of CSV.
fn first_field(line: &str) -> Option<String> {
    let Some(quoted) = line.strip_prefix('"') else {
        return line.split(',').next().map(str::to_owned);
    };
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (text, after) = rest.split_once('"')?;
        field.push_str(text);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return (after.is_empty() || after.starts_with(',')).then_some(field),
        }
    }
}

fn wrong(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("The wheel's RECORD is not right: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_named_once() {
        let files = ["a.py", "b, \"c\".py", "x/y.py", "R"].map(str::to_owned);
        let list = "a.py,sha256=x,1\n\"b, \"\"c\"\".py\",,\r\nx\\y.py,,\nR,,\n";
        check(list.as_bytes(), &files, &[]).unwrap();
        for (list, told) in [
            ("a.py,,\na.py,,\n", "twice"),
            ("a.py,,\nR,,\n", "does not name"),
            (&format!("{list}z.py,,\n"), "not there"),
            ("\"a.py,,\n", "not CSV"),
            ("\"a.py\"x,,\n", "not CSV"),
        ] {
            let error = check(list.as_bytes(), &files, &[]).unwrap_err().to_string();
            assert!(error.contains(told), "{list}: {error}");
        }
        assert!(check(b"\xff", &files, &[]).is_err());
        let rest = &files[3..];
        check(b"", rest, rest).unwrap();
    }
}

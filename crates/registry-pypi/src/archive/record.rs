//! `RECORD`: the list of a wheel's files.
//!
//! Rules: [recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file).

use std::io::{BufRead, BufReader, Read};

use registry_core::{
    Error, Result,
    archive::{
        paths::{FILE, Mark, Paths},
        zip,
    },
};

/// The mark of a path that stands in the list.
const LISTED: Mark = 8;
/// That of one that need not stand there.
pub const EXEMPT: Mark = 16;

/// The longest line, in bytes: far more than the path of a file may have anywhere.
const MAX_LINE: u64 = 64 << 10;

/// Reads a list of at most `limit` bytes, and notes in `paths` what it names.
///
/// # Errors
/// When it is no such list, is too long, or names something twice.
pub fn read(list: &mut dyn Read, limit: u64, paths: &mut Paths) -> Result<(), zip::Fault> {
    let too_long = || zip::Fault::TooLarge(format!("RECORD is longer than {limit} bytes"));
    let mut list = BufReader::new(list.take(limit.saturating_add(1)));
    let (mut line, mut size) = (Vec::new(), 0);
    loop {
        line.clear();
        (&mut list)
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut line)?;
        size += line.len() as u64;
        if size > limit {
            return Err(too_long());
        }
        if line.is_empty() {
            return Ok(());
        }
        if line.len() as u64 > MAX_LINE {
            return Err(wrong(format!("a line is longer than {MAX_LINE} bytes")).into());
        }
        self::line(&line, paths)?;
    }
}

fn line(line: &[u8], paths: &mut Paths) -> Result<()> {
    let line = std::str::from_utf8(line).map_err(|_| wrong("it is not UTF-8"))?;
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Ok(());
    }
    let path = first_field(line).ok_or_else(|| wrong(format!("the line {line:?} is not CSV")))?;
    // Old tools on Windows wrote its separators.
    let path = path.replace('\\', "/");
    match paths.mark(&path, LISTED) {
        Some(before) if before & LISTED != 0 => Err(wrong(format!("it names {path:?} twice"))),
        Some(_) => Ok(()),
        None => Err(wrong("it names more files than a wheel may have")),
    }
}

/// Compares what the list named with the files that there are.
///
/// # Errors
/// When a file is missing in either.
pub fn check(paths: &Paths) -> Result<()> {
    let told = |path: Option<&str>| match path {
        Some(path) => format!("{path:?}"),
        None => "one of the wheel's files".to_owned(),
    };
    if let Some(path) = paths.find(|mark| mark & FILE != 0 && mark & (LISTED | EXEMPT) == 0) {
        return Err(wrong(format!("it does not name {}", told(path))));
    }
    if let Some(path) = paths.find(|mark| mark & (FILE | LISTED) == LISTED) {
        let what = path.map_or_else(|| "something".to_owned(), |path| told(Some(path)));
        return Err(wrong(format!("it names {what}, which is not there")));
    }
    Ok(())
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

    /// Compares a list with files, of which some may be missing in it.
    fn compared(list: &[u8], files: &[&str], exempt: &[&str]) -> Result<(), String> {
        let mut paths = Paths::new(10);
        let (before, after) = files.split_at(files.len() / 2);
        let mut mark = |files: &[&str], mark| {
            for file in files {
                paths.mark(file, mark).unwrap();
            }
        };
        mark(before, FILE);
        mark(exempt, EXEMPT);
        read(&mut &list[..], 1 << 18, &mut paths).map_err(|fault| fault.to_string())?;
        let mut mark = |file| paths.mark(file, FILE).unwrap();
        for file in after {
            mark(file);
        }
        check(&paths).map_err(|error| error.to_string())
    }

    #[test]
    fn each_file_is_named_once() {
        let files = ["a.py", "b, \"c\".py", "x/y.py", "R"];
        let list = "a.py,sha256=x,1\n\"b, \"\"c\"\".py\",,\r\nx\\y.py,,\n\nR,,";
        compared(list.as_bytes(), &files, &[]).unwrap();
        let many: String = (0..11).map(|n| format!("{n}\n")).collect();
        let long = format!("{},,\n", "a".repeat(70_000));
        let longest = "a,,\n".repeat(70_000);
        for (list, told) in [
            ("a.py,,\na.py,,\n", "\"a.py\" twice"),
            ("a.py,,\nR,,\n", "does not name \"b, \\\"c\\\".py\""),
            (&format!("{list}\nz.py,,\n"), "\"z.py\", which is not there"),
            ("\"a.py,,\n", "not CSV"),
            ("\"a.py\"x,,\n", "not CSV"),
            (&many, "more files"),
            (&long, "a line is longer"),
            (&longest, "twice"),
        ] {
            let error = compared(list.as_bytes(), &files, &[]).unwrap_err();
            assert!(error.contains(told), "{list:.60}: {error}");
        }
        let error = compared("\n".repeat(300_000).as_bytes(), &files, &[]).unwrap_err();
        assert!(error.contains("RECORD is longer than"), "{error}");
        assert!(compared(b"\xff", &files, &[]).is_err());
        compared(b"", &files[3..], &files[3..]).unwrap();
    }
}

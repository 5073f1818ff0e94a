//! What Composer's parser makes of the text of a version.
//!
//! It strips what may surround a version (an alias, a flag, build metadata), and takes one of four
//! kinds: a named branch (`dev-main`), up to four numbers (`1.0-beta2`), a date (`2026-11-28`) and a
//! branch of numbers (`1.x-dev`).

/// The stabilities that a flag may name, as in `1.0@beta`.
const FLAGS: &[&str] = &["stable", "RC", "beta", "alpha", "dev"];
/// The words that may follow the numbers of a version, and what they stand for.
const WORDS: &[(&str, &str)] = &[
    ("stable", "stable"),
    ("beta", "beta"),
    ("b", "beta"),
    ("rc", "RC"),
    ("alpha", "alpha"),
    ("a", "alpha"),
    ("patch", "patch"),
    ("pl", "patch"),
    ("p", "patch"),
];
/// The number that stands for the `x` of a branch.
const ANY: &str = "9999999";

/// The form in which versions are compared, or nothing for what is no version.
pub(crate) fn normalize(text: &str) -> Option<String> {
    let text = without_flag(without_alias(trim(text)));
    // Only a foreign text has line breaks, and patterns see less than all of it.
    if text.contains('\n') {
        return None;
    }
    if matches!(text, "master" | "trunk" | "default") {
        return Some(format!("dev-{text}"));
    }
    if let Some(name) = strip_prefix(text, "dev-") {
        return Some(format!("dev-{name}"));
    }
    let text = without_build(text);
    classic(text).or_else(|| date(text)).or_else(|| {
        let end = text.len().checked_sub(3)?;
        let (branch, dev) = text.split_at_checked(end)?;
        let branch = branch.strip_suffix(['.', '-']).unwrap_or(branch);
        dev.eq_ignore_ascii_case("dev").then(|| numbers(branch))?
    })
}

/// Without the white space around it that Composer cuts off.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\0', '\x0b'])
}

/// Whether it is white space to Composer's patterns.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Whether it cannot stand in a text that is one word.
pub(crate) fn ends_word(c: char) -> bool {
    c == ',' || is_space(c)
}

/// What is before ` as `, if both sides are one word.
pub(crate) fn without_alias(text: &str) -> &str {
    let alias_of = || {
        let (word, rest) = text.split_once(' ')?;
        let alias = rest.trim_start_matches(' ').strip_prefix("as ")?;
        let alias = alias.trim_start_matches(' ');
        let words = [word, alias];
        let plain = words
            .iter()
            .all(|w| !w.is_empty() && !w.contains(ends_word));
        plain.then_some(word)
    };
    alias_of().unwrap_or(text)
}

/// What is before a flag such as `@beta`.
pub(crate) fn without_flag(text: &str) -> &str {
    match text.rsplit_once('@') {
        Some((version, flag)) if FLAGS.iter().any(|of| of.eq_ignore_ascii_case(flag)) => version,
        _ => text,
    }
}

fn without_build(text: &str) -> &str {
    match text.split_once('+') {
        Some((version, build))
            if !version.is_empty()
                && !version.contains(ends_word)
                && !build.is_empty()
                && !build.contains(is_space) =>
        {
            version
        }
        _ => text,
    }
}

/// What follows `prefix`, in whatever case that is.
pub(crate) fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(prefix.len())?;
    begin.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Divides a text after the digits that it begins with.
pub(crate) fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Divides a text after a dot and the digits that follow it, if it begins so.
pub(crate) fn split_part(text: &str) -> Option<(&str, &str)> {
    let (digits, rest) = split_digits(text.strip_prefix('.')?);
    (!digits.is_empty()).then_some((digits, rest))
}

/// One to four numbers, the first of five digits at most.
fn classic(text: &str) -> Option<String> {
    let text = strip_prefix(text, "v").unwrap_or(text);
    let (major, mut rest) = split_digits(text);
    if !(1..=5).contains(&major.len()) {
        return None;
    }
    let mut version = major.to_owned();
    for _ in 0..3 {
        let (part, then) = split_part(rest).unwrap_or(("0", rest));
        version.push('.');
        version.push_str(part);
        rest = then;
    }
    Some(Modifier::parse(rest)?.of(version))
}

/// Four digits, one to six times two more, and up to three more.
///
/// Later parsers (of Composer 2.6) take two such last numbers, as in `20230131.0.0`. Older clients
/// could not read such a version, nor anything that depends on it.
fn date(text: &str) -> Option<String> {
    let text = strip_prefix(text, "v").unwrap_or(text);
    let mut end = group(text, 0, 4).filter(|end| *end == 4)?;
    for _ in 0..6 {
        end = group(text, end, 2)?;
        let last = (1..=3).filter_map(|digits| group(text, end, digits));
        for stop in std::iter::once(end).chain(last) {
            if let Some(modifier) = Modifier::parse(&text[stop..]) {
                return Some(modifier.of(text[..stop].replace([':', '-'], ".")));
            }
        }
    }
    None
}

/// Where so many digits from `at` on end, which may have a separator before them.
fn group(text: &str, at: usize, digits: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let separated = matches!(bytes.get(at), Some(b'.' | b':' | b'-'));
    let from = at + usize::from(separated);
    let group = bytes.get(from..from + digits)?;
    group
        .iter()
        .all(u8::is_ascii_digit)
        .then_some(from + digits)
}

/// A branch of numbers: one to four, of which all but the first may be wildcards.
fn numbers(branch: &str) -> Option<String> {
    let branch = trim(branch);
    let branch = strip_prefix(branch, "v").unwrap_or(branch);
    let mut parts: Vec<&str> = branch.split('.').collect();
    for (at, part) in parts.iter_mut().enumerate() {
        if at > 0 && matches!(*part, "x" | "X" | "*") {
            *part = ANY;
        }
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    if parts.len() > 4 {
        return None;
    }
    parts.resize(4, ANY);
    Some(format!("{}-dev", parts.join(".")))
}

/// What may follow the numbers of a version: a word, its numbers, and `dev`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Modifier<'a> {
    /// The word as it is spelled, and what it stands for.
    pub(crate) word: Option<(&'a str, &'static str)>,
    number: &'a str,
    pub(crate) dev: bool,
}

impl<'a> Modifier<'a> {
    /// Reads all of a text as a modifier.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let separated = text.strip_prefix(['.', '_', '-']);
        separated
            .and_then(Self::unseparated)
            .or_else(|| Self::unseparated(text))
    }

    fn unseparated(text: &'a str) -> Option<Self> {
        let with_word = |&(word, meaning): &(&str, &'static str)| {
            let rest = strip_prefix(text, word)?;
            let (number, rest) = rest.split_at(number_length(rest));
            Some(Self {
                word: Some((&text[..word.len()], meaning)),
                number,
                dev: is_dev(rest)?,
            })
        };
        WORDS.iter().find_map(with_word).or_else(|| {
            Some(Self {
                dev: is_dev(text)?,
                ..Self::default()
            })
        })
    }

    /// The version that has these numbers and this modifier.
    fn of(self, mut version: String) -> String {
        match self.word {
            // In another case it is a word like any other.
            Some(("stable", _)) => return version,
            Some((_, meaning)) => {
                version.push('-');
                version.push_str(meaning);
                version.push_str(self.number.trim_start_matches(['.', '-']));
            }
            None => {}
        }
        if self.dev {
            version.push_str("-dev");
        }
        version
    }
}

/// How long the numbers are that a text begins with, each of which may have a separator before it.
fn number_length(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let digits = rest.strip_prefix(['.', '-']).unwrap_or(rest);
        let (number, after) = split_digits(digits);
        if number.is_empty() {
            return length;
        }
        length = text.len() - after.len();
    }
}

/// Whether it is `dev` rather than nothing; and nothing if it is something else.
fn is_dev(text: &str) -> Option<bool> {
    let word = text.strip_prefix(['.', '-']).unwrap_or(text);
    (text.is_empty() || word.eq_ignore_ascii_case("dev")).then_some(!text.is_empty())
}

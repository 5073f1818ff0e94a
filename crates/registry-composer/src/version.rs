//! Versions: as they are spelled, and as Composer compares them.
//!
//! What is a version is judged as [Composer's parser](https://getcomposer.org/doc/articles/versions.md)
//! does.

mod parse;

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use registry_core::{Error, ErrorKind, Result};

pub(crate) use parse::{
    Modifier, ends_word, is_space, normalize, split_digits, split_part, strip_prefix, trim,
    without_alias, without_flag,
};

/// The longest version, in bytes.
const MAX_LENGTH: usize = 200;

/// The version of a release or the name of a branch. Two are equal if Composer takes them for one,
/// such as `1.0` and `v1.0.0`; they are ordered as Composer orders them, with named branches first.
#[derive(Clone, Debug)]
pub struct Version {
    pretty: String,
    normalized: String,
    order: Vec<(Rank, u64)>,
}

/// How far a version is from being a release, the least stable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stability {
    /// A branch, or on the way to the next version.
    Dev,
    /// For the bold.
    Alpha,
    /// For tests.
    Beta,
    /// A release candidate.
    Rc,
    /// A release.
    Stable,
}

/// How parts of a version that are no numbers compare with each other and with numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Rank {
    Unknown,
    Dev,
    Alpha,
    Beta,
    Rc,
    End,
    Number,
    Patch,
}

impl Version {
    /// Reads a version.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] for what Composer takes for no version, and for one that is too long
    /// or has control characters.
    pub fn parse(text: &str) -> Result<Self> {
        let pretty = trim(text);
        let plain = pretty.len() <= MAX_LENGTH && !pretty.contains(char::is_control);
        match normalize(pretty).filter(|_| plain) {
            Some(normalized) => Ok(Self::from_normalized(&normalized, pretty)),
            None => {
                let shown: String = pretty.chars().take(80).collect();
                let branch =
                    branch(pretty).map(|branch| format!(", or {branch} if it is a branch"));
                let branch = branch.unwrap_or_default();
                let message = format!(
                    "Invalid version string \"{shown}\": write one like 1.0.0, 1.0.0-beta2 or dev-main, \
                     in {MAX_LENGTH} bytes at most{branch}"
                );
                Err(Error::new(ErrorKind::InvalidName, message))
            }
        }
    }

    /// A version whose normal form is known, which is not checked.
    pub fn from_normalized(normalized: &str, pretty: &str) -> Self {
        Self {
            pretty: pretty.to_owned(),
            normalized: normalized.to_owned(),
            order: order(normalized),
        }
    }

    /// As it is spelled.
    pub fn pretty(&self) -> &str {
        &self.pretty
    }

    /// As Composer compares it, such as `1.0.0.0-beta2`.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// How far it is from being a release.
    pub fn stability(&self) -> Stability {
        stability(&self.normalized)
    }

    /// Whether it moves: a named branch, a branch of numbers, or on the way to the next version.
    pub fn is_dev(&self) -> bool {
        self.stability() == Stability::Dev
    }
}

/// How the version of a branch would be spelled that has this name.
fn branch(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/');
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain);
    let numbers = Some(format!("{name}-dev")).filter(|spelled| normalize(spelled).is_some());
    let fits = name.len() + 4 <= MAX_LENGTH;
    numbers
        .or_else(|| is_word.then(|| format!("dev-{name}")))
        .filter(|_| fits)
}

/// The stability of any spelling of a version.
fn stability(version: &str) -> Stability {
    let reference = version.find('#').filter(|at| at + 1 < version.len());
    let version = &version[..reference.unwrap_or(version.len())];
    if version.starts_with("dev-") || version.ends_with("-dev") {
        return Stability::Dev;
    }
    let ends = version.char_indices().map(|(at, _)| &version[at..]);
    // A modifier and build metadata at the end. The first place where they can begin counts.
    let modifier = ends
        .filter_map(|end| Modifier::parse(end.split('+').next().unwrap_or_default()))
        .next()
        .unwrap_or_default();
    match modifier.word {
        _ if modifier.dev => Stability::Dev,
        Some((_, "alpha")) => Stability::Alpha,
        Some((_, "beta")) => Stability::Beta,
        Some((_, "RC")) => Stability::Rc,
        _ => Stability::Stable,
    }
}

/// What PHP's `version_compare` looks at: runs of digits and of letters, one after the other.
fn order(normalized: &str) -> Vec<(Rank, u64)> {
    if normalized.starts_with("dev-") {
        return Vec::new();
    }
    let mut order = Vec::new();
    let words = normalized.split(|c: char| !c.is_ascii_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        for run in word
            .as_bytes()
            .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
        {
            order.push(rank(run));
        }
    }
    order.push((Rank::End, 0));
    order
}

fn rank(run: &[u8]) -> (Rank, u64) {
    if run[0].is_ascii_digit() {
        let number = run.iter().fold(0u64, |number, digit| {
            let digit = u64::from(digit - b'0');
            number.saturating_mul(10).saturating_add(digit)
        });
        return (Rank::Number, number);
    }
    let rank = match run {
        [b'd', b'e', b'v', ..] => Rank::Dev,
        [b'a', ..] => Rank::Alpha,
        [b'b', ..] => Rank::Beta,
        [b'R', b'C', ..] | [b'r', b'c', ..] => Rank::Rc,
        [b'p', ..] => Rank::Patch,
        _ => Rank::Unknown,
    };
    (rank, 0)
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.order.cmp(&other.order);
        order.then_with(|| self.normalized.cmp(&other.normalized))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.normalized == other.normalized
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.normalized.hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pretty)
    }
}

#[cfg(test)]
mod tests;

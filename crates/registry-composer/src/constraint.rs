//! Whether a text is a constraint that [Composer's parser](https://getcomposer.org/doc/articles/versions.md)
//! takes. Nothing here asks which versions it allows: clients do that.

use registry_core::{Error, Result};

use crate::version::{
    Modifier, ends_word, is_space, normalize, split_digits, split_part, strip_prefix, trim,
    without_alias, without_flag,
};

/// The longest constraint, in bytes. There are some of thousands.
const MAX_LENGTH: usize = 1 << 16;

/// Checks a constraint, such as `^1.2 || 2.0.x-dev`.
///
/// # Errors
/// [`ErrorKind::Invalid`](registry_core::ErrorKind::Invalid) when it is none.
pub fn check(text: &str) -> Result<()> {
    if text.len() <= MAX_LENGTH && alternatives(trim(text)).all(is_alternative) {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    let message = format!(
        "Could not parse version constraint \"{shown}\": write one like ^1.2 or >=1.0 <3.0"
    );
    Err(Error::invalid(message))
}

/// What stands between `||` or `|`.
fn alternatives(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((one, more)) = text.split_once('|') else {
            rest = None;
            return Some(text);
        };
        rest = Some(
            more.strip_prefix('|')
                .unwrap_or(more)
                .trim_start_matches(is_space),
        );
        Some(one.trim_end_matches(is_space))
    })
}

fn is_alternative(text: &str) -> bool {
    let mut from = 0;
    let mut at = 0;
    while at < text.len() {
        match separator(text, at) {
            Some(end) if is_single(&text[from..at]) => (from, at) = (end, end),
            Some(_) => return false,
            None => at += 1,
        }
    }
    is_single(&text[from..])
}

/// Where a separator ends that begins at `at`: a comma or a space, and the spaces around it.
///
/// None is beside a hyphen, so that ` - ` stays whole, nor beside `as`, nor behind an operator.
fn separator(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let before = &bytes[..at];
    let open = matches!(before.last(), None | Some(b'=' | b'>' | b'<' | b' ' | b','));
    if open || before.ends_with(b"as") {
        return None;
    }
    let spaces = |from: usize| bytes[from..].iter().take_while(|b| **b == b' ').count();
    let most = at + spaces(at);
    (at..=most).rev().find_map(|mark| {
        let separates = matches!(bytes.get(mark), Some(b' ' | b','));
        let hyphens = bytes[..mark].last() == Some(&b'-') || bytes.get(mark + 1) == Some(&b'-');
        if !separates || hyphens {
            return None;
        }
        let last = mark + 1 + spaces(mark + 1);
        (mark + 1..=last).rev().find(|end| {
            let rest = &bytes[*end..];
            !rest.is_empty() && !rest.starts_with(b",") && !rest.starts_with(b"as")
        })
    })
}

/// Whether it is a constraint of one part.
fn is_single(text: &str) -> bool {
    // Patterns see less than all of a text with line breaks.
    if text.contains('\n') {
        return false;
    }
    let text = without_alias(text);
    let text = match without_flag(text) {
        "" if !text.is_empty() => return true,
        bare if bare.contains(ends_word) => text,
        bare => bare,
    };
    let text = without_reference(text);
    if is_wildcard(text) {
        return true;
    }
    if let Some(bound) = text.strip_prefix(['~', '^']) {
        return is_bound(bound, true);
    }
    if is_partial_wildcard(text) {
        return true;
    }
    match range(text) {
        Some((from, to)) => is_bound(from, false) && is_bound(to, false),
        None => is_comparison(text),
    }
}

/// What is before `#` and the commit after it, of a branch.
fn without_reference(text: &str) -> &str {
    let word = text.find(|c| c == '@' || ends_word(c));
    let word = &text[..word.unwrap_or(text.len())];
    let is_branch = |branch: &&str| {
        let named = strip_prefix(branch, "dev-").is_some_and(|name| !name.is_empty());
        let end = branch.len().checked_sub(6).filter(|end| *end > 0);
        let end = end.and_then(|end| branch.split_at_checked(end));
        named || end.is_some_and(|(_, end)| end.eq_ignore_ascii_case(".x-dev"))
    };
    let ends = word.match_indices('#').map(|(at, _)| at);
    let mut branches = ends.filter(|at| at + 1 < text.len()).map(|at| &text[..at]);
    branches.find(is_branch).unwrap_or(text)
}

/// `*`, `x`, `v*`, `*.*` and so on.
fn is_wildcard(text: &str) -> bool {
    let text = strip_prefix(text, "v").unwrap_or(text);
    text.split('.').all(is_any)
}

fn is_any(part: &str) -> bool {
    matches!(part, "x" | "X" | "*")
}

/// One to three numbers, and wildcards after them.
fn is_partial_wildcard(text: &str) -> bool {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').peekable();
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut numbers = 0;
    while parts.next_if(digits).is_some() {
        numbers += 1;
    }
    (1..=3).contains(&numbers) && parts.peek().is_some() && parts.all(is_any)
}

/// Both ends of a range such as `1.0 - 2.0`, if it looks like one.
fn range(text: &str) -> Option<(&str, &str)> {
    let (from, rest) = text.split_once(' ')?;
    let to = rest
        .trim_start_matches(' ')
        .strip_prefix("- ")?
        .trim_start_matches(' ');
    (shape(from).is_some() && shape(to).is_some()).then_some((from, to))
}

/// Whether it is a version from or up to which a range can go.
fn is_bound(text: &str, lowest: bool) -> bool {
    match shape(text) {
        Some(Shape::Bare) if lowest => normalize(&format!("{text}-dev")).is_some(),
        Some(_) => normalize(text).is_some(),
        None => false,
    }
}

enum Shape {
    /// Numbers.
    Bare,
    /// Numbers, and a word for how stable it is.
    Modified,
}

/// Whether it looks like a version from or up to which a range can go.
fn shape(text: &str) -> Option<Shape> {
    let text = strip_prefix(text, "v").unwrap_or(text);
    let (major, mut rest) = split_digits(text);
    if major.is_empty() {
        return None;
    }
    for _ in 0..3 {
        rest = split_part(rest).map_or(rest, |(_, rest)| rest);
    }
    let rest = match rest.split_once('+') {
        Some((_, build)) if build.is_empty() || build.contains(is_space) => return None,
        Some((rest, _)) => rest,
        None => rest,
    };
    if let Some(modifier) = Modifier::parse(rest) {
        let bare = modifier.word.is_none() && !modifier.dev;
        return Some(if bare { Shape::Bare } else { Shape::Modified });
    }
    let branch = rest.strip_prefix(".x").or_else(|| rest.strip_prefix(".X"));
    let branch = branch.or_else(|| rest.strip_prefix(".*"))?;
    let dev = branch.strip_prefix(['.', '-']).unwrap_or(branch);
    dev.eq_ignore_ascii_case("dev").then_some(Shape::Modified)
}

/// A version, which may have an operator before it.
fn is_comparison(text: &str) -> bool {
    let operators = ["<>", "!=", ">=", ">", "<=", "<", "==", "="];
    let after = operators
        .iter()
        .find_map(|operator| text.strip_prefix(operator));
    let version = after.unwrap_or(text).trim_start_matches(is_space);
    // Composer takes `main-dev` for `dev-main` here.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/');
    normalize(version).is_some() || version.ends_with("-dev") && version.chars().all(plain)
}

#[cfg(test)]
mod tests;

//! How single values of the configuration are written: durations, sizes, words.

use std::time::Duration;

use registry::protocol::BaseUrl;

/// What is wrong with a value, as the end of a sentence.
pub(crate) type Wrong = String;

/// A number with s, m, h or d; a bare 0 is none at all.
pub(crate) fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong =
        || format!("{text:?} is no duration; write a number with s, m, h or d, such as 30s");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (number, unit) = split(text);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "ms" => return Ok(Duration::from_millis(number.parse().map_err(|_| wrong())?)),
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = number
        .checked_mul(seconds)
        .filter(|all| *all < 1 << 40)
        .ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}

/// A number of bytes, with K, M or G (powers of 1024; `KiB` and `KB` mean the same) or alone.
pub(crate) fn size(text: &str) -> Result<u64, Wrong> {
    let wrong = || format!("{text:?} is no size; write a number of bytes, or one with K, M or G");
    let (number, unit) = split(text);
    let shift = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

/// Digits, and what follows them.
fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(digits)
}

/// `true` or `false`.
pub(crate) fn boolean(text: &str) -> Result<bool, Wrong> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// A number of things, one at least.
pub(crate) fn count(text: &str) -> Result<u32, Wrong> {
    let wrong = |_| format!("{text:?} is no number from 1 on");
    text.parse::<std::num::NonZeroU32>()
        .map(Into::into)
        .map_err(wrong)
}

/// Any text but none.
pub(crate) fn text(text: &str) -> Result<String, Wrong> {
    if text.is_empty() {
        Err("it is empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// An address of the web.
pub(crate) fn url(text: &str) -> Result<BaseUrl, Wrong> {
    BaseUrl::new(text).map_err(|error| error.to_string())
}

/// The path of a mount.
pub(crate) fn path(text: &str) -> Result<String, Wrong> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
    if text.starts_with('/') && text.chars().all(plain) && !text.contains("//") {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no path for a mount, such as /npm-staging"
        ))
    }
}

/// One of a few words.
pub(crate) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, Wrong> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("{text:?} is none of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("0", 0),
            ("90s", 90),
            ("2m", 120),
            ("24h", 86_400),
            ("30d", 2_592_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in [
            "",
            "5",
            "s",
            "1.5h",
            "-1s",
            "1w",
            "1 s",
            "99999999999999999999d",
            "9999999999999999d",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("64K", 65_536),
            ("64KiB", 65_536),
            ("1M", 1 << 20),
            ("2 GiB", 2 << 30),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "K", "1T", "-1", "1.5M", "99999999999G"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}

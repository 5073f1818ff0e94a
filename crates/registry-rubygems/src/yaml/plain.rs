//! What a text without quotation marks is read as.
//!
//! Ruby's own reader, Psych, makes numbers, dates, symbols and nothing of some of them.

/// Whether a text without quotation marks is read as a text.
pub fn is_text(text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    if text.contains('\n') || begins_like_a_word(text) {
        return text.chars().count() > 5 || !is_word(text);
    }
    let signed = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = text.to_ascii_lowercase();
    let special = matches!(&*lower, ".inf" | "+.inf" | "-.inf" | ".nan");
    let symbol = text.starts_with(':') && text.len() > 1;
    !(special
        || symbol
        || is_time(text)
        || is_sexagesimal(signed)
        || is_float(signed)
        || is_integer(signed))
}

/// Whether it begins with letters or signs that no number has, perhaps behind something else.
fn begins_like_a_word(text: &str) -> bool {
    let wordy =
        |c: char| c.is_alphabetic() || c.is_whitespace() || "_!@#$%^&*(){}<>|/\\~;=".contains(c);
    let mut chars = text.chars();
    let first = chars.next();
    let second = chars.next();
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | '-');
    first.is_some_and(wordy) || (!first.is_some_and(number) && second.is_some_and(wordy))
}

/// Whether it is a word for nothing, true or false.
fn is_word(text: &str) -> bool {
    const WORDS: &[&str] = &["~", "null", "yes", "true", "on", "no", "false", "off"];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// A date, and perhaps a time.
fn is_time(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let date = run(unsigned, 4..=4)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| run(rest, 1..=2))
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| run(rest, 1..=2));
    match date {
        Some("") => unsigned.len() == text.len(),
        Some(rest) => is_time_of_day(rest),
        None => false,
    }
}

/// A time, behind a date: hours, minutes, seconds, and perhaps where on earth.
fn is_time_of_day(text: &str) -> bool {
    let blank = |c: char| matches!(c, ' ' | '\t');
    let begin = match text.strip_prefix(['T', 't']) {
        Some(rest) => Some(rest),
        None => text
            .strip_prefix(blank)
            .map(|_| text.trim_start_matches(blank)),
    };
    let seconds = begin
        .and_then(|rest| run(rest, 1..=2))
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|rest| run(rest, 2..=2))
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|rest| run(rest, 2..=2));
    let Some(rest) = seconds else {
        return false;
    };
    let fraction = rest.strip_prefix('.');
    let rest = fraction.map_or(rest, |digits| {
        digits.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    let zone = rest.trim_start_matches(blank);
    if rest.is_empty() || zone == "Z" {
        return true;
    }
    let digits = zone.strip_prefix(['+', '-']).unwrap_or_default();
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, ""));
    let count = |text: &str| {
        run(text, 0..=4)
            .filter(|rest| rest.is_empty())
            .map(|_| text.len())
    };
    matches!(
        (digits.contains(':'), count(hours), count(minutes)),
        (true, Some(1 | 2), Some(0 | 2)) | (false, Some(1..=4), _)
    )
}

/// What follows the digits that a text begins with, if they are so many.
fn run(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    lengths.contains(&digits).then(|| &text[digits..])
}

/// A number to the base of sixty, with colons.
fn is_sexagesimal(unsigned: &str) -> bool {
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let count = parts.clone().count();
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let small = |part: &str| {
        let whole = part.split_once('.').map_or(part, |(whole, _)| whole);
        digits(whole, 2) && (whole.len() < 2 || whole < "60")
    };
    let fraction = unsigned
        .split_once('.')
        .map_or("", |(_, fraction)| fraction);
    let groups = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(groups)
        && (1..=2).contains(&count)
        && parts.all(small)
        && fraction.bytes().all(groups)
}

/// A number with a decimal point.
fn is_float(unsigned: &str) -> bool {
    let Some((whole, rest)) = unsigned.split_once('.') else {
        return false;
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, exponent) = rest.split_at(digits);
    let grouped = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'_' | b',');
    let number = whole.is_empty()
        || (whole.starts_with(|c: char| c.is_ascii_digit()) && whole.bytes().all(grouped));
    let power = |text: &str| {
        let signed = text.strip_prefix(['e', 'E']).unwrap_or_default();
        let digits = signed.strip_prefix(['+', '-']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let dot = whole.is_empty() && fraction.is_empty() && exponent.is_empty();
    number && !dot && (exponent.is_empty() || power(exponent))
}

/// A whole number, to whatever base.
fn is_integer(unsigned: &str) -> bool {
    let all = |digits: &str, is: fn(&u8) -> bool| {
        let ok = |byte: &u8| is(byte) || matches!(byte, b'_' | b',');
        !digits.is_empty() && digits.as_bytes().iter().all(ok)
    };
    if let Some(binary) = unsigned.strip_prefix("0b") {
        return all(binary, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(hex) = unsigned.strip_prefix("0x") {
        return all(hex, u8::is_ascii_hexdigit);
    }
    if let Some(octal) = unsigned.strip_prefix('0') {
        return octal.is_empty() || all(octal, |byte| (b'0'..=b'7').contains(byte));
    }
    let groups = unsigned.split([',', '_']).all(|group| !group.is_empty());
    groups && all(unsigned, u8::is_ascii_digit)
}

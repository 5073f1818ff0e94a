//! Whether the fields of a `composer.json` have the types that Composer's loader insists on.

use registry_core::{Error, Result};
use serde_json::{Map, Value};

type Said = Map<String, Value>;

/// What has to be one text.
const TEXTS: &[&str] = &[
    "type",
    "target-dir",
    "description",
    "homepage",
    "minimum-stability",
];
/// What has to be a list or a map.
const COLLECTIONS: &[&str] = &[
    "extra",
    "scripts",
    "support",
    "funding",
    "authors",
    "suggest",
    "archive",
    "php-ext",
    "autoload-dev",
    "source",
];
/// What authors and those who give money are told of.
const PERSON: &[&str] = &["name", "email", "homepage", "role"];
const SUPPORT: &[&str] = &[
    "issues", "forum", "wiki", "source", "email", "irc", "docs", "rss", "chat", "security",
];
/// The longest time, in bytes.
const MAX_TIME: usize = 40;

/// The refusal of what a field says.
pub(super) fn wrong(field: &str, what: &str) -> Error {
    let shown: String = field.chars().take(120).collect();
    Error::invalid(format!("composer.json: {shown} {what}"))
}

/// The text of a field that has to be there.
pub(super) fn required<'a>(said: &'a Said, field: &str) -> Result<&'a str> {
    text(said, field)?.ok_or_else(|| wrong(field, "must be present"))
}

/// The text of a field, if there is one that says something.
pub(super) fn text<'a>(said: &'a Said, field: &str) -> Result<Option<&'a str>> {
    match said.get(field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(&**text).filter(|text| !text.trim().is_empty())),
        Some(_) => Err(wrong(field, "must be a string")),
    }
}

/// The words of a list, or none where there is no list.
pub(super) fn words(said: &Said, field: &str) -> Vec<String> {
    let values = said.get(field).and_then(Value::as_array);
    let words = values.into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}

/// Whether it is a list or a map of nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// The values of a list or of a map, with their names; to PHP both are the same.
pub(super) fn items<'a>(field: &str, value: &'a Value) -> Result<Vec<(String, &'a Value)>> {
    match value {
        Value::Array(list) => {
            let items = list.iter().enumerate();
            Ok(items
                .map(|(at, item)| (format!("{field}.{at}"), item))
                .collect())
        }
        Value::Object(map) => {
            let items = map.iter();
            Ok(items
                .map(|(key, item)| (format!("{field}.{key}"), item))
                .collect())
        }
        _ => Err(wrong(field, "must be an array or an object")),
    }
}

/// Checks that it is an object. To PHP, an empty list is as good.
pub(super) fn object(field: &str, value: &Value) -> Result<()> {
    if value.is_object() || value.is_array() && is_empty(value) {
        return Ok(());
    }
    Err(wrong(field, "must be an object"))
}

/// Checks that every value in a list or map is a string.
pub(super) fn strings(field: &str, value: &Value) -> Result<()> {
    for (path, item) in items(field, value)? {
        if !item.is_string() {
            return Err(wrong(&path, "must be a string"));
        }
    }
    Ok(())
}

/// Checks every field that stands for itself.
pub(super) fn all(said: &Said) -> Result<()> {
    TEXTS
        .iter()
        .try_for_each(|field| text(said, field).map(drop))?;
    for field in COLLECTIONS {
        said.get(*field)
            .map_or(Ok(()), |value| items(field, value).map(drop))?;
    }
    let check =
        |field: &str, check: &dyn Fn(&Value) -> Result<()>| said.get(field).map_or(Ok(()), check);
    text(said, "time")?.map_or(Ok(()), time)?;
    for field in ["keywords", "include-path"] {
        check(field, &|list| scalars(field, list))?;
    }
    check("license", &|license| one_or_more("license", license))?;
    check("bin", &bin)?;
    check("authors", &|list| records("authors", list, PERSON))?;
    check("funding", &|list| {
        records("funding", list, &["type", "url"])
    })?;
    check("support", &|of| texts_of("support", of, SUPPORT))?;
    check("suggest", &|of| strings("suggest", of))?;
    check("source", &source)?;
    check("archive", &archive)?;
    check("abandoned", &|value| match value {
        Value::Bool(_) | Value::String(_) => Ok(()),
        _ => Err(wrong(
            "abandoned",
            "must be true, false, or the package to use instead",
        )),
    })?;
    check("extra", &|extra| match extra.get("branch-alias") {
        Some(aliases) if !aliases.is_null() => strings("extra.branch-alias", aliases),
        _ => Ok(()),
    })?;
    text(said, "target-dir")?.map_or(Ok(()), |path| inside("target-dir", path))
}

/// A string, or a list of them.
pub(super) fn one_or_more(field: &str, value: &Value) -> Result<()> {
    match value {
        Value::String(_) => Ok(()),
        Value::Array(_) | Value::Object(_) => strings(field, value),
        _ => Err(wrong(field, "must be a string or an array of strings")),
    }
}

fn scalars(field: &str, value: &Value) -> Result<()> {
    for (path, item) in items(field, value)? {
        if !item.is_string() && !item.is_number() {
            return Err(wrong(&path, "must be a string"));
        }
    }
    Ok(())
}

/// A list of objects, some of whose fields are texts.
fn records(field: &str, value: &Value, texts: &[&str]) -> Result<()> {
    for (path, record) in items(field, value)? {
        items(&path, record)?;
        texts_of(&path, record, texts)?;
    }
    Ok(())
}

fn texts_of(path: &str, record: &Value, texts: &[&str]) -> Result<()> {
    for key in texts {
        match record.get(*key) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(_) => return Err(wrong(&format!("{path}.{key}"), "must be a string")),
        }
    }
    Ok(())
}

fn bin(value: &Value) -> Result<()> {
    one_or_more("bin", value)?;
    if let Value::String(path) = value {
        return inside("bin", path);
    }
    for (field, path) in items("bin", value)? {
        inside(&field, path.as_str().unwrap_or_default())?;
    }
    Ok(())
}

/// Checks that a path leads nowhere but into the package.
fn inside(field: &str, path: &str) -> Result<()> {
    let absolute = path.starts_with(['/', '\\']) || path.as_bytes().get(1) == Some(&b':');
    if absolute || path.split(['/', '\\']).any(|part| part == "..") {
        let what = "must be a path within the package: neither absolute nor with a \"..\" in it";
        return Err(wrong(field, what));
    }
    Ok(())
}

/// A source: what version control it is in, where, and which commit it is.
fn source(value: &Value) -> Result<()> {
    if is_empty(value) {
        return Ok(());
    }
    for key in ["type", "url", "reference"] {
        let field = format!("source.{key}");
        let text = match value.get(key) {
            Some(Value::String(text)) => text,
            Some(Value::Number(_)) if key == "reference" => continue,
            None | Some(Value::Null) => return Err(wrong(&field, "must be present")),
            Some(_) => return Err(wrong(&field, "must be a string")),
        };
        if text.trim_start().starts_with('-') {
            return Err(wrong(&field, "must not start with a \"-\""));
        }
    }
    match value.get("mirrors") {
        None | Some(Value::Null) => Ok(()),
        Some(mirrors) => items("source.mirrors", mirrors).map(drop),
    }
}

fn archive(value: &Value) -> Result<()> {
    texts_of("archive", value, &["name"])?;
    match value.get("exclude") {
        None | Some(Value::Null) => Ok(()),
        Some(list) => strings("archive.exclude", list),
    }
}

/// A date, which a time may follow.
fn time(text: &str) -> Result<()> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = date.split('-').collect();
    let in_range = |part: &str, most: u8| part.parse().is_ok_and(|n: u8| n >= 1 && n <= most);
    let is_date = match *parts {
        [year, month, day] => {
            year.len() == 4 && digits(year) && in_range(month, 12) && in_range(day, 31)
        }
        _ => false,
    };
    let plain =
        |c: char| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | ' ' | ':' | '+' | '-' | '.');
    if is_date && rest.len() <= MAX_TIME && rest.chars().all(plain) {
        return Ok(());
    }
    Err(wrong(
        "time",
        "must be a date such as 2026-11-28 or 2026-11-28T10:20:30+00:00",
    ))
}

//! Values of a gemspec: texts, flags, versions and requirements.

use registry_core::{Error, Result};

use crate::{
    Requirement,
    name::shown,
    requirement::Bound,
    yaml::{Piece, Scalar, Yaml, is_text_tag},
};

const NULL_TAG: &str = "tag:yaml.org,2002:null";

pub(super) const VERSION: &str = "!ruby/object:Gem::Version";
const REQUIREMENT: &[&str] = &[
    "!ruby/object:Gem::Requirement",
    "!ruby/object:Gem::Version::Requirement",
];

/// How many bounds a requirement may have. So many would be too long anyhow.
const MAX_BOUNDS: usize = 64;

/// A refusal of what a gemspec says.
pub(super) fn invalid(what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("gemspec validation failed: {what}"))
}

/// The refusal of a value of another kind than `wanted`.
pub(super) fn wrong_kind(key: &str, wanted: &str) -> Error {
    invalid(format!("{:?} must be {wanted}", shown(key)))
}

/// A text; `None` where there is nothing. `key` is what it is of, for the refusal.
pub(super) fn text(key: &str, piece: Piece) -> Result<Option<String>> {
    let wrong = || wrong_kind(key, "a text");
    let Piece::Scalar(scalar) = piece else {
        return Err(wrong());
    };
    match scalar.tag.as_deref() {
        None if scalar.plain && is_null(&scalar.text) => Ok(None),
        Some(NULL_TAG) => Ok(None),
        Some(tag) if !is_text_tag(tag) => Err(forbidden(tag)),
        _ => scalar.into_text().map(Some).ok_or_else(wrong),
    }
}

/// A text that has to be there.
pub(super) fn some_text(key: &str, piece: Piece) -> Result<String> {
    text(key, piece)?.ok_or_else(|| wrong_kind(key, "a text"))
}

/// True or false.
pub(super) fn flag(key: &str, piece: &Piece) -> Result<bool> {
    match piece {
        Piece::Scalar(Scalar {
            tag: None,
            text,
            plain: true,
        }) => match &**text {
            "true" => Ok(true),
            "false" | "" => Ok(false),
            _ => Err(wrong_kind(key, "true or false")),
        },
        _ => Err(wrong_kind(key, "true or false")),
    }
}

/// A symbol, without its colon.
pub(super) fn symbol(key: &str, piece: Piece) -> Result<String> {
    let wrong = || wrong_kind(key, "a symbol");
    let Piece::Scalar(Scalar { tag, text, plain }) = piece else {
        return Err(wrong());
    };
    match tag.as_deref() {
        Some("!ruby/sym" | "!ruby/symbol") => Ok(text),
        None if plain => text.strip_prefix(':').map(str::to_owned).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// The text of a version.
pub(super) fn version(yaml: &mut Yaml<'_>, key: &str, piece: Piece) -> Result<String> {
    if piece != Piece::Mapping(Some(VERSION.to_owned())) {
        return Err(wrong_kind(key, VERSION));
    }
    let mut found = None;
    yaml.mapping(|yaml, inner, value| {
        match inner {
            "version" => found = Some(some_text(inner, value)?),
            _ => skip(yaml, value)?,
        }
        Ok(())
    })?;
    found.ok_or_else(|| wrong_kind(key, "a version"))
}

/// A requirement; nothing is one that everything fulfils.
pub(super) fn requirement(yaml: &mut Yaml<'_>, key: &str, piece: Piece) -> Result<Requirement> {
    let tag = match piece {
        Piece::Mapping(Some(tag)) => tag,
        other => match text(key, other) {
            Ok(None) => return Ok(Requirement::any()),
            _ => return Err(wrong_kind(key, REQUIREMENT[0])),
        },
    };
    if !REQUIREMENT.contains(&&*tag) {
        return Err(forbidden(&tag));
    }
    let mut bounds = None;
    yaml.mapping(|yaml, inner, value| {
        match (inner, value) {
            ("requirements", Piece::List(None)) => bounds = Some(self::bounds(yaml, key)?),
            ("requirements", _) => return Err(wrong_kind(key, "a list of bounds")),
            (_, value) => skip(yaml, value)?,
        }
        Ok(())
    })?;
    let bounds = bounds.ok_or_else(|| wrong_kind(key, "a list of bounds"))?;
    Ok(Requirement::new(bounds))
}

fn bounds(yaml: &mut Yaml<'_>, key: &str) -> Result<Vec<Bound>> {
    let mut bounds = Vec::new();
    yaml.list(|yaml, pair| {
        if pair != Piece::List(None) {
            return Err(wrong_kind(key, "a list of bounds"));
        }
        let first = yaml.piece()?;
        let operator = some_text(key, first)?;
        let second = yaml.piece()?;
        let version = version(yaml, key, second)?;
        if yaml.piece()? != Piece::End || bounds.len() == MAX_BOUNDS {
            return Err(wrong_kind(key, "a list of a few pairs"));
        }
        bounds.push(Bound::new(&operator, &version)?);
        Ok(())
    })?;
    Ok(bounds)
}

/// Whether a list begins; there may also be nothing. `wanted` it is of, for the refusal.
pub(super) fn begins_list(key: &str, piece: Piece, wanted: &str) -> Result<bool> {
    match piece {
        Piece::List(tag) => no_tag(tag).map(|()| true),
        other => match text(key, other) {
            Ok(None) => Ok(false),
            _ => Err(wrong_kind(key, wanted)),
        },
    }
}

/// Passes over a list of plain data, and tells whether there was something in it.
pub(super) fn has_items(yaml: &mut Yaml<'_>, piece: Piece) -> Result<bool> {
    let mut any = false;
    match piece {
        Piece::List(None) => yaml.list(|yaml, item| {
            any = true;
            skip(yaml, item)
        })?,
        other => skip(yaml, other)?,
    }
    Ok(any)
}

/// Passes over a value, of which only plain data may be.
pub(super) fn skip(yaml: &mut Yaml<'_>, piece: Piece) -> Result<()> {
    match piece {
        Piece::Scalar(scalar) => match scalar.tag {
            Some(tag) if !is_harmless(&tag) => Err(forbidden(&tag)),
            _ => Ok(()),
        },
        Piece::List(tag) => {
            no_tag(tag)?;
            yaml.list(skip)
        }
        Piece::Mapping(tag) => {
            no_tag(tag)?;
            yaml.mapping(|yaml, _, value| skip(yaml, value))
        }
        Piece::End => Ok(()),
    }
}

fn is_harmless(tag: &str) -> bool {
    tag == NULL_TAG || is_text_tag(tag)
}

pub(super) fn no_tag(tag: Option<String>) -> Result<()> {
    tag.map_or(Ok(()), |tag| Err(forbidden(&tag)))
}

fn is_null(text: &str) -> bool {
    text.is_empty() || text == "~" || text.eq_ignore_ascii_case("null")
}

fn forbidden(tag: &str) -> Error {
    invalid(format!(
        "it has the tag {:?}, which no gem needs",
        shown(tag)
    ))
}

//! What a push or a deletion asks of what its address names before it: `If-Match` and `If-None-Match` (RFC 9110,
//! section 13.1).

use http::{HeaderMap, HeaderName, header};
use registry_core::{Error as CoreError, ErrorKind, digest::Digest};

use crate::error::Result;

/// The conditions of a request. The entity tag of a manifest is its digest.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    matches: Option<Tags>,
    none_matches: Option<Tags>,
}

/// Which entity tags a condition is about.
#[derive(Clone, Debug)]
enum Tags {
    Any,
    Listed(Vec<String>),
}

impl Tags {
    /// Those of a header; the ones that say that they are weak count if `weak`.
    fn of(headers: &HeaderMap, name: HeaderName, weak: bool) -> Option<Self> {
        let values: Vec<_> = headers.get_all(name).iter().collect();
        if values.is_empty() {
            return None;
        }
        let texts = values.iter().filter_map(|value| value.to_str().ok());
        let tags: Vec<&str> = texts
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .collect();
        if tags.contains(&"*") {
            return Some(Self::Any);
        }
        let named = tags.iter().filter_map(|tag| {
            let strong = tag.strip_prefix("W/").filter(|_| weak);
            strong.unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')
        });
        Some(Self::Listed(named.map(str::to_owned).collect()))
    }

    fn include(&self, there: Option<&Digest>) -> bool {
        match self {
            Self::Any => there.is_some(),
            Self::Listed(tags) => there.is_some_and(|there| tags.contains(&there.to_string())),
        }
    }
}

impl Condition {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            matches: Tags::of(headers, header::IF_MATCH, false),
            none_matches: Tags::of(headers, header::IF_NONE_MATCH, true),
        }
    }

    /// Whether nothing is asked.
    pub(super) fn is_none(&self) -> bool {
        self.matches.is_none() && self.none_matches.is_none()
    }

    /// Refuses the request if `there`, the manifest that its address names now, is not as it wants.
    pub(super) fn check(&self, there: Option<&Digest>) -> Result<()> {
        let lacks = |tags: &Tags| !tags.include(there);
        let has = |tags: &Tags| tags.include(there);
        let failed = if self.matches.as_ref().is_some_and(lacks) {
            "If-Match"
        } else if self.none_matches.as_ref().is_some_and(has) {
            "If-None-Match"
        } else {
            return Ok(());
        };
        let there = there.map_or_else(|| "no manifest".to_owned(), Digest::to_string);
        let message = format!("{failed} does not hold: this address names {there} now");
        Err(CoreError::new(ErrorKind::PreconditionFailed, message).into())
    }
}

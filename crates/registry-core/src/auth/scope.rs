//! What a user or a token is good for: `{mount}:{type}:{name}:{action}`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Action, Permission};
use crate::error::Error;

/// The longest scope that is taken, in bytes.
const MAX_SCOPE: usize = 1024;
/// What stands for anything.
const ANY: &str = "*";

/// A right to an action on some resources of some mounts, such as `npm:package:@acme/*:write`.
///
/// The name is all that stands between the second colon and the last. `*` stands for any field,
/// and for any run of characters within a name.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope {
    mount: Box<str>,
    kind: Box<str>,
    name: Box<str>,
    /// `None` is `*`, which is more than any action: with the rest it is what administers.
    action: Option<Action>,
}

impl Scope {
    /// The scope `*:*:*:*`.
    pub fn everything() -> Self {
        Self {
            mount: ANY.into(),
            kind: ANY.into(),
            name: ANY.into(),
            action: None,
        }
    }

    /// Whether this is `*:*:*:*`, the scope of a token that administers.
    pub fn is_everything(&self) -> bool {
        *self == Self::everything()
    }

    /// Whether this scope is enough for something. A name of `*` asks about all resources at once:
    /// for that, only a scope whose name is just `*` is enough.
    pub fn allows(&self, permission: &Permission<'_>) -> bool {
        field(&self.mount, permission.mount)
            && field(&self.kind, permission.kind)
            && name(&self.name, permission.name)
            && self.action.is_none_or(|action| action >= permission.action)
    }

    /// Whether `other` grants no more than this scope does. Never says so wrongly, but may say no
    /// of two patterns that mean the same.
    pub fn covers(&self, other: &Self) -> bool {
        // A `*` in the other's name is matched like a character that only a `*` can stand for, so
        // whatever takes its place is matched too.
        field(&self.mount, &other.mount)
            && field(&self.kind, &other.kind)
            && name(&self.name, &other.name)
            && match (self.action, other.action) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(this), Some(other)) => this >= other,
            }
    }

    /// What both scopes grant; nothing, too, of two patterns for names that overlap.
    pub fn common(&self, other: &Self) -> Option<Self> {
        let narrower = |this: &str, other: &str, covers: fn(&str, &str) -> bool| {
            let one = covers(this, other).then_some(other);
            one.or_else(|| covers(other, this).then_some(this))
                .map(Into::into)
        };
        Some(Self {
            mount: narrower(&self.mount, &other.mount, field)?,
            kind: narrower(&self.kind, &other.kind, field)?,
            name: narrower(&self.name, &other.name, name)?,
            action: match (self.action, other.action) {
                (Some(this), Some(other)) => Some(this.min(other)),
                (this, other) => this.or(other),
            },
        })
    }
}

fn field(pattern: &str, text: &str) -> bool {
    pattern == ANY || pattern == text
}

fn name(pattern: &str, text: &str) -> bool {
    if text == ANY {
        pattern == ANY
    } else {
        matches(pattern.as_bytes(), text.as_bytes())
    }
}

/// Whether `text` is `pattern` with some run of characters for each `*`. Goes back to the last `*`
/// only, so it costs at most the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                star = Some((p, t));
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = star else {
                    return false;
                };
                star = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let shown: String = text.chars().take(100).collect();
        let refuse = |why: &str| {
            Error::invalid(format!(
                "{shown:?} is no scope: {why}; a scope is mount:type:name:action, such as \
                 npm:package:@acme/*:write"
            ))
        };
        if text.len() > MAX_SCOPE {
            return Err(refuse("it is too long"));
        }
        let fields = text.split_once(':').and_then(|(mount, rest)| {
            let (kind, rest) = rest.split_once(':')?;
            let (name, action) = rest.rsplit_once(':')?;
            Some((mount, kind, name, action))
        });
        let Some((mount, kind, name, action)) = fields else {
            return Err(refuse("it has fewer than four fields"));
        };
        if !plain(mount) {
            return Err(refuse("a mount's name is of a-z, 0-9 and -, or *"));
        }
        if !plain(kind) {
            return Err(refuse("a type is of a-z, 0-9 and -, or *"));
        }
        if name.is_empty() {
            return Err(refuse("its name is empty"));
        }
        if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(refuse("a name has no blanks"));
        }
        let action = match action {
            ANY => None,
            "read" | "pull" => Some(Action::Read),
            "write" | "push" => Some(Action::Write),
            "delete" => Some(Action::Delete),
            _ => return Err(refuse("an action is read, write, delete or *")),
        };
        Ok(Self {
            mount: mount.into(),
            kind: kind.into(),
            name: name.into(),
            action,
        })
    }
}

fn plain(field: &str) -> bool {
    let ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    field == ANY || (!field.is_empty() && field.bytes().all(ok))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = self.action.map_or(ANY, Action::as_str);
        write!(f, "{}:{}:{}:{action}", self.mount, self.kind, self.name)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Scope {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn what_two_scopes_have_in_common() {
        for (one, other, common) in [
            ("*:*:*:*", "npm:package:x:read", "npm:package:x:read"),
            (
                "npm:*:x*:delete",
                "*:package:*:write",
                "npm:package:x*:write",
            ),
            (
                "npm:package:*:*",
                "npm:package:a*:delete",
                "npm:package:a*:delete",
            ),
            ("npm:package:x:read", "cargo:package:x:read", ""),
            ("npm:package:x:read", "npm:crate:x:read", ""),
            ("npm:package:x:read", "npm:package:y:read", ""),
            ("npm:package:a*:read", "npm:package:*b:read", ""),
        ] {
            let found = |one, other| scope(one).common(&scope(other));
            let text = |found: Option<Scope>| found.map(|s| s.to_string()).unwrap_or_default();
            assert_eq!(text(found(one, other)), common, "{one} {other}");
            assert_eq!(text(found(other, one)), common, "{other} {one}");
        }
    }

    #[test]
    fn what_is_a_scope_and_what_is_not() {
        for text in [
            "npm:package:express:read",
            "npm-staging:package:@acme/*:write",
            "maven:artifact:org.acme:lib:write",
            "*:*:*:*",
            "*:*:*:delete",
            "pypi:package:a*b*c:delete",
        ] {
            assert_eq!(scope(text).to_string(), text);
        }
        assert_eq!(
            scope("oci:repository:a/b:push").to_string(),
            "oci:repository:a/b:write"
        );
        for text in [
            "",
            "*",
            "npm:package:read",
            "npm:package::read",
            ":package:a:read",
            "npm::a:read",
            "npm:package:a:",
            "npm:package:a:publish",
            "npm:package:a:Read",
            "NPM:package:a:read",
            "n*:package:a:read",
            "npm:pack*:a:read",
            "npm:package:a b:read",
            "npm:package:a\n:read",
            &format!("npm:package:{}:read", "a".repeat(2000)),
        ] {
            let error = text.parse::<Scope>().unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{text}");
            assert!(error.message().contains("is no scope"), "{error}");
        }
    }

    #[test]
    fn what_a_scope_allows() {
        let (read, write, delete) = (Action::Read, Action::Write, Action::Delete);
        let table = [
            ("npm:package:express:read", "npm", "express", read, true),
            ("npm:package:express:read", "npm", "express", write, false),
            ("npm:package:express:write", "npm", "express", read, true),
            ("npm:package:express:delete", "npm", "express", write, true),
            ("npm:package:express:write", "npm", "express", delete, false),
            ("npm:package:express:*", "npm", "express", delete, true),
            (
                "npm:package:express:read",
                "npm-two",
                "express",
                read,
                false,
            ),
            ("npm:package:express:read", "npm", "express2", read, false),
            ("*:crate:express:read", "npm", "express", read, false),
            ("*:*:*:read", "any", "a/b:c", read, true),
            ("npm:package:@acme/*:read", "npm", "@acme/x", read, true),
            ("npm:package:@acme/*:read", "npm", "@acme/", read, true),
            ("npm:package:@acme/*:read", "npm", "@acm/x", read, false),
            ("npm:package:*-core:read", "npm", "a-core-core", read, true),
            ("npm:package:a*b*c:read", "npm", "abxbyc", read, true),
            ("npm:package:a*b*c:read", "npm", "abxbyd", read, false),
            ("npm:package:*:read", "npm", "*", read, true),
            ("npm:package:@acme/*:read", "npm", "*", read, false),
            ("npm:package:**:read", "npm", "*", read, false),
        ];
        for (text, mount, name, action, expected) in table {
            let kind = "package";
            let permission = Permission {
                mount,
                kind,
                name,
                action,
            };
            assert_eq!(
                scope(text).allows(&permission),
                expected,
                "{text} {permission:?}"
            );
        }
    }

    #[test]
    fn which_scope_covers_which() {
        for (wide, narrow) in [
            ("*:*:*:*", "npm:package:a:read"),
            ("*:*:*:*", "*:*:*:*"),
            ("npm:package:*:write", "npm:package:@acme/*:write"),
            ("npm:package:@acme/*:write", "npm:package:@acme/x*:read"),
            ("npm:package:a*c:write", "npm:package:ab*bc:write"),
            ("npm:*:x:read", "npm:package:x:read"),
        ] {
            assert!(scope(wide).covers(&scope(narrow)), "{wide} {narrow}");
        }
        for (this, other) in [
            ("npm:package:@acme/*:write", "npm:package:*:write"),
            ("npm:package:@acme/*:write", "npm:package:@acme*:write"),
            ("npm:package:@acme/*:write", "npm:package:@acme/x:delete"),
            ("npm:package:*:write", "*:package:*:write"),
            ("npm:package:*:write", "npm:*:x:write"),
            ("*:*:*:delete", "*:*:*:*"),
            ("*:*:**:*", "*:*:*:*"),
            ("npm:package:a*:read", "npm:package:*a:read"),
        ] {
            assert!(!scope(this).covers(&scope(other)), "{this} {other}");
        }
    }

    #[test]
    fn everything_is_four_stars() {
        assert!(scope("*:*:*:*").is_everything());
        assert!(!scope("*:*:*:delete").is_everything());
    }
}

//! What a client shows to be recognised, wherever it shows it.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};

use crate::error::{Error, ErrorKind, Result};

/// How every token of ours begins.
pub const TOKEN_PREFIX: &str = "reg_";

/// What stands for a password where the user's name is a token: nothing, or what clients write there who
/// keep tokens of several kinds.
const NO_PASSWORD: &[&str] = &[
    "",
    "x-oauth-basic",
    "private-token",
    "oauth2",
    "gitlab-ci-token",
];

/// A text that never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A token, in whatever header or field the client keeps it.
    Token(Secret),
    /// A user's name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
}

impl Credentials {
    /// Finds them in a request's headers: `Authorization` as Bearer, as Basic (a token as the
    /// password under any name, or as the name with no password or what stands for none) or raw, and
    /// `PRIVATE-TOKEN`. What clients that publish bundles call Bearer, or `UserToken`, is what others call
    /// Basic.
    ///
    /// # Errors
    /// `Unauthenticated` when a header is there and cannot be read.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self> {
        let unreadable = || {
            Error::new(
                ErrorKind::Unauthenticated,
                "the Authorization header cannot be read; send Bearer, Basic or a bare token",
            )
        };
        if let Some(token) = headers.get("private-token") {
            return Ok(Self::token(token.to_str().map_err(|_| unreadable())?));
        }
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Ok(Self::None);
        };
        let value = value.to_str().map_err(|_| unreadable())?.trim();
        let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
        let rest = rest.trim();
        let bare = ["bearer", "basic", "token"]
            .iter()
            .any(|word| rest.eq_ignore_ascii_case(word));
        if rest.is_empty() || (scheme.is_empty() && bare) {
            return Err(unreadable());
        }
        match scheme {
            "" => Ok(Self::token(rest)),
            _ if scheme.eq_ignore_ascii_case("token") => Ok(Self::token(rest)),
            _ if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Self::pair(rest).unwrap_or_else(|| Self::token(rest)))
            }
            _ if scheme.eq_ignore_ascii_case("basic")
                || scheme.eq_ignore_ascii_case("usertoken") =>
            {
                Self::pair(rest).ok_or_else(unreadable)
            }
            _ => Err(unreadable()),
        }
    }

    /// A name and a password, as Basic writes them. No token of ours and no access token is of that
    /// form.
    fn pair(text: &str) -> Option<Self> {
        let decoded = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Self::basic(user, password))
    }

    /// What a name and a password mean together.
    pub fn basic(user: &str, password: &str) -> Self {
        if password.starts_with(TOKEN_PREFIX) {
            Self::token(password)
        } else if NO_PASSWORD.contains(&password) && user.starts_with(TOKEN_PREFIX) {
            Self::token(user)
        } else {
            Self::Password {
                user: user.to_owned(),
                password: Secret::new(password),
            }
        }
    }

    fn token(text: &str) -> Self {
        Self::Token(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &'static str, value: &str) -> Result<Credentials> {
        let mut headers = HeaderMap::new();
        headers.insert(header, value.parse().unwrap());
        Credentials::from_headers(&headers)
    }

    #[test]
    fn a_token_is_found_wherever_it_is_put() {
        let token = Credentials::Token(Secret::new("reg_x"));
        for (header, value) in [
            ("authorization", "Bearer reg_x".to_owned()),
            ("authorization", "bearer   reg_x ".to_owned()),
            ("authorization", "reg_x".to_owned()),
            ("private-token", "reg_x".to_owned()),
            (
                "authorization",
                format!("Basic {}", STANDARD.encode("anyone:reg_x")),
            ),
            (
                "authorization",
                format!("Basic {}", STANDARD.encode("reg_x:")),
            ),
            (
                "authorization",
                format!("Basic {}", STANDARD.encode("reg_x:x-oauth-basic")),
            ),
            ("authorization", "token reg_x".to_owned()),
            (
                "authorization",
                format!("Bearer {}", STANDARD.encode("anyone:reg_x")),
            ),
            (
                "authorization",
                format!("UserToken {}", STANDARD.encode("anyone:reg_x")),
            ),
        ] {
            assert_eq!(of(header, &value).unwrap(), token, "{value}");
        }
    }

    #[test]
    fn a_password_may_hold_colons() {
        let value = format!("Basic {}", STANDARD.encode("ann:a:b"));
        let expected = Credentials::Password {
            user: "ann".into(),
            password: Secret::new("a:b"),
        };
        assert_eq!(of("authorization", &value).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for value in ["Basic !!", "Basic YQ==", "Digest x", "Bearer ", ""] {
            assert!(of("authorization", value).is_err(), "{value:?}");
        }
        assert_eq!(
            Credentials::from_headers(&HeaderMap::new()).unwrap(),
            Credentials::None
        );
    }

    #[test]
    fn a_secret_does_not_show() {
        assert!(!format!("{:?}", of("authorization", "Bearer reg_x").unwrap()).contains("reg_x"));
    }
}

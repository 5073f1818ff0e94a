//! What every protocol's table of routes asks of a request.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind, Result};

/// A request's method and query, while its path is being told apart.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// What follows the question mark, not decoded.
    pub query: &'a str,
}

impl Asked<'_> {
    /// Whether it only looks: `HEAD` is `GET` to a table of routes.
    pub fn reads(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }

    /// A route that can only be read.
    ///
    /// # Errors
    /// `MethodNotAllowed` for another method.
    pub fn get<R>(&self, route: R) -> Result<R> {
        if self.reads() {
            return Ok(route);
        }
        Err(Error::method_not_allowed("GET, HEAD"))
    }

    /// The route that goes with the method; `allow` lists all that there are.
    ///
    /// # Errors
    /// `MethodNotAllowed` where none does.
    pub fn only<R: Clone>(&self, allow: &'static str, routes: &[(Method, R)]) -> Result<R> {
        let route = routes.iter().find(|(method, _)| method == self.method);
        let (_, route) = route.ok_or_else(|| Error::method_not_allowed(allow))?;
        Ok(route.clone())
    }

    /// The first value of a query parameter.
    pub fn param(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A query parameter that is a number; nothing where it is none.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.param(name)?.parse().ok()
    }
}

/// The segments of a path, each decoded once: what was an encoded slash stays within its segment.
/// A slash at either end of the path means nothing.
///
/// # Errors
/// `InvalidName` when one is not UTF-8.
pub fn segments(path: &str) -> Result<Vec<Cow<'_, str>>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let decode = |segment| percent_decode_str(segment).decode_utf8();
    let segments: Result<_, _> = path.split('/').map(decode).collect();
    segments.map_err(|_| Error::new(ErrorKind::InvalidName, "the address is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_segments() {
        let asked = Asked {
            method: &Method::HEAD,
            query: "q=a+b%2B%26&n=7&q=second&=&x",
        };
        assert_eq!(asked.param("q").as_deref(), Some("a b+&"));
        assert_eq!((asked.number("n"), asked.number("q")), (Some(7), None));
        assert_eq!(asked.param("x").as_deref(), Some(""));
        assert_eq!(asked.param("absent"), None);
        assert_eq!(asked.get(1).unwrap(), 1);
        assert!(asked.only("PUT", &[(Method::PUT, 1)]).is_err());
        for (path, expected) in [
            ("/a/b%2fc/", &["a", "b/c"][..]),
            ("/1.0.0+x/1.0.0%2Bx", &["1.0.0+x", "1.0.0+x"]),
            ("/", &[""]),
        ] {
            assert_eq!(segments(path).unwrap(), expected, "{path}");
        }
        assert!(segments("/%ff").is_err());
    }
}

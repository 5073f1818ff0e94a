//! What a handler knows of the request beside its route.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::HeaderMap;
use ipnet::IpNet;

use crate::{auth::Access, clock::Clock, store::Actor};

/// What is known of a request, whatever its protocol.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who acts.
    pub actor: Arc<Actor>,
    /// What they showed to be recognised.
    pub shown: Shown,
    /// What the route needs; `None` while there is no route. For the challenge of a refusal.
    pub access: Option<Access>,
    /// The mount's name, with which its scopes begin.
    pub mount: Arc<str>,
    /// The address of the mount, as the client sees it.
    pub base: BaseUrl,
    /// What time it is.
    pub clock: Clock,
    /// What the client's connection is like.
    pub connection: Connection,
}

/// What was shown to be recognised, whether or not it was good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Nothing, or nothing was looked for.
    #[default]
    Nothing,
    /// A name and a password.
    Password,
    /// A token, of whatever kind.
    Token,
    /// An access token, and it is good.
    AccessToken,
}

/// What a server knows of a connection; it puts one into each request's extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// The peer's address.
    pub peer: Option<IpAddr>,
    /// Whether the connection is by TLS.
    pub tls: bool,
}

/// A request's id, if the server gives it one; it puts it into the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

/// The address of a mount, such as `https://registry.example/npm`: no slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Arc<str>);

/// A text is no base address.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an address such as https://registry.example or https://example.com/registry")]
pub struct InvalidBaseUrl(String);

impl BaseUrl {
    /// Checks an address; a slash at its end is dropped.
    ///
    /// # Errors
    /// When it is not `http://` or `https://` with a host, or has a query.
    pub fn new(address: &str) -> Result<Self, InvalidBaseUrl> {
        let invalid = || InvalidBaseUrl(address.to_owned());
        let uri: http::Uri = address.parse().map_err(|_| invalid())?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        if !web || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(invalid());
        }
        Ok(Self(address.trim_end_matches('/').into()))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a path below this one, which begins with a slash.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        Self([&*self.0, path].concat().trim_end_matches('/').into())
    }

    /// What the client calls this server: the forwarded headers if a trusted proxy sent them, else
    /// `Host`.
    pub(crate) fn of_request(
        headers: &HeaderMap,
        authority: Option<&str>,
        connection: Connection,
        trusted: bool,
    ) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let first = |name: &str| {
            text(name)
                .and_then(|value| value.split(',').next())
                .map(str::trim)
        };
        let forwarded = |name: &str| if trusted { first(name) } else { None };
        let host = forwarded("x-forwarded-host")
            .or_else(|| text("host"))
            .or(authority);
        let host = host
            .filter(|host| plausible_host(host))
            .unwrap_or("localhost");
        let scheme = match forwarded("x-forwarded-proto") {
            Some("https") => "https",
            Some("http") => "http",
            _ if connection.tls => "https",
            _ => "http",
        };
        let prefix = forwarded("x-forwarded-prefix")
            .unwrap_or_default()
            .trim_end_matches('/');
        let prefix = if prefix.starts_with('/') && plausible_path(prefix) {
            prefix
        } else {
            ""
        };
        Self([scheme, "://", host, prefix].concat().into())
    }
}

fn plausible_host(host: &str) -> bool {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !host.is_empty() && host.len() <= 261 && host.chars().all(ok)
}

fn plausible_path(path: &str) -> bool {
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~');
    path.len() <= 200 && path.chars().all(ok)
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the client is, seen through the proxies that are trusted.
pub(crate) fn client_ip(
    headers: &HeaderMap,
    connection: Connection,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let peer = connection.peer?;
    if !is_trusted(peer, trusted) {
        return Some(peer);
    }
    let hops = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).collect();
    // From the last proxy back to where the trust ends: what stands before that, or before what
    // cannot be read, the client may have written itself.
    let mut seen = peer;
    for hop in hops.into_iter().rev().map_while(hop) {
        seen = hop;
        if !is_trusted(hop, trusted) {
            break;
        }
    }
    Some(seen)
}

/// A hop as proxies write it, some with the port.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(with_port)
}

/// Whether an address is one of the proxies that are trusted.
pub(crate) fn is_trusted(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&ip.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_wrote_of_itself_is_not_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let connection = Connection {
            peer: Some(ip("10.0.0.1")),
            tls: false,
        };
        for (forwarded, seen) in [
            ("1.1.1.1, 2.2.2.2", "2.2.2.2"),
            ("1.1.1.1, 2.2.2.2, 10.0.0.2", "2.2.2.2"),
            ("1.1.1.1, 2.2.2.2:5000", "2.2.2.2"),
            ("1.1.1.1, [2001:db8::1]:5000", "2001:db8::1"),
            ("1.1.1.1, [2001:db8::1]", "2001:db8::1"),
            ("1.1.1.1, unknown", "10.0.0.1"),
            ("1.1.1.1, unknown, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("", "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            let found = client_ip(&headers, connection, &trusted);
            assert_eq!(found, Some(ip(seen)), "{forwarded}");
        }
    }
}

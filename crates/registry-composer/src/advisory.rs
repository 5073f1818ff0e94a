//! Security advisories: which versions of a package one should not use, and why.
//!
//! Form: what Composer's [audit](https://getcomposer.org/doc/03-cli.md#audit) reads.

use registry_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{constraint, name::PackageName};

/// The most bytes of an advisory that is sent.
pub const MAX_SIZE: usize = 1 << 16;
/// The longest identifier, in bytes.
const MAX_ID: usize = 100;
/// The longest title, in bytes.
const MAX_TITLE: usize = 500;
/// The longest link, in bytes.
const MAX_LINK: usize = 2000;
/// How bad it can be.
const SEVERITIES: &[&str] = &["none", "low", "medium", "high", "critical"];

/// An advisory, as it is stored with its package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Advisory {
    /// What it is called.
    pub advisory_id: String,
    /// What the matter is, on one line.
    pub title: String,
    /// A constraint: which versions are affected.
    pub affected_versions: String,
    /// Where there is more to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Its number among all vulnerabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cve: Option<String>,
    /// How bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// When it was first sent, by RFC 3339.
    pub reported_at: String,
}

/// What is sent of an advisory.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    title: String,
    affected_versions: String,
    link: Option<String>,
    cve: Option<String>,
    severity: Option<String>,
}

/// An advisory, as clients are told of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told<'a> {
    advisory_id: &'a str,
    package_name: &'a str,
    remote_id: &'a str,
    title: &'a str,
    link: Option<&'a str>,
    cve: Option<&'a str>,
    affected_versions: &'a str,
    source: &'a str,
    reported_at: &'a str,
    composer_repository: &'a str,
    severity: Option<&'a str>,
    sources: [Source<'a>; 1],
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    name: &'a str,
    remote_id: &'a str,
}

impl Advisory {
    /// Reads and checks an advisory that is sent as JSON at the time `now`, to be called `id`.
    ///
    /// # Errors
    /// `InvalidName` for an identifier that is none, and `Invalid` for all else, with what is wrong.
    pub fn parse(id: &str, body: &[u8], now: &str) -> Result<Self> {
        check_id(id)?;
        let sent: Sent = serde_json::from_slice(body)
            .map_err(|error| Error::invalid(format!("the advisory cannot be read: {error}")))?;
        let is_line = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
        if !is_line(&sent.title) || sent.title.len() > MAX_TITLE {
            return wrong(&format!(
                "title must be one line of {MAX_TITLE} bytes at most"
            ));
        }
        constraint::check(&sent.affected_versions)?;
        let is_link = |link: &str| {
            let rest = link
                .strip_prefix("https://")
                .or_else(|| link.strip_prefix("http://"));
            let plain = |c: char| !c.is_whitespace() && !c.is_control();
            link.len() <= MAX_LINK
                && rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
        };
        if !sent.link.as_deref().is_none_or(is_link) {
            return wrong("link must be an http or https address");
        }
        if !sent.cve.as_deref().is_none_or(is_cve) {
            return wrong("cve must be a number such as CVE-2026-12345");
        }
        let is_severity = |severity: &str| SEVERITIES.contains(&severity);
        if !sent.severity.as_deref().is_none_or(is_severity) {
            return wrong(&format!(
                "severity must be one of {}",
                SEVERITIES.join(", ")
            ));
        }
        Ok(Self {
            advisory_id: id.to_owned(),
            title: sent.title.trim().to_owned(),
            affected_versions: sent.affected_versions,
            link: sent.link,
            cve: sent.cve,
            severity: sent.severity,
            reported_at: now.to_owned(),
        })
    }

    /// What clients are told of it that ask for the advisories of `package` in the registry at
    /// `repository`.
    pub fn told<'a>(&'a self, package: &'a PackageName, repository: &'a str) -> Told<'a> {
        let id = &*self.advisory_id;
        Told {
            advisory_id: id,
            package_name: package.as_str(),
            remote_id: id,
            title: &self.title,
            link: self.link.as_deref(),
            cve: self.cve.as_deref(),
            affected_versions: &self.affected_versions,
            source: repository,
            reported_at: &self.reported_at,
            composer_repository: repository,
            severity: self.severity.as_deref(),
            // A client takes an advisory without a source for one that lacks half.
            sources: [Source {
                name: repository,
                remote_id: id,
            }],
        }
    }
}

/// Checks what an advisory is to be called.
///
/// # Errors
/// `InvalidName` when nothing can be called so.
pub fn check_id(id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = id.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && id.len() <= MAX_ID && id.chars().all(plain) {
        return Ok(());
    }
    let message = format!(
        "an advisory must be called by letters, digits, hyphens, underscores and dots, begin with a \
         letter or a digit, and have {MAX_ID} characters at most"
    );
    Err(Error::new(ErrorKind::InvalidName, message))
}

fn is_cve(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    match *text.split('-').collect::<Vec<_>>() {
        ["CVE", year, number] => {
            year.len() == 4 && (4..=19).contains(&number.len()) && digits(year) && digits(number)
        }
        _ => false,
    }
}

fn wrong<T>(what: &str) -> Result<T> {
    Err(Error::invalid(format!("the advisory's {what}")))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn an_advisory_is_told_as_it_was_sent() {
        let sent =
            br#"{"title": "A hole ", "affectedVersions": ">=1.0,<1.4|2.0.0", "severity": "high",
            "link": "https://acme.example/1", "cve": "CVE-2026-12345", "reportedAt": "never"}"#;
        let advisory = Advisory::parse("ACME-1", sent, "2026-11-28T10:00:00+00:00").unwrap();
        let stored = serde_json::to_string(&advisory).unwrap();
        expect![[r#"{"advisoryId":"ACME-1","title":"A hole","affectedVersions":">=1.0,<1.4|2.0.0","link":"https://acme.example/1","cve":"CVE-2026-12345","severity":"high","reportedAt":"2026-11-28T10:00:00+00:00"}"#]].assert_eq(&stored);
        assert_eq!(serde_json::from_str::<Advisory>(&stored).unwrap(), advisory);
        let package: PackageName = "acme/tool".parse().unwrap();
        let told = advisory.told(&package, "https://registry.example/composer");
        expect![[r#"
            {
              "advisoryId": "ACME-1",
              "packageName": "acme/tool",
              "remoteId": "ACME-1",
              "title": "A hole",
              "link": "https://acme.example/1",
              "cve": "CVE-2026-12345",
              "affectedVersions": ">=1.0,<1.4|2.0.0",
              "source": "https://registry.example/composer",
              "reportedAt": "2026-11-28T10:00:00+00:00",
              "composerRepository": "https://registry.example/composer",
              "severity": "high",
              "sources": [
                {
                  "name": "https://registry.example/composer",
                  "remoteId": "ACME-1"
                }
              ]
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&told).unwrap());
        let least = br#"{"title": "x", "affectedVersions": "*"}"#;
        let advisory = Advisory::parse("x", least, "now").unwrap();
        assert!(advisory.link.is_none() && advisory.cve.is_none() && advisory.severity.is_none());
    }

    #[test]
    fn what_is_no_advisory_is_refused() {
        let mut shown = String::new();
        for bad in [
            "",
            r#"{"affectedVersions": "*"}"#,
            r#"{"title": "x"}"#,
            r#"{"title": " ", "affectedVersions": "*"}"#,
            r#"{"title": "a\nb", "affectedVersions": "*"}"#,
            r#"{"title": "x", "affectedVersions": "<=3.20-test2"}"#,
            r#"{"title": "x", "affectedVersions": "*", "link": "javascript:x"}"#,
            r#"{"title": "x", "affectedVersions": "*", "link": "https://a b"}"#,
            r#"{"title": "x", "affectedVersions": "*", "cve": "2026-1"}"#,
            r#"{"title": "x", "affectedVersions": "*", "severity": "bad"}"#,
        ] {
            shown += &format!(
                "{}\n",
                Advisory::parse("x", bad.as_bytes(), "").unwrap_err()
            );
        }
        expect![[r#"
            the advisory cannot be read: EOF while parsing a value at line 1 column 0
            the advisory cannot be read: missing field `title` at line 1 column 25
            the advisory cannot be read: missing field `affectedVersions` at line 1 column 14
            the advisory's title must be one line of 500 bytes at most
            the advisory's title must be one line of 500 bytes at most
            Could not parse version constraint "<=3.20-test2": write one like ^1.2 or >=1.0 <3.0
            the advisory's link must be an http or https address
            the advisory's link must be an http or https address
            the advisory's cve must be a number such as CVE-2026-12345
            the advisory's severity must be one of none, low, medium, high, critical
        "#]]
        .assert_eq(&shown);
        for id in ["", "-a", "a/b", "a b", "..", &"a".repeat(101)] {
            assert_eq!(
                check_id(id).unwrap_err().kind(),
                ErrorKind::InvalidName,
                "{id}"
            );
        }
        for id in ["GHSA-aaaa-bbbb-cccc", "1", "PKSA_1.2"] {
            assert!(check_id(id).is_ok(), "{id}");
        }
    }
}

//! Gradle module metadata: which component a `.module` file is of.
//!
//! Rules: [the format](https://github.com/gradle/gradle/blob/master/platforms/documentation/docs/src/docs/design/gradle-module-metadata-latest-specification.md).

use std::io::{self, BufReader, Read};

use registry_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::name::{FilePath, shown};

/// The most bytes of a module's metadata.
pub const MAX_MODULE: u64 = 4 << 20;

/// What the registry reads of a module's metadata.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    format_version: String,
    component: Component,
}

#[derive(Clone, Debug, Deserialize)]
struct Component {
    group: String,
    module: String,
    version: String,
    /// Where the component's own file is, if this is the file of a part of it.
    url: Option<String>,
}

impl Module {
    /// Reads a module's metadata as it streams.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is none, [`ErrorKind::TooLarge`] beyond [`MAX_MODULE`]; what
    /// `from` fails with.
    pub fn read(from: &mut dyn Read) -> Result<Self> {
        let mut bounded = from.take(MAX_MODULE + 1);
        let parsed: Result<Self, _> = serde_json::from_reader(BufReader::new(&mut bounded));
        if bounded.limit() == 0 {
            let message = "the Gradle module metadata is refused: it is too large";
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let module = parsed.map_err(broken)?;
        if !module.format_version.starts_with("1.") {
            return Err(Error::invalid(format!(
                "the Gradle module metadata has the format {:?}; this registry knows 1.0 and 1.1",
                shown(&module.format_version)
            )));
        }
        Ok(module)
    }

    /// Checks that it is of the version that its path names. A part of a component, as one platform
    /// of a Kotlin library is, names the whole component and where that is, and so another artifact.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is not.
    pub fn check(&self, path: &FilePath) -> Result<()> {
        let of = &self.component;
        let build = path.file.build.as_ref();
        let build = build.map(|build| path.version.of_build(build));
        let version = of.version == path.version.as_str() || Some(&of.version) == build.as_ref();
        for (field, said, allowed, fits) in [
            (
                "group",
                &of.group,
                path.group.as_str(),
                of.group == path.group.as_str(),
            ),
            (
                "module",
                &of.module,
                path.artifact.as_str(),
                of.url.is_some() || of.module == path.artifact.as_str(),
            ),
            ("version", &of.version, path.version.as_str(), version),
        ] {
            if !fits {
                return Err(Error::invalid(format!(
                    "the component's {field} in the Gradle module metadata is {:?}, but its path says \
                     {allowed:?}",
                    shown(said)
                )));
            }
        }
        Ok(())
    }
}

fn broken(error: serde_json::Error) -> Error {
    if !error.is_io() {
        let message = format!("this is no Gradle module metadata: {error}");
        return Error::invalid(message);
    }
    let error = io::Error::from(error);
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(error) => Error::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Place;

    fn check(text: &str, at: &str) -> Result<()> {
        let segments: Vec<&str> = at.split('/').collect();
        let Place::File(path) = Place::parse(&segments, false)? else {
            panic!("{at} is a file");
        };
        Module::read(&mut text.as_bytes())?.check(&path)
    }

    fn module(component: &str) -> String {
        format!(
            r#"{{"formatVersion":"1.1","component":{component},"createdBy":{{"gradle":{{"version":"8"}}}},"variants":[{{"name":"x"}}]}}"#
        )
    }

    const LIB: &str = "org/acme/lib/1.0/lib-1.0.module";
    const SNAPSHOT: &str = "org/acme/lib/1-SNAPSHOT/lib-1-20261123.001855-2.module";

    #[test]
    fn fitting() {
        for (component, at) in [
            (
                r#"{"group":"org.acme","module":"lib","version":"1.0"}"#,
                LIB,
            ),
            (
                r#"{"group":"org.acme","module":"lib","version":"1.0","attributes":{"x":"y"}}"#,
                LIB,
            ),
            (
                r#"{"url":"../../all/1.0/all-1.0.module","group":"org.acme","module":"all","version":"1.0"}"#,
                LIB,
            ),
            (
                r#"{"group":"org.acme","module":"lib","version":"1-SNAPSHOT"}"#,
                SNAPSHOT,
            ),
            (
                r#"{"group":"org.acme","module":"lib","version":"1-20261123.001855-2"}"#,
                SNAPSHOT,
            ),
        ] {
            if let Err(error) = check(&module(component), at) {
                panic!("{component}: {error}");
            }
        }
    }

    #[test]
    fn refused() {
        let of = |component| module(component);
        for (text, said) in [
            (String::new(), "no Gradle module metadata"),
            ("<project/>".to_owned(), "no Gradle module metadata"),
            ("[]".to_owned(), "no Gradle module metadata"),
            (
                r#"{"formatVersion":"1.1"}"#.to_owned(),
                "missing field `component`",
            ),
            (of("{}"), "missing field `group`"),
            (of(r#"{"group":1}"#), "expected a string"),
            (
                of(r#"{"group":"org.evil","module":"lib","version":"1.0"}"#),
                "group in the Gradle module metadata is \"org.evil\"",
            ),
            (
                of(r#"{"group":"org.acme","module":"other","version":"1.0"}"#),
                "module in the Gradle module metadata is \"other\"",
            ),
            (
                of(r#"{"group":"org.acme","module":"lib","version":"1.1"}"#),
                "version in the Gradle module metadata is \"1.1\"",
            ),
            (
                of(r#"{"group":"org.acme","module":"lib","version":"1.0"}"#).replace("1.1", "2.0"),
                "the format \"2.0\"",
            ),
            (
                of(r#"{"group":"org.acme","module":"lib","version":"1.0"}"#) + "{}",
                "trailing characters",
            ),
        ] {
            let error = check(&text, LIB).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
            assert!(error.to_string().contains(said), "{text}: {error}");
        }
        let deep = "[".repeat(1000);
        assert!(check(&deep, LIB).is_err());
        let long = of(&format!(r#"{{"x":"{}"}}"#, "x".repeat(5 << 20)));
        let error = check(&long, LIB).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn failures_of_the_source_are_kept() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other(Error::not_found("mine")))
            }
        }
        let error = Module::read(&mut Fails).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

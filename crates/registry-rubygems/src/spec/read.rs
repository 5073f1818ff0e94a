//! Reads a gemspec as it streams: what is not kept is looked through and forgotten.

use std::{collections::BTreeMap, io::Read};

use jiff::civil::Date;
use registry_core::{Error, ErrorKind, Result};

use super::{
    Dependency, DependencyKind, Spec,
    check::{check_dependencies, check_homepage, check_licenses, check_metadata, check_text},
    value::{
        begins_list, flag, has_items, invalid, no_tag, requirement, skip, some_text, symbol, text,
        version, wrong_kind,
    },
};
use crate::{
    GemName, Platform, Requirement, Version,
    yaml::{Piece, Scalar, Yaml},
};

const SPECIFICATION: &str = "!ruby/object:Gem::Specification";
const DEPENDENCY: &str = "!ruby/object:Gem::Dependency";

/// The most bytes of all that is kept, and what a dependency counts for beside its texts.
const MAX_KEPT: usize = 512 << 10;
const DEPENDENCY_SIZE: usize = 128;

/// A gemspec as it stands in a gem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gemspec {
    /// What it says.
    pub spec: Spec,
    /// Whether it names certificates, so that there have to be signatures.
    pub signed: bool,
}

/// What has been read of a gemspec so far.
#[derive(Default)]
struct Fields {
    kept: usize,
    name: Option<GemName>,
    version: Option<Version>,
    platform: Option<String>,
    original_platform: Option<String>,
    authors: Vec<String>,
    email: Vec<String>,
    summary: Option<String>,
    description: Option<String>,
    homepage: Option<String>,
    licenses: Vec<String>,
    metadata: BTreeMap<String, String>,
    dependencies: Vec<Dependency>,
    required_ruby_version: Option<Requirement>,
    required_rubygems_version: Option<Requirement>,
    rubygems_version: Option<String>,
    date: Option<Date>,
    signed: bool,
}

impl Gemspec {
    /// Reads the YAML of a gemspec. Blocks as `reader` does.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is none, lacks what every gem has, or has anything but plain
    /// data and the objects of a gemspec; [`ErrorKind::InvalidName`] for a name, a version or a
    /// platform that no gem can have; [`ErrorKind::Conflict`] for platforms that do not fit each
    /// other; [`ErrorKind::TooLarge`] when it says too much. An [`Error`] that `reader` fails with
    /// comes back as it is.
    pub fn read(reader: &mut dyn Read) -> Result<Self> {
        let (mut yaml, first) = Yaml::start(reader)?;
        if first != Piece::Mapping(Some(SPECIFICATION.to_owned())) {
            return Err(invalid(format!("it must be a {SPECIFICATION}")));
        }
        let mut fields = Fields::default();
        yaml.mapping(|yaml, key, value| fields.field(yaml, key, value))?;
        yaml.finish()?;
        fields.finish()
    }
}

impl Fields {
    fn field(&mut self, yaml: &mut Yaml<'_>, key: &str, value: Piece) -> Result<()> {
        match key {
            "name" => self.name = Some(some_text(key, value)?.parse()?),
            "version" => self.version = Some(version(yaml, key, value)?.parse()?),
            "platform" => self.platform = text(key, value)?,
            "original_platform" => self.original_platform = text(key, value)?,
            "authors" => self.authors = self.list(yaml, key, value)?,
            "email" => self.email = self.emails(yaml, key, value)?,
            "summary" => self.summary = self.long_text(key, value)?,
            "description" => self.description = self.long_text(key, value)?,
            "homepage" => self.homepage = self.text(key, value)?,
            "licenses" => self.licenses = self.list(yaml, key, value)?,
            "metadata" => self.metadata(yaml, key, value)?,
            "dependencies" => self.dependencies(yaml, key, value)?,
            "required_ruby_version" => {
                self.required_ruby_version = Some(self.requirement(yaml, key, value)?);
            }
            "required_rubygems_version" => {
                self.required_rubygems_version = Some(self.requirement(yaml, key, value)?);
            }
            "rubygems_version" => self.rubygems_version = self.text(key, value)?,
            "date" => self.date = date(key, value)?,
            "cert_chain" => self.signed = has_items(yaml, value)?,
            _ => skip(yaml, value)?,
        }
        Ok(())
    }

    /// Counts what is kept.
    fn keep(&mut self, size: usize) -> Result<()> {
        self.kept += size;
        if self.kept <= MAX_KEPT {
            return Ok(());
        }
        let message = format!("the gemspec says more than {MAX_KEPT} bytes beside its files");
        Err(Error::new(ErrorKind::TooLarge, message))
    }

    fn text(&mut self, key: &str, value: Piece) -> Result<Option<String>> {
        let text = text(key, value)?;
        self.keep(text.as_ref().map_or(0, String::len))?;
        Ok(text)
    }

    fn long_text(&mut self, key: &str, value: Piece) -> Result<Option<String>> {
        let text = self.text(key, value)?;
        check_text(key, text.as_deref().unwrap_or_default())?;
        Ok(text)
    }

    /// The texts of a list; none where there is nothing.
    fn list(&mut self, yaml: &mut Yaml<'_>, key: &str, value: Piece) -> Result<Vec<String>> {
        let mut all = Vec::new();
        if !begins_list(key, value, "a list of texts")? {
            return Ok(all);
        }
        yaml.list(|_, item| {
            all.extend(self.text(key, item)?);
            self.keep(size_of::<String>())
        })?;
        Ok(all)
    }

    /// An address, or a list of them.
    fn emails(&mut self, yaml: &mut Yaml<'_>, key: &str, value: Piece) -> Result<Vec<String>> {
        match value {
            Piece::List(_) => self.list(yaml, key, value),
            value => Ok(self.text(key, value)?.into_iter().collect()),
        }
    }

    fn metadata(&mut self, yaml: &mut Yaml<'_>, key: &str, value: Piece) -> Result<()> {
        let Piece::Mapping(tag) = value else {
            return Err(wrong_kind(key, "a mapping of texts"));
        };
        no_tag(tag)?;
        yaml.mapping(|_, inner, value| {
            let text = some_text(inner, value)?;
            check_metadata(inner, &text)?;
            self.keep(inner.len() + text.len() + 2 * size_of::<String>())?;
            self.metadata.insert(inner.to_owned(), text);
            Ok(())
        })
    }

    fn requirement(&mut self, yaml: &mut Yaml<'_>, key: &str, value: Piece) -> Result<Requirement> {
        let requirement = requirement(yaml, key, value)?;
        self.keep(requirement.to_string().len())?;
        Ok(requirement)
    }

    fn dependencies(&mut self, yaml: &mut Yaml<'_>, key: &str, value: Piece) -> Result<()> {
        if !begins_list(key, value, "a list of dependencies")? {
            return Ok(());
        }
        yaml.list(|yaml, item| {
            if item != Piece::Mapping(Some(DEPENDENCY.to_owned())) {
                return Err(wrong_kind(key, "a list of dependencies"));
            }
            let dependency = dependency(yaml)?;
            let requirement = dependency.requirement.to_string().len();
            self.keep(DEPENDENCY_SIZE + dependency.name.as_str().len() + requirement)?;
            self.dependencies.push(dependency);
            Ok(())
        })
    }

    fn finish(self) -> Result<Gemspec> {
        fn given<T>(key: &str, value: Option<T>) -> Result<T> {
            value.ok_or_else(|| invalid(format!("missing value for attribute {key}")))
        }
        let platform = platform(self.platform, self.original_platform)?;
        let authors = Some(self.authors).filter(|authors| !authors.is_empty());
        let spec = Spec {
            name: given("name", self.name)?,
            version: given("version", self.version)?,
            platform,
            authors: given("authors", authors)?,
            email: self.email,
            summary: given("summary", self.summary)?,
            description: self.description,
            homepage: self.homepage,
            licenses: self.licenses,
            metadata: self.metadata,
            dependencies: self.dependencies,
            required_ruby_version: self.required_ruby_version.unwrap_or_else(Requirement::any),
            required_rubygems_version: self
                .required_rubygems_version
                .unwrap_or_else(Requirement::any),
            rubygems_version: self.rubygems_version.unwrap_or_else(|| "0".to_owned()),
            date: self.date,
        };
        check_text("authors", &spec.authors.join(", "))?;
        check_licenses(&spec.licenses)?;
        check_homepage(spec.homepage.as_deref().unwrap_or_default())?;
        check_dependencies(&spec)?;
        Ok(Gemspec {
            spec,
            signed: self.signed,
        })
    }
}

/// The platform as it was spelled at first, which has to come to the one that clients read.
fn platform(read: Option<String>, original: Option<String>) -> Result<Platform> {
    let blank = |text: &String| !text.is_empty();
    let read = read
        .filter(blank)
        .map_or(Ok(Platform::ruby()), |text| text.parse())?;
    let Some(original) = original.filter(blank) else {
        return Ok(read);
    };
    let original: Platform = original.parse()?;
    if original.resolved() != read.resolved() {
        let message = "There was a problem saving your gem: the uploaded spec has malformed platform \
                       attributes";
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    Ok(original)
}

fn dependency(yaml: &mut Yaml<'_>) -> Result<Dependency> {
    let (mut name, mut kind, mut prerelease) = (None, None, false);
    let (mut requirement, mut old_requirement) = (None, None);
    yaml.mapping(|yaml, key, value| {
        match key {
            "name" => name = Some(some_text(key, value)?),
            "type" => kind = Some(symbol(key, value)?),
            "prerelease" => prerelease = flag(key, &value)?,
            "requirement" => requirement = Some(self::requirement(yaml, key, value)?),
            "version_requirements" => old_requirement = Some(self::requirement(yaml, key, value)?),
            _ => skip(yaml, value)?,
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| invalid("a dependency has no name"))?;
    let name: GemName = name.parse()?;
    let kind = match kind.as_deref() {
        None | Some("runtime") => DependencyKind::Runtime,
        Some("development") => DependencyKind::Development,
        Some(_) => {
            return Err(invalid(format!(
                "the dependency {name} is of an unknown type"
            )));
        }
    };
    let requirement = requirement.or(old_requirement);
    Ok(Dependency {
        requirement: requirement
            .ok_or_else(|| invalid(format!("the dependency {name} has no requirement")))?,
        name,
        kind,
        prerelease,
    })
}

/// A day, whatever time of it stands behind.
fn date(key: &str, piece: Piece) -> Result<Option<Date>> {
    let wrong = || wrong_kind(key, "a date");
    let Piece::Scalar(Scalar { tag, text, plain }) = piece else {
        return Err(wrong());
    };
    if plain && text.is_empty() {
        return Ok(None);
    }
    no_tag(tag)?;
    let (day, rest) = text.split_at_checked(10).ok_or_else(wrong)?;
    let day: Date = day.parse().map_err(|_| wrong())?;
    let at_a_time = rest.is_empty() || rest.starts_with([' ', 't', 'T']);
    (at_a_time && day.year() >= 1900)
        .then_some(Some(day))
        .ok_or_else(wrong)
}

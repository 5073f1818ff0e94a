//! Where settings come from: flags, then the environment, then the file, then the default.
//!
//! Nothing lists the keys that exist: they are those that were asked for. What was set and never
//! asked for is unknown, and the nearest that was is named.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use toml::de::{DeTable, DeValue};

use super::value::Wrong;

/// How the variables of the environment begin.
const PREFIX: &str = "REGISTRY_";

/// Everything that was set, and what was asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    flags: BTreeMap<&'static str, String>,
    env: BTreeMap<String, String>,
    file: BTreeMap<String, Written>,
    file_name: String,
    resolved: Vec<Resolved>,
}

/// A value in the file.
#[derive(Debug)]
struct Written {
    value: Vec<String>,
    line: usize,
}

/// A setting as it was resolved.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Its key, with its section before a dot.
    pub(crate) key: String,
    /// Its value as text, or as texts where it is a list; `None` when it is not set.
    pub(crate) value: Option<Vec<String>>,
    /// Whether it is a list.
    pub(crate) list: bool,
    /// Who said so.
    pub(crate) origin: String,
}

impl Sources {
    /// Gathers what was set. Without a name the file is `registry.toml`, where there is one.
    pub(crate) fn gather(
        flags: BTreeMap<&'static str, String>,
        env: impl Iterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self> {
        let mut sources = Self {
            flags,
            ..Self::default()
        };
        for (name, value) in env {
            if let Some(rest) = name.strip_prefix(PREFIX)
                && !value.is_empty()
                && !is_anothers(rest)
            {
                sources.env.insert(name, value);
            }
        }
        let named = sources.env.remove("REGISTRY_CONFIG");
        let named = file.map(Path::to_path_buf).or(named.map(Into::into));
        let path = named.clone().unwrap_or_else(|| "registry.toml".into());
        if named.is_some() || path.exists() {
            sources.file_name = path.display().to_string();
            let text = std::fs::read_to_string(&path);
            let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
            sources.file = parse(&text).map_err(|wrong| anyhow!("{}{wrong}", path.display()))?;
        }
        Ok(sources)
    }

    /// The names of the sections `[mount.NAME]`, in the file or by `REGISTRY_MOUNT_NAME_PROTOCOL`.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let written = self
            .file
            .keys()
            .filter_map(|key| key.strip_prefix("mount.")?.split_once('.'));
        let written = written.map(|(name, _)| name.to_owned());
        let set = self.env.keys().filter_map(|name| {
            let name = name
                .strip_prefix("REGISTRY_MOUNT_")?
                .strip_suffix("_PROTOCOL")?;
            Some(name.to_ascii_lowercase().replace('_', "-"))
        });
        let mut names: Vec<String> = written.chain(set).collect();
        names.sort();
        names.dedup();
        names
    }

    /// A setting that has a default.
    pub(crate) fn get<T>(
        &mut self,
        key: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<T> {
        let texts = self
            .texts(key, Some(&[default]), false)?
            .unwrap_or_default();
        self.parse(key, &texts.concat(), parse)
    }

    /// A setting that may be missing.
    pub(crate) fn optional<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>> {
        match self.texts(key, None, false)? {
            Some(texts) => self.parse(key, &texts.concat(), parse).map(Some),
            None => Ok(None),
        }
    }

    /// A setting that is a list; elsewhere than in the file its items are parted by commas.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        default: &[&str],
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<Vec<T>> {
        let texts = self.texts(key, Some(default), true)?.unwrap_or_default();
        texts
            .iter()
            .map(|text| self.parse(key, text, &parse))
            .collect()
    }

    fn parse<T>(
        &self,
        key: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<T> {
        parse(text).map_err(|wrong| self.fault(key, &wrong))
    }

    /// An error about a setting that was asked for.
    pub(crate) fn fault(&self, key: &str, wrong: &str) -> anyhow::Error {
        let origin = self
            .resolved
            .iter()
            .rev()
            .find(|resolved| resolved.key == key);
        let origin = origin.map_or("", |resolved| &resolved.origin);
        anyhow!("{origin}: {key}: {wrong}")
    }

    /// The text of a setting, from whoever has the first word.
    fn texts(
        &mut self,
        key: &str,
        default: Option<&[&str]>,
        list: bool,
    ) -> Result<Option<Vec<String>>> {
        let split = |text: String| -> Vec<String> {
            if list {
                text.split(',').map(|item| item.trim().to_owned()).collect()
            } else {
                vec![text]
            }
        };
        let variable = variable(key);
        let written = self.file.remove(key);
        let set = self.env.remove(&variable);
        let (value, origin) = if let Some(text) = self.flags.remove(key) {
            (
                Some(split(text)),
                format!("--{}", last(key).replace('_', "-")),
            )
        } else if let Some(text) = set {
            (Some(split(text)), variable)
        } else if let Some(written) = written {
            let origin = format!("{}:{}", self.file_name, written.line);
            if !list && written.value.len() != 1 {
                bail!("{origin}: {key}: it takes one value, no list");
            }
            (Some(written.value), origin)
        } else {
            let default = default.map(|texts| texts.iter().map(|&text| text.to_owned()).collect());
            (default, "default".to_owned())
        };
        self.resolved.push(Resolved {
            key: key.to_owned(),
            value: value.clone(),
            list,
            origin,
        });
        Ok(value)
    }

    /// Everything that was asked for.
    ///
    /// # Errors
    /// When something was set that nobody asked for.
    pub(crate) fn finish(self) -> Result<Vec<Resolved>> {
        let known = || self.resolved.iter().map(|resolved| resolved.key.as_str());
        if let Some((key, written)) = self.file.first_key_value() {
            let at = format!("{}:{}", self.file_name, written.line);
            let section = |key: &str| key.rsplit_once('.').map(|(section, _)| section.to_owned());
            let same = |other: &&str| section(other) == section(key);
            let nearest_here = nearest(key, known().filter(same));
            let Some(near) = nearest_here else {
                let section = section(key).unwrap_or_default();
                let sections: Vec<String> = known()
                    .filter_map(|key| key.rsplit_once('.').map(|(section, _)| section.to_owned()))
                    .collect();
                let near = nearest(&section, sections.iter().map(String::as_str));
                let near = near.unwrap_or_default();
                bail!("{at}: unknown section [{section}]; the nearest known one is [{near}]");
            };
            bail!(
                "{at}: unknown key `{}`; the nearest known one is `{}`",
                last(key),
                last(near)
            );
        }
        if let Some(name) = self.env.keys().next() {
            let names: Vec<String> = known().map(variable).collect();
            let near = nearest(name, names.iter().map(String::as_str)).unwrap_or_default();
            bail!("{name}: unknown setting in the environment; the nearest known one is {near}");
        }
        Ok(self.resolved)
    }
}

/// The variable that stands for a key.
fn variable(key: &str) -> String {
    format!(
        "{PREFIX}{}",
        key.replace(['.', '-'], "_").to_ascii_uppercase()
    )
}

fn last(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, last)| last)
}

fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.min_by_key(|candidate| strsim::damerau_levenshtein(word, candidate))
}

/// Whether a variable is not meant for this program: podman, skopeo and buildah find the passwords of
/// their users by `REGISTRY_AUTH_FILE`.
fn is_anothers(rest: &str) -> bool {
    rest == "AUTH_FILE" || is_service_link(rest)
}

/// Whether a variable is one that Kubernetes sets by itself beside a service called `registry` or
/// `registry-…`.
fn is_service_link(rest: &str) -> bool {
    let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let port = rest
        .rsplit_once("PORT_")
        .is_some_and(|(_, tail)| digits(tail));
    let word = |end: &str| rest == end || rest.ends_with(&format!("_{end}"));
    port || word("PORT")
        || word("SERVICE_HOST")
        || word("SERVICE_PORT")
        || rest.contains("SERVICE_PORT_")
}

/// The settings of a file by their keys. An error begins with `:line: `.
fn parse(text: &str) -> Result<BTreeMap<String, Written>, String> {
    let line = |offset: usize| {
        1 + text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(1, |span| line(span.start));
        format!(":{at}: {}", error.message())
    })?;
    let mut settings = BTreeMap::new();
    let mut open = vec![(String::new(), table.into_inner())];
    while let Some((prefix, table)) = open.pop() {
        for (name, value) in table {
            let at = line(name.span().start);
            let key = format!("{prefix}{}", name.get_ref());
            let value = value.into_inner();
            if let DeValue::Table(inner) = value {
                open.push((format!("{key}."), inner));
                continue;
            }
            let items = match value {
                DeValue::Array(items) => items.into_iter().map(|item| item.into_inner()).collect(),
                single => vec![single],
            };
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            let value = texts.ok_or_else(|| {
                format!(":{at}: {key}: it takes a text, a number or a list of them")
            })?;
            settings.insert(key, Written { value, line: at });
        }
    }
    Ok(settings)
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

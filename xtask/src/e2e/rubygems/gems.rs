//! Gems to build and publish.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::super::World;
use super::client;

/// A gem with one file, which says what it is.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) platform: Option<String>,
    /// Lines of its specification.
    pub(super) more: Vec<String>,
    /// What its file holds.
    pub(super) content: String,
}

impl Source {
    pub(super) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            platform: None,
            more: Vec::new(),
            content: format!("{name} {version}"),
        }
    }

    /// The same for a platform.
    pub(super) fn on(mut self, platform: &str) -> Self {
        self.platform = Some(platform.to_owned());
        self.content += &format!(" {platform}");
        self
    }

    /// The same with another line in its specification.
    pub(super) fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    /// The constant in which it says what it is.
    pub(super) fn constant(name: &str) -> String {
        name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
            .to_uppercase()
    }

    /// Builds it with the real client, in a folder of its own.
    pub(super) fn build(&self, world: &World) -> Result<PathBuf> {
        let parent = world.folder.join("gems");
        fs::create_dir_all(&parent)?;
        let folder = (1..)
            .map(|number| parent.join(number.to_string()))
            .find(|folder| !folder.exists())
            .context("a folder")?;
        fs::create_dir_all(folder.join("lib"))?;
        let Self {
            name,
            version,
            content,
            ..
        } = self;
        let file = format!("lib/{name}.rb");
        let constant = Self::constant(name);
        fs::write(folder.join(&file), format!("{constant} = {content:?}\n"))?;
        let mut specification = format!(
            "Gem::Specification.new do |s|\n  s.name = {name:?}\n  s.version = {version:?}\n  \
             s.summary = \"The gem {name}\"\n  s.description = \"Used in a test: \u{e9}\"\n  \
             s.authors = [\"A. Author\"]\n  s.email = \"author@example.invalid\"\n  \
             s.homepage = \"https://example.invalid/{name}\"\n  s.license = \"MIT\"\n  \
             s.files = [{file:?}]\n"
        );
        for line in self
            .platform
            .iter()
            .map(|platform| format!("platform = {platform:?}"))
        {
            writeln!(specification, "  s.{line}")?;
        }
        for line in &self.more {
            writeln!(specification, "  s.{line}")?;
        }
        fs::write(folder.join("gem.gemspec"), specification + "end\n")?;
        let built = folder.join("built.gem");
        let home = format!(
            "build-{}",
            folder.file_name().context("a name")?.to_string_lossy()
        );
        let gem = client(world, &world.server, &home, "gem")?;
        let output = built.to_string_lossy();
        let arguments = ["build", "gem.gemspec", "--output", &output];
        gem.ok(&folder, &arguments, &["Successfully built RubyGem"])?;
        Ok(built)
    }
}

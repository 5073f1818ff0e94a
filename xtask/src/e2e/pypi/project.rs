//! Projects to build and publish.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::super::World;
use super::client;
use crate::tools;

/// A project with one module, which says what it is.
pub(super) struct Project {
    pub(super) name: String,
    pub(super) version: String,
    /// What it depends on.
    pub(super) depends: Vec<String>,
    /// What its module holds.
    pub(super) content: String,
    /// Whether setuptools builds it, and not hatchling.
    pub(super) setuptools: bool,
}

impl Project {
    pub(super) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            depends: Vec::new(),
            content: format!("{name} {version}"),
            setuptools: false,
        }
    }

    /// What its module is called.
    pub(super) fn module(&self) -> String {
        module(&self.name)
    }

    /// A new folder with its source.
    pub(super) fn write(&self, world: &World) -> Result<PathBuf> {
        let parent = world.folder.join("projects");
        fs::create_dir_all(&parent)?;
        let folder = (1..)
            .map(|number| parent.join(format!("{}-{}-{number}", self.name, self.version)))
            .find(|folder| !folder.exists())
            .context("a folder")?;
        let module = self.module();
        fs::create_dir_all(folder.join(&module))?;
        let backend = if self.setuptools {
            "requires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n"
        } else {
            "requires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n"
        };
        let Self {
            name,
            version,
            depends,
            ..
        } = self;
        let manifest = format!(
            "[build-system]\n{backend}\n[project]\nname = \"{name}\"\nversion = \"{version}\"\n\
             description = \"The package {name}\"\nreadme = \"README.md\"\n\
             requires-python = \">=3.8\"\nlicense = \"MIT\"\nlicense-files = [\"LICENSE\"]\n\
             dependencies = {depends:?}\n[project.scripts]\n{module} = \"{module}:main\"\n\
             [tool.hatch.build.targets.wheel]\npackages = [\"{module}\"]\n\
             [tool.setuptools]\npackages = [\"{module}\"]\n"
        );
        let content = &self.content;
        let code = format!("CONTENT = \"{content}\"\n\n\ndef main():\n    print(CONTENT)\n");
        for (file, text) in [
            ("pyproject.toml", manifest.as_str()),
            ("README.md", "# A package\n\nUsed in a test.\n"),
            ("LICENSE", "MIT\n"),
            (&format!("{module}/__init__.py"), &code),
        ] {
            fs::write(folder.join(file), text)?;
        }
        Ok(folder)
    }

    /// Its wheel and its source distribution, built from a new folder.
    pub(super) fn build(&self, world: &World) -> Result<Vec<String>> {
        let folder = self.write(world)?;
        let name = folder
            .file_name()
            .context("a folder has a name")?
            .to_string_lossy();
        let command = [tools::PYTHON, "-m", "build", "--no-isolation"];
        let build = client(world, &format!("build-{name}"), &command, &[])?;
        build.ok(&folder, &[], &["Successfully built"])?;
        let mut files = Vec::new();
        for entry in fs::read_dir(folder.join("dist"))? {
            files.push(entry?.path().to_string_lossy().into_owned());
        }
        files.sort();
        ensure!(
            files.len() == 2,
            "a wheel and a source distribution: {files:?}"
        );
        Ok(files)
    }
}

/// What the module of a package is called.
pub(super) fn module(name: &str) -> String {
    name.to_lowercase().replace(['-', '.'], "_")
}

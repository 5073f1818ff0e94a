//! Packages to upload.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::anybody;
use crate::e2e::World;
use crate::proc;

/// A package with one class, which says what it is.
pub(super) struct Package {
    /// Its `composer.json`.
    pub(super) manifest: Value,
    class: String,
    text: String,
}

impl Package {
    /// The package `acme/{name}`, whose `composer.json` has a version if `version` is not empty.
    pub(super) fn new(name: &str, version: &str) -> Self {
        let class = class(name);
        let mut manifest = json!({
            "name": format!("acme/{name}"),
            "description": format!("The package {name}"),
            "license": "MIT",
            "keywords": ["keyword-of-the-run"],
            "authors": [{ "name": "A. Author", "email": "author@acme.example" }],
            "require": { "php": ">=7.2" },
            "autoload": { "psr-4": { "Acme\\": "src/" } },
        });
        if !version.is_empty() {
            manifest["version"] = json!(version);
        }
        Self {
            manifest,
            class,
            text: format!("{name} {version}"),
        }
    }

    /// With other content.
    pub(super) fn saying(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// With one more field in its `composer.json`.
    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        self.manifest[key] = value;
        self
    }

    /// A new folder with its source.
    pub(super) fn write(&self, world: &World) -> Result<PathBuf> {
        let parent = world.folder.join("packages");
        fs::create_dir_all(&parent)?;
        let folder = tempfile::Builder::new()
            .prefix("package-")
            .tempdir_in(parent)?
            .keep();
        fs::create_dir_all(folder.join("src"))?;
        let Self { class, text, .. } = self;
        let code =
            format!("<?php\nnamespace Acme;\nclass {class}\n{{\n    const TEXT = '{text}';\n}}\n");
        let manifest = format!("{:#}\n", self.manifest);
        fs::write(folder.join("composer.json"), manifest)?;
        fs::write(folder.join("src").join(format!("{class}.php")), code)?;
        Ok(folder)
    }

    /// A zip of it, made by git, with everything in one folder, as the zips of git's hosts are.
    pub(super) fn zip(&self, world: &World) -> Result<PathBuf> {
        let folder = self.write(world)?;
        let git = |arguments: &[&str]| {
            let mut git = proc::command("git", &folder);
            let own = ["-c", "user.name=a", "-c", "user.email=a@acme.example"];
            proc::output(git.args(own).args(arguments)).map(drop)
        };
        git(&["init", "--quiet"])?;
        git(&["add", "."])?;
        git(&["commit", "--quiet", "--message", "A package"])?;
        let zip = folder.join("package.zip");
        let output = format!("--output={}", zip.display());
        git(&[
            "archive",
            "--format=zip",
            "--prefix=package-1/",
            &output,
            "HEAD",
        ])?;
        Ok(zip)
    }

    /// A zip of it, made by Composer.
    pub(super) fn archive(&self, world: &World, home: &str) -> Result<PathBuf> {
        let folder = self.write(world)?;
        let arguments = ["archive", "--format=zip", "--file=package"];
        anybody(world, home)?.ok(&folder, &arguments, &["Created"])?;
        let zip = folder.join("package.zip");
        ensure!(zip.is_file(), "no {}", zip.display());
        Ok(zip)
    }
}

/// The name of a package's class.
fn class(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

/// The SHA-1 of a file, in hexadecimal.
pub(super) fn sha1(file: &Path) -> Result<String> {
    use sha1::{Digest, Sha1};
    let digits = Sha1::digest(fs::read(file)?);
    Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

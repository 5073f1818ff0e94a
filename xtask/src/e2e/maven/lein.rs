//! Leiningen, which deploys; to resolve, it wants tools of its own that are not to be had here.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::super::client::Client;
use super::super::{PASSWORD, Run, USER, World};
use super::{elements, get, has_file, has_versions, project};

const GROUP: &str = "org.acme.lein";

/// Leiningen speaks plain HTTP only when it is told so.
const PLAIN_HTTP: &str = "\
(require 'cemerick.pomegranate.aether)
(cemerick.pomegranate.aether/register-wagon-factory!
  \"http\" #(org.apache.maven.wagon.providers.http.HttpWagon.))
";

/// A project with this name and version, which knows this registry and no other.
fn write(world: &World, folder: &Path, name: &str, version: &str, more: &str) -> Result<()> {
    let url = world.mount("maven");
    let text = format!(
        "{PLAIN_HTTP}(defproject {GROUP}/{name} \"{version}\"\n\
         :description \"A library\" :url \"https://example.invalid\"\n\
         :license {{:name \"MIT\"}}\n\
         :repositories ^:replace [[\"e2e\" {{:url \"{url}\" :update :always}}]]\n\
         :plugin-repositories ^:replace []\n\
         :deploy-repositories [[\"e2e\" {{:url \"{url}\" :username \"{USER}\" \
         :password \"{PASSWORD}\" :sign-releases false}}]]\n{more})\n"
    );
    Ok(fs::write(folder.join("project.clj"), text)?)
}

fn library(world: &World, folder: &Path, version: &str, content: &str) -> Result<()> {
    fs::create_dir_all(folder.join("resources"))?;
    fs::write(folder.join("resources/lib.txt"), content)?;
    write(world, folder, "lib", version, ":dependencies []")
}

pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let mut lein = Client::new(world, "lein", &["lein"], &[])?;
    super::at_home(&mut lein);
    let sources = project(world, "lein", "sources")?;
    run.step(world, "lein: deploy a release", || {
        library(world, &sources, "1.0", "one")?;
        lein.ok(&sources, &["deploy", "e2e"], &[])?;
        has_versions(world, GROUP, "lib", &["1.0"])?;
        has_file(
            world,
            GROUP,
            "lib/1.0/lib-1.0.jar",
            &sources.join("target/lib-1.0.jar"),
        )
    })?;
    run.step(world, "lein: a release with other bytes is refused", || {
        let changed = project(world, "lein", "changed")?;
        library(world, &changed, "1.0", "changed")?;
        lein.refused(&changed, &["deploy", "e2e"], &["409"])?;
        has_file(
            world,
            GROUP,
            "lib/1.0/lib-1.0.jar",
            &sources.join("target/lib-1.0.jar"),
        )
    })?;
    run.step(world, "lein: deploy a snapshot, twice", || {
        for (number, content) in [("1", "early"), ("2", "late")] {
            library(world, &sources, "2.0-SNAPSHOT", content)?;
            lein.ok(&sources, &["deploy", "e2e"], &[])?;
            let path = "lib/2.0-SNAPSHOT/maven-metadata.xml";
            let xml = get(world, GROUP, path)?.successful(path)?.text();
            anyhow::ensure!(elements(&xml, "buildNumber") == [number], "{xml}");
        }
        Ok(())
    })
}

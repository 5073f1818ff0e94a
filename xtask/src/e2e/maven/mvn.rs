//! Maven 3.8, 3.9 and 4.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::super::client::Client;
use super::super::mixed::{self, Round};
use super::super::{PASSWORD, READER, Run, USER, World};
use super::{elements, fetched, get, has_file, has_versions, project};
use crate::maven_project::{self, Project};
use crate::tools;

/// What the registry is called in Maven's settings.
const REGISTRY: &str = "e2e";

/// One Maven: what it is called in steps, and its program, below the tools folder or on the path.
struct Mvn {
    name: &'static str,
    program: &'static str,
    /// The group that it publishes to.
    group: &'static str,
    /// What it prints of a release that is there with other bytes.
    conflict: &'static [&'static str],
    /// Whether it tells the server of plugins' prefixes: before 3.9 the deploy plugin of these builds
    /// does not.
    prefixes: bool,
}

/// Deploys a release of several modules and resolves it into an empty local repository, again and again.
pub(in super::super) fn round(world: &World) -> Result<Round<'_>> {
    let mvn = Mvn {
        name: "mixed",
        program: "mvn",
        group: "org.acme.mixed",
        conflict: &[],
        prefixes: false,
    };
    let alice = mvn.client(world, "alice", &world.mount("maven"), Some(USER))?;
    let sources = project(world, mvn.name, "sources")?;
    Ok(Box::new(move |number| {
        let version = format!("1.{number}");
        mvn.write(&sources, &version, &version)?;
        mvn.deploy(world, &alice, &sources)?;
        let who = format!("consumer-{number}");
        let anybody = mvn.client(world, &who, &world.mount("maven"), None)?;
        let folder = project(world, mvn.name, &who)?;
        maven_project::write_consumer(&folder, &[(mvn.group, "app", &version)])?;
        anybody.ok(&folder, &["package"], &[])?;
        mixed::clear(&[folder, anybody.home])
    }))
}

pub(in super::super) fn steps_3_8(run: &mut Run, world: &World) -> Result<()> {
    let mvn = Mvn {
        name: "mvn 3.8",
        program: "mvn",
        group: "org.acme.mvn38",
        conflict: &["409"],
        prefixes: false,
    };
    mvn.steps(run, world)
}

pub(in super::super) fn steps_3_9(run: &mut Run, world: &World) -> Result<()> {
    let mvn = Mvn {
        name: "mvn 3.9",
        program: tools::MAVEN_3_9,
        group: "org.acme.mvn39",
        conflict: &["409"],
        prefixes: true,
    };
    mvn.steps(run, world)
}

pub(in super::super) fn steps_4(run: &mut Run, world: &World) -> Result<()> {
    let mvn = Mvn {
        name: "mvn 4",
        program: tools::MAVEN_4,
        group: "org.acme.mvn4",
        conflict: &["409"],
        prefixes: true,
    };
    mvn.steps(run, world)
}

impl Mvn {
    fn steps(&self, run: &mut Run, world: &World) -> Result<()> {
        let alice = self.client(world, "alice", &world.mount("maven"), Some(USER))?;
        let sources = project(world, self.name, "sources")?;
        self.releases(run, world, &alice, &sources)?;
        self.snapshots(run, world, &alice, &sources)?;
        self.consumers(run, world, &sources)?;
        self.refusals(run, world, &sources)
    }

    /// A Maven with an empty local repository, whose plugins come from a folder.
    fn client(&self, world: &World, who: &str, url: &str, user: Option<&str>) -> Result<Client> {
        let program = match self.program {
            "mvn" => "mvn".to_owned(),
            below => path(&tools::path(&world.root, below)),
        };
        let words = [&*program, "--batch-mode", "--no-transfer-progress"];
        let home = format!("{}-{who}", self.name.replace(' ', "-"));
        let mut client = Client::new(world, &home, &words, &[])?;
        super::at_home(&mut client);
        let folder = client.home.join(".m2");
        fs::create_dir_all(&folder)?;
        let plugins = path(&tools::path(&world.root, tools::MAVEN_PLUGINS).canonicalize()?);
        let server = user.map(|user| {
            format!(
                "<servers><server><id>{REGISTRY}</id><username>{user}</username>\
                 <password>{PASSWORD}</password></server></servers>"
            )
        });
        let (server, local) = (server.unwrap_or_default(), path(&folder.join("repository")));
        let of = |list: &str, item: &str| {
            format!(
                "<{list}><{item}><id>{REGISTRY}</id><url>{url}</url><snapshots><enabled>true\
                 </enabled><updatePolicy>always</updatePolicy></snapshots></{item}></{list}>"
            )
        };
        let settings = format!(
            "<settings><localRepository>{local}</localRepository>{server}\
             <pluginGroups><pluginGroup>{}</pluginGroup></pluginGroups>\
             <mirrors><mirror><id>plugins</id><mirrorOf>central</mirrorOf>\
             <url>file://{plugins}</url></mirror></mirrors>\
             <profiles><profile><id>e2e</id>{}{}</profile></profiles>\
             <activeProfiles><activeProfile>e2e</activeProfile></activeProfiles></settings>",
            self.group,
            of("repositories", "repository"),
            of("pluginRepositories", "pluginRepository"),
        );
        fs::write(folder.join("settings.xml"), settings)?;
        Ok(client)
    }

    fn write(&self, folder: &Path, version: &str, content: &str) -> Result<()> {
        let project = Project {
            group: self.group,
            version,
            content,
        };
        project.write(folder)
    }

    /// `mvn deploy` of all modules.
    fn deploy(&self, world: &World, client: &Client, folder: &Path) -> Result<()> {
        client.ok(folder, &["deploy", &target(&world.mount("maven"))], &[])?;
        Ok(())
    }

    fn step(
        &self,
        run: &mut Run,
        world: &World,
        what: &str,
        step: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        run.step(world, &format!("{}: {what}", self.name), step)
    }

    fn releases(&self, run: &mut Run, world: &World, alice: &Client, sources: &Path) -> Result<()> {
        let group = self.group;
        self.step(run, world, "deploy a release of several modules", || {
            self.write(sources, "1.0", "one")?;
            self.deploy(world, alice, sources)?;
            has_versions(world, group, "lib", &["1.0"])?;
            has_versions(world, group, "parent", &["1.0"])?;
            for (path, file) in [
                ("lib/1.0/lib-1.0.jar", "lib/target/lib-1.0.jar"),
                (
                    "lib/1.0/lib-1.0-sources.jar",
                    "lib/target/lib-1.0-sources.jar",
                ),
                ("app/1.0/app-1.0.jar", "app/target/app-1.0.jar"),
            ] {
                has_file(world, group, path, &sources.join(file))?;
            }
            keep(sources, "lib/target/lib-1.0.jar", "lib-1.0")
        })?;
        self.step(run, world, "the same release again succeeds", || {
            self.deploy(world, alice, sources)?;
            has_versions(world, group, "lib", &["1.0"])
        })?;
        self.step(run, world, "a release with other bytes is refused", || {
            let changed = project(world, self.name, "changed")?;
            self.write(&changed, "1.0", "changed")?;
            let to = target(&world.mount("maven"));
            alice.refused(&changed, &["deploy", &to], self.conflict)?;
            let kept = sources.join("lib-1.0");
            has_file(world, group, "lib/1.0/lib-1.0.jar", &kept)
        })?;
        self.step(run, world, "deploy a second release", || {
            self.write(sources, "1.10", "ten")?;
            self.deploy(world, alice, sources)?;
            keep(sources, "lib/target/lib-1.10.jar", "lib-1.10")?;
            self.write(sources, "1.9", "nine")?;
            self.deploy(world, alice, sources)?;
            has_versions(world, group, "lib", &["1.0", "1.9", "1.10"])
        })
    }

    fn snapshots(
        &self,
        run: &mut Run,
        world: &World,
        alice: &Client,
        sources: &Path,
    ) -> Result<()> {
        let group = self.group;
        for (number, content) in [("1", "early"), ("2", "late")] {
            let what = format!("deploy a snapshot, build {number}");
            self.step(run, world, &what, || {
                self.write(sources, "2.0-SNAPSHOT", content)?;
                self.deploy(world, alice, sources)?;
                let path = "lib/2.0-SNAPSHOT/maven-metadata.xml";
                let xml = get(world, group, path)?.successful(path)?.text();
                ensure!(elements(&xml, "buildNumber") == [number], "{xml}");
                // The name without a time is that of the newest.
                let built = sources.join("lib/target/lib-2.0-SNAPSHOT.jar");
                has_file(
                    world,
                    group,
                    "lib/2.0-SNAPSHOT/lib-2.0-SNAPSHOT.jar",
                    &built,
                )?;
                super::checksums(world, group, path)?;
                keep(
                    sources,
                    "lib/target/lib-2.0-SNAPSHOT.jar",
                    "lib-2.0-SNAPSHOT",
                )
            })?;
        }
        Ok(())
    }

    /// Others resolve what was deployed, with nothing in their local repositories.
    fn consumers(&self, run: &mut Run, world: &World, sources: &Path) -> Result<()> {
        let group = self.group;
        for (what, artifact, version, jar, wanted) in [
            ("a release", "app", "1.0", "lib-", "lib-1.0"),
            ("a range", "lib", "[1.0,1.99]", "lib-", "lib-1.10"),
            (
                "a snapshot",
                "app",
                "2.0-SNAPSHOT",
                "lib-",
                "lib-2.0-SNAPSHOT",
            ),
        ] {
            let name = format!("resolve {what}, from an empty local repository");
            self.step(run, world, &name, || {
                let who = format!("consumer-{}", what.replace(' ', "-"));
                let anybody = self.client(world, &who, &world.mount("maven"), None)?;
                let folder = project(world, self.name, &who)?;
                maven_project::write_consumer(&folder, &[(group, artifact, version)])?;
                anybody.ok(&folder, &["package"], &[])?;
                let copied = folder.join("target").join("dependency");
                fetched(&copied, jar, &sources.join(wanted))
            })?;
        }
        if self.prefixes {
            self.step(run, world, "run a plugin by its prefix", || {
                let anybody = self.client(world, "plugin", &world.mount("maven"), None)?;
                let folder = project(world, self.name, "plugin")?;
                anybody
                    .ok(&folder, &["tool:hello"], &["the tool says ten"])
                    .map(drop)
            })?;
        }
        self.step(run, world, "resolve where reading needs a password", || {
            let closed = world.replica(&[("REGISTRY_ANONYMOUS", "none")])?;
            let url = format!("http://127.0.0.1:{}/maven", closed.port);
            let depends = [(group, "app", "1.0")];
            let folder = project(world, self.name, "closed")?;
            maven_project::write_consumer(&folder, &depends)?;
            let nobody = self.client(world, "nobody", &url, None)?;
            nobody.refused(&folder, &["package"], &["401"])?;
            let reader = self.client(world, "reader", &url, Some(READER))?;
            reader.ok(&folder, &["package"], &[])?;
            let copied = folder.join("target").join("dependency");
            fetched(&copied, "lib-", &sources.join("lib-1.0"))?;
            closed.stop()
        })
    }

    fn refusals(&self, run: &mut Run, world: &World, sources: &Path) -> Result<()> {
        let url = world.mount("maven");
        let to = target(&url);
        let deploy = ["deploy", to.as_str()];
        self.write(sources, "3.0", "three")?;
        self.step(run, world, "a deploy without the right is refused", || {
            let reader = self.client(world, "carol", &url, Some(READER))?;
            reader.refused(sources, &deploy, &["403"])?;
            let nobody = self.client(world, "nobody-deploys", &url, None)?;
            nobody.refused(sources, &deploy, &["401"])?;
            let answer = get(world, self.group, "lib/3.0/lib-3.0.jar")?;
            ensure!(answer.status == 404, "it is there: {}", answer.status);
            has_versions(
                world,
                self.group,
                "lib",
                &["1.0", "1.9", "1.10", "2.0-SNAPSHOT"],
            )
        })
    }
}

/// Where to deploy to.
fn target(url: &str) -> String {
    format!("-DaltDeploymentRepository={REGISTRY}::{url}")
}

/// Copies what a build made, since the next one may make another of the same name.
fn keep(sources: &Path, made: &str, name: &str) -> Result<()> {
    fs::copy(sources.join(made), sources.join(name))?;
    Ok(())
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

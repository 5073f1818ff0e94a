//! Gradle 4.4, with the plugins `java` and `maven-publish`.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::super::client::Client;
use super::super::{PASSWORD, READER, Run, USER, World};
use super::{elements, fetched, get, has_file, has_versions, project};

const GROUP: &str = "org.acme.gradle";

/// What the system's Gradle needs to publish at all: it was packaged without the part that sends. The
/// rest of it is as it is.
const TRANSPORT: &str = "\
def add = URLClassLoader.getDeclaredMethod('addURL', URL)
add.accessible = true
def jar = new File('/usr/share/java/maven-resolver-transport-wagon.jar')
add.invoke(org.gradle.api.publish.maven.MavenPublication.classLoader, jar.toURI().toURL())
";
/// What Java has to allow for that.
const JVM: &str = "org.gradle.jvmargs=--add-opens=java.base/java.net=ALL-UNNAMED\n";

const PUBLISH: [&str; 3] = ["--console=plain", "--no-daemon", "publish"];
const FETCH: [&str; 3] = ["--console=plain", "--no-daemon", "fetch"];

/// A Gradle that has never run.
fn client(world: &World, home: &str) -> Result<Client> {
    let home = format!("gradle-{home}");
    let mut gradle = Client::new(world, &home, &["gradle"], &[])?;
    let own = gradle.home.join(".gradle").to_string_lossy().into_owned();
    super::at_home(&mut gradle);
    gradle.env.push(("GRADLE_USER_HOME".to_owned(), own));
    Ok(gradle)
}

/// A build that publishes a library as `user`.
fn library(folder: &Path, url: &str, user: &str, version: &str, content: &str) -> Result<()> {
    let resources = folder.join("src/main/resources");
    fs::create_dir_all(&resources)?;
    fs::write(resources.join("lib.txt"), content)?;
    fs::write(folder.join("settings.gradle"), "rootProject.name = 'lib'\n")?;
    fs::write(folder.join("gradle.properties"), JVM)?;
    let build = format!(
        "apply plugin: 'java'\napply plugin: 'maven-publish'\n{TRANSPORT}\
         group = '{GROUP}'\nversion = '{version}'\n\
         task sources(type: Jar) {{\n  classifier = 'sources'\n  from sourceSets.main.allSource\n}}\n\
         tasks.withType(AbstractArchiveTask) {{\n  preserveFileTimestamps = false\n  \
         reproducibleFileOrder = true\n}}\n\
         publishing {{\n  publications {{ main(MavenPublication) {{ from components.java\n\
         artifact sources }} }}\n  repositories {{ maven {{ url '{url}'\n\
         credentials {{ username '{user}'\npassword '{PASSWORD}' }} }} }}\n}}\n"
    );
    Ok(fs::write(folder.join("build.gradle"), build)?)
}

/// A build that copies a version of the library, and what it depends on, to `fetched`.
fn consumer(folder: &Path, url: &str, user: Option<&str>, version: &str) -> Result<()> {
    fs::write(
        folder.join("settings.gradle"),
        "rootProject.name = 'consumer'\n",
    )?;
    let credentials =
        user.map(|user| format!("credentials {{ username '{user}'\npassword '{PASSWORD}' }}"));
    let credentials = credentials.unwrap_or_default();
    let build = format!(
        "repositories {{ maven {{ url '{url}'\n{credentials} }} }}\n\
         configurations {{ wanted }}\n\
         dependencies {{ wanted '{GROUP}:lib:{version}' }}\n\
         task fetch(type: Copy) {{\n  from configurations.wanted\n  into 'fetched'\n}}\n"
    );
    Ok(fs::write(folder.join("build.gradle"), build)?)
}

pub(in super::super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let gradle = client(world, "alice")?;
    let sources = project(world, "gradle", "sources")?;
    releases(run, world, &gradle, &sources)?;
    snapshots(run, world, &gradle, &sources)?;
    consumers(run, world, &sources)
}

fn releases(run: &mut Run, world: &World, gradle: &Client, sources: &Path) -> Result<()> {
    let url = world.mount("maven");
    let jar = |version: &str| sources.join(format!("build/libs/lib-{version}.jar"));
    run.step(world, "gradle: publish a release, twice", || {
        library(sources, &url, USER, "1.0", "one")?;
        gradle.ok(sources, &PUBLISH, &["BUILD SUCCESSFUL"])?;
        gradle.ok(sources, &PUBLISH, &["BUILD SUCCESSFUL"])?;
        has_versions(world, GROUP, "lib", &["1.0"])?;
        has_file(world, GROUP, "lib/1.0/lib-1.0.jar", &jar("1.0"))?;
        let path = "lib/1.0/lib-1.0-sources.jar";
        has_file(
            world,
            GROUP,
            path,
            &sources.join("build/libs/lib-1.0-sources.jar"),
        )
    })?;
    run.step(
        world,
        "gradle: a release with other bytes is refused",
        || {
            let changed = project(world, "gradle", "changed")?;
            library(&changed, &url, USER, "1.0", "changed")?;
            gradle.refused(&changed, &PUBLISH, &["409"])?;
            has_file(world, GROUP, "lib/1.0/lib-1.0.jar", &jar("1.0"))
        },
    )?;
    run.step(world, "gradle: publish more releases", || {
        for (version, content) in [("1.10", "ten"), ("1.9", "nine")] {
            library(sources, &url, USER, version, content)?;
            gradle.ok(sources, &PUBLISH, &["BUILD SUCCESSFUL"])?;
        }
        has_versions(world, GROUP, "lib", &["1.0", "1.9", "1.10"])
    })?;
    run.step(
        world,
        "gradle: a publish without the right is refused",
        || {
            let denied = project(world, "gradle", "denied")?;
            library(&denied, &url, READER, "3.0", "denied")?;
            gradle.refused(&denied, &PUBLISH, &["403"])?;
            let answer = get(world, GROUP, "lib/3.0/lib-3.0.jar")?;
            ensure!(answer.status == 404, "it is there: {}", answer.status);
            Ok(())
        },
    )
}

fn snapshots(run: &mut Run, world: &World, gradle: &Client, sources: &Path) -> Result<()> {
    let url = world.mount("maven");
    run.step(world, "gradle: publish a snapshot, twice", || {
        for (number, content) in [("1", "early"), ("2", "late")] {
            library(sources, &url, USER, "2.0-SNAPSHOT", content)?;
            gradle.ok(sources, &PUBLISH, &["BUILD SUCCESSFUL"])?;
            let path = "lib/2.0-SNAPSHOT/maven-metadata.xml";
            let xml = get(world, GROUP, path)?.successful(path)?.text();
            ensure!(elements(&xml, "buildNumber") == [number], "{xml}");
            let built = sources.join("build/libs/lib-2.0-SNAPSHOT.jar");
            has_file(
                world,
                GROUP,
                "lib/2.0-SNAPSHOT/lib-2.0-SNAPSHOT.jar",
                &built,
            )?;
        }
        Ok(())
    })
}

fn consumers(run: &mut Run, world: &World, sources: &Path) -> Result<()> {
    let url = world.mount("maven");
    for (what, version, wanted) in [
        ("a release", "1.0", "lib-1.0.jar"),
        ("a range", "[1.0,1.99]", "lib-1.10.jar"),
        ("a prefix", "1.+", "lib-1.10.jar"),
        ("a snapshot", "2.0-SNAPSHOT", "lib-2.0-SNAPSHOT.jar"),
    ] {
        run.step(world, &format!("gradle: resolve {what}"), || {
            let who = what.replace(' ', "-");
            let folder = project(world, "gradle", &who)?;
            consumer(&folder, &url, None, version)?;
            client(world, &who)?.ok(&folder, &FETCH, &["BUILD SUCCESSFUL"])?;
            let built = sources.join("build/libs").join(wanted);
            fetched(&folder.join("fetched"), "lib-", &built)
        })?;
    }
    run.step(
        world,
        "gradle: resolve where reading needs a password",
        || {
            let closed = world.replica(&[("REGISTRY_ANONYMOUS", "none")])?;
            let url = format!("http://127.0.0.1:{}/maven", closed.port);
            let folder = project(world, "gradle", "closed")?;
            consumer(&folder, &url, None, "1.0")?;
            client(world, "nobody")?.refused(&folder, &FETCH, &["401"])?;
            consumer(&folder, &url, Some(READER), "1.0")?;
            client(world, "reader")?.ok(&folder, &FETCH, &["BUILD SUCCESSFUL"])?;
            let built = sources.join("build/libs/lib-1.0.jar");
            fetched(&folder.join("fetched"), "lib-", &built)?;
            closed.stop()
        },
    )
}

use super::*;
use crate::VersionName;

fn place(path: &str) -> Result<Place> {
    let folder = path.ends_with('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.split('/').filter(|_| !path.is_empty()).collect();
    Place::parse(&segments, folder)
}

/// A file's coordinates in one line.
fn file(path: &str) -> String {
    let Place::File(path) = place(path).unwrap() else {
        panic!("{path} is a file");
    };
    let none = || "-".to_owned();
    let build = path
        .file
        .build
        .as_ref()
        .map_or_else(none, |b| b.to_string());
    let classifier = path.file.classifier.as_deref().unwrap_or("-");
    let checksum = path.checksum.map_or("-", |checksum| checksum.as_str());
    format!(
        "{} {} {} {build} {classifier} {} {checksum}",
        path.group, path.artifact, path.version, path.file.extension
    )
}

#[test]
fn files() {
    for (path, coordinates) in [
        ("org/acme/lib/1.0/lib-1.0.jar", "org.acme lib 1.0 - - jar -"),
        (
            "junit/junit/4.12/junit-4.12.pom",
            "junit junit 4.12 - - pom -",
        ),
        (
            "org/acme/lib/1.0/lib-1.0.jar.sha1",
            "org.acme lib 1.0 - - jar sha1",
        ),
        (
            "org/acme/lib/1.0/lib-1.0.jar.asc",
            "org.acme lib 1.0 - - jar.asc -",
        ),
        (
            "org/acme/lib/1.0/lib-1.0.jar.asc.md5",
            "org.acme lib 1.0 - - jar.asc md5",
        ),
        (
            "org/acme/lib/1.0/lib-1.0.tar.gz",
            "org.acme lib 1.0 - - tar.gz -",
        ),
        (
            "org/acme/lib/1.0/lib-1.0.spdx.json",
            "org.acme lib 1.0 - - spdx.json -",
        ),
        ("org/acme/lib/1.0/lib-1.0.7z", "org.acme lib 1.0 - - 7z -"),
        (
            "org/acme/lib/1.0/lib-1.0.module",
            "org.acme lib 1.0 - - module -",
        ),
        (
            "org/acme/lib/1.0/lib-1.0-sources.jar",
            "org.acme lib 1.0 - sources jar -",
        ),
        (
            "org/acme/lib/1.0/lib-1.0-build.pom",
            "org.acme lib 1.0 - build pom -",
        ),
        (
            "org/acme/lib/1.0/lib-1.0-bin.tar.gz.asc",
            "org.acme lib 1.0 - bin tar.gz.asc -",
        ),
        (
            "org/acme/lib/1.0/lib-1.0-sources.jar.sigstore.json.sha512",
            "org.acme lib 1.0 - sources jar.sigstore.json sha512",
        ),
        (
            "org/acme/lib/1.0/lib-1.0-linux-x86_64.v2.jar",
            "org.acme lib 1.0 - linux-x86_64.v2 jar -",
        ),
        (
            "org/acme/lib/2.0-SNAPSHOT/lib-2.0-SNAPSHOT.jar",
            "org.acme lib 2.0-SNAPSHOT - - jar -",
        ),
        (
            "org/acme/lib/2.0-SNAPSHOT/lib-2.0-SNAPSHOT-javadoc.jar",
            "org.acme lib 2.0-SNAPSHOT - javadoc jar -",
        ),
        (
            "org/acme/lib/2.0-SNAPSHOT/lib-2.0-20261123.001855-1.jar.md5",
            "org.acme lib 2.0-SNAPSHOT 20261123.001855-1 - jar md5",
        ),
        (
            "org/acme/lib/2.0-SNAPSHOT/lib-2.0-20261123.001855-12-sources.jar.asc",
            "org.acme lib 2.0-SNAPSHOT 20261123.001855-12 sources jar.asc -",
        ),
        (
            "org/acme/lib/SNAPSHOT/lib-20261123.001855-12.jar",
            "org.acme lib SNAPSHOT 20261123.001855-12 - jar -",
        ),
        ("a/lib-x/1-2/lib-x-1-2-3.zip", "a lib-x 1-2 - 3 zip -"),
        ("a/b/1+2~3/b-1+2~3.jar", "a b 1+2~3 - - jar -"),
        // An old sbt plugin's files lack what its folder has; a new one's do not.
        (
            "a/sbt-x_2.12_1.0/0.1/sbt-x-0.1.jar",
            "a sbt-x_2.12_1.0 0.1 - - jar -",
        ),
        (
            "a/sbt-x_2.12_1.0/0.1/sbt-x_2.12_1.0-0.1-sources.jar",
            "a sbt-x_2.12_1.0 0.1 - sources jar -",
        ),
        (
            "a/lib_2.13/0.1/lib_2.13-0.1.jar",
            "a lib_2.13 0.1 - - jar -",
        ),
        (
            "a/lib-metadata/1/lib-metadata-1-all.jar",
            "a lib-metadata 1 - all jar -",
        ),
        ("a/b.c/1/b.c-1.jar", "a b.c 1 - - jar -"),
    ] {
        assert_eq!(file(path), coordinates, "{path}");
    }
}

#[test]
fn no_files() {
    for path in [
        "lib-1.0.jar",
        "a/lib-1.0.jar",
        "lib/1.0/lib-1.0.jar",
        "org/acme/lib/1.0/other-1.0.jar",
        "org/acme/lib/1.0/lib-1.1.jar",
        "org/acme/lib/1.0/lib-1.0.1.jar",
        "org/acme/lib/1.0/lib-1.0",
        "org/acme/lib/1.0/lib-1.0.",
        "org/acme/lib/1.0/lib-1.0-",
        "org/acme/lib/1.0/lib-1.0-sources",
        "org/acme/lib/1.0/lib-1.0-.jar",
        "org/acme/lib/1.0/lib-1.0..jar",
        "org/acme/lib/1.0/lib-1.0sources.jar",
        "org/acme/lib/1.0/lib-1.0.jar.sha1.md5",
        "org/acme/lib/1.0/lib-1.0.jar/x",
        "org/acme/lib/1.0/lib-1.0-20261123.001855-1é.jar",
        "org/acme/lib/1.0/lib-1.0 x.jar",
        "org/acme/lib/1.0/lib-1.0.j\u{0}r",
        "org/acme/lib/1.0/.hidden",
        "org/acme/lib/1.0/../lib-1.0.jar",
        "org/acme/lib/../1.0/lib-1.0.jar",
        "org/acme/lib/1.0-20261123.001855-1/lib-1.0-20261123.001855-1.jar",
        "org/acme/lib/2.0-SNAPSHOT/lib-2.0-20261123.001855-0.jar",
        "org/acme/lib/2.0-SNAPSHOT/lib-2.0-20261123.001855.jar",
        "org/acme/lib/2.0-SNAPSHOT/lib-2.0.jar",
        "org.acme/lib/1.0/lib-1.0.jar",
        "org//lib/1.0/lib-1.0.jar",
        "/org/lib/1.0/lib-1.0.jar",
        "org/l b/1.0/l b-1.0.jar",
        "org/a\\b/1.0/a\\b-1.0.jar",
        "org/a/b/1.0/b/1.0/b-${x}.jar",
        "a/maven-metadata.xml/1/maven-metadata.xml-1.jar",
        "a/sbt-x_2.12_1.0/0.1/sbt-0.1.jar",
        "a/x_y_z/0.1/x-0.1.jar",
        ".meta/prefixes.txt",
        "archetype-catalog.xml",
        &format!("{}b/1/b-1.jar", "a/".repeat(64)),
        &format!("a/b/1/b-1-{}.jar", "x".repeat(500)),
    ] {
        let error = place(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{path}");
    }
}

#[test]
fn refusals_say_what_to_change() {
    let said = |path: &str| place(path).unwrap_err().to_string();
    expect_test::expect![[r#"
        "other-1.0.jar" is no name of a file here: it should be lib-1.0.EXTENSION or lib-1.0-CLASSIFIER.EXTENSION
        "lib-2.0.jar" is no name of a file here: it should be lib-2.0-SNAPSHOT.EXTENSION, lib-2.0-SNAPSHOT-CLASSIFIER.EXTENSION, or begin with lib-2.0-yyyyMMdd.HHmmss-N
        "org.acme" is no folder of a group: there is a folder for each part between dots, as org/acme for org.acme
        "1.0-20261123.001855-1" is no version: it names one build of a snapshot, whose files lie under 1.0-SNAPSHOT
        "l b" is no artifactId: it has ' ', and may have ASCII letters, digits and _ . - only
        files lie at GROUP/ARTIFACT/VERSION/FILE, with a folder for each part of the group
        checksums have no checksums of their own"#]]
    .assert_eq(
        &[
            "a/lib/1.0/other-1.0.jar",
            "a/lib/2.0-SNAPSHOT/lib-2.0.jar",
            "org.acme/lib/1.0/lib-1.0.jar",
            "a/lib/1.0-20261123.001855-1/x",
            "a/l b/1.0/x",
            "a/b",
            "a/b/1/b-1.jar.sha1.md5",
        ]
        .map(said)
        .join("\n"),
    );
}

#[test]
fn paths_are_put_together_again() {
    for path in [
        "org/acme/lib/1.0/lib-1.0.jar",
        "org/acme/lib/2.0-SNAPSHOT/lib-2.0-20261123.001855-12-sources.jar.asc",
    ] {
        let Place::File(file) = place(path).unwrap() else {
            panic!("{path} is a file");
        };
        assert_eq!(file.path(), path);
    }
}

#[test]
fn kinds_of_files() {
    let artifact: ArtifactId = "lib".parse().unwrap();
    let version: VersionName = "1.0".parse().unwrap();
    for (name, kinds) in [
        ("lib-1.0.pom", "pom any-pom"),
        ("lib-1.0-build.pom", "any-pom"),
        ("lib-1.0.pom.asc", "signature"),
        ("lib-1.0-build.pom.sigstore", "signature"),
        ("lib-1.0.jar.sigstore.json", "signature"),
        ("lib-1.0.module", "module"),
        ("lib-1.0-x.module", ""),
        ("lib-1.0.jar", ""),
    ] {
        let file = FileName::parse(&artifact, &version, name).unwrap();
        assert_eq!(file.as_str(), name);
        let all = [
            (file.is_pom(), "pom"),
            (file.is_any_pom(), "any-pom"),
            (file.is_module(), "module"),
            (file.is_signature(), "signature"),
        ];
        let all: Vec<_> = all
            .iter()
            .filter(|(is, _)| *is)
            .map(|(_, kind)| *kind)
            .collect();
        assert_eq!(all.join(" "), kinds, "{name}");
    }
}

#[test]
fn metadata_and_folders() {
    for (path, kind, levels) in [
        ("maven-metadata.xml", "metadata -", "- - -"),
        ("org/maven-metadata.xml", "metadata -", "org - -"),
        (
            "org/acme/maven-metadata.xml.sha256",
            "metadata sha256",
            "org.acme org:acme -",
        ),
        (
            "org/acme/lib/maven-metadata.xml",
            "metadata -",
            "org.acme.lib org.acme:lib -",
        ),
        (
            "org/acme/my.lib/maven-metadata.xml.md5",
            "metadata md5",
            "- org.acme:my.lib -",
        ),
        (
            "a/lib/1-SNAPSHOT/maven-metadata.xml",
            "metadata -",
            "a.lib.1-SNAPSHOT a.lib:1-SNAPSHOT a:lib:1-SNAPSHOT",
        ),
        (
            "a/lib/1.0-SNAPSHOT/maven-metadata.xml",
            "metadata -",
            "- a.lib:1.0-SNAPSHOT a:lib:1.0-SNAPSHOT",
        ),
        ("", "folder", "- - -"),
        ("org/", "folder", "org - -"),
        ("org/acme/lib/1.0/", "folder", "- org.acme.lib:1.0 -"),
        ("org/acme/lib/1+2/", "folder", "- - -"),
    ] {
        let (said, folder) = match place(path).unwrap() {
            Place::Metadata { folder, checksum } => {
                let checksum = checksum.map_or("-", |checksum| checksum.as_str());
                (format!("metadata {checksum}"), folder)
            }
            Place::Folder(folder) => ("folder".to_owned(), folder),
            Place::File(file) => panic!("{file:?}"),
        };
        assert_eq!(said, kind, "{path}");
        let Levels {
            group,
            artifact,
            snapshot,
        } = Levels::of(&folder);
        let none = || "-".to_owned();
        let group = group.map_or_else(none, |group| group.to_string());
        let artifact =
            artifact.map_or_else(none, |(group, artifact)| format!("{group}:{artifact}"));
        let snapshot = snapshot.map_or_else(none, |(group, artifact, version)| {
            format!("{group}:{artifact}:{version}")
        });
        assert_eq!(format!("{group} {artifact} {snapshot}"), levels, "{path}");
    }
    for bad in ["a/../maven-metadata.xml", "../", "a//", "a b/", "a/./"] {
        assert!(place(bad).is_err(), "{bad}");
    }
}

#[test]
fn names() {
    for good in [
        "org",
        "org.acme",
        "org.acme-x.y_z",
        "a.1.2",
        &"g".repeat(200),
    ] {
        let group: GroupId = good.parse().unwrap();
        assert_eq!(group.to_string(), good);
        let path = group.path();
        let segments: Vec<&str> = path.split('/').collect();
        assert_eq!(GroupId::of_path(&segments).unwrap(), group);
    }
    for bad in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a/b",
        "a+b",
        "ä",
        "a.-b",
        &"g".repeat(201),
    ] {
        assert!(bad.parse::<GroupId>().is_err(), "{bad}");
    }
    for good in ["a", "A-b_c.d", "_x", "lib_2.13", "sbt-x_2.12_1.0"] {
        assert_eq!(good.parse::<ArtifactId>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        "..",
        "-a",
        "a/b",
        "a+b",
        "ö",
        "maven-metadata.xml",
        &"a".repeat(201),
    ] {
        assert!(bad.parse::<ArtifactId>().is_err(), "{bad}");
    }
    for (name, plain) in [
        ("sbt-x_2.12_1.0", Some("sbt-x")),
        ("my_x_2.10_0.13", Some("my_x")),
        ("lib_2.13", None),
        ("a_b_c", None),
        ("_2.12_1.0", None),
    ] {
        assert_eq!(name.parse::<ArtifactId>().unwrap().without_sbt(), plain);
    }
}

use expect_test::expect;

use super::*;

fn version(text: &str) -> VersionName {
    text.parse().unwrap()
}

#[test]
fn an_artifact() {
    let (group, artifact) = ("org.acme".parse().unwrap(), "lib".parse().unwrap());
    let versions = ["1.10", "2.0-SNAPSHOT", "1.9", "1.10-rc1"].map(version);
    let level = ArtifactLevel::of(&group, &artifact, &versions, "20261123001855");
    let metadata = Metadata {
        artifact: Some(level),
        ..Metadata::default()
    };
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <metadata>
          <groupId>org.acme</groupId>
          <artifactId>lib</artifactId>
          <versioning>
            <latest>2.0-SNAPSHOT</latest>
            <release>1.10</release>
            <versions>
              <version>1.9</version>
              <version>1.10-rc1</version>
              <version>1.10</version>
              <version>2.0-SNAPSHOT</version>
            </versions>
            <lastUpdated>20261123001855</lastUpdated>
          </versioning>
        </metadata>
    "#]]
    .assert_eq(&metadata.render().unwrap());
    let only = [version("1-SNAPSHOT")];
    let level = ArtifactLevel::of(&group, &artifact, &only, "20261123001855");
    assert_eq!(level.release(), None);
    let metadata = Metadata {
        artifact: Some(level),
        ..Metadata::default()
    };
    assert!(!metadata.render().unwrap().contains("<release>"));
}

#[test]
fn a_snapshot() {
    let (group, artifact) = ("org.acme".parse().unwrap(), "lib".parse().unwrap());
    let version = version("2.0-SNAPSHOT");
    let files = [
        ("lib-2.0-20261123.001855-1.jar", "20261123001855"),
        ("lib-2.0-20261123.001855-1-sources.jar", "20261123001856"),
        ("lib-2.0-20261123.101855-2.jar", "20261123101855"),
        ("lib-2.0-20261123.101855-2.pom", "20261123101855"),
        ("lib-2.0-SNAPSHOT.jar", "20271123101855"),
        ("lib-2.0-SNAPSHOT-js.zip", "20261123101857"),
        ("lib-2.0-20261123.101855-2.jar.asc", "20261123101856"),
    ];
    let parse = |(name, updated)| (FileName::parse(&artifact, &version, name).unwrap(), updated);
    let files = files.map(parse);
    let kept = files
        .iter()
        .map(|(file, updated)| SnapshotFile { file, updated });
    let level = SnapshotLevel::of(&group, &artifact, &version, kept);
    for (asked, newest) in [
        (
            "lib-2.0-SNAPSHOT.jar",
            Some("lib-2.0-20261123.101855-2.jar"),
        ),
        (
            "lib-2.0-SNAPSHOT-sources.jar",
            Some("lib-2.0-20261123.001855-1-sources.jar"),
        ),
        ("lib-2.0-SNAPSHOT-js.zip", Some("lib-2.0-SNAPSHOT-js.zip")),
        ("lib-2.0-SNAPSHOT-docs.zip", None),
    ] {
        let asked = FileName::parse(&artifact, &version, asked).unwrap();
        assert_eq!(level.newest(&asked).map(FileName::as_str), newest);
    }
    let metadata = Metadata {
        snapshot: Some(level),
        ..Metadata::default()
    };
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <metadata modelVersion="1.1.0">
          <groupId>org.acme</groupId>
          <artifactId>lib</artifactId>
          <version>2.0-SNAPSHOT</version>
          <versioning>
            <snapshot>
              <timestamp>20261123.101855</timestamp>
              <buildNumber>2</buildNumber>
            </snapshot>
            <lastUpdated>20261123101857</lastUpdated>
            <snapshotVersions>
              <snapshotVersion>
                <extension>jar</extension>
                <value>2.0-20261123.101855-2</value>
                <updated>20261123101855</updated>
              </snapshotVersion>
              <snapshotVersion>
                <classifier>sources</classifier>
                <extension>jar</extension>
                <value>2.0-20261123.001855-1</value>
                <updated>20261123001856</updated>
              </snapshotVersion>
              <snapshotVersion>
                <extension>jar.asc</extension>
                <value>2.0-20261123.101855-2</value>
                <updated>20261123101856</updated>
              </snapshotVersion>
              <snapshotVersion>
                <extension>pom</extension>
                <value>2.0-20261123.101855-2</value>
                <updated>20261123101855</updated>
              </snapshotVersion>
              <snapshotVersion>
                <classifier>js</classifier>
                <extension>zip</extension>
                <value>2.0-SNAPSHOT</value>
                <updated>20261123101857</updated>
              </snapshotVersion>
            </snapshotVersions>
          </versioning>
        </metadata>
    "#]]
    .assert_eq(&metadata.render().unwrap());
}

#[test]
fn all_levels_at_once_and_none() {
    let (group, artifact) = ("org.acme".parse().unwrap(), "lib".parse().unwrap());
    let (above, versions) = ("org.acme.lib".parse().unwrap(), [version("1.0")]);
    let snapshot = version("2.0-SNAPSHOT");
    let file = "lib-2.0-20261123.001855-1.jar";
    let file = FileName::parse(&artifact, &snapshot, file).unwrap();
    let plugins = [Plugin {
        name: "<Acme & Co>".into(),
        prefix: "acme".into(),
        artifact: "acme-maven-plugin".into(),
    }];
    let files = [SnapshotFile {
        file: &file,
        updated: "20261123001855",
    }];
    let metadata = Metadata {
        plugins: &plugins,
        artifact: Some(ArtifactLevel::of(
            &above,
            &artifact,
            &versions,
            "20271123001855",
        )),
        snapshot: Some(SnapshotLevel::of(&group, &artifact, &snapshot, files)),
    };
    let text = metadata.render().unwrap();
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <metadata modelVersion="1.1.0">
          <groupId>org.acme</groupId>
          <artifactId>lib</artifactId>
          <version>2.0-SNAPSHOT</version>
          <versioning>
            <latest>1.0</latest>
            <release>1.0</release>
            <snapshot>
              <timestamp>20261123.001855</timestamp>
              <buildNumber>1</buildNumber>
            </snapshot>
            <versions>
              <version>1.0</version>
            </versions>
            <lastUpdated>20271123001855</lastUpdated>
            <snapshotVersions>
              <snapshotVersion>
                <extension>jar</extension>
                <value>2.0-20261123.001855-1</value>
                <updated>20261123001855</updated>
              </snapshotVersion>
            </snapshotVersions>
          </versioning>
          <plugins>
            <plugin>
              <name>&lt;Acme &amp; Co&gt;</name>
              <prefix>acme</prefix>
              <artifactId>acme-maven-plugin</artifactId>
            </plugin>
          </plugins>
        </metadata>
    "#]]
    .assert_eq(&text);
    assert_eq!(read(text.as_bytes()).unwrap(), plugins);

    assert_eq!(Metadata::default().render(), None);
    // A snapshot without builds has none: clients then ask for the files that are called like it.
    let file = FileName::parse(&artifact, &snapshot, "lib-2.0-SNAPSHOT.jar").unwrap();
    let files = [SnapshotFile {
        file: &file,
        updated: "20261123001855",
    }];
    let metadata = Metadata {
        artifact: Some(ArtifactLevel::of(&above, &artifact, [], "")),
        snapshot: Some(SnapshotLevel::of(&group, &artifact, &snapshot, files)),
        ..Metadata::default()
    };
    assert_eq!(metadata.render(), None);
}

#[test]
fn what_is_read() {
    let plugin =
        |inner: &str| format!("<metadata><plugins><plugin>{inner}</plugin></plugins></metadata>");
    let full = plugin("<name>A</name><prefix>a</prefix><artifactId>a-maven-plugin</artifactId>");
    for (text, prefixes) in [
        (full.as_str(), "a"),
        ("<metadata/>", ""),
        (
            "<metadata><groupId>g</groupId><versioning><versions><version>1</version></versions>\
             </versioning></metadata>",
            "",
        ),
        // The later says what a prefix means.
        (
            "<metadata><plugins><plugin><prefix>b</prefix><artifactId>x</artifactId></plugin><plugin>\
             <artifactId>y</artifactId><prefix>a</prefix></plugin><plugin><prefix>b</prefix>\
             <artifactId>z</artifactId></plugin></plugins></metadata>",
            "a b",
        ),
        (
            "<metadata><plugin><prefix>b</prefix></plugin></metadata>",
            "",
        ),
    ] {
        let plugins = read(text.as_bytes()).unwrap();
        let read: Vec<_> = plugins.iter().map(|plugin| &*plugin.prefix).collect();
        assert_eq!(read.join(" "), prefixes, "{text}");
    }
    for (text, said) in [
        ("", "no root"),
        ("{}", "outside"),
        ("<html/>", "<html>"),
        ("<metadata>", "too early"),
        ("<!DOCTYPE metadata><metadata/>", "document type"),
        (&plugin("<prefix>a</prefix>"), "without artifactId"),
        (&plugin("<artifactId>a</artifactId>"), "without prefix"),
        (
            &plugin("<prefix>a b</prefix><artifactId>a</artifactId>"),
            "no prefix",
        ),
        (
            &plugin("<prefix>a</prefix><artifactId>../a</artifactId>"),
            "no artifactId",
        ),
    ] {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(said), "{text}: {error}");
    }
    let one = |at| format!("<plugin><prefix>p{at}</prefix><artifactId>a</artifactId></plugin>");
    let many: String = (0..=MAX_PLUGINS).map(one).collect();
    let many = format!("<metadata><plugins>{many}</plugins></metadata>");
    let error = read(many.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), registry_core::ErrorKind::TooLarge);
}

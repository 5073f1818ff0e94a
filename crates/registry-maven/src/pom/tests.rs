use registry_core::ErrorKind;

use super::*;
use crate::name::Place;

fn path(text: &str) -> FilePath {
    let segments: Vec<&str> = text.split('/').collect();
    match Place::parse(&segments, false).unwrap() {
        Place::File(path) => path,
        place => panic!("{place:?} is no file"),
    }
}

fn check(pom: &str, at: &str) -> Result<()> {
    Pom::read(&mut pom.as_bytes())?.check(&path(at))
}

const LIB: &str = "org/acme/lib/1.0/lib-1.0.pom";

#[test]
fn what_is_read() {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
        <!-- a license -->
        <project xmlns=\"http://maven.apache.org/POM/4.0.0\" xmlns:xsi=\"x\" xsi:schemaLocation=\"y\">
          <modelVersion>4.0.0</modelVersion>
          <groupId> org.acme </groupId><artifactId>lib</artifactId><version>1.0</version>
          <packaging>maven-plugin</packaging>
          <name>Acme &amp; Co</name>
          <description>{}</description>
          <dependencies><dependency><groupId>x</groupId><version>3</version></dependency></dependencies>
          <build><plugins><plugin><artifactId>y</artifactId></plugin></plugins></build>
        </project>",
        "ä".repeat(600)
    );
    let pom = Pom::read(&mut text.as_bytes()).unwrap();
    assert_eq!(pom.packaging, "maven-plugin");
    assert_eq!(pom.name, "Acme & Co");
    assert_eq!(pom.description, "ä".repeat(500));
    pom.check(&path(LIB)).unwrap();
}

#[test]
fn fitting() {
    let old = "<?xml version='1.0' encoding='ISO-8859-1'?><project><groupId>org.acme</groupId>\
               <artifactId>lib</artifactId><version>1.0</version></project>";
    for (pom, at) in [
        (old, LIB),
        (
            "<project><groupId>org.acme</groupId><artifactId>lib</artifactId><version>1.0</version></project>",
            LIB,
        ),
        (
            "<project><parent><groupId>org.acme</groupId><artifactId>parent</artifactId>\
             <version>1.0</version></parent><artifactId>lib</artifactId></project>",
            LIB,
        ),
        (
            "<project><parent><groupId>org</groupId><artifactId>parent</artifactId>\
             <version>9</version></parent><groupId>org.acme</groupId><artifactId>lib</artifactId>\
             <version>1.0</version></project>",
            LIB,
        ),
        (
            "<project><groupId>org.acme</groupId><artifactId>lib</artifactId>\
             <version>${revision}</version></project>",
            LIB,
        ),
        (
            "<project><parent><groupId>${g}</groupId><artifactId>p</artifactId><version>1.${x}${y}\
             </version></parent><artifactId>l${x}</artifactId></project>",
            LIB,
        ),
        (
            "<project><groupId>a</groupId><artifactId>sbt-x</artifactId><version>0.1</version></project>",
            "a/sbt-x_2.12_1.0/0.1/sbt-x-0.1.pom",
        ),
        (
            "<project><groupId>a</groupId><artifactId>sbt-x_2.12_1.0</artifactId><version>0.1</version></project>",
            "a/sbt-x_2.12_1.0/0.1/sbt-x_2.12_1.0-0.1.pom",
        ),
        (
            "<project><groupId>a</groupId><artifactId>b</artifactId><version>1-SNAPSHOT</version></project>",
            "a/b/1-SNAPSHOT/b-1-20261123.001855-1.pom",
        ),
        (
            "<project><groupId>a</groupId><artifactId>b</artifactId>\
             <version>1-20261123.001855-1</version></project>",
            "a/b/1-SNAPSHOT/b-1-20261123.001855-1.pom",
        ),
        // A later format leaves out what its build knows.
        (
            "<project><modelVersion>4.1.0</modelVersion><parent/><artifactId>lib</artifactId></project>",
            LIB,
        ),
    ] {
        if let Err(error) = check(pom, at) {
            panic!("{pom}: {error}");
        }
    }
}

#[test]
fn refused() {
    for (pom, said) in [
        ("", "no root element"),
        ("<html><head/></html>", "its root element is <html>"),
        ("<project><groupId>", "too early"),
        ("<!DOCTYPE project><project/>", "document type"),
        (
            "<project><groupId>&x;</groupId></project>",
            "groupId is \"&x;\"",
        ),
        (
            "<project><artifactId>lib</artifactId><version>1.0</version></project>",
            "no groupId",
        ),
        (
            "<project><groupId>org.acme</groupId><version>1.0</version></project>",
            "no artifactId",
        ),
        (
            "<project><groupId>org.acme</groupId><artifactId>lib</artifactId></project>",
            "no version",
        ),
        (
            "<project><groupId>org.evil</groupId><artifactId>lib</artifactId><version>1.0</version></project>",
            "groupId is \"org.evil\", but its path says \"org.acme\"",
        ),
        (
            "<project><groupId>org.acme</groupId><artifactId>Lib</artifactId><version>1.0</version></project>",
            "artifactId is \"Lib\", but its path says \"lib\"",
        ),
        (
            "<project><groupId>org.acme</groupId><artifactId>lib</artifactId><version>1.1</version></project>",
            "version is \"1.1\", but its path says \"1.0\"",
        ),
        (
            "<project><groupId>org.acme</groupId><artifactId>lib</artifactId><version>2${x}</version></project>",
            "version is \"2${x}\"",
        ),
        (
            "<project><groupId>org.acme</groupId><groupId>x</groupId></project>",
            "more than one project/groupId",
        ),
        (
            "<project><modelVersion>4.1.0</modelVersion><artifactId>other</artifactId></project>",
            "artifactId is \"other\"",
        ),
    ] {
        let error = check(pom, LIB).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{pom}");
        assert!(error.to_string().contains(said), "{pom}: {error}");
    }
    let long = format!(
        "<project>{}</project>",
        format!("<!--{}-->", "x".repeat(100 << 10)).repeat(110)
    );
    let error = check(&long, LIB).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[test]
fn patterns() {
    for (pattern, text, expected) in [
        ("1.0", "1.0", true),
        ("1.0", "1.00", false),
        ("${a}", "", true),
        ("${a}", "anything", true),
        ("1.${a}.3", "1.2.3", true),
        ("1.${a}.3", "1.3", false),
        ("${a}b${c}b${d}", "xbyb", true),
        ("${a}b${c}b${d}", "xby", false),
        ("${a", "${a", true),
        ("x${a", "x1", false),
        ("a${x}a", "a", false),
    ] {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
}

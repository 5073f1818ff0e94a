use super::Metadata;

fn checked(text: &str) -> Result<Metadata, String> {
    let metadata = Metadata::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    metadata.check().map_err(|error| error.to_string())?;
    Ok(metadata)
}

fn with(more: &str) -> Result<Metadata, String> {
    checked(&format!(
        "Metadata-Version: 2.4\nName: Foo.Bar\nVersion: 1.0\n{more}"
    ))
}

#[test]
fn fields_and_description() {
    let metadata = with(
        "Summary: A package\r\nHome-page: UNKNOWN\nLicense:\nClassifier: A\nclassifier: B\n\
         Author-email: a@example.invalid,\n        b@example.invalid\n\n# Foo\n\nText: more.\n",
    )
    .unwrap();
    assert_eq!(metadata.name().unwrap().as_str(), "foo-bar");
    assert_eq!(metadata.get("summary"), Some("A package"));
    assert_eq!(metadata.get("home-page"), None);
    assert_eq!(metadata.get("license"), None);
    assert_eq!(metadata.all("classifier").collect::<Vec<_>>(), ["A", "B"]);
    let mail = "a@example.invalid,\nb@example.invalid";
    assert_eq!(metadata.get("author-email"), Some(mail));
    assert_eq!(metadata.get("description"), Some("# Foo\n\nText: more.\n"));
    let folded = with("Description: # Foo\n        \n        Text.\n        |  More.\n").unwrap();
    let expected = "# Foo\n\nText.\n  More.";
    assert_eq!(folded.get("description"), Some(expected));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_field() {
    let marked = "\u{feff}Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n";
    let error = checked(marked).unwrap_err();
    assert!(error.contains("byte order mark"), "{error}");
}

#[test]
fn faults_are_told_by_field() {
    for (more, told) in [
        ("Name: other\n", "more than one name"),
        ("Requires-Python: 3.8\n", "'requires-python'"),
        ("Requires-Dist: foo bar\n", "'requires-dist'"),
        ("Provides-Extra: a b\n", "'provides-extra'"),
        (
            "License: MIT\nLicense-Expression: MIT\n",
            "License-Expression",
        ),
        ("Summary: one\n  two\n", "one line"),
        (&"Classifier: A\n".repeat(10_000), "at most 10000 fields"),
        ("what is this\n", "is no field"),
        // Others end a line there.
        ("Summary: a\rRequires-Dist: b\n", "is no field"),
        ("Summary: a\n b\rRequires-Dist: b\n", "is no field"),
        (&format!("Summary: {}\n", "x".repeat(513)), "512 characters"),
    ] {
        let error = with(more).unwrap_err();
        assert!(error.contains(told), "{more}: {error}");
    }
    for (text, told) in [
        ("Name: a\nVersion: 1\n", "metadata version"),
        ("Metadata-Version: 3.0\nName: a\nVersion: 1\n", "\"3.0\""),
        ("Metadata-Version: 2.1\nVersion: 1\n", "no Name"),
        ("Metadata-Version: 2.1\nName: a\n", "no Version"),
        ("Metadata-Version: 2.1\nName: a b\nVersion: 1\n", "for Name"),
        (
            "Metadata-Version: 2.1\nName: a\nVersion: x\n",
            "for Version",
        ),
        (" Name: a\n", "begins with a blank"),
    ] {
        let error = checked(text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
    }
    assert!(Metadata::parse(b"Name: \xff\n").is_err());
}

#[test]
fn licenses_have_a_place_since_2_4() {
    let license = "License-File: LICENSE\n";
    assert_eq!(with(license).unwrap().license_files().count(), 1);
    let old = checked(&format!(
        "Metadata-Version: 2.1\nName: a\nVersion: 1\n{license}"
    ));
    assert_eq!(old.unwrap().license_files().count(), 0);
}

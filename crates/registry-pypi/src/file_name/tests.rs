use expect_test::expect;

use super::FileName;

fn shown(text: &str, project: &str, version: &str, lenient: bool) -> String {
    let project = project.parse().unwrap();
    let version = version.parse().unwrap();
    let name = match FileName::parse(text, Some(&project)) {
        Ok(name) => name,
        Err(error) => return error.to_string(),
    };
    if let Err(error) = name.check(&project, &version, lenient) {
        return error.to_string();
    }
    format!("{} {} {}", name.name, name.version, name.tags)
}

#[test]
fn wheels() {
    let all = [
        "foo_bar-1.0-py3-none-any.whl",
        "foo_bar-1.0.0-py3-none-any.whl",
        "foo_bar-1.0-1a-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "foo_bar-1.0-x1-py3-none-any.whl",
        "foo_bar-1.0-py3-none.whl",
        "foo_bar-1.0-1-py3-none-any-more.whl",
        "foo_bar-1.0.whl",
        "foo__bar-1.0-py3-none-any.whl",
        "foo_bar-1.0-py3..py2-none-any.whl",
        "foo_bar-1.0-py3-none-any lore.whl",
        "foo_bar-x-py3-none-any.whl",
        "foo_bar- 1.0-py3-none-any.whl",
        "foo_bar-1.0\u{a0}-py3-none-any.whl",
        "Foo_Bar-1.0-py3-none-any.whl",
        "foo.bar-1.0-py3-none-any.whl",
        "foo_baz-1.0-py3-none-any.whl",
        "foo_bar-1.1-py3-none-any.whl",
        "foo_bar-1.0-py3-none-any.WHL",
        "foo_bar-1.0-py3-none-any.egg",
        "a/foo_bar-1.0-py3-none-any.whl",
        "foo_bar\n-1.0-py3-none-any.whl",
        "",
    ];
    let lines = all.map(|text| format!("{:?} {}\n", text, shown(text, "Foo.Bar", "1.0", false)));
    expect![[r#"
        "foo_bar-1.0-py3-none-any.whl" foo_bar 1.0 py3-none-any
        "foo_bar-1.0.0-py3-none-any.whl" foo_bar 1.0.0 py3-none-any
        "foo_bar-1.0-1a-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl" foo_bar 1.0 1a-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64
        "foo_bar-1.0-x1-py3-none-any.whl" Invalid wheel filename (its build tag does not begin with a number): 'foo_bar-1.0-x1-py3-none-any.whl'
        "foo_bar-1.0-py3-none.whl" Invalid wheel filename (wrong number of parts): 'foo_bar-1.0-py3-none.whl'
        "foo_bar-1.0-1-py3-none-any-more.whl" Invalid wheel filename (wrong number of parts): 'foo_bar-1.0-1-py3-none-any-more.whl'
        "foo_bar-1.0.whl" Invalid wheel filename (wrong number of parts): 'foo_bar-1.0.whl'
        "foo__bar-1.0-py3-none-any.whl" Invalid wheel filename (its project name is not escaped): 'foo__bar-1.0-py3-none-any.whl'
        "foo_bar-1.0-py3..py2-none-any.whl" Invalid wheel filename (its tags are not well-formed): 'foo_bar-1.0-py3..py2-none-any.whl'
        "foo_bar-1.0-py3-none-any lore.whl" Invalid wheel filename (its tags are not well-formed): 'foo_bar-1.0-py3-none-any lore.whl'
        "foo_bar-x-py3-none-any.whl" Invalid wheel filename (its version is none): 'foo_bar-x-py3-none-any.whl'
        "foo_bar- 1.0-py3-none-any.whl" Invalid wheel filename (its version is none): 'foo_bar- 1.0-py3-none-any.whl'
        "foo_bar-1.0\u{a0}-py3-none-any.whl" Invalid wheel filename (its version is none): 'foo_bar-1.0 -py3-none-any.whl'
        "Foo_Bar-1.0-py3-none-any.whl" Filename 'Foo_Bar-1.0-py3-none-any.whl' should contain the normalized project name 'foo_bar', not 'Foo_Bar'.
        "foo.bar-1.0-py3-none-any.whl" Filename 'foo.bar-1.0-py3-none-any.whl' should contain the normalized project name 'foo_bar', not 'foo.bar'.
        "foo_baz-1.0-py3-none-any.whl" Start filename for 'Foo.Bar' with 'foo_bar'.
        "foo_bar-1.1-py3-none-any.whl" Version in filename should be '1.0' not '1.1'.
        "foo_bar-1.0-py3-none-any.WHL" Invalid file extension: Use .tar.gz, .whl or .zip extension.
        "foo_bar-1.0-py3-none-any.egg" Invalid file extension: Use .tar.gz, .whl or .zip extension.
        "a/foo_bar-1.0-py3-none-any.whl" Cannot upload a file with '/' or '\' in the name.
        "foo_bar\n-1.0-py3-none-any.whl" Cannot upload a file with non-printable characters (ordinals 0-31) or the DEL character (ordinal 127) in the name.
        "" Invalid file extension: Use .tar.gz, .whl or .zip extension.
    "#]].assert_eq(&lines.concat());
    let lenient = shown("Foo.Bar-1.0-py3-none-any.whl", "foo-bar", "1.0", true);
    assert_eq!(lenient, "Foo.Bar 1.0 py3-none-any");
    let long = format!("foo_bar-1.0-py3-none-{}.whl", "a".repeat(300));
    assert!(shown(&long, "foo-bar", "1.0", false).contains("too long"));
}

#[test]
fn source_distributions() {
    let mut lines = String::new();
    for (text, lenient) in [
        ("foo_bar-1.0.tar.gz", false),
        ("foo_bar-1.0.0.tar.gz", false),
        ("foo-bar-1.0.tar.gz", false),
        ("Foo.Bar-1.0.tar.gz", false),
        ("foo_bar-1.0.zip", false),
        ("foo-bar-1.0.tar.gz", true),
        ("Foo.Bar-1.0.zip", true),
        ("foo_bar-1.0-0.tar.gz", true),
        ("foo_bar.tar.gz", true),
        ("foo_bar-.tar.gz", true),
        ("foo_bar-1.0 .tar.gz", true),
        ("bar-1.0.tar.gz", true),
        ("foo_bar-1.0.tar.bz2", true),
    ] {
        lines += &format!("{text} {}\n", shown(text, "foo-bar", "1.0", lenient));
    }
    expect![[r#"
        foo_bar-1.0.tar.gz foo_bar 1.0 
        foo_bar-1.0.0.tar.gz Filename 'foo_bar-1.0.0.tar.gz' is invalid, should be 'foo_bar-1.0.tar.gz'.
        foo-bar-1.0.tar.gz Filename 'foo-bar-1.0.tar.gz' is invalid, should be 'foo_bar-1.0.tar.gz'.
        Foo.Bar-1.0.tar.gz Filename 'Foo.Bar-1.0.tar.gz' is invalid, should be 'foo_bar-1.0.tar.gz'.
        foo_bar-1.0.zip Filename 'foo_bar-1.0.zip' is invalid, should be 'foo_bar-1.0.tar.gz'.
        foo-bar-1.0.tar.gz foo-bar 1.0 
        Foo.Bar-1.0.zip Foo.Bar 1.0 
        foo_bar-1.0-0.tar.gz Version in filename should be '1.0' not '1.0.post0'.
        foo_bar.tar.gz Invalid source distribution filename (a project's name, a hyphen and a version should be there): 'foo_bar.tar.gz'
        foo_bar-.tar.gz Invalid source distribution filename (its version is none): 'foo_bar-.tar.gz'
        foo_bar-1.0 .tar.gz Invalid source distribution filename (its version is none): 'foo_bar-1.0 .tar.gz'
        bar-1.0.tar.gz Start filename for 'foo-bar' with 'foo_bar'.
        foo_bar-1.0.tar.bz2 Invalid file extension: Use .tar.gz, .whl or .zip extension.
    "#]].assert_eq(&lines);
    let post = shown("foo-bar-1.0-1.tar.gz", "foo-bar", "1.0.post1", true);
    assert_eq!(post, "foo-bar 1.0.post1 ");
}

#[test]
fn two_spellings_of_one_name() {
    let name = |text: &str| FileName::parse(text, None).unwrap();
    let one = name("foo_bar-1.0-py3-none-any.whl");
    assert!(one.means(&name("Foo.Bar-1.0.0-py3-none-any.whl")));
    assert!(!one.means(&name("foo_bar-1.0-py3-none-win32.whl")));
    assert!(!one.means(&name("foo_bar-1.0.tar.gz")));
}

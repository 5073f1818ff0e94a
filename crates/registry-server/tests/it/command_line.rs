use super::support::{Server, run};

/// Runs a command line, parted by spaces, on a bucket; it must succeed.
fn ok(place: &str, line: &str, input: &str) -> String {
    let (success, out, error) = on(place, line, input);
    assert!(success, "{line}: {error}");
    out
}

fn on(place: &str, line: &str, input: &str) -> (bool, String, String) {
    let words: Vec<&str> = line.split(' ').chain(["--storage", place]).collect();
    run(&words, &[], input)
}

#[test]
fn users_are_administered() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let add = "user add ann --scope npm:package:@acme/*:write";
    ok(place, add, "correct horse\nignored\n");
    ok(place, "user add root --admin", "correct horse");
    let users = ok(place, "user list", "");
    let ann = "ann\tuser\tnpm:package:@acme/*:write";
    assert_eq!(users, format!("{ann}\nroot\tadmin\t-\n"));

    let (success, _, error) = on(place, "user add ann --admin", "battery staple");
    assert!(success && error.contains("changed"), "{error}");
    assert!(ok(place, "user list", "").starts_with("ann\tadmin\t-\n"));
    // Another password alone takes no rights away.
    ok(place, "user add root", "battery staple");
    assert!(ok(place, "user list", "").contains("root\tadmin\t-\n"));
    let (success, ..) = on(place, "user add eve", "");
    assert!(!success);
    let (success, ..) = on(place, "user list --listen x:1", "");
    assert!(!success);

    ok(place, "user remove ann", "");
    assert_eq!(ok(place, "user list", ""), "root\tadmin\t-\n");
    let (success, _, error) = on(place, "user remove ann", "");
    assert!(!success && error.contains("ann"), "{error}");
}

#[test]
fn tokens_are_administered() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    ok(place, "user add ann", "correct horse");
    let scope = "npm:package:@acme/*:read";
    let create = format!("token create --user ann --scope {scope} --expires 30d --read-only");
    let token = ok(place, &create, "");
    let alone = token.starts_with("reg_") && token.lines().count() == 1;
    assert!(alone, "{token}");
    let tokens = ok(place, "token list", "");
    assert!(tokens.contains("\tann\t"), "{tokens}");
    assert!(
        tokens.contains(&format!("\tread-only\t{scope}\t")),
        "{tokens}"
    );
    let id = tokens.split('\t').next().unwrap();
    ok(place, &format!("token revoke {id}"), "");
    assert_eq!(ok(place, "token list", ""), "");

    let (success, _, error) = on(place, "token create --user ann --scope nonsense", "");
    assert!(!success && error.contains("nonsense"), "{error}");
    let (success, _, error) = on(place, &create.replace("30d", "soon"), "");
    assert!(!success && error.contains("--expires"), "{error}");
}

#[test]
fn scopes_that_nothing_here_would_ask_for_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let warned = |line: &str, input: &str| {
        let (success, out, error) = on(place, line, input);
        assert!(success, "{error}");
        let warnings = error.lines().filter(|line| line.starts_with("warning: "));
        (out, warnings.map(str::to_owned).collect::<Vec<_>>())
    };
    let (_, none) = warned(
        "user add ann --scope oci:repository:a/*:push --scope *:*:*:read --scope *:crate:x:read",
        "correct horse",
    );
    assert_eq!(none, Vec::<String>::new());
    let (_, mount) = warned(
        "user add ann --scope docker:repository:*:read",
        "correct horse",
    );
    let expected = "warning: docker:repository:*:read: this configuration has no mount called docker; it has \
                    cargo, composer, maven, npm, oci, pypi, rubygems";
    assert_eq!(mount, [expected]);
    let create = "token create --user ann --scope oci:package:*:read --scope *:image:*:read";
    let (token, kinds) = warned(create, "");
    assert!(
        token.starts_with("reg_") && token.lines().count() == 1,
        "{token}"
    );
    let expected = [
        "warning: oci:package:*:read: the mount oci has nothing of the type package; it has repository",
        "warning: *:image:*:read: no mount has anything of the type image; there are artifact, crate, gem, \
         package, repository",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn the_first_start_makes_an_admin_and_the_second_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    for first in [true, false] {
        let server = Server::with(&["serve", "--storage", place], &[]);
        assert!(server.get("/healthz", "").ends_with("ok\n"));
        server.signal("TERM");
        let (status, out, log) = server.end();
        assert!(status.success());
        assert_eq!(out.contains("reg_"), first, "{out}");
        assert!(!log.contains("reg_"), "{log}");
    }
    let (_, users, _) = run(&["user", "list", "--storage", place], &[], "");
    assert_eq!(users, "admin\tadmin\t-\n");
}

#[test]
fn a_bucket_is_collected_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let (success, _, error) = on(place, "verify", "");
    assert!(!success && error.contains("no registry in"), "{error}");
    ok(place, "user add ann", "correct horse");
    ok(place, "user add ann", "battery staple");
    let stray = folder
        .path()
        .join("npm/packages/x/x-1.0.0.0123456789abcdef.tgz");
    std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
    std::fs::write(&stray, "bytes").unwrap();
    let (success, report, error) = run(&["verify", "--storage", place], &[], "");
    assert!(success && report.contains(" 0 problems"), "{report}{error}");
    let (_, report, _) = run(&["gc", "--storage", place], &[], "");
    assert!(report.contains("1 too young to tell"), "{report}");
    let (_, report, _) = run(
        &["gc", "--storage", place, "--grace", "0", "--dry-run"],
        &[],
        "",
    );
    assert!(report.contains("npm/packages/x/x-1.0.0."), "{report}");
    assert!(stray.exists());
    let (success, report, _) = run(&["gc", "--storage", place, "--grace", "0"], &[], "");
    assert!(
        success && report.contains("1 that nothing names"),
        "{report}"
    );
    assert!(!stray.exists());

    std::fs::write(
        folder.path().join("npm/packages/x/index.jsonl"),
        "no document",
    )
    .unwrap();
    let (success, report, _) = run(&["verify", "--storage", place], &[], "");
    assert!(
        !success && report.contains("npm/packages/x/index.jsonl"),
        "{report}"
    );
}

#[test]
fn old_builds_of_snapshots_are_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let server = Server::with(&["--storage", place, "--anonymous", "all"], &[]);
    let path = |day| format!("/maven/org/acme/lib/1-SNAPSHOT/lib-1-2026010{day}.101010-{day}.jar");
    for day in 1..=3 {
        let path = path(day);
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: 1\r\n\r\n"
        );
        let answer = server.talk(&[head.as_bytes(), b"x"].concat());
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    for (command, told) in [
        ("maven prune", "--keep"),
        ("maven prune --older-than x", "--older-than"),
        (
            "maven prune --keep 1 --mount npm",
            "no Maven mount called npm",
        ),
    ] {
        let (success, _, error) = on(place, command, "");
        assert!(!success && error.contains(told), "{error}");
    }
    let gone = "org.acme:lib:1-20260101.101010-1 (1 files, 1 bytes)\n1 builds (1 bytes)";
    let dry = ok(place, "maven prune --keep 2 --older-than 0 --dry-run", "");
    assert_eq!(
        dry.trim(),
        format!("{gone}\nnothing was removed: this was a dry run")
    );
    assert_eq!(
        ok(place, "maven prune --keep 2 --older-than 30d", "").trim(),
        "0 builds (0 bytes)"
    );
    assert_eq!(ok(place, "maven prune --keep 2", "").trim(), gone);
    assert!(server.get(&path(1), "").starts_with("HTTP/1.1 404 "));
    assert!(server.get(&path(2), "").starts_with("HTTP/1.1 200 "));
}

#[test]
fn what_was_published_is_yanked_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let (success, _, error) = on(place, "pypi yank beta-pkg 1.2", "");
    assert!(!success && error.contains("no registry in"), "{error}");
    let server = Server::with(&["--storage", place, "--anonymous", "all"], &[]);
    let page = || {
        let json = "accept: application/vnd.pypi.simple.v1+json\r\n";
        server.get("/simple/beta-pkg/", json)
    };
    let form = include_bytes!("../../../registry-pypi/tests/it/fixtures/twine-sdist.form");
    let head = format!(
        "POST /legacy/ HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: multipart/form-data; boundary=a4e8b9cbdf5c411fa98c8376248ff875\r\n\r\n",
        form.len()
    );
    let upload = || server.talk(&[head.as_bytes(), form].concat());
    assert!(upload().starts_with("HTTP/1.1 200 OK"), "{}", upload());
    ok(place, "pypi yank Beta_Pkg 1.2.0 --reason broken", "");
    assert!(page().contains(r#""yanked":"broken""#), "{}", page());
    ok(place, "pypi unyank beta-pkg 1.2 beta_pkg-1.2.tar.gz", "");
    assert!(page().contains(r#""yanked":false"#), "{}", page());
    for (command, told) in [
        ("pypi delete beta-pkg 2.0", "the version 2.0 was not found"),
        ("pypi delete beta-pkg x", "invalid value for Version"),
        (
            "pypi delete beta-pkg 1.2 --mount npm",
            "no PyPI mount called npm",
        ),
    ] {
        let (success, _, error) = on(place, command, "");
        assert!(!success && error.contains(told), "{error}");
    }
    ok(place, "pypi delete beta-pkg 1.2", "");
    assert!(page().starts_with("HTTP/1.1 404 "), "{}", page());
    // What is refused is told in the status line, which is what twine shows.
    let answer = upload();
    let told =
        "HTTP/1.1 400 This filename was previously used by a file that has since been deleted.";
    assert!(answer.starts_with(told), "{answer}");
}

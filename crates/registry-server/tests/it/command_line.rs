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

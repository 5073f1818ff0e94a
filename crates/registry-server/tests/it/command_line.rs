use super::support::{Server, run};

#[test]
fn users_and_tokens_are_administered() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let ok = |arguments: &[&str], input: &str| {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--storage", place]);
        let (success, out, error) = run(&arguments, &[], input);
        assert!(success, "{arguments:?}: {error}");
        out
    };
    ok(
        &["user", "add", "ann", "--scope", "npm:package:@acme/*:write"],
        "correct horse\nignored\n",
    );
    ok(&["user", "add", "root", "--admin"], "correct horse");
    let users = ok(&["user", "list"], "");
    assert_eq!(
        users,
        "ann\tuser\tnpm:package:@acme/*:write\nroot\tadmin\t-\n"
    );

    let create = [
        "token",
        "create",
        "--user",
        "ann",
        "--scope",
        "npm:package:@acme/*:read",
        "--expires",
        "30d",
        "--read-only",
    ];
    let token = ok(&create, "");
    assert!(
        token.starts_with("reg_") && token.lines().count() == 1,
        "{token}"
    );
    let tokens = ok(&["token", "list"], "");
    assert!(
        tokens.contains("\tann\t") && tokens.contains("\tread-only\tnpm:package:@acme/*:read\t"),
        "{tokens}"
    );
    let id = tokens.split('\t').next().unwrap();
    ok(&["token", "revoke", id], "");
    assert_eq!(ok(&["token", "list"], ""), "");

    ok(&["user", "remove", "ann"], "");
    assert_eq!(ok(&["user", "list"], ""), "root\tadmin\t-\n");
    let (success, _, error) = run(&["user", "remove", "ann", "--storage", place], &[], "");
    assert!(!success && error.contains("ann"), "{error}");
    let (success, _, error) = run(
        &[
            "token",
            "create",
            "--user",
            "root",
            "--scope",
            "nonsense",
            "--storage",
            place,
        ],
        &[],
        "",
    );
    assert!(!success && error.contains("nonsense"), "{error}");
    let (success, ..) = run(
        &["user", "list", "--listen", "x:1", "--storage", place],
        &[],
        "",
    );
    assert!(!success);
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

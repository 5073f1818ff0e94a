use super::support::run;

#[test]
fn the_first_word_wins_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.toml");
    let file = file.to_str().unwrap();
    std::fs::write(
        file,
        "storage = 'memory:'\nanonymous = 'none'\n[limits]\nshutdown = '5s'\n",
    )
    .unwrap();
    let (success, shown, error) = run(
        &["check-config", "--config", file, "--listen", "[::1]:7000"],
        &[
            ("REGISTRY_ANONYMOUS", "all"),
            ("REGISTRY_NPM_OWNERS", "enforced"),
        ],
        "",
    );
    assert!(success, "{error}");
    for line in [
        "listen = [\"[::1]:7000\"] # --listen".to_owned(),
        format!("storage = \"memory:\" # {file}:1"),
        "anonymous = \"all\" # REGISTRY_ANONYMOUS".to_owned(),
        format!("shutdown = \"5s\" # {file}:4"),
        "owners = \"enforced\" # REGISTRY_NPM_OWNERS".to_owned(),
        "auth_max_age = \"10s\" # default".to_owned(),
        "max_streams = 256 # default".to_owned(),
        "single_writer = false # default".to_owned(),
        "metadata_max_age = 0 # default".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line} is missing in {shown}");
    }
}

#[test]
fn what_is_unknown_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.toml");
    let file = file.to_str().unwrap();
    std::fs::write(file, "\nanonymus = 'all'\n").unwrap();
    for command in ["check-config", "serve"] {
        let (success, _, error) = run(&[command, "--config", file], &[], "");
        let expected = format!(
            "registry: {file}:2: unknown key `anonymus`; the nearest known one is `anonymous`\n"
        );
        assert!(!success);
        assert_eq!(error, expected);
    }
    let (success, _, error) = run(&["check-config", "--config", "/nowhere.toml"], &[], "");
    assert!(
        !success && error.contains("/nowhere.toml cannot be read"),
        "{error}"
    );
    let (success, _, error) = run(&["check-config"], &[("REGISTRY_LISTN", "x")], "");
    assert!(!success && error.contains("REGISTRY_LISTEN"), "{error}");
}

#[test]
fn a_bucket_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("registry.json"), "{\"format\":99}").unwrap();
    let place = folder.path().to_str().unwrap();
    let (success, _, error) = run(
        &["serve", "--storage", place, "--listen", "127.0.0.1:0"],
        &[],
        "",
    );
    assert!(!success && error.contains("has format 99"), "{error}");
}

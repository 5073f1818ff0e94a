use registry::maven::Policy;

use super::*;

fn load(
    flags: &[(&'static str, &str)],
    env: &[(&str, &str)],
    file: &str,
) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.toml");
    std::fs::write(&path, file).unwrap();
    let flags = flags
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    let env = env
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    match Config::load(flags, env, Some(&path)) {
        Ok((config, resolved)) => {
            // What is shown is a file that says the same.
            std::fs::write(&path, show(&resolved)).unwrap();
            let (_, again) = Config::load(Flags::new(), std::iter::empty(), Some(&path)).unwrap();
            let values = |all: &[Resolved]| -> Vec<_> {
                all.iter()
                    .map(|one| (one.key.clone(), one.value.clone()))
                    .collect()
            };
            assert_eq!(values(&again), values(&resolved));
            Ok(config)
        }
        Err(error) => Err(format!("{error:#}").replace(&path.display().to_string(), "FILE")),
    }
}

#[test]
fn the_first_word_wins() {
    let file =
        "anonymous = 'none'\nlisten = ['[::1]:1', '127.0.0.1:2']\n[limits]\nshutdown = '1s'\n";
    let config = load(&[], &[], file).unwrap();
    assert_eq!(config.anonymous, Anonymous::None);
    assert_eq!(config.listen, ["[::1]:1", "127.0.0.1:2"]);
    assert_eq!(config.limits.shutdown, Duration::from_secs(1));
    assert_eq!(config.storage, "./data");

    let env = [
        ("REGISTRY_ANONYMOUS", "all"),
        ("REGISTRY_LIMITS_SHUTDOWN", "2m"),
        ("REGISTRY_LISTEN", "a:1, b:2"),
        ("REGISTRY_STORAGE", ""),
        ("HOME", "/"),
    ];
    let config = load(&[("listen", "c:3")], &env, file).unwrap();
    assert_eq!(config.anonymous, Anonymous::All);
    assert_eq!(config.limits.shutdown, Duration::from_secs(120));
    assert_eq!(config.listen, ["c:3"]);
    assert_eq!(config.storage, "./data");
}

#[test]
fn mounts_are_configured_by_file_and_environment() {
    let file = "[npm]\nowners = 'enforced'\n[mount.npm-staging]\nprotocol = 'npm'\npath = '/staging'\nanonymous = 'none'\n";
    let env = [
        ("REGISTRY_MOUNT_NPM_STAGING_MAX_SIZE", "5M"),
        ("REGISTRY_MOUNT_OTHER_PROTOCOL", "npm"),
    ];
    let config = load(&[], &env, file).unwrap();
    let names: Vec<&str> = config
        .mounts
        .iter()
        .map(|mount| mount.name.as_str())
        .collect();
    assert!(names.contains(&"npm") && names.ends_with(&["npm-staging", "other"]));
    let staging = &config.mounts[names.len() - 2];
    assert_eq!(staging.path.as_deref(), Some("/staging"));
    assert_eq!(staging.anonymous, Anonymous::None);
    let ProtocolConfig::Npm(npm) = &staging.protocol else {
        panic!("{staging:?}");
    };
    assert_eq!((npm.owners_enforced, npm.max_tarball), (false, 5 << 20));
}

#[test]
fn oci_is_configured_per_mount() {
    let file = "[oci]\nsparse = 'index'\nmax_manifest = '8M'\n[mount.mirror]\nprotocol = 'oci'\nsparse = 'all'\nauth = 'basic'\nmax_size = '1G'\n";
    let config = load(&[], &[], file).unwrap();
    let of = |name: &str| {
        let mount = config.mounts.iter().find(|mount| mount.name == name);
        match &mount.unwrap().protocol {
            ProtocolConfig::Oci(oci) => oci.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (first, mirror) = (of("oci"), of("mirror"));
    assert_eq!(
        (first.sparse, first.auth),
        (Sparse::Index, Challenge::Bearer)
    );
    assert_eq!((first.max_manifest, first.max_blob), (8 << 20, 100 << 30));
    assert_eq!(
        (mirror.sparse, mirror.auth),
        (Sparse::All, Challenge::Basic)
    );
    assert_eq!((mirror.max_manifest, mirror.max_blob), (4 << 20, 1 << 30));
    for (setting, what) in [
        ("sparse = 'some'", "sparse"),
        ("auth = 'digest'", "auth"),
        ("max_manifest = '1M'", "between 4M and 64M"),
        ("max_manifest = '1G'", "between 4M and 64M"),
    ] {
        let error = wrong(&format!("[oci]\n{setting}"));
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn the_limits_of_crates() {
    let file = "[cargo]\nowners = 'enforced'\nmax_size = '20M'\nmax_unpacked = '1G'\n\
        max_metadata = '2M'\nmax_features = 1000\n";
    let config = load(&[], &[], file).unwrap();
    let mut mounts = config.mounts.iter();
    let mount = mounts.find(|mount| mount.name == "cargo").unwrap();
    let ProtocolConfig::Cargo(cargo) = &mount.protocol else {
        panic!("{mount:?}");
    };
    assert!(cargo.owners_enforced);
    assert_eq!(cargo.max_crate, 20 << 20);
    assert_eq!(cargo.unpacked.archive.unpacked, 1 << 30);
    assert_eq!(
        (cargo.metadata.size, cargo.metadata.features),
        (2 << 20, 1000)
    );
    assert!(wrong("[cargo]\nmax_metadata = '65M'").contains("more than 64M"));
}

fn wrong(file: &str) -> String {
    load(&[], &[], file).unwrap_err()
}

#[test]
fn what_is_unknown_is_named() {
    for (file, expected) in [
        (
            "anonymus = 'all'",
            "1: unknown key `anonymus`; the nearest known one is `anonymous`",
        ),
        (
            "\n[limit]\nshutdown = '1s'",
            "3: unknown section [limit]; the nearest known one is [limits]",
        ),
        (
            "[limits]\n\nmax_bodi = 1",
            "3: unknown key `max_bodi`; the nearest known one is `max_body`",
        ),
        (
            "[mount.x]\nprotocol='npm'\nowner='x'",
            "3: unknown key `owner`; the nearest known one is `owners`",
        ),
    ] {
        assert_eq!(wrong(file), format!("FILE:{expected}"));
    }
    let error = load(&[], &[("REGISTRY_ANONYMOS", "all")], "").unwrap_err();
    let expected = "REGISTRY_ANONYMOS: unknown setting in the environment; the nearest known one is REGISTRY_ANONYMOUS";
    assert_eq!(error, expected);
}

#[test]
fn what_is_wrong_is_named() {
    for (file, expected) in [
        (
            "[mount.x]\npath='/x'",
            "[mount.x]: it needs a key `protocol`, such as \"npm\"",
        ),
        (
            "[mount.npm]\nprotocol='npm'",
            "FILE:2: mount.npm.protocol: the default mount is called npm; configure it by [npm]",
        ),
        (
            "\nanonymous = 'some'",
            "FILE:2: anonymous: \"some\" is none of none, read, all",
        ),
        (
            "single_writer = [true, false]",
            "FILE:1: single_writer: it takes one value, no list",
        ),
        (
            "listen = [[1]]",
            "FILE:1: listen: it takes a text, a number or a list of them",
        ),
        (
            "[tls]\ncert='x'",
            "FILE:2: tls.cert: it is of no use without tls.key",
        ),
    ] {
        assert_eq!(wrong(file), expected);
    }
    assert!(wrong("a = ").starts_with("FILE:1: "));
    let error = load(&[], &[("REGISTRY_LIMITS_SHUTDOWN", "soon")], "").unwrap_err();
    let expected = "REGISTRY_LIMITS_SHUTDOWN: limits.shutdown: \"soon\" is no duration; write a number with s, m, h or d, such as 30s";
    assert_eq!(error, expected);
}

#[test]
fn what_kubernetes_sets_by_itself_is_passed_over() {
    let env = [
        ("REGISTRY_PORT", "tcp://10.0.0.1:5000"),
        ("REGISTRY_PORT_5000_TCP_ADDR", "10.0.0.1"),
        ("REGISTRY_SERVICE_HOST", "10.0.0.1"),
        ("REGISTRY_SERVICE_PORT_HTTP", "5000"),
        ("REGISTRY_NPM_PORT_80_TCP", "x"),
    ];
    load(&[], &env, "").unwrap();
}

#[test]
fn the_variable_of_container_clients_is_passed_over() {
    let env = [("REGISTRY_AUTH_FILE", "/run/user/1000/containers/auth.json")];
    load(&[], &env, "").unwrap();
}

#[test]
fn composer_is_configured_per_mount() {
    let file = "[composer]\nmax_size = '100M'\nkeep_replaced = '30d'\n[mount.old]\nprotocol = 'composer'\nmax_unpacked = '8G'\n";
    let config = load(&[], &[], file).unwrap();
    let of = |name: &str| {
        let mount = config.mounts.iter().find(|mount| mount.name == name);
        match &mount.unwrap().protocol {
            ProtocolConfig::Composer(composer) => composer.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (first, old) = (of("composer"), of("old"));
    assert_eq!((first.max_zip, old.max_zip), (100 << 20, 1 << 30));
    let days = |config: &ComposerConfig| config.keep_replaced.as_secs() / 86_400;
    assert_eq!((days(&first), days(&old)), (30, 365));
    let unpacked = |config: &ComposerConfig| config.zip.archive.unpacked;
    assert_eq!((unpacked(&first), unpacked(&old)), (4 << 30, 8 << 30));
}

#[test]
fn pypi_is_configured_per_mount() {
    let file = "[pypi]\nmax_size = '100M'\nrelease_open_for = '14d'\n[mount.old]\nprotocol = 'pypi'\nnames = 'lenient'\nmax_project_size = '10G'\n";
    let config = load(&[], &[], file).unwrap();
    let of = |name: &str| {
        let mount = config.mounts.iter().find(|mount| mount.name == name);
        match &mount.unwrap().protocol {
            ProtocolConfig::Pypi(pypi) => pypi.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (first, old) = (of("pypi"), of("old"));
    assert_eq!((first.max_file, old.max_file), (100 << 20, 1 << 30));
    let fortnight = std::time::Duration::from_secs(14 * 86_400);
    assert_eq!(first.rules.open_for, Some(fortnight));
    assert_eq!(first.rules.max_project, None);
    assert_eq!(old.rules.max_project, Some(10 << 30));
    assert!(old.lenient_names && !first.lenient_names);
}

#[test]
fn rubygems_is_configured_per_mount() {
    let file = "[rubygems]\nmax_size = '10M'\nmax_metadata = '1M'\n[mount.ours]\nprotocol = 'rubygems'\nowners = 'enforced'\nmax_unpacked = '1G'\n";
    let config = load(&[], &[], file).unwrap();
    let of = |name: &str| {
        let mount = config.mounts.iter().find(|mount| mount.name == name);
        match &mount.unwrap().protocol {
            ProtocolConfig::Rubygems(rubygems) => rubygems.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (first, ours) = (of("rubygems"), of("ours"));
    assert_eq!((first.max_gem, ours.max_gem), (10 << 20, 500 << 20));
    assert_eq!((first.gem.metadata, ours.gem.metadata), (1 << 20, 10 << 20));
    assert_eq!(ours.gem.data.unpacked, 1 << 30);
    assert!(ours.owners_enforced && !first.owners_enforced);
}

#[test]
fn maven_is_configured_per_mount() {
    let file = "[maven]\npolicy = 'release'\n[mount.snapshots]\nprotocol = 'maven'\npolicy = 'snapshot'\nmax_size = '1M'\n";
    let config = load(&[], &[], file).unwrap();
    let of = |name: &str| {
        let mount = config.mounts.iter().find(|mount| mount.name == name);
        match &mount.unwrap().protocol {
            ProtocolConfig::Maven(maven) => (maven.policy, maven.max_file),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(of("maven"), (Policy::Release, 4 << 30));
    assert_eq!(of("snapshots"), (Policy::Snapshot, 1 << 20));
    let wrong = load(&[], &[], "[maven]\npolicy = 'releases'\n").unwrap_err();
    assert!(wrong.to_string().contains("releases"), "{wrong}");
}

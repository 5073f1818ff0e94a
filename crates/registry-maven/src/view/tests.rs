use super::*;

fn view(entries: &[(&str, u64, &str)]) -> Artifacts {
    let mut view = Artifacts::default();
    for (name, revision, data) in entries {
        let data = RawValue::from_string((*data).to_owned()).unwrap();
        let entry = LogEntry {
            name: (*name).into(),
            revision: *revision,
            data: &data,
        };
        view.apply(entry).unwrap();
    }
    view
}

fn levels(path: &str) -> Levels {
    let folder: Vec<String> = path.split('/').map(str::to_owned).collect();
    Levels::of(&folder)
}

const JAR: &str = r#"{"at":5,"shape":{"p":"jar","ec":[".jar",".pom"]}}"#;
const GONE: &str = r#"{"at":9}"#;

fn some() -> Artifacts {
    view(&[
        ("org.acme:lib:1.0", 1, JAR),
        ("org.acme:lib:1.10", 1, JAR),
        ("org.acme:lib:1.9", 1, JAR),
        ("org.acme:lib:2.0-SNAPSHOT", 4, JAR),
        ("org.acme.sub:x:1", 1, JAR),
        ("org.acme-x:y:1", 1, JAR),
        ("org.acme0:y:1", 1, JAR),
        ("org:acme:1", 1, JAR),
        ("organic:z:1", 1, JAR),
        ("junit:junit:3", 1, JAR),
        ("org.gone:g:1", 2, GONE),
        ("org.acme:lib", 1, r#"{"prefix":"lib","name":"Lib","at":7}"#),
    ])
}

#[test]
fn folders() {
    let all = some();
    for (group, expected) in [
        ("", "junit org organic"),
        ("org", "acme acme-x acme0"),
        ("org.acme", "lib sub"),
        ("junit", "junit"),
        ("org.gone", ""),
        ("or", ""),
    ] {
        let found: Vec<String> = all.folders(group).into_iter().collect();
        assert_eq!(found.join(" "), expected, "{group}");
        let named = folders_of(&all.names(group), group);
        assert_eq!(Vec::from_iter(named).join(" "), expected, "{group}");
    }
}

#[test]
fn metadata_changes_with_what_is_in_it() {
    let mut all = some();
    let lib = levels("org/acme/lib");
    let listed = all.listed(&lib);
    assert_eq!(listed.versions, ["1.0", "1.10", "1.9", "2.0-SNAPSHOT"]);
    assert_eq!(listed.at, 5);
    let stamp = all.stamp(&lib).unwrap();
    let mut told = |name: &str, revision, data: &str| {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let entry = LogEntry {
            name: name.into(),
            revision,
            data: &data,
        };
        all.apply(entry).unwrap();
        all.stamp(&lib)
    };
    // Another file of a version that is there, and another artifact.
    let more = JAR.replace(r#"[".jar""#, r#"["-sources.jar",".jar""#);
    assert_eq!(told("org.acme:lib:1.0", 2, &more), Some(stamp));
    assert_eq!(told("org.acme:other:1.0", 1, JAR), Some(stamp));
    let gone = told("org.acme:lib:1.10", 2, GONE);
    assert!(gone > Some(stamp));
    for version in ["1.0", "1.9", "2.0-SNAPSHOT"] {
        told(&format!("org.acme:lib:{version}"), 9, GONE);
    }
    assert_eq!(all.stamp(&lib), None);
    assert_eq!(all.listed(&lib).at, 9);
    // Where a folder is an artifact's and a group's, it has the metadata of both.
    let both = levels("org/acme");
    let listed = all.listed(&both);
    assert_eq!(listed.versions, ["1"]);
    assert_eq!(listed.plugins.len(), 1);
    assert_eq!(listed.at, 7);
    let stamp = all.stamp(&both);
    let data = RawValue::from_string(GONE.to_owned()).unwrap();
    let entry = LogEntry {
        name: "org:acme:1".into(),
        revision: 2,
        data: &data,
    };
    all.apply(entry).unwrap();
    assert!(all.stamp(&both) > stamp);
    assert_eq!(all.listed(&both).versions, [""; 0]);
}

#[test]
fn the_highest_version_is_shown() {
    let mut all = some();
    let latest = |all: &Artifacts| {
        let found = all.found.all().find(|(name, ..)| *name == "org.acme:lib");
        let shown = found.and_then(|(.., shown)| shown).map(str::to_owned)?;
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        Some(format!(
            "{} {}",
            shown["latestVersion"], shown["versionCount"]
        ))
    };
    assert_eq!(latest(&all).as_deref(), Some("\"2.0-SNAPSHOT\" 4"));
    for (version, expected) in [
        ("2.0-SNAPSHOT", Some("\"1.10\" 3")),
        ("1.9", Some("\"1.10\" 2")),
        ("1.10", Some("\"1.0\" 1")),
        ("1.0", None),
    ] {
        let data = RawValue::from_string(GONE.to_owned()).unwrap();
        let entry = LogEntry {
            name: format!("org.acme:lib:{version}").into(),
            revision: 9,
            data: &data,
        };
        all.apply(entry).unwrap();
        assert_eq!(latest(&all).as_deref(), expected);
    }
}

#[test]
fn what_is_saved_makes_the_same_view() {
    let all = some();
    let mut again = Artifacts::default();
    all.save(&mut |entry| again.apply(entry)).unwrap();
    let saved = |view: &Artifacts| {
        let mut lines = Vec::new();
        let mut line = |entry: LogEntry<'_>| {
            lines.push(format!("{} {} {}", entry.name, entry.revision, entry.data));
            Ok(())
        };
        view.save(&mut line).unwrap();
        lines
    };
    assert_eq!(saved(&again), saved(&all));
    assert_eq!(saved(&all).len(), 12);
    for (name, revision) in [
        ("org.acme:lib:2.0-SNAPSHOT", Some(4)),
        ("org.gone:g:1", Some(2)),
        ("org.acme:lib", Some(1)),
        ("org.acme:other", None),
        ("org.acme:lib:3", None),
    ] {
        assert_eq!(again.revision(name), revision, "{name}");
    }
}

#[test]
fn the_log_tells_of_few_kinds_of_files() {
    let kinds = (0..1000).map(|number| format!("lib-1.0-kind{number:04}.jar"));
    let long = format!("lib-1.0-{}.jar", "x".repeat(300));
    let more = ["lib-1.0.jar", "lib-1.0.pom", "lib-1.0.jar.asc", &long].map(str::to_owned);
    let files: Vec<String> = kinds.chain(more).collect();
    let told = endings("lib", "1.0", files.iter().map(String::as_str));
    assert_eq!(told.len(), MAX_ENDINGS);
    assert!(told.contains(".jar") && told.contains(".pom"), "{told:?}");
    assert!(told.iter().all(|ending| ending.len() <= MAX_ENDING));
}

#[test]
fn what_versions_were_is_forgotten() {
    let mut all = some();
    let before = all.shapes.len();
    for revision in 2..100 {
        let data = format!(r#"{{"at":5,"shape":{{"p":"jar","ec":["-{revision}.jar"]}}}}"#);
        let data = RawValue::from_string(data).unwrap();
        let name = "org.acme:lib:1.0".into();
        let entry = LogEntry {
            name,
            revision,
            data: &data,
        };
        all.apply(entry).unwrap();
    }
    assert_eq!(all.shapes.len(), before + 1);
}

#[test]
fn what_versions_would_have_been_is_forgotten() {
    let mut all = some();
    let before = all.shapes.len();
    let mut told = |revision, data: &str| {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let entry = LogEntry {
            name: "org.acme:lib:1.0".into(),
            revision,
            data: &data,
        };
        all.apply(entry).unwrap();
        all.shapes.len()
    };
    let live = r#""shape":{"p":"jar","ec":[".jar",".pom"]}"#;
    let record = |stage| format!(r#""bundles":{{"x":{{"stage":"{stage}","at":7}}}}"#);
    for revision in 1..50 {
        let pending = format!(r#"{{"p":"jar","ec":["-{revision}.jar"]}}"#);
        let pending = format!(r#""pending":[["x",{pending}],["y",{pending}]]"#);
        let waiting = format!(r#"{{"at":5,{live},{},{pending}}}"#, record("waiting"));
        assert_eq!(told(3 * revision, &waiting), before + 1);
        // It is dropped, or it is published while the version has become another thing.
        if revision % 2 == 0 {
            let other = live.replace(".pom", &format!("-{revision}.pom"));
            let published = record("published");
            let published = format!(r#"{{"at":5,{other},{published},{pending}}}"#);
            assert_eq!(told(3 * revision + 1, &published), before + 1);
        }
        let dropped = format!(r#"{{"at":5,{live}}}"#);
        assert_eq!(told(3 * revision + 2, &dropped), before);
    }
}

fn saved(all: &Artifacts, backwards: bool) -> Artifacts {
    let mut lines = Vec::new();
    all.save(&mut |entry| {
        lines.push(serde_json::to_string(&entry).unwrap());
        Ok(())
    })
    .unwrap();
    if backwards {
        lines.reverse();
    }
    let mut again = Artifacts::default();
    for line in &lines {
        again.apply(serde_json::from_str(line).unwrap()).unwrap();
    }
    again
}

#[test]
fn a_bundle_comes_all_at_once() {
    let pending = r#"[["x",{"p":"jar","ec":[".jar"]}]]"#;
    let first = |stage: &str| {
        format!(r#"{{"at":0,"bundles":{{"x":{{"stage":"{stage}","at":7}}}},"pending":{pending}}}"#)
    };
    let other = format!(r#"{{"at":0,"pending":{pending}}}"#);
    let before = [
        ("org.acme:app:1", 1, &*first("publishing")),
        ("org.acme:core:1", 1, &*other),
    ];
    let all = view(&before);
    assert_eq!((all.fate("x"), all.fate("y")), (Fate::Open, Fate::Unknown));
    assert!(all.names("org.acme").is_empty());
    assert_eq!(all.left_over(8, 0), ["x"]);
    assert!(all.left_over(7, 9).is_empty());
    let waits = view(&[("org.acme:app:1", 1, &first("waiting"))]);
    assert_eq!(waits.left_over(0, 8), ["x"]);
    assert!(waits.left_over(9, 7).is_empty());
    let published = first("published");
    let all = view(&[before[0], before[1], ("org.acme:app:1", 2, &published)]);
    for all in [saved(&all, false), saved(&all, true), all] {
        assert_eq!(all.fate("x"), Fate::Published(7));
        assert_eq!(all.names("org.acme"), ["org.acme:app", "org.acme:core"]);
        for folder in ["org/acme/app", "org/acme/core"] {
            let listed = all.listed(&levels(folder));
            assert_eq!((listed.versions.len(), listed.at), (1, 7), "{folder}");
        }
        assert_eq!(all.revision("org.acme:core:1"), Some(1));
    }
    let all = view(&[before[0], before[1], ("org.acme:app:1", 2, r#"{"at":0}"#)]);
    assert_eq!((all.fate("x"), all.bundle("x")), (Fate::Unknown, None));
}

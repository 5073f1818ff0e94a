//! Documents that are none, contradict themselves, or are about what cannot be.

use registry_tests::npm::{self, Npm};
use registry_tests::{Request, Site};
use serde_json::{Value, json};

use super::{Change, REFUSED, Table, attachment, encoded, good};

const VERSION: &str = "1.0.0";

/// Names that nothing new can have.
const NAMES: &[&str] = &[
    ".hidden",
    "_private",
    "-dash",
    "UPPER",
    "two words",
    " front",
    "back ",
    "node_modules",
    "favicon.ico",
    "__proto__",
    "til~de",
    "a!b",
    "a(b)",
    "a*b",
    "a'b",
    "a/b/c",
    "@scope",
    "@/name",
    "@scope/",
    "@scope/.name",
    "@.scope/name",
    "@scope/a/b",
    "..",
    ".",
    "../../etc",
    "a\\b",
    "a%2fb",
    "a\0b",
    "a\nb",
    "ä",
    "a:b",
    "a?b",
    "a#b",
    "a;b",
];

const VERSIONS: &[&str] = &[
    "1",
    "1.0",
    "v1.0.0",
    "=1.0.0",
    " 1.0.0",
    "1.0.0 ",
    "1.0.0.0",
    "01.0.0",
    "1.0.0-01",
    "1.0.0-",
    "1.0.0+",
    "latest",
    "",
    "*",
    "^1.0.0",
    "../1.0.0",
    "1.0.0/../../x",
    "1.0.0\0",
    "99999999999999999999.0.0",
    "__proto__",
    "constructor",
];

const TAGS: &[&str] = &[
    "",
    "1.0.0",
    "v1",
    "1",
    "^1",
    ">=1",
    "*",
    "x",
    "1.x",
    "a b",
    "a/b",
    "__proto__",
    "..",
    "ä",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_document() {
    let table = Table::start(&[]);
    let whole = good("bad-whole", VERSION).to_string();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let within = |value: &str| whole.replace("\"a test\"", value);
    let bodies: &[(&str, Vec<u8>)] = &[
        ("nothing", Vec::new()),
        ("null", b"null".to_vec()),
        ("an array", b"[]".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("no JSON", b"name=bad-whole".to_vec()),
        (
            "half a document",
            whole.as_bytes()[..whole.len() / 2].to_vec(),
        ),
        (
            "all but the last brace",
            whole.as_bytes()[..whole.len() - 1].to_vec(),
        ),
        ("two documents", format!("{whole}{whole}").into_bytes()),
        ("something after the end", format!("{whole}]").into_bytes()),
        ("10,000 arrays", deep.clone().into_bytes()),
        ("10,000 objects", objects.clone().into_bytes()),
        ("10,000 open arrays", "[".repeat(10_000).into_bytes()),
        ("10,000 arrays in a manifest", within(&deep).into_bytes()),
        (
            "10,000 objects in a manifest",
            within(&objects).into_bytes(),
        ),
        (
            "no UTF-8",
            within("\"\u{1}\"")
                .replace('\u{1}', "")
                .into_bytes()
                .into_iter()
                .chain([0xff, 0xfe])
                .collect(),
        ),
        ("a bare control character", within("\"\u{1}\"").into_bytes()),
        (
            "half a surrogate pair in a name",
            whole.replace("\"bad-whole\"", "\"\\ud800\"").into_bytes(),
        ),
    ];
    for (what, body) in bodies {
        let put = Request::put("/npm/bad-whole", &Value::Null).body(body.clone());
        table.refused(what, &table.site, put, REFUSED).await;
    }
    // Other addresses take documents, too.
    table.publish("there", VERSION).await;
    for path in [
        "/npm/-/package/there/dist-tags/next",
        "/npm/-/user/org.couchdb.user:x",
        "/npm/there",
    ] {
        for (what, body) in bodies.iter().filter(|(what, _)| *what != "a string") {
            let what = format!("{path}: {what}");
            let put = Request::put(path, &Value::Null).body(body.clone());
            let statuses = [REFUSED, &[401]].concat();
            table.refused(&what, &table.site, put, &statuses).await;
        }
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments() {
    let table = Table::start(&[]);
    let data =
        |data: Value| move |document: &mut Value, _: &str| attachment(document)["data"] = data;
    let length = |add: i64| {
        move |document: &mut Value, _: &str| {
            let length = attachment(document)["length"].as_i64().unwrap();
            attachment(document)["length"] = json!(length + add);
        }
    };
    table
        .bad_publish("no base64", &[400], data(json!("!!!!")))
        .await;
    table
        .bad_publish("the other base64", &[400], data(json!("-_-_")))
        .await;
    table
        .bad_publish("base64 with a hole", &[400], data(json!("H4sI AAAA")))
        .await;
    table
        .bad_publish("padding in the middle", &[400], data(json!("H4s=H4sI")))
        .await;
    table
        .bad_publish("five characters", &[400], data(json!("H4sIA")))
        .await;
    table.bad_publish("no data", &[400], data(json!(""))).await;
    table.bad_publish("null", &[400], data(Value::Null)).await;
    table.bad_publish("a number", &[400], data(json!(5))).await;
    table
        .bad_publish("an array", &[400], data(json!(["H4sI"])))
        .await;
    let cut = |document: &mut Value, _: &str| {
        let data = attachment(document)["data"].as_str().unwrap().to_owned();
        attachment(document)["data"] = json!(data[..data.len() - 1]);
    };
    table.bad_publish("base64 cut off", &[400], cut).await;
    table
        .bad_publish("a length too large", &[400], length(1))
        .await;
    table
        .bad_publish("a length too small", &[400], length(-1))
        .await;
    table
        .bad_publish("a negative length", &[400], length(-1_000_000))
        .await;
    table
        .bad_publish("no attachments", REFUSED, |document, _| {
            document["_attachments"] = json!({})
        })
        .await;
    let none = |document: &mut Value, _: &str| {
        document.as_object_mut().unwrap().remove("_attachments");
    };
    table
        .bad_publish("no attachments at all", REFUSED, none)
        .await;
    let two = |document: &mut Value, _: &str| {
        let copy = attachment(document).clone();
        document["_attachments"]["other-1.0.0.tgz"] = copy;
    };
    table.bad_publish("two tarballs", &[400], two).await;
    let text = |document: &mut Value, _: &str| document["_attachments"] = json!("tarball");
    table
        .bad_publish("attachments that are text", &[400], text)
        .await;
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contradictions() {
    let table = Table::start(&[]);
    let dist = |key: &'static str, value: Value| {
        move |document: &mut Value, _: &str| document["versions"][VERSION]["dist"][key] = value
    };
    let top = |key: &'static str, value: Value| {
        move |document: &mut Value, _: &str| document[key] = value
    };
    let manifest = |key: &'static str, value: Value| {
        move |document: &mut Value, _: &str| document["versions"][VERSION][key] = value
    };
    let other = npm::integrity(b"other bytes");
    table
        .bad_publish("another integrity", &[400], dist("integrity", json!(other)))
        .await;
    table
        .bad_publish("no integrity", &[400], dist("integrity", json!("sha512-")))
        .await;
    table
        .bad_publish(
            "another shasum",
            &[400],
            dist("shasum", json!(npm::shasum(b"x"))),
        )
        .await;
    table
        .bad_publish("the document's name", &[400], top("name", json!("other")))
        .await;
    table
        .bad_publish("the document's id", &[400], top("_id", json!("other")))
        .await;
    table
        .bad_publish("a name that is a number", &[400], top("name", json!(1)))
        .await;
    table
        .bad_publish(
            "the manifest's name",
            &[400],
            manifest("name", json!("other")),
        )
        .await;
    table
        .bad_publish(
            "the manifest's version",
            &[400],
            manifest("version", json!("1.0.1")),
        )
        .await;
    table
        .bad_publish(
            "a private package",
            REFUSED,
            manifest("private", json!(true)),
        )
        .await;
    table
        .bad_publish("access for some", &[400], top("access", json!("some")))
        .await;
    table
        .bad_publish("no versions", &[400], top("versions", json!({})))
        .await;
    table
        .bad_publish(
            "versions in an array",
            &[400],
            top("versions", json!([VERSION])),
        )
        .await;
    table
        .bad_publish("a manifest that is text", &[400], |document, _| {
            document["versions"][VERSION] = json!("text");
        })
        .await;
    table
        .bad_publish("two versions", &[400], |document, _| {
            document["versions"]["2.0.0"] = document["versions"][VERSION].clone();
        })
        .await;
    table
        .bad_publish("a tag on another version", &[400], |document, _| {
            document["dist-tags"] = json!({"latest": "6.6.6"});
        })
        .await;
    table
        .bad_publish("a tag that is a number", &[400], |document, _| {
            document["dist-tags"] = json!({"latest": 1});
        })
        .await;
    // The bytes are another package's, or another version's.
    for (what, name, version) in [("name", "other", VERSION), ("version", "", "1.0.1")] {
        table
            .bad_publish(&format!("the tarball's {what}"), &[400], |document, own| {
                let inner = if name.is_empty() { own } else { name };
                let bytes = npm::pack(inner, version, 0, 600);
                *document = npm::document(own, VERSION, &[], &bytes);
            })
            .await;
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names() {
    let table = Table::start(&[]);
    let long = "a".repeat(215);
    let long_scoped = format!("@{}/{}", "s".repeat(107), "n".repeat(107));
    let longer = "a".repeat(5_000);
    for name in NAMES
        .iter()
        .copied()
        .chain([&*long, &*long_scoped, &*longer])
    {
        let what = format!("the name {:?}", name.chars().take(20).collect::<String>());
        let put = Request::put(format!("/npm/{}", encoded(name)), &good(name, VERSION));
        table.refused(&what, &table.site, put, REFUSED).await;
    }
    let put = |path: &str, name: &str| Request::put(path, &good(name, VERSION));
    for (path, name) in [
        ("/npm/@scope%252fname", "@scope/name"),
        ("/npm/%ff", "x"),
        ("/npm/a%00", "a"),
    ] {
        table
            .refused(path, &table.site, put(path, name), REFUSED)
            .await;
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_tags() {
    let table = Table::start(&[]);
    let long = format!("1.0.0-{}", "a".repeat(5_000));
    for version in VERSIONS.iter().copied().chain([&*long]) {
        let what = format!(
            "the version {:?}",
            version.chars().take(20).collect::<String>()
        );
        table
            .bad_publish(&what, &[400], |document, name| {
                *document = good(name, version)
            })
            .await;
    }
    let long = "a".repeat(5_000);
    for tag in TAGS.iter().copied().chain([&*long]) {
        let what = format!("the tag {:?}", tag.chars().take(20).collect::<String>());
        table
            .bad_publish(&what, &[400], |document, _| {
                document["dist-tags"] = json!({tag: VERSION})
            })
            .await;
    }
    table.publish("tagged", VERSION).await;
    for tag in TAGS.iter().copied().chain([&*long]) {
        let path = format!("/npm/-/package/tagged/dist-tags/{}", encoded(tag));
        let what = format!(
            "PUT of the tag {:?}",
            tag.chars().take(20).collect::<String>()
        );
        let put = Request::put(path, &json!(VERSION));
        table.refused(&what, &table.site, put, REFUSED).await;
    }
    let path = "/npm/-/package/tagged/dist-tags/next";
    for value in [
        json!("6.6.6"),
        json!("latest"),
        json!(""),
        json!(1),
        json!(null),
        json!([VERSION]),
        json!("__proto__"),
    ] {
        let what = format!("a tag on {value}");
        table
            .refused(&what, &table.site, Request::put(path, &value), REFUSED)
            .await;
    }
    let missing = "/npm/-/package/nowhere/dist-tags/next";
    table
        .refused(
            "a tag in no package",
            &table.site,
            Request::put(missing, &json!(VERSION)),
            &[404],
        )
        .await;
    let delete = |path: &str| Request::delete(path);
    table
        .refused("removing no tag", &table.site, delete(path), REFUSED)
        .await;
    table
        .refused(
            "removing latest",
            &table.site,
            delete("/npm/-/package/tagged/dist-tags/latest"),
            REFUSED,
        )
        .await;
    table.finish();
}

/// Names that mean something in JavaScript are data, or are refused; nothing else comes of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prototypes() {
    let table = Table::start(&[]);
    let evil = json!({"polluted": true});
    let places: [Change<'_>; 8] = [
        ("the document", &|document| {
            document["__proto__"] = evil.clone()
        }),
        ("the manifest", &|document| {
            document["versions"][VERSION]["__proto__"] = evil.clone()
        }),
        ("dist", &|document| {
            document["versions"][VERSION]["dist"]["__proto__"] = evil.clone()
        }),
        ("dependencies", &|document| {
            document["versions"][VERSION]["dependencies"] = json!({"__proto__": "1.0.0"});
        }),
        ("users", &|document| {
            document["users"] = json!({"__proto__": true})
        }),
        ("an attachment", &|document| {
            attachment(document)["__proto__"] = evil.clone()
        }),
        ("scripts", &|document| {
            document["versions"][VERSION]["scripts"] = json!({"__proto__": "true"});
        }),
        ("constructor in the document", &|document| {
            document["constructor"] = evil.clone()
        }),
    ];
    for (what, change) in places {
        let name = table.name();
        let mut document = good(&name, VERSION);
        change(&mut document);
        inert(&table, what, &name, &document).await;
    }
    for name in ["constructor", "prototype", "hasownproperty", "tostring"] {
        let answer = table.site.get(format!("/npm/{name}")).await;
        table.judge(name, &answer, &[404]);
        inert(&table, name, name, &good(name, VERSION)).await;
        for selector in ["__proto__", "constructor", "toString"] {
            let answer = table.site.get(format!("/npm/{name}/{selector}")).await;
            table.judge(selector, &answer, &[400, 404]);
        }
    }
    let name = table.name();
    let mut document = good(&name, VERSION);
    document["dist-tags"] = json!({"constructor": VERSION, "latest": VERSION});
    inert(&table, "the tag constructor", &name, &document).await;
    let mut document = good(&table.name(), VERSION);
    let copy = attachment(&mut document).clone();
    document["_attachments"] = json!({"__proto__": copy});
    let name = document["name"].as_str().unwrap().to_owned();
    inert(&table, "the attachment __proto__", &name, &document).await;
    let answer = table.site.get("/npm/__proto__").await;
    table.judge("GET __proto__", &answer, &[400, 404]);
    let path = "/npm/-/package/constructor/dist-tags/__proto__";
    let put = Request::put(path, &json!(VERSION));
    table
        .refused("PUT of the tag __proto__", &table.site, put, &[400])
        .await;
    table.finish();
}

/// A file name may say anything; it names no file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachment_names() {
    let table = Table::start(&[]);
    for file in [
        "../../../evil.tgz",
        "/etc/evil.tgz",
        "a/b.tgz",
        "a+b.tgz",
        "..",
        "",
        "a\0b",
        "C:\\evil.tgz",
    ] {
        let name = table.name();
        let mut document = good(&name, VERSION);
        let copy = attachment(&mut document).clone();
        document["_attachments"] = json!({file: copy});
        inert(
            &table,
            &format!("the attachment {file:?}"),
            &name,
            &document,
        )
        .await;
    }
    let outside = |folder: &std::path::Path| std::fs::read_dir(folder).unwrap().count();
    let parent = table.storage().parent().unwrap();
    // The storage, and the log of the one server.
    assert_eq!(
        outside(parent),
        2,
        "something was written outside of the storage"
    );
    table.finish();
}

/// The document is refused and leaves nothing, or is published as what it is.
async fn inert(table: &Table, what: &str, name: &str, document: &Value) {
    let site: &Site = &table.site;
    let put = Request::put(npm::path(name), document);
    let answer = site.send(put).await;
    if !answer.status.is_success() {
        table.judge(what, &answer, REFUSED);
        table.nothing_stored(what).await;
        return;
    }
    for accept in [npm::ABBREVIATED, "application/json"] {
        let get = Request::get(npm::path(name)).header("accept", accept);
        let shown = site.send(get).await.good().json();
        if shown["polluted"] != Value::Null || shown["versions"][VERSION]["name"] != *name {
            table.fault(what, &shown);
        }
        for (version, artifact) in npm::listing(&shown).versions {
            let checked = registry_tests::ecosystem::check_artifact(&Npm, site, &artifact).await;
            if let Err(fault) = checked {
                table.fault(what, format!("{version}: {fault}"));
            }
        }
    }
    table.look();
}

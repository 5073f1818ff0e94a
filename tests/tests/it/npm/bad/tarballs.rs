//! Tarballs that are none, are damaged, or are bombs.

use bytes::Bytes;
use http::Method;
use registry_tests::Request;
use registry_tests::npm;
use registry_tests::random::Random;
use registry_tests::tarball::{gzip, tar, tarball};
use serde_json::json;

use super::Table;

/// What a tarball is, and how it is made for a package.
type Case<'a> = (&'a str, &'a dyn Fn(&str) -> Bytes);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tarballs() {
    let table = Table::start(&[]);
    let manifest = |name: &str| json!({"name": name, "version": "1.0.0"}).to_string();
    let packed = |files: &[(&str, &str)]| {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.as_bytes()))
            .collect();
        tarball(&files)
    };
    let good = |name: &str| npm::pack(name, "1.0.0", 0, 600);
    let with = |bytes: Bytes, at: usize| {
        let mut bytes = bytes.to_vec();
        let at = bytes.len() - at;
        bytes[at] ^= 0x55;
        Bytes::from(bytes)
    };
    let cases: &[Case<'_>] = &[
        ("nothing", &|_| Bytes::new()),
        ("noise", &|_| Random::new(1).bytes(2_000).into()),
        ("text", &|_| Bytes::from_static(b"not a tarball")),
        ("a tar that is not gzipped", &|name| {
            tar(&[("package/package.json", manifest(name).as_bytes())]).into()
        }),
        ("gzipped noise", &|_| gzip(&Random::new(2).bytes(5_000))),
        ("gzipped nothing", &|_| gzip(&[])),
        ("an empty tar", &|_| packed(&[])),
        ("no package.json", &|_| packed(&[("package/index.js", "0")])),
        ("a package.json too deep", &|name| {
            packed(&[("package/a/package.json", &manifest(name))])
        }),
        ("a package.json that is no JSON", &|_| {
            packed(&[("package/package.json", "{")])
        }),
        ("a package.json that is an array", &|_| {
            packed(&[("package/package.json", "[]")])
        }),
        ("a package.json without a name", &|_| {
            packed(&[("package/package.json", r#"{"version":"1.0.0"}"#)])
        }),
        ("a package.json of 10,000 arrays", &|_| {
            packed(&[("package/package.json", &"[".repeat(10_000))])
        }),
        ("two package.json", &|name| {
            let manifest = manifest(name);
            packed(&[
                ("package/package.json", &manifest),
                ("package/package.json", &manifest),
            ])
        }),
        ("a path that climbs", &|name| {
            packed(&[
                ("package/package.json", &manifest(name)),
                ("package/../../evil", "0"),
            ])
        }),
        ("an absolute path", &|name| {
            packed(&[("package/package.json", &manifest(name)), ("/evil", "0")])
        }),
        ("half of it", &|name| {
            good(name).slice(..good(name).len() / 2)
        }),
        ("all but the trailer", &|name| {
            good(name).slice(..good(name).len() - 8)
        }),
        ("all but the last byte", &|name| {
            good(name).slice(..good(name).len() - 1)
        }),
        ("a wrong checksum", &|name| with(good(name), 6)),
        ("a wrong length in the trailer", &|name| with(good(name), 2)),
        ("a damaged middle", &|name| {
            with(good(name), good(name).len() / 2)
        }),
        ("noise after the end", &|name| {
            [&good(name)[..], &Random::new(3).bytes(500)]
                .concat()
                .into()
        }),
    ];
    for (what, bytes) in cases {
        table
            .bad_publish(what, &[400], |document, name| {
                *document = npm::document(name, "1.0.0", &[], &bytes(name));
            })
            .await;
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs() {
    let table = Table::start(&[]);
    // A quarter of a gigabyte of nothing, in a quarter of a megabyte.
    let nothing = vec![0; 256 << 20];
    let bomb = |name: &str| {
        let manifest = json!({"name": name, "version": "1.0.0"}).to_string();
        tarball(&[
            ("package/package.json", manifest.as_bytes()),
            ("package/nothing", &nothing),
        ])
    };
    table
        .bad_publish("a bomb", &[400, 413], |document, name| {
            *document = npm::document(name, "1.0.0", &[], &bomb(name));
        })
        .await;
    table
        .bad_publish("a large package.json", &[400, 413], |document, name| {
            let bytes = tarball(&[("package/package.json", &nothing[..64 << 20])]);
            *document = npm::document(name, "1.0.0", &[], &bytes);
        })
        .await;
    table
        .bad_publish("a bomb after the archive", &[400, 413], |document, name| {
            let good = npm::pack(name, "1.0.0", 0, 10);
            let bytes = [&good[..], &gzip(&nothing)].concat();
            *document = npm::document(name, "1.0.0", &[], &bytes);
        })
        .await;
    let many: Vec<_> = (0..200_000).map(|_| ("package/x", &b""[..])).collect();
    table
        .bad_publish(
            "more files than anybody has",
            &[400, 413],
            |document, name| {
                *document = npm::document(name, "1.0.0", &[], &tarball(&many));
            },
        )
        .await;
    // The bulk audit takes gzip, too. Advisories there are none, whatever it asks about, so it may
    // be answered unread; it harms nothing either way.
    let audit = "/npm/-/npm/v1/security/advisories/bulk";
    let spaces = gzip(&vec![b' '; 256 << 20]);
    for (what, bytes) in [
        ("an audit that is a bomb", spaces),
        ("an audit that is no gzip", Bytes::from_static(b"{}")),
        ("an audit that is no JSON", gzip(b"{")),
        (
            "an audit of 10,000 arrays",
            gzip("[".repeat(10_000).as_bytes()),
        ),
    ] {
        let post = Request::new(Method::POST, audit)
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .body(bytes);
        let answer = table.site.send(post).await;
        if answer.status != 200 || answer.json() != json!({}) {
            table.judge(what, &answer, &[400, 413]);
        }
        table.nothing_stored(what).await;
    }
    table.finish();
}

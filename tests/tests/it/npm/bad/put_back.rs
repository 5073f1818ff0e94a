//! A document put back, as for a deprecation, that says more than it may.

use registry_tests::Request;
use registry_tests::npm::{self, text};
use serde_json::json;

use super::{Change, REFUSED, Table, good};

const V1: &str = "1.0.0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_back() {
    let table = Table::start(&[]);
    let package = "put-back";
    table.publish(package, V1).await;
    table.publish(package, "1.1.0").await;
    let writable = format!("/npm/{package}?write=true");
    let before = table.site.get(&writable).await.good().json();

    let smuggled = npm::integrity(b"smuggled");
    let refused: &[Change<'_>] = &[
        ("a further version", &|document| {
            document["versions"]["6.6.6"] = document["versions"][V1].clone();
            document["versions"]["6.6.6"]["version"] = json!("6.6.6");
            document["versions"][V1]["deprecated"] = json!("smuggling");
        }),
        ("a further version called __proto__", &|document| {
            document["versions"]["__proto__"] = document["versions"][V1].clone();
        }),
        ("another integrity", &|document| {
            document["versions"][V1]["dist"]["integrity"] = json!(smuggled);
            document["versions"][V1]["deprecated"] = json!("smuggling");
        }),
        ("another shasum", &|document| {
            document["versions"][V1]["dist"]["shasum"] = json!(npm::shasum(b"smuggled"));
        }),
        ("another tarball", &|document| {
            document["versions"][V1]["dist"]["tarball"] =
                document["versions"]["1.1.0"]["dist"]["tarball"].clone();
        }),
        ("a deprecation that is an object", &|document| {
            document["versions"][V1]["deprecated"] = json!({"a": 1});
        }),
        ("a deprecation without an end", &|document| {
            document["versions"][V1]["deprecated"] = json!("x".repeat(1 << 20));
        }),
        ("versions that are text", &|document| {
            document["versions"] = json!("none")
        }),
        ("another name", &|document| {
            document["name"] = json!("other")
        }),
        ("an attachment for an old version", &|document| {
            document["_attachments"] = good(package, "6.6.6")["_attachments"].clone();
        }),
    ];
    for (what, change) in refused {
        let mut document = before.clone();
        change(&mut document);
        let put = Request::put(format!("/npm/{package}"), &document);
        table.refused(what, &table.site, put, REFUSED).await;
    }

    // These may be refused or passed over, but come to nothing.
    let harmless: &[Change<'_>] = &[
        ("other dependencies", &|document| {
            document["versions"][V1]["dependencies"] = json!({"evil": "1.0.0"});
        }),
        ("other scripts", &|document| {
            document["versions"][V1]["scripts"] = json!({"install": "evil"});
        }),
        ("another bin", &|document| {
            document["versions"][V1]["bin"] = json!("evil.js")
        }),
        ("fewer fields", &|document| {
            document["versions"][V1] = json!({"name": package, "version": V1})
        }),
        ("no versions", &|document| document["versions"] = json!({})),
        ("fewer versions", &|document| {
            document["versions"].as_object_mut().unwrap().remove(V1);
        }),
        ("a tag on nothing", &|document| {
            document["dist-tags"]["evil"] = json!("6.6.6")
        }),
        ("another time", &|document| {
            document["time"] = json!({V1: "1970-01-01T00:00:00.000Z"})
        }),
    ];
    for (what, change) in harmless {
        let mut document = table.site.get(&writable).await.good().json();
        change(&mut document);
        let put = Request::put(format!("/npm/{package}"), &document);
        let answer = table.site.send(put).await;
        if !answer.status.is_success() {
            table.judge(what, &answer, REFUSED);
        }
        table.look();
    }
    let after = table.site.get(&writable).await.good().json();
    for key in ["versions", "dist-tags", "maintainers", "name"] {
        if after[key] != before[key] {
            table.fault(key, format!("{} became {}", before[key], after[key]));
        }
    }
    for version in [V1, "1.1.0"] {
        if after["time"][version] != before["time"][version] {
            table.fault(
                version,
                format!("{} became {}", before["time"], after["time"]),
            );
        }
    }
    table.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stale_or_not_there() {
    let table = Table::start(&[]);
    let package = "stale";
    table.publish(package, V1).await;
    let writable = format!("/npm/{package}?write=true");
    let mut old = table.site.get(&writable).await.good().json();
    let rev = text(&old["_rev"]).to_owned();
    table.publish(package, "1.1.0").await;

    // Computed before the second version was there, so it cannot mean to remove that.
    let put = Request::put(format!("/npm/{package}/-rev/{rev}"), &old);
    table
        .refused("removing what was not seen", &table.site, put, &[409])
        .await;
    let delete = Request::delete(format!("/npm/{package}/-rev/{rev}"));
    table
        .refused(
            "removing all that was not seen",
            &table.site,
            delete,
            &[409],
        )
        .await;
    old["maintainers"] = json!([]);
    old.as_object_mut().unwrap().remove("versions");
    let put = Request::put(format!("/npm/{package}/-rev/{rev}"), &old);
    table
        .refused("no maintainers", &table.site, put, &[400, 409])
        .await;

    let conflict = Request::put(
        format!("/npm/{package}"),
        &npm::document(package, V1, &[], &npm::pack(package, V1, 1, 600)),
    );
    table
        .refused("other bytes", &table.site, conflict, &[403])
        .await;
    let build = "1.0.0+build";
    let twin = Request::put(format!("/npm/{package}"), &good(package, build));
    table
        .refused("a twin by build metadata", &table.site, twin, &[403])
        .await;

    let mut document = good("not-there", V1);
    document.as_object_mut().unwrap().remove("_attachments");
    document["versions"][V1]["deprecated"] = json!("nothing");
    let put = Request::put("/npm/not-there", &document);
    table
        .refused("deprecating nothing", &table.site, put, &[400, 404])
        .await;
    let delete = Request::delete("/npm/not-there/-rev/1-0");
    table
        .refused("removing no package", &table.site, delete, &[404])
        .await;
    // The last step of unpublishing may come twice: a tarball that is not there is gone.
    let path = format!("/npm/{package}/-/{package}-6.6.6.tgz/-rev/{rev}");
    let answer = table.site.send(Request::delete(path)).await;
    if !answer.status.is_success() {
        table.judge("removing no tarball", &answer, &[404, 409]);
    }
    table.nothing_stored("removing no tarball").await;
    // The tarball of a version that is listed does not go by itself.
    let current = table.site.get(&writable).await.good().json();
    let current = text(&current["_rev"]);
    let file = npm::file_name(package, V1);
    let delete = Request::delete(format!("/npm/{package}/-/{file}/-rev/{current}"));
    table
        .refused("a listed tarball", &table.site, delete, REFUSED)
        .await;
    table
        .site
        .get(format!("/npm/{package}/-/{file}"))
        .await
        .good();
    table.finish();
}

//! What bad input gets over a real connection: an answer that clients can show, and nothing stored.

use registry_tests::pypi::{self, Pypi};

use crate::bad::Table;

async fn table() -> Table<Pypi> {
    let settings = [
        ("REGISTRY_PYPI_MAX_SIZE", "1M"),
        ("REGISTRY_PYPI_MAX_METADATA", "64K"),
    ];
    Table::start(Pypi, &settings, |answer| {
        let json = answer.json();
        let code = json["code"].as_str().unwrap_or_default();
        code.starts_with(&format!("{} ", answer.status.as_u16()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_off_leaves_nothing() {
    table().await.breaks_off(pypi::publish).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_is_refused() {
    let mut table = table().await;
    let publish = pypi::publish;
    // What nothing looks at may be altered; then all else is as it was sent.
    table
        .altered(publish, &[400, 410], |listing, release, _| {
            listing.has(&Pypi, release)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bounds_hold() {
    let table = table().await;
    let mut large = table.release("1.1", 2);
    large.bytes = pypi::wheel("bad", "1.1", 2, 2 << 20);
    let answer = table.site().send(pypi::publish(&large)).await;
    table.refused("a large file", &answer, &[413]).await;
    let publish = pypi::publish(&table.release("1.1", 2));
    let field = format!(
        "--{}\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\n{}\r\n",
        pypi::BOUNDARY,
        "x".repeat(200 << 10)
    );
    let body = [field.as_bytes(), publish.content()].concat();
    let answer = table.site().send(publish.body(body)).await;
    table.refused("a long description", &answer, &[413]).await;
    let addresses = [
        ("/pypi/simple/..%2f..%2fauth/", 404),
        ("/pypi/packages/bad/..%2findex.jsonl", 404),
        ("/pypi/packages/bad/index.jsonl", 404),
        ("/pypi/packages/..%2f/x", 404),
        ("/pypi/%ff/json", 400),
        ("/pypi/api/yank/bad/1.0/..%2fx", 405),
    ];
    table.not_got(&addresses).await;
}

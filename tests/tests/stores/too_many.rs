//! GCS takes about one write a second to one object and answers others with 429.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::RetryConfig;
use registry_core::storage::{Key, PutMode, Storage, StorageError, Version};
use registry_tests::fake_gcs;
use registry_tests::place::Place;

use crate::connect::connect;

/// Answers every request as GCS does when an object changes too fast; its port, and how many came.
fn refusing() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            refuse(stream.unwrap()).unwrap();
        }
    });
    (port, count)
}

fn refuse(stream: TcpStream) -> std::io::Result<()> {
    const BODY: &str = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>SlowDown</Code>\
        <Message>The object exceeded the rate limit for object mutation operations.</Message>\
        </Error>";
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    write!(
        reader.into_inner(),
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{BODY}",
        BODY.len()
    )
}

/// Such a write is neither made nor refused for good: whoever asked has to look and try again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_unavailable() {
    let (port, count) = refusing();
    let place = Place::bucket("gs", "bucket", fake_gcs::environment(port));
    let retry = RetryConfig {
        max_retries: 2,
        ..RetryConfig::default()
    };
    let storage = connect(&place, retry);
    let key = Key::new("log/0000000000").unwrap();
    for mode in [
        PutMode::Create,
        PutMode::Replace,
        PutMode::Update(Version::new("\"tag\"\n17")),
    ] {
        count.store(0, Ordering::Relaxed);
        let answer = storage.put(&key, "{}".into(), mode.clone()).await;
        let unavailable = matches!(answer, Err(StorageError::Unavailable(_)));
        assert!(unavailable, "{mode:?}: {answer:?}");
        assert_eq!(count.load(Ordering::Relaxed), 3, "{mode:?}: tries");
    }
}

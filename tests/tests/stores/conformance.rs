//! The core's own suite.

use std::sync::Arc;

use registry_core::storage::{Key, conformance};
use registry_tests::Kind;

use crate::connect::usable;

async fn run(kind: Kind) {
    let Some((_place, storage)) = usable(kind).await else {
        return;
    };
    conformance::run(Arc::new(storage), &Key::new("suite").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3() {
    run(Kind::S3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure() {
    run(Kind::Azure).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gcs() {
    run(Kind::Gcs).await;
}

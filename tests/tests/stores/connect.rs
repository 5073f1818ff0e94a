//! From a place to its store, with the settings of the server's `storage.rs`.

use std::sync::{Arc, Once};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use registry_core::storage::{Key, ObjectStorage, StorageError};
use registry_tests::place::Place;
use registry_tests::{Kind, announce};

/// The settings of a builder out of a place's environment, by the names that its `from_env` takes.
macro_rules! configured {
    ($builder:ty, $place:expr) => {
        $place
            .environment
            .iter()
            .fold(<$builder>::new(), |builder, (name, value)| {
                match name.to_ascii_lowercase().parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                }
            })
    };
}

/// The storage of a place, as the server opens it.
pub(crate) fn connect(place: &Place, retry: RetryConfig) -> ObjectStorage {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let provider = rustls::crypto::ring::default_provider();
        provider
            .install_default()
            .expect("nobody else installs one");
    });
    let client = ClientOptions::new()
        .with_timeout_disabled()
        .with_read_timeout(Duration::from_secs(30))
        .with_allow_http(true);
    let (scheme, rest) = place.url.split_once("://").expect("a bucket");
    let (bucket, prefix) = rest.split_once('/').expect("a folder in a bucket");
    let store: Arc<dyn ObjectStore> = match scheme {
        "s3" => Arc::new(
            configured!(AmazonS3Builder, place)
                .with_bucket_name(bucket)
                .with_conditional_put(S3ConditionalPut::ETagMatch)
                .with_virtual_hosted_style_request(false)
                .with_client_options(client)
                .with_retry(retry)
                .build()
                .expect("a good configuration"),
        ),
        "az" => Arc::new(
            configured!(MicrosoftAzureBuilder, place)
                .with_container_name(bucket)
                .with_client_options(client)
                .with_retry(retry)
                .build()
                .expect("a good configuration"),
        ),
        "gs" => Arc::new(
            configured!(GoogleCloudStorageBuilder, place)
                .with_bucket_name(bucket)
                .with_client_options(client)
                .with_retry(retry)
                .build()
                .expect("a good configuration"),
        ),
        _ => panic!("no bucket: {}", place.url),
    };
    ObjectStorage::new(store).with_prefix(Key::new(prefix).expect("a good prefix"))
}

/// A fresh place and its storage, found to be usable; none where this machine has no such store, or
/// the store is known to be of no use, which was said.
pub(crate) async fn usable(kind: Kind) -> Option<(Place, ObjectStorage)> {
    let place = tokio::task::block_in_place(|| Place::new(kind))?;
    let storage = connect(&place, RetryConfig::default());
    match storage.probe().await {
        Ok(true) => Some((place, storage)),
        // fake-gcs-server 1.56 serves only reads and lists of the XML API, which object_store
        // speaks: a PUT is refused unless it is one of the JSON API or bears a signature in its
        // address, x-goog-if-generation-match is not looked at, and multipart uploads are missing
        // (its issues 331, 852 and 994). object_store's own CI runs against a fork that accepts
        // PUTs, and leaves out there whatever needs conditions or parts, as all of ours does. When
        // it learns these, the tests run.
        Err(StorageError::Failed(error))
            if kind == Kind::Gcs && format!("{error:?}").contains("invalid uploadType") =>
        {
            announce(
                "LEFT OUT: GCS is compiled, not tested; fake-gcs-server has no conditional writes \
                 in the XML API, which object_store uses",
            );
            None
        }
        other => panic!("{kind:?}: the probe for conditional writes says {other:?}"),
    }
}

//! What clients push.

use http::StatusCode;
use registry_core::digest::{Algorithm, Digest};
use registry_testkit::{Answer, Client};
use serde_json::{Value, json};

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(crate) fn digest(bytes: impl AsRef<[u8]>) -> String {
    Digest::of(Algorithm::Sha256, bytes.as_ref()).to_string()
}

pub(crate) fn sha512(bytes: impl AsRef<[u8]>) -> String {
    Digest::of(Algorithm::Sha512, bytes.as_ref()).to_string()
}

pub(crate) fn descriptor(media_type: &str, bytes: impl AsRef<[u8]>) -> Value {
    let bytes = bytes.as_ref();
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

/// A manifest, as text, and the type that it goes with.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) media_type: &'static str,
    pub(crate) value: Value,
}

impl Manifest {
    /// An image of one layer, which tells it from others.
    pub(crate) fn image(layer: &str) -> Self {
        let value = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor(CONFIG, "{}"),
            "layers": [descriptor(LAYER, layer)],
        });
        let media_type = IMAGE;
        Self { media_type, value }
    }

    /// An index of some manifests.
    pub(crate) fn index(of: &[&Manifest]) -> Self {
        let manifests: Vec<Value> = of.iter().map(|of| of.descriptor()).collect();
        let value = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        let media_type = INDEX;
        Self { media_type, value }
    }

    /// The same with a field set.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.value[field] = value.into();
        self
    }

    pub(crate) fn descriptor(&self) -> Value {
        descriptor(self.media_type, self.text())
    }

    pub(crate) fn text(&self) -> String {
        self.value.to_string()
    }

    pub(crate) fn digest(&self) -> String {
        digest(self.text())
    }

    /// Pushes it under a reference, blobs aside.
    pub(crate) async fn put(&self, client: &Client, name: &str, reference: &str) -> Answer {
        let client = client.header("content-type", self.media_type);
        client
            .put(&format!("/v2/{name}/manifests/{reference}"), self.text())
            .await
    }
}

/// Pushes a blob in one request.
pub(crate) async fn push_blob(client: &Client, name: &str, bytes: &str) {
    let path = format!("/v2/{name}/blobs/uploads/?digest={}", digest(bytes));
    let answer = client.post(&path, bytes.to_owned()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

/// Pushes an image with its blobs.
pub(crate) async fn push(client: &Client, name: &str, reference: &str, layer: &str) -> Manifest {
    let image = Manifest::image(layer);
    push_blob(client, name, "{}").await;
    push_blob(client, name, layer).await;
    let answer = image.put(client, name, reference).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    image
}

/// The status and the code of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    let code = answer.json()["errors"][0]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    (answer.status.as_u16(), code)
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        refusal(answer),
        (status, code.to_owned()),
        "{}",
        answer.text()
    );
}

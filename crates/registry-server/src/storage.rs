//! From the word for a bucket to the bucket.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use object_store::{
    ClientOptions, ObjectStore, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder,
    gcp::GoogleCloudStorageBuilder,
};
use registry::storage::{
    Directory, Get, GetOptions, Key, Memory, ObjectStorage, PutMode, Storage, StorageError,
};

use crate::config::Config;

/// How the contents of a bucket are laid out; written into `registry.json`.
const FORMAT: u64 = 1;
/// How long a request to a bucket may bring nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the bucket, and writes or checks its format.
///
/// # Errors
/// When it cannot be reached, lacks conditional writes, or has a format of a later time.
pub(crate) async fn open(config: &Config) -> Result<Arc<dyn Storage>> {
    let place = config.storage.as_str();
    let storage: Arc<dyn Storage> = match place.split_once(':') {
        Some(("memory", "")) => Arc::new(Memory::new()),
        Some(("s3", rest)) => bucket(s3, rest, config).await?,
        Some(("gs", rest)) => bucket(gcs, rest, config).await?,
        Some(("az", rest)) => bucket(azure, rest, config).await?,
        Some(("file", rest)) => directory(rest.strip_prefix("//").unwrap_or(rest))?,
        Some((scheme, rest)) if rest.starts_with("//") => {
            bail!("storage: {scheme}:// is not known; use a folder, s3://, gs://, az:// or memory:")
        }
        _ => directory(place)?,
    };
    check_format(&*storage)
        .await
        .with_context(|| format!("the storage {place}"))?;
    Ok(storage)
}

/// Opens the storage of a registry that is there: looking after one makes none.
///
/// # Errors
/// When there is none, or as [`open`].
pub(crate) async fn open_existing(config: &Config) -> Result<Arc<dyn Storage>> {
    let place = config.storage.as_str();
    let folder = match place.split_once(':') {
        Some(("file", rest)) => Some(rest.strip_prefix("//").unwrap_or(rest)),
        Some((_, rest)) if rest.is_empty() || rest.starts_with("//") => None,
        _ => Some(place),
    };
    if let Some(folder) = folder
        && !std::path::Path::new(folder).join("registry.json").exists()
    {
        bail!("there is no registry in {folder}; --storage names its folder");
    }
    open(config).await
}

fn directory(path: &str) -> Result<Arc<dyn Storage>> {
    let directory = Directory::open(path);
    Ok(Arc::new(directory.with_context(|| {
        format!("the folder {path} cannot be used")
    })?))
}

type Connect = fn(&str, ClientOptions) -> object_store::Result<Arc<dyn ObjectStore>>;

async fn bucket(connect: Connect, place: &str, config: &Config) -> Result<Arc<dyn Storage>> {
    let place = place.trim_start_matches('/').trim_end_matches('/');
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    if name.is_empty() {
        bail!("storage: {} names no bucket", config.storage);
    }
    // An artifact may take its time; a silent connection may not.
    let client = ClientOptions::new()
        .with_timeout_disabled()
        .with_read_timeout(PATIENCE);
    let store = connect(name, client).with_context(|| format!("the bucket {name}"))?;
    let mut storage = ObjectStorage::new(store);
    if !prefix.is_empty() {
        let prefix = Key::new(prefix).map_err(|error| anyhow!("storage: the prefix: {error}"))?;
        storage = storage.with_prefix(prefix);
    }
    if config.single_writer {
        return Ok(Arc::new(storage.single_writer(true)));
    }
    let conditional = match storage.probe().await {
        Err(StorageError::NotFound) => bail!("there is no bucket {name}; create it first"),
        other => other.with_context(|| format!("the bucket {name} does not answer"))?,
    };
    if !conditional {
        bail!(
            "the bucket {name} does not honour conditional writes (If-Match, If-None-Match), \
             without which replicas lose each other's updates; set single_writer = true if this \
             process is the only one that ever writes to it"
        );
    }
    Ok(Arc::new(storage))
}

fn s3(bucket: &str, client: ClientOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let plain = endpoint
        .as_deref()
        .is_some_and(|endpoint| endpoint.starts_with("http://"));
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_conditional_put(object_store::aws::S3ConditionalPut::ETagMatch)
        .with_client_options(client.with_allow_http(plain));
    if let Some(endpoint) = endpoint {
        builder = builder
            .with_endpoint(endpoint)
            .with_virtual_hosted_style_request(false);
    }
    Ok(Arc::new(builder.build()?))
}

fn gcs(bucket: &str, client: ClientOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
    let emulator = std::env::var("STORAGE_EMULATOR_HOST").ok();
    let plain = emulator.is_some_and(|host| !host.starts_with("https://"));
    Ok(Arc::new(
        builder
            .with_client_options(client.with_allow_http(plain))
            .build()?,
    ))
}

fn azure(container: &str, client: ClientOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let endpoint =
        std::env::var("AZURE_STORAGE_ENDPOINT").or_else(|_| std::env::var("AZURE_ENDPOINT"));
    let emulated = std::env::var("AZURE_STORAGE_USE_EMULATOR").is_ok_and(|value| value == "true");
    let plain = emulated || endpoint.is_ok_and(|endpoint| endpoint.starts_with("http://"));
    let builder = MicrosoftAzureBuilder::from_env().with_container_name(container);
    Ok(Arc::new(
        builder
            .with_client_options(client.with_allow_http(plain))
            .build()?,
    ))
}

/// The key of the object that tells a bucket's format.
pub(crate) fn format_key() -> Result<Key> {
    Ok(Key::new("registry.json")?)
}

async fn check_format(storage: &dyn Storage) -> Result<()> {
    let key = format_key()?;
    let found = match storage.get(&key, GetOptions::default()).await {
        Err(StorageError::NotFound) => {
            let ours = Bytes::from(format!("{{\"format\":{FORMAT}}}\n"));
            match storage.put(&key, ours, PutMode::Create).await {
                // Somebody else was first.
                Err(StorageError::Precondition) => storage.get(&key, GetOptions::default()).await,
                Err(error) => return Err(error).context("registry.json cannot be written"),
                Ok(_) => return Ok(()),
            }
        }
        other => other,
    };
    let Get::Found(object) = found.context("registry.json cannot be read")? else {
        bail!("registry.json cannot be read");
    };
    let bytes = object
        .body
        .collect(1 << 16)
        .await
        .context("registry.json cannot be read")?;
    let format = serde_json::from_slice::<serde_json::Value>(&bytes);
    match format.ok().and_then(|value| value.get("format")?.as_u64()) {
        Some(FORMAT) => Ok(()),
        Some(format) => bail!(
            "registry.json says that this bucket has format {format}, and this version of the \
             registry knows only format {FORMAT}; use a version that knows it, or another bucket"
        ),
        None => bail!("registry.json is damaged: it does not tell a format"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_format_is_written_and_checked() {
        let storage = Memory::new();
        check_format(&storage).await.unwrap();
        check_format(&storage).await.unwrap();
        for (text, expected) in [("{\"format\":2}", "has format 2"), ("x", "is damaged")] {
            let key = format_key().unwrap();
            storage
                .put(&key, Bytes::from_static(text.as_bytes()), PutMode::Replace)
                .await
                .unwrap();
            let error = check_format(&storage).await.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

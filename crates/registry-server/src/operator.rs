//! What is done to a mount beside running servers, or without any: the requests of the mount's own
//! interface, made in this process by whoever holds the bucket.

use std::{net::IpAddr, sync::Arc};

use anyhow::{Result, bail};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request};
use registry::{
    Body,
    auth::{AuthProvider, Credentials, Decision, Identity, Permission},
};
use serde_json::Value;

use crate::{config::Config, mounts, storage};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 64 << 20;

/// Who holds the bucket may do everything.
struct Operator;

#[async_trait]
impl AuthProvider for Operator {
    async fn authenticate(
        &self,
        _: &Credentials,
        _: &str,
        _: Option<IpAddr>,
    ) -> registry::Result<Identity> {
        Ok(Identity {
            admin: true,
            ..Identity::user("registry")
        })
    }

    async fn authorize(&self, _: &Identity, _: Permission<'_>) -> registry::Result<Decision> {
        Ok(Decision::Allow)
    }
}

/// Makes a request; gives the answer's body. What a refusal says is in the field `told` of its body.
///
/// # Errors
/// When it is refused, or the storage fails.
pub(crate) async fn ask(
    config: &Config,
    (method, path, body): (Method, String, String),
    told: &str,
) -> Result<Bytes> {
    let registry = mounts::registry(
        storage::open_existing(config).await?,
        Arc::new(Operator),
        config,
    )?;
    let request = Request::builder().method(method).uri(path);
    let response = registry.handle(request.body(Body::from(body))?).await;
    let (parts, body) = response.into_parts();
    let answer = body.collect(MAX_ANSWER).await?;
    if !parts.status.is_success() {
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        bail!("{}", answer[told].as_str().unwrap_or(parts.status.as_str()));
    }
    Ok(answer)
}

//! What uploads are called: a UUID, the hash function, and a signature that binds both to one
//! repository.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{LIFETIME, PURPOSE, Repo, Upload, layout, unknown};
use crate::{
    digest::{Algorithm, hex, random_hex, unhex},
    error::Result,
};

impl Repo {
    /// Begins an upload of at most `limit` bytes, hashed with `algorithm` as they come. Writes
    /// nothing.
    ///
    /// # Errors
    /// When the registry's keys cannot be read.
    pub async fn begin_upload(&self, algorithm: Algorithm, limit: u64) -> Result<Upload> {
        let uuid = uuid(SystemTime::now())?;
        let signature = self.sign(&uuid, algorithm).await?;
        let name = format!("{uuid}.{}.{signature}", algorithm.as_str());
        self.named_upload(uuid, algorithm, name, limit)
    }

    /// The upload of this name to this repository.
    ///
    /// # Errors
    /// `NotFound` when the name is not one that was given out here, or is too old.
    pub async fn find_upload(&self, name: &str, limit: u64) -> Result<Upload> {
        let mut parts = name.split('.');
        let (Some(uuid), Some(algorithm), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(unknown());
        };
        let algorithm = algorithm.parse().map_err(|_| unknown())?;
        if !self.is_signed(uuid, algorithm, signature).await? {
            return Err(unknown());
        }
        self.named_upload(uuid.to_owned(), algorithm, name.to_owned(), limit)
    }

    fn named_upload(
        &self,
        uuid: String,
        algorithm: Algorithm,
        name: String,
        limit: u64,
    ) -> Result<Upload> {
        Ok(Upload {
            key: layout::upload(&self.store.0.root, &uuid)?,
            repo: self.clone(),
            uuid,
            algorithm,
            name,
            limit,
        })
    }

    fn signed(&self, uuid: &str, algorithm: Algorithm) -> Vec<u8> {
        // None of these holds a space.
        let (mount, repository) = (self.store.name(), self.name());
        format!("{mount} {repository} {uuid} {}", algorithm.as_str()).into_bytes()
    }

    async fn sign(&self, uuid: &str, algorithm: Algorithm) -> Result<String> {
        let message = self.signed(uuid, algorithm);
        Ok(hex(&self.store.0.keys.mac(PURPOSE, &message).await?))
    }

    async fn is_signed(&self, uuid: &str, algorithm: Algorithm, signature: &str) -> Result<bool> {
        let Some(signature) = unhex(signature) else {
            return Ok(false);
        };
        let message = self.signed(uuid, algorithm);
        let keys = &self.store.0.keys;
        keys.verify(PURPOSE, &message, &signature).await
    }
}

/// A UUID of version 7 (RFC 9562 §5.7), which tells when it was made.
fn uuid(now: SystemTime) -> Result<String> {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let random = random_hex::<10>()?;
    let time = format!("{:012x}", since.as_millis());
    let variant = u8::from_str_radix(&random[3..4], 16).unwrap_or_default() & 3 | 8;
    Ok(format!(
        "{}-{}-7{}-{variant:x}{}-{}",
        &time[..8],
        &time[8..12],
        &random[..3],
        &random[4..7],
        &random[7..19],
    ))
}

/// When a UUID was made.
fn made(uuid: &str) -> Option<SystemTime> {
    let time: String = uuid.chars().filter(|c| *c != '-').take(12).collect();
    let since = Duration::from_millis(u64::from_str_radix(&time, 16).ok()?);
    UNIX_EPOCH.checked_add(since)
}

/// Whether an upload that has no session, or none any more, is too old to begin.
pub(super) fn is_old(uuid: &str) -> bool {
    made(uuid).is_none_or(is_expired)
}

/// Whether something of this time has been left alone for longer than an upload may be.
pub(in crate::store) fn is_expired(since: SystemTime) -> bool {
    SystemTime::now().duration_since(since).unwrap_or_default() > LIFETIME
}

//! What an operator's hooks may do.

use async_trait::async_trait;
use registry_core::store::{Operation, StorageHook, Veto};

/// A hook that lets nothing be removed.
pub struct Keeper;

#[async_trait]
impl StorageHook for Keeper {
    async fn before_delete(&self, _: &Operation) -> Result<(), Veto> {
        Err(Veto("all is kept".to_owned()))
    }
}

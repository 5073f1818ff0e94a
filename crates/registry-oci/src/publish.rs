//! What is pushed and deleted: manifests and tags. Blobs have rooms of their own.

mod condition;
mod delete;
mod manifest;
mod references;
mod referrers;
mod tags;

use self::condition::Condition;

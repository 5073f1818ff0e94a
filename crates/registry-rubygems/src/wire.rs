//! The documents of the JSON API.

use serde::{Deserialize, Serialize};

/// What a search shows of a gem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its name, as it is spelled.
    pub name: String,
    /// The version that speaks for it.
    pub version: String,
    /// That version's platform.
    pub platform: String,
    /// Who wrote it.
    pub authors: String,
    /// What it is.
    pub info: String,
    /// Its licenses.
    pub licenses: Vec<String>,
    /// The SHA-256 of its file, in hexadecimal.
    pub sha: String,
    /// Where there is more about it.
    pub homepage_uri: Option<String>,
}

/// An owner of a gem.
#[derive(Debug, Serialize)]
pub struct Owner {
    /// A number that some clients want.
    pub id: u32,
    /// The user's name.
    pub handle: String,
}

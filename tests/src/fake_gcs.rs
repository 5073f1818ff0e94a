//! One server of Google Cloud Storage for the whole test process.

use std::sync::OnceLock;

use crate::announce;
use crate::kept::{self, Kept, Recipe};

/// The bucket that is there from the start.
pub const BUCKET: &str = "registry-tests";

/// A running fake-gcs-server.
#[derive(Debug)]
pub struct FakeGcs(Kept);

impl FakeGcs {
    /// What a registry needs in its environment to use this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(self.0.port)
    }
}

/// What a registry needs in its environment to use a server of GCS on a local port, without
/// credentials.
pub fn environment(port: u16) -> Vec<(String, String)> {
    let url = format!("http://127.0.0.1:{port}");
    let account = serde_json::json!({
        "gcs_base_url": url,
        "disable_oauth": true,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    });
    [
        ("GOOGLE_SERVICE_ACCOUNT_KEY", account.to_string()),
        ("STORAGE_EMULATOR_HOST", url),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The server, started when it is first asked for; none where `FAKE_GCS_BIN` names none, and then
/// the test says so.
///
/// # Panics
/// When it does not start.
pub fn fake_gcs() -> Option<&'static FakeGcs> {
    static FAKE_GCS: OnceLock<Option<FakeGcs>> = OnceLock::new();
    let fake_gcs = FAKE_GCS.get_or_init(|| {
        let program = kept::program("FAKE_GCS_BIN")?;
        Some(FakeGcs(kept::start(&Recipe {
            name: "fake-gcs",
            program: &program,
            arguments: |folder, port| {
                // A folder in what it serves is a bucket.
                std::fs::create_dir(folder.join(BUCKET)).expect("the folder is ours");
                let port = port.to_string();
                let host = format!("127.0.0.1:{port}");
                let arguments = [
                    "-scheme",
                    "http",
                    "-host",
                    "127.0.0.1",
                    "-port",
                    &port,
                    "-public-host",
                    &host,
                    "-backend",
                    "filesystem",
                    "-filesystem-root",
                ];
                let arguments = arguments.into_iter().map(Into::into);
                arguments.chain([folder.into()]).collect()
            },
            environment: &[],
            alive: "/_internal/healthcheck",
        })))
    });
    if fake_gcs.is_none() {
        announce("LEFT OUT, since FAKE_GCS_BIN names no server of Google Cloud Storage");
    }
    fake_gcs.as_ref()
}

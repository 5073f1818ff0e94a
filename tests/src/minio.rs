//! One S3 server for the whole test process.

use std::sync::OnceLock;

use crate::announce;
use crate::kept::{self, Kept, Recipe};

/// The bucket that is there from the start.
pub const BUCKET: &str = "registry-tests";
const USER: &str = "registry-tests";
const PASSWORD: &str = "registry-tests-secret";

/// A running MinIO.
#[derive(Debug)]
pub struct Minio(Kept);

impl Minio {
    /// What a registry needs in its environment to use this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.0.port);
        [
            ("AWS_ACCESS_KEY_ID", USER),
            ("AWS_SECRET_ACCESS_KEY", PASSWORD),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &endpoint),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

/// The server, started when it is first asked for; none where `MINIO_BIN` names none, and then the
/// test says so, or fails if `CI_REQUIRE_S3=1`.
///
/// # Panics
/// When there should be one and is not.
pub fn minio() -> Option<&'static Minio> {
    static MINIO: OnceLock<Option<Minio>> = OnceLock::new();
    let minio = MINIO.get_or_init(|| {
        let program = kept::program("MINIO_BIN")?;
        Some(Minio(kept::start(&Recipe {
            name: "minio",
            program: &program,
            arguments: |folder, port| {
                // A folder in the server's folder is a bucket.
                std::fs::create_dir(folder.join(BUCKET)).expect("the folder is ours");
                let address = format!("127.0.0.1:{port}");
                let arguments = ["server", "--quiet", "--address", &address];
                let arguments = arguments.into_iter().map(Into::into);
                arguments.chain([folder.into()]).collect()
            },
            environment: &[
                ("MINIO_ROOT_USER", USER),
                ("MINIO_ROOT_PASSWORD", PASSWORD),
                ("MINIO_UPDATE", "off"),
                ("MINIO_BROWSER", "off"),
            ],
            alive: "/minio/health/live",
        })))
    });
    if minio.is_none() {
        let required = std::env::var_os("CI_REQUIRE_S3").is_some_and(|value| value == "1");
        assert!(!required, "CI_REQUIRE_S3=1, but MINIO_BIN names no server");
        announce("LEFT OUT, since MINIO_BIN names no S3 server");
    }
    minio.as_ref()
}

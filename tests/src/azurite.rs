//! One server of Azure Blob for the whole test process.

use std::sync::OnceLock;

use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::HttpRequestBody;

use crate::announce;
use crate::kept::{self, Kept, Recipe};

/// The container that is there from the start.
pub const CONTAINER: &str = "registry-tests";
/// The account that every Azurite has, and its key, which is no secret.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running Azurite.
#[derive(Debug)]
pub struct Azurite(Kept);

impl Azurite {
    /// What a registry needs in its environment to use this server.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
            ("AZURE_STORAGE_ENDPOINT", &self.endpoint()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.0.port)
    }

    fn create_container(&self) {
        let mut request =
            http::Request::put(format!("{}/{CONTAINER}?restype=container", self.endpoint()))
                .body(HttpRequestBody::empty())
                .expect("a good request");
        let key = AzureAccessKey::try_new(KEY).expect("a good key");
        AzureAuthorizer::new(&AzureCredential::AccessKey(key), ACCOUNT)
            .try_authorize(&mut request)
            .expect("the request can be signed");
        let target = request.uri().path_and_query().expect("it has a path");
        let mut text = format!(
            "PUT {target} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n",
            self.0.port
        );
        for (name, value) in request.headers() {
            let value = value.to_str().expect("the headers are text");
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("content-length: 0\r\nconnection: close\r\n\r\n");
        let answer = kept::ask(self.0.port, &text).expect("Azurite answers");
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

/// The server, started when it is first asked for; none where `AZURITE_BIN` names none, and then
/// the test says so.
///
/// # Panics
/// When it does not start.
pub fn azurite() -> Option<&'static Azurite> {
    static AZURITE: OnceLock<Option<Azurite>> = OnceLock::new();
    let azurite = AZURITE.get_or_init(|| {
        let program = kept::program("AZURITE_BIN")?;
        let azurite = Azurite(kept::start(&Recipe {
            name: "azurite",
            program: &program,
            arguments: |folder, port| {
                let port = port.to_string();
                let arguments = [
                    "--silent",
                    "--disableTelemetry",
                    "--skipApiVersionCheck",
                    "--blobPort",
                    &port,
                    "--location",
                ];
                let arguments = arguments.into_iter().map(Into::into);
                arguments.chain([folder.into()]).collect()
            },
            environment: &[],
            alive: "/",
        }));
        azurite.create_container();
        Some(azurite)
    });
    if azurite.is_none() {
        announce("LEFT OUT, since AZURITE_BIN names no server of Azure Blob");
    }
    azurite.as_ref()
}

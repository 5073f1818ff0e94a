//! What clients send when they publish.

use std::io::Write;

use registry_core::digest::{Algorithm, Digests, MultiHasher};
use registry_testkit::{Answer, Client, zip};

const BOUNDARY: &str = "0123456789abcdef";

/// The digests of some bytes.
pub(crate) fn digests(bytes: &[u8]) -> Digests {
    let algorithms = [Algorithm::Md5, Algorithm::Sha256, Algorithm::Blake2b256];
    let mut hasher = MultiHasher::new(&algorithms);
    hasher.update(bytes);
    hasher.finish()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    digests(bytes).hex(Algorithm::Sha256)
}

/// A form to upload.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) file: String,
    pub(crate) content: Vec<u8>,
    /// The file's place among the fields; at the end without one.
    pub(crate) at: Option<usize>,
}

impl Upload {
    /// A wheel, `foo_bar-1.0-py3-none-any.whl` for `Foo.Bar`, whose metadata has more lines.
    pub(crate) fn wheel(name: &str, version: &str, more: &str) -> Self {
        let escaped = name.to_lowercase().replace(['-', '.'], "_");
        let metadata = metadata(name, version, more);
        let folder = format!("{escaped}-{version}.dist-info");
        let paths = ["METADATA", "WHEEL", "RECORD"].map(|file| format!("{folder}/{file}"));
        let module = format!("{escaped}.py");
        let record = format!(
            "{module},,\n{},,\n{},,\n{},,\n",
            paths[0], paths[1], paths[2]
        );
        let content = zip(
            &[
                (&module, b"x = 1\n"),
                (&paths[0], metadata.as_bytes()),
                (&paths[1], b"Wheel-Version: 1.0\nTag: py3-none-any\n"),
                (&paths[2], record.as_bytes()),
            ],
            true,
        );
        let file = format!("{escaped}-{version}-py3-none-any.whl");
        Self::new(name, version, "bdist_wheel", "py3", file, content)
    }

    /// A source distribution, `foo_bar-1.0.tar.gz` for `Foo.Bar`.
    pub(crate) fn sdist(name: &str, version: &str, more: &str) -> Self {
        let release = format!("{}-{version}", name.to_lowercase().replace(['-', '.'], "_"));
        let metadata = metadata(name, version, more);
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (path, bytes) in [("PKG-INFO", metadata.as_bytes()), ("setup.py", b"#")] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            let path = format!("{release}/{path}");
            tar.append_data(&mut header, path, bytes).unwrap();
        }
        let content = tar.into_inner().unwrap().finish().unwrap();
        let file = format!("{release}.tar.gz");
        Self::new(name, version, "sdist", "source", file, content)
    }

    fn new(
        name: &str,
        version: &str,
        filetype: &str,
        python: &str,
        file: String,
        content: Vec<u8>,
    ) -> Self {
        let digests = digests(&content);
        let fields = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", name),
            ("version", version),
            ("filetype", filetype),
            ("pyversion", python),
            ("md5_digest", &digests.hex(Algorithm::Md5)),
            ("sha256_digest", &digests.hex(Algorithm::Sha256)),
            ("blake2_256_digest", &digests.hex(Algorithm::Blake2b256)),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            fields: fields.map(own).to_vec(),
            file,
            content,
            at: None,
        }
    }

    /// The same with a field set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a field.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self
    }

    /// The same file under another name.
    pub(crate) fn called(mut self, file: &str) -> Self {
        self.file = file.to_owned();
        self
    }

    /// Another file, with its digests.
    pub(crate) fn holding(mut self, content: Vec<u8>) -> Self {
        let digests = digests(&content);
        self.content = content;
        self.with("md5_digest", &digests.hex(Algorithm::Md5))
            .with("sha256_digest", &digests.hex(Algorithm::Sha256))
            .with("blake2_256_digest", &digests.hex(Algorithm::Blake2b256))
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = self
            .fields
            .iter()
            .map(|(name, value)| {
                format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
                    .into_bytes()
            })
            .collect();
        let file = &self.file;
        let head = format!(
            "Content-Disposition: form-data; name=\"content\"; filename=\"{file}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let content = [head.as_bytes(), &self.content].concat();
        parts.insert(self.at.unwrap_or(parts.len()), content);
        let mut body = Vec::new();
        for part in parts {
            write!(body, "--{BOUNDARY}\r\n").unwrap();
            body.extend_from_slice(&part);
            body.extend_from_slice(b"\r\n");
        }
        write!(body, "--{BOUNDARY}--\r\n").unwrap();
        body
    }

    pub(crate) async fn send(&self, client: &Client) -> Answer {
        self.send_to(client, "/pypi/legacy/").await
    }

    pub(crate) async fn send_to(&self, client: &Client, path: &str) -> Answer {
        form(client, BOUNDARY).post(path, self.body()).await
    }

    /// Sends it, and expects to be told that all went well.
    pub(crate) async fn publish(&self, client: &Client) {
        let answer = self.send(client).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// A client that sends forms.
pub(crate) fn form(client: &Client, boundary: &str) -> Client {
    let kind = format!("multipart/form-data; boundary={boundary}");
    client.header("content-type", &kind)
}

fn metadata(name: &str, version: &str, more: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}")
}

use std::{path::Path, sync::Arc};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, Version, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::support::{Server, run};

/// GETs `/healthz` over HTTP/2.
async fn get_h2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, scheme: &str) {
    let executor = TokioExecutor::new();
    let (mut client, connection) = conn::http2::handshake(executor, TokioIo::new(io))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("{scheme}://localhost/healthz"));
    let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, Version::HTTP_2)
    );
    assert_eq!(
        answer.into_body().collect().await.unwrap().to_bytes(),
        "ok\n"
    );
}

#[tokio::test]
async fn http2_without_tls() {
    let server = Server::start(&[]);
    get_h2(TcpStream::connect(server.address).await.unwrap(), "http").await;
}

/// Writes a new self-signed certificate; its DER.
fn certificate(folder: &Path) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().to_vec()
}

async fn connect(
    server: &Server,
    root: &[u8],
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn tls_with_alpn_and_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let old = certificate(folder.path());
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    let environment = [
        ("REGISTRY_TLS_CERT", cert.as_str()),
        ("REGISTRY_TLS_KEY", key.as_str()),
    ];
    let server = Server::start(&environment);
    let stream = connect(&server, &old, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    get_h2(stream, "https").await;
    let stream = connect(&server, &old, &[b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));

    let new = certificate(folder.path());
    server.signal("HUP");
    server.wait_for_log("the certificate was read again");
    let stream = connect(&server, &new, &[b"h2"]).await.unwrap();
    get_h2(stream, "https").await;
    assert!(connect(&server, &old, &[b"h2"]).await.is_err());
}

#[test]
fn files_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (cert, key) = (path("cert.pem"), path("missing.pem"));
    let environment = [
        ("REGISTRY_TLS_CERT", cert.as_str()),
        ("REGISTRY_TLS_KEY", key.as_str()),
    ];
    let (success, _, error) = run(&["check-config"], &environment, "");
    assert!(
        !success && error.contains("missing.pem cannot be read"),
        "{error}"
    );
}

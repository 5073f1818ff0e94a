//! The server's side of TLS: one certificate, read again on SIGHUP.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result, anyhow};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

/// The certificate as it is now.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: Tls,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the certificate and its key.
    ///
    /// # Errors
    /// When a file cannot be read, or they do not belong together.
    pub(crate) fn load(files: &Tls) -> Result<Arc<Self>> {
        let current = RwLock::new(Arc::new(read(files)?));
        Ok(Arc::new(Self {
            files: files.clone(),
            current,
        }))
    }

    /// Reads both files again; on a failure the old ones stay.
    pub(crate) fn reload(&self) {
        match read(&self.files) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!("the certificate was read again");
            }
            Err(error) => tracing::error!("the old certificate stays in use: {error:#}"),
        }
    }

    /// What answers TLS with this certificate.
    ///
    /// # Errors
    /// When no protocol version is to be had.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.current
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

fn read(files: &Tls) -> Result<CertifiedKey> {
    let (cert, key) = (files.cert.display(), files.key.display());
    let chain =
        CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| anyhow!("tls.cert: {cert} cannot be read: {error}"))?;
    if chain.is_empty() {
        return Err(anyhow!("tls.cert: {cert} holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(&files.key);
    let private = private.map_err(|error| anyhow!("tls.key: {key} cannot be read: {error}"))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, private, &provider)
        .with_context(|| format!("tls: {cert} and {key} cannot be used together"))
}

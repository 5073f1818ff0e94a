//! A certificate that nobody knows, and that of who vouches for it.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::World;
use crate::server::Server;

/// Files in PEM.
pub(crate) struct Certificates {
    /// The folder of the authority's certificate, [`AUTHORITY`].
    pub(crate) trust: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What the authority's certificate is called.
pub(crate) const AUTHORITY: &str = "ca.crt";

/// An authority, and a certificate for loopback that it signed.
pub(crate) fn make(folder: PathBuf) -> Result<Certificates> {
    let trust = folder.join("trust");
    fs::create_dir_all(&trust)?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let name = &mut authority.distinguished_name;
    name.push(DnType::CommonName, "the authority of a test");
    let authority_key = KeyPair::generate()?;
    let signed = authority.self_signed(&authority_key)?;
    fs::write(trust.join(AUTHORITY), signed.pem())?;
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
    let made = Certificates {
        trust,
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    };
    fs::write(&made.certificate, certificate.pem())?;
    fs::write(&made.key, key.serialize_pem())?;
    Ok(made)
}

/// Starts a server over the state of the run that speaks TLS alone, and is told something else
/// besides.
pub(crate) fn replica(
    world: &World,
    made: &Certificates,
    variables: &[(&str, &str)],
) -> Result<Server> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let (certificate, key) = (text(&made.certificate), text(&made.key));
    let tls = [
        ("REGISTRY_TLS_CERT", &*certificate),
        ("REGISTRY_TLS_KEY", &*key),
    ];
    world.replica(&[&tls, variables].concat())
}

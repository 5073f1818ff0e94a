//! A server with a certificate that nobody knows, and the certificate of who vouches for it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::{Site, USERS, World};
use crate::server::{self, Server};

/// Files in PEM.
struct Certificates {
    /// The folder of the authority's certificate.
    trust: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

/// Starts a server that speaks TLS alone; ours has the state of the run's.
pub(super) fn serve(world: &World, name: &str) -> Result<(Server, Site)> {
    let folder = world.folder.join("tls").join(name);
    let made = make(folder.clone()).context("making certificates")?;
    let server = if world.registry.is_some() {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        world.replica(&[
            ("REGISTRY_TLS_CERT", &text(&made.certificate)),
            ("REGISTRY_TLS_KEY", &text(&made.key)),
        ])?
    } else {
        server::docker_registry(
            &folder.join("peer"),
            &USERS,
            Some((&made.certificate, &made.key)),
        )?
    };
    let mut site = Site::plain(&server);
    site.trust = Some(made.trust);
    Ok((server, site))
}

/// An authority, and a certificate for loopback that it signed.
fn make(folder: PathBuf) -> Result<Certificates> {
    let trust = folder.join("trust");
    fs::create_dir_all(&trust)?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let name = &mut authority.distinguished_name;
    name.push(DnType::CommonName, "the authority of a test");
    let authority_key = KeyPair::generate()?;
    let signed = authority.self_signed(&authority_key)?;
    fs::write(trust.join("ca.crt"), signed.pem())?;
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

//! From the configuration to what is mounted: the one place that names the protocols' types.

use std::sync::Arc;

use anyhow::{Context, Result};
use registry::{
    auth::AuthProvider,
    npm::Npm,
    oci::Oci,
    protocol::{Builder, Mount, Options, Protocol, RegistryService},
    storage::Storage,
};

use crate::config::{Config, MountConfig, ProtocolConfig};

/// The registry with all its mounts.
///
/// # Errors
/// When two mounts lie at one path.
pub(crate) fn registry(
    storage: Arc<dyn Storage>,
    auth: Arc<dyn AuthProvider>,
    config: &Config,
) -> Result<RegistryService> {
    let options = Options {
        public_url: config.public_url.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        metadata_max_age: config.metadata_max_age,
        cache: config.limits.cache,
        grace: config.gc.grace,
        ..Options::default()
    };
    let mut builder = Builder::new(storage, auth, options);
    for mount in &config.mounts {
        builder = add(builder, mount);
    }
    builder.build().context("the mounts do not fit together")
}

/// Mounts one protocol: a line for each that there is.
fn add(builder: Builder, config: &MountConfig) -> Builder {
    match &config.protocol {
        ProtocolConfig::Npm(npm) => builder.mount(placed(Npm::new(npm.clone()), config)),
        ProtocolConfig::Oci(oci) => {
            let mount = Mount::new(Oci::new(oci.clone())).named(&config.name);
            builder.mount(match &config.path {
                Some(path) => mount.at(path),
                // The only place where clients look; a mount of another name lies below it.
                None if config.name == Oci::NAME => mount.at("/v2").at("/oci"),
                None => mount.at(&format!("/v2/{}", config.name)),
            })
        }
    }
}

/// A protocol under its mount's name, where the configuration puts it.
fn placed<P: Protocol>(protocol: P, config: &MountConfig) -> Mount<P> {
    let mount = Mount::new(protocol).named(&config.name);
    match &config.path {
        Some(path) => mount.at(path),
        None => mount,
    }
}

//! From the configuration to what is mounted: the one place that names the protocols' types.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use registry::{
    auth::AuthProvider,
    cargo::Cargo,
    npm::Npm,
    oci::{Oci, OciConfig},
    protocol::{Builder, Mount, Options, Protocol, RegistryService},
    pypi::Pypi,
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
        builder = add(builder, mount, config);
    }
    builder.build().context("the mounts do not fit together")
}

/// Mounts one protocol: a line for each that there is.
fn add(builder: Builder, mount: &MountConfig, config: &Config) -> Builder {
    match &mount.protocol {
        ProtocolConfig::Cargo(cargo) => builder.mount(placed(Cargo::new(cargo.clone()), mount)),
        ProtocolConfig::Npm(npm) => builder.mount(placed(Npm::new(npm.clone()), mount)),
        ProtocolConfig::Oci(oci) => {
            let oci = OciConfig {
                beside: beside(&oci_paths(mount), config),
                ..oci.clone()
            };
            let placed = Mount::new(Oci::new(oci)).named(&mount.name);
            let paths = oci_paths(mount);
            builder.mount(paths.iter().fold(placed, |placed, path| placed.at(path)))
        }
        ProtocolConfig::Pypi(pypi) => {
            let mut placed = placed(Pypi::new(pypi.clone()), mount);
            // Where clients look for an index that they know only the host of.
            if mount.name == Pypi::NAME {
                placed = placed.also_at("/simple", "/simple");
                placed = placed.also_at("/legacy", "/legacy");
            }
            builder.mount(placed)
        }
    }
}

/// Where an OCI mount lies. Container clients look nowhere but at `/v2/`, so that a mount of another
/// name lies below that.
fn oci_paths(mount: &MountConfig) -> Vec<String> {
    match &mount.path {
        Some(path) => vec![path.clone()],
        None if mount.name == Oci::NAME => vec!["/v2".to_owned(), "/oci".to_owned()],
        None => vec![format!("/v2/{}", mount.name)],
    }
}

/// The OCI mounts below one that lies at `/v2`, by the path from there: for all of them clients get
/// their tokens from that one.
fn beside(paths: &[String], config: &Config) -> BTreeMap<String, String> {
    if !paths.iter().any(|path| path == "/v2") {
        return BTreeMap::new();
    }
    let oci = |mount: &&MountConfig| matches!(mount.protocol, ProtocolConfig::Oci(_));
    let below = config.mounts.iter().filter(oci).flat_map(|mount| {
        let paths = oci_paths(mount).into_iter();
        paths.filter_map(|path| Some((path.strip_prefix("/v2/")?.to_owned(), mount.name.clone())))
    });
    below.collect()
}

/// Where a mount lies that is a folder of its own.
pub(crate) fn path(mount: &MountConfig) -> String {
    let named = || format!("/{}", mount.name);
    mount.path.clone().unwrap_or_else(named)
}

/// A protocol under its mount's name, where the configuration puts it.
fn placed<P: Protocol>(protocol: P, mount: &MountConfig) -> Mount<P> {
    Mount::new(protocol).named(&mount.name).at(&path(mount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    #[test]
    fn the_registry_at_v2_knows_those_below_it() {
        let env = [
            ("REGISTRY_MOUNT_MIRROR_PROTOCOL", "oci"),
            ("REGISTRY_MOUNT_DEEP_PROTOCOL", "oci"),
            ("REGISTRY_MOUNT_DEEP_PATH", "/v2/a/b"),
            ("REGISTRY_MOUNT_ELSEWHERE_PROTOCOL", "oci"),
            ("REGISTRY_MOUNT_ELSEWHERE_PATH", "/elsewhere"),
            ("REGISTRY_MOUNT_NPM2_PROTOCOL", "npm"),
            ("REGISTRY_MOUNT_NPM2_PATH", "/v2/npm2"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (config, _) = Config::load(Flags::new(), env.into_iter(), None).unwrap();
        let of = |name: &str| {
            config
                .mounts
                .iter()
                .find(|mount| mount.name == name)
                .unwrap()
        };
        let paths = oci_paths(of("oci"));
        assert_eq!(paths, ["/v2", "/oci"]);
        let known = [("a/b", "deep"), ("mirror", "mirror")];
        let known = known.map(|(path, name)| (path.to_owned(), name.to_owned()));
        assert_eq!(beside(&paths, &config), BTreeMap::from(known));
        let mirror = oci_paths(of("mirror"));
        assert_eq!(mirror, ["/v2/mirror"]);
        assert_eq!(beside(&mirror, &config), BTreeMap::new());
    }
}

//! From the configuration to what is mounted: the one place that names the protocols' types.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result};
use registry::{
    auth::AuthProvider,
    cargo::Cargo,
    composer::Composer,
    maven::Maven,
    npm::Npm,
    oci::{Oci, OciConfig},
    protocol::{Builder, Mount, Options, Protocol, RegistryService},
    pypi::Pypi,
    rubygems::Rubygems,
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
        ProtocolConfig::Cargo(cargo) => {
            builder.mount(placed(Cargo::new(cargo.clone()), mount, config))
        }
        ProtocolConfig::Composer(composer) => {
            builder.mount(placed(Composer::new(composer.clone()), mount, config))
        }
        ProtocolConfig::Maven(maven) => {
            builder.mount(placed(Maven::new(maven.clone()), mount, config))
        }
        ProtocolConfig::Npm(npm) => builder.mount(placed(Npm::new(npm.clone()), mount, config)),
        ProtocolConfig::Oci(oci) => {
            let paths = oci_paths(mount);
            let oci = OciConfig {
                beside: beside(&paths, config),
                prefix: prefix(&paths),
                ..oci.clone()
            };
            builder.mount(placed(Oci::new(oci), mount, config))
        }
        ProtocolConfig::Pypi(pypi) => {
            let mut placed = placed(Pypi::new(pypi.clone()), mount, config);
            // Where clients look for an index that they know only the host of.
            if mount.name == Pypi::NAME {
                placed = placed.also_at("/simple", "/simple");
                placed = placed.also_at("/legacy", "/legacy");
            }
            builder.mount(placed)
        }
        ProtocolConfig::Rubygems(rubygems) => {
            builder.mount(placed(Rubygems::new(rubygems.clone()), mount, config))
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

/// What the names of an OCI mount's repositories begin with for clients, which begin at `/v2/`.
fn prefix(paths: &[String]) -> String {
    let below = paths.iter().find_map(|path| path.strip_prefix("/v2/"));
    below.map(|below| format!("{below}/")).unwrap_or_default()
}

/// All paths of a mount: what lies below `/v2` lies below `/oci` too, where the two are the same
/// registry and nothing else was put there.
fn all_paths(mount: &MountConfig, config: &Config) -> Vec<String> {
    let mut paths = match &mount.protocol {
        ProtocolConfig::Oci(_) => oci_paths(mount),
        _ => vec![path(mount)],
    };
    let both = |mount: &MountConfig| mount.name == Oci::NAME && mount.path.is_none();
    if config.mounts.iter().any(both) {
        let again = paths.iter().filter_map(|path| path.strip_prefix("/v2/"));
        let again: Vec<_> = again.map(|below| format!("/oci/{below}")).collect();
        let taken = |path: &String| {
            config
                .mounts
                .iter()
                .any(|of| of.path.as_ref() == Some(path))
        };
        paths.extend(again.into_iter().filter(|path| !taken(path)));
    }
    paths
}

/// Each mount's name, and its protocol's word for what scopes name there.
pub(crate) fn resources(config: &Config) -> Vec<(&str, &'static str)> {
    let of = |mount: &MountConfig| match &mount.protocol {
        ProtocolConfig::Cargo(_) => Cargo::RESOURCE,
        ProtocolConfig::Composer(_) => Composer::RESOURCE,
        ProtocolConfig::Maven(_) => Maven::RESOURCE,
        ProtocolConfig::Npm(_) => Npm::RESOURCE,
        ProtocolConfig::Oci(_) => Oci::RESOURCE,
        ProtocolConfig::Pypi(_) => Pypi::RESOURCE,
        ProtocolConfig::Rubygems(_) => Rubygems::RESOURCE,
    };
    let mounts = config.mounts.iter();
    mounts.map(|mount| (&*mount.name, of(mount))).collect()
}

/// Where a mount lies that is a folder of its own.
pub(crate) fn path(mount: &MountConfig) -> String {
    let named = || format!("/{}", mount.name);
    mount.path.clone().unwrap_or_else(named)
}

/// A protocol under its mount's name, where the configuration puts it.
fn placed<P: Protocol>(protocol: P, mount: &MountConfig, config: &Config) -> Mount<P> {
    let placed = Mount::new(protocol).named(&mount.name);
    let paths = all_paths(mount, config);
    paths.iter().fold(placed, |placed, path| placed.at(path))
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
        assert_eq!(prefix(&paths), "");
        assert_eq!(prefix(&mirror), "mirror/");
        assert_eq!(prefix(&oci_paths(of("elsewhere"))), "");
        // What lies below /v2 lies below /oci too, whatever it is.
        assert_eq!(
            all_paths(of("mirror"), &config),
            ["/v2/mirror", "/oci/mirror"]
        );
        assert_eq!(all_paths(of("deep"), &config), ["/v2/a/b", "/oci/a/b"]);
        assert_eq!(all_paths(of("npm2"), &config), ["/v2/npm2", "/oci/npm2"]);
        assert_eq!(all_paths(of("elsewhere"), &config), ["/elsewhere"]);
        assert_eq!(all_paths(of("npm"), &config), ["/npm"]);
    }

    #[test]
    fn what_lies_below_oci_by_its_own_path_stays() {
        let of = |env: &[(&str, &str)], name: &str| {
            let env = env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let (config, _) = Config::load(Flags::new(), env, None).unwrap();
            let mount = config.mounts.iter().find(|mount| mount.name == name);
            all_paths(mount.unwrap(), &config)
        };
        let mirror = ("REGISTRY_MOUNT_MIRROR_PROTOCOL", "oci");
        let taken = [
            mirror,
            ("REGISTRY_MOUNT_OTHER_PROTOCOL", "npm"),
            ("REGISTRY_MOUNT_OTHER_PATH", "/oci/mirror"),
        ];
        assert_eq!(of(&taken, "mirror"), ["/v2/mirror"]);
        assert_eq!(of(&taken, "other"), ["/oci/mirror"]);
        let moved = [mirror, ("REGISTRY_OCI_PATH", "/v2")];
        assert_eq!(of(&moved, "mirror"), ["/v2/mirror"]);
    }
}

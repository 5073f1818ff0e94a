//! What the server is told: flags, environment and file, resolved and checked.

mod composer;
mod maven;
mod pypi;
mod source;
#[cfg(test)]
mod tests;
mod value;

use std::{collections::BTreeMap, fmt::Write as _, path::Path, path::PathBuf, time::Duration};

use anyhow::Result;
use ipnet::IpNet;
use registry::{
    auth::Anonymous,
    cargo::CargoConfig,
    composer::ComposerConfig,
    maven::MavenConfig,
    npm::NpmConfig,
    oci::{Challenge, OciConfig, Sparse},
    protocol::BaseUrl,
    pypi::PypiConfig,
    rubygems::RubygemsConfig,
};

use self::source::{Resolved, Sources};
pub(crate) use self::value::duration;

/// The protocols that exist, which are also the names of their default mounts.
const PROTOCOLS: &[(&str, Protocol)] = &[
    ("cargo", Protocol::Cargo),
    ("composer", Protocol::Composer),
    ("maven", Protocol::Maven),
    ("npm", Protocol::Npm),
    ("oci", Protocol::Oci),
    ("pypi", Protocol::Pypi),
    ("rubygems", Protocol::Rubygems),
];

/// Everything that the server is told.
#[derive(Debug)]
pub(crate) struct Config {
    /// The addresses to listen on.
    pub(crate) listen: Vec<String>,
    /// Where the bucket is.
    pub(crate) storage: String,
    /// What clients call this server.
    pub(crate) public_url: Option<BaseUrl>,
    /// What somebody without credentials may do.
    pub(crate) anonymous: Anonymous,
    /// The proxies whose forwarded headers are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// How long a document is served without asking the store.
    pub(crate) metadata_max_age: Duration,
    /// How long a user or token is trusted without asking the store.
    pub(crate) auth_max_age: Duration,
    /// Whether this process is the only one that writes, so that a store may lack conditions.
    pub(crate) single_writer: bool,
    /// What is logged, as a filter of `tracing`.
    pub(crate) log: String,
    /// How it is written.
    pub(crate) log_format: LogFormat,
    /// Certificate and key, for TLS.
    pub(crate) tls: Option<Tls>,
    /// What clients may use up.
    pub(crate) limits: Limits,
    /// When bytes that nothing names are collected.
    pub(crate) gc: Gc,
    /// What is mounted.
    pub(crate) mounts: Vec<MountConfig>,
}

const ANONYMOUS: &[(&str, Anonymous)] = &[
    ("none", Anonymous::None),
    ("read", Anonymous::Read),
    ("all", Anonymous::All),
];

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// A line to be read.
    Text,
    /// A JSON object a line.
    Json,
}

/// Certificate and key, as PEM files.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    /// The certificate, with those that vouch for it.
    pub(crate) cert: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// What clients may use up.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections at a time; more wait to be accepted.
    pub(crate) max_connections: u32,
    /// Requests at a time on one HTTP/2 connection.
    pub(crate) max_streams: u32,
    /// The largest head of a request, in bytes.
    pub(crate) max_header_size: u64,
    /// The largest body of a request, in bytes, whatever the protocol allows.
    pub(crate) max_body: u64,
    /// How long a connection may take to say its first request, or the head of any.
    pub(crate) header_timeout: Duration,
    /// How long a body may pause.
    pub(crate) body_timeout: Duration,
    /// How many bytes a second a body must bring on average.
    pub(crate) body_min_rate: u64,
    /// How much waiting for a body is free before the rate counts.
    pub(crate) body_grace: Duration,
    /// How long a client may not take what is sent to it.
    pub(crate) write_timeout: Duration,
    /// How long a connection may have no request.
    pub(crate) idle_timeout: Duration,
    /// How long a TLS handshake may take.
    pub(crate) tls_timeout: Duration,
    /// How long requests may go on after the signal to stop.
    pub(crate) shutdown: Duration,
    /// How much memory documents and their forms may take, in bytes.
    pub(crate) cache: u64,
}

/// When bytes that nothing names are collected.
#[derive(Clone, Debug)]
pub(crate) struct Gc {
    /// How often; never by itself without it.
    pub(crate) interval: Option<Duration>,
    /// How old they must be.
    pub(crate) grace: Duration,
}

/// A protocol that can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Cargo.
    Cargo,
    /// Composer.
    Composer,
    /// Maven.
    Maven,
    /// npm.
    Npm,
    /// OCI, container images.
    Oci,
    /// PyPI.
    Pypi,
    /// RubyGems.
    Rubygems,
}

/// One mount.
#[derive(Clone, Debug)]
pub(crate) struct MountConfig {
    /// Its name: its folder in the bucket, and its word in scopes.
    pub(crate) name: String,
    /// Where it lies, unless at `/name`.
    pub(crate) path: Option<String>,
    /// What somebody without credentials may do there.
    pub(crate) anonymous: Anonymous,
    /// What its protocol wants to know.
    pub(crate) protocol: ProtocolConfig,
}

/// A protocol's own settings.
#[derive(Clone, Debug)]
pub(crate) enum ProtocolConfig {
    /// Cargo's.
    Cargo(CargoConfig),
    /// Composer's.
    Composer(ComposerConfig),
    /// Maven's.
    Maven(MavenConfig),
    /// npm's.
    Npm(NpmConfig),
    /// OCI's.
    Oci(OciConfig),
    /// PyPI's.
    Pypi(PypiConfig),
    /// RubyGems'.
    Rubygems(RubygemsConfig),
}

/// What the command line sets, by the key that it stands for.
pub(crate) type Flags = BTreeMap<&'static str, String>;

impl Config {
    /// Resolves everything; also tells each setting with its origin.
    ///
    /// # Errors
    /// With file and line or variable or flag, key and reason.
    pub(crate) fn load(
        flags: Flags,
        env: impl Iterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<(Self, Vec<Resolved>)> {
        let mut from = Sources::gather(flags, env, file)?;
        let config = Self::resolve(&mut from)?;
        let resolved = from.finish()?;
        Ok((config, resolved))
    }

    fn resolve(from: &mut Sources) -> Result<Self> {
        let anonymous = from.get("anonymous", "read", |text| value::one_of(text, ANONYMOUS))?;
        Ok(Self {
            anonymous,
            listen: from.list("listen", &["127.0.0.1:5000"], value::text)?,
            storage: from.get("storage", "./data", value::text)?,
            public_url: from.optional("public_url", value::url)?,
            trusted_proxies: from.list("trusted_proxies", &[], network)?,
            metadata_max_age: from.get("metadata_max_age", "0", value::duration)?,
            auth_max_age: from.get("auth_max_age", "10s", value::duration)?,
            single_writer: from.get("single_writer", "false", value::boolean)?,
            log: from.get("log", "info", value::text)?,
            log_format: from.get("log_format", "text", |text| {
                value::one_of(
                    text,
                    &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                )
            })?,
            tls: tls(from)?,
            limits: Limits::resolve(from)?,
            gc: Gc {
                interval: from.optional("gc.interval", some_time)?,
                grace: from.get("gc.grace", "24h", value::duration)?,
            },
            mounts: mounts(from, anonymous)?,
        })
    }
}

impl Limits {
    fn resolve(from: &mut Sources) -> Result<Self> {
        Ok(Self {
            max_connections: from.get("limits.max_connections", "4096", value::count)?,
            max_streams: from.get("limits.max_streams", "256", value::count)?,
            max_header_size: from.get("limits.max_header_size", "64K", header_size)?,
            max_body: from.get("limits.max_body", "10G", value::size)?,
            header_timeout: from.get("limits.header_timeout", "30s", some_time)?,
            body_timeout: from.get("limits.body_timeout", "30s", some_time)?,
            body_min_rate: from.get("limits.body_min_rate", "1K", value::size)?,
            body_grace: from.get("limits.body_grace", "30s", value::duration)?,
            write_timeout: from.get("limits.write_timeout", "60s", some_time)?,
            idle_timeout: from.get("limits.idle_timeout", "90s", some_time)?,
            tls_timeout: from.get("limits.tls_timeout", "10s", some_time)?,
            shutdown: from.get("limits.shutdown", "30s", value::duration)?,
            cache: from.get("limits.cache", "128M", value::size)?,
        })
    }
}

fn tls(from: &mut Sources) -> Result<Option<Tls>> {
    let cert = from.optional("tls.cert", value::text)?;
    let key = from.optional("tls.key", value::text)?;
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(Tls {
            cert: cert.into(),
            key: key.into(),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(from.fault("tls.cert", "it is of no use without tls.key")),
        (None, Some(_)) => Err(from.fault("tls.key", "it is of no use without tls.cert")),
    }
}

/// The default mounts, one for each protocol, and those of `[mount.NAME]`.
fn mounts(from: &mut Sources, anonymous: Anonymous) -> Result<Vec<MountConfig>> {
    let mut mounts = Vec::new();
    for (name, protocol) in PROTOCOLS {
        mounts.push(mount(from, name, name, *protocol, anonymous)?);
    }
    for name in from.mounts() {
        let section = format!("mount.{name}");
        let protocol_key = format!("{section}.protocol");
        let protocol = from.optional(&protocol_key, |text| value::one_of(text, PROTOCOLS))?;
        let Some(protocol) = protocol else {
            anyhow::bail!("[{section}]: it needs a key `protocol`, such as \"npm\"");
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name == "auth" || !name.bytes().all(plain) {
            return Err(from.fault(
                &protocol_key,
                "a mount's name is made of a-z, 0-9 and -, and is not auth",
            ));
        }
        if PROTOCOLS.iter().any(|(taken, _)| *taken == name) {
            let wrong = format!("the default mount is called {name}; configure it by [{name}]");
            return Err(from.fault(&protocol_key, &wrong));
        }
        mounts.push(mount(from, &section, &name, protocol, anonymous)?);
    }
    Ok(mounts)
}

fn mount(
    from: &mut Sources,
    section: &str,
    name: &str,
    protocol: Protocol,
    anonymous: Anonymous,
) -> Result<MountConfig> {
    let key = |key: &str| format!("{section}.{key}");
    let own = from.optional(&key("anonymous"), |text| value::one_of(text, ANONYMOUS))?;
    Ok(MountConfig {
        name: name.to_owned(),
        path: from.optional(&key("path"), value::path)?,
        anonymous: own.unwrap_or(anonymous),
        protocol: match protocol {
            Protocol::Cargo => ProtocolConfig::Cargo(cargo(from, section)?),
            Protocol::Composer => ProtocolConfig::Composer(composer::resolve(from, section)?),
            Protocol::Maven => ProtocolConfig::Maven(maven::resolve(from, section)?),
            Protocol::Npm => ProtocolConfig::Npm(NpmConfig {
                owners_enforced: owners(from, section)?,
                max_tarball: from.get(&key("max_size"), "1G", value::size)?,
                ..NpmConfig::default()
            }),
            Protocol::Oci => ProtocolConfig::Oci(oci(from, section)?),
            Protocol::Pypi => ProtocolConfig::Pypi(pypi::resolve(from, section)?),
            Protocol::Rubygems => ProtocolConfig::Rubygems(rubygems(from, section)?),
        },
    })
}

fn oci(from: &mut Sources, section: &str) -> Result<OciConfig> {
    const SPARSE: &[(&str, Sparse)] = &[
        ("none", Sparse::None),
        ("index", Sparse::Index),
        ("all", Sparse::All),
    ];
    const AUTH: &[(&str, Challenge)] =
        &[("bearer", Challenge::Bearer), ("basic", Challenge::Basic)];
    let key = |key: &str| format!("{section}.{key}");
    Ok(OciConfig {
        sparse: from.get(&key("sparse"), "none", |text| value::one_of(text, SPARSE))?,
        auth: from.get(&key("auth"), "bearer", |text| value::one_of(text, AUTH))?,
        max_blob: from.get(&key("max_size"), "100G", value::size)?,
        max_manifest: from.get(&key("max_manifest"), "4M", manifest_size)?,
        ..OciConfig::default()
    })
}

/// Less than the 4 MiB that the specification asks for would keep good images out; more than 64 MiB
/// is more than a manifest needs, and it lies in memory.
fn manifest_size(text: &str) -> Result<usize, value::Wrong> {
    let size = value::size(text)?;
    let fits = (4 << 20..=64 << 20).contains(&size);
    let size = usize::try_from(size).ok().filter(|_| fits);
    size.ok_or_else(|| format!("{text:?} is not between 4M and 64M"))
}

fn cargo(from: &mut Sources, section: &str) -> Result<CargoConfig> {
    let key = |key: &str| format!("{section}.{key}");
    let mut config = CargoConfig {
        owners_enforced: owners(from, section)?,
        max_crate: from.get(&key("max_size"), "10M", value::size)?,
        ..CargoConfig::default()
    };
    config.unpacked.archive.unpacked = from.get(&key("max_unpacked"), "512M", value::size)?;
    config.metadata.size = from.get(&key("max_metadata"), "1M", metadata_size)?;
    config.unpacked.manifest = config.metadata.size.into();
    config.metadata.features = from.get(&key("max_features"), "300", value::count)? as usize;
    Ok(config)
}

fn rubygems(from: &mut Sources, section: &str) -> Result<RubygemsConfig> {
    let key = |key: &str| format!("{section}.{key}");
    let mut config = RubygemsConfig {
        owners_enforced: owners(from, section)?,
        max_gem: from.get(&key("max_size"), "500M", value::size)?,
        ..RubygemsConfig::default()
    };
    config.gem.metadata = from.get(&key("max_metadata"), "10M", metadata_size)?.into();
    config.gem.data.unpacked = from.get(&key("max_unpacked"), "2G", value::size)?;
    Ok(config)
}

/// Whether only owners may write.
fn owners(from: &mut Sources, section: &str) -> Result<bool> {
    from.get(&format!("{section}.owners"), "recorded", |text| {
        value::one_of(text, &[("recorded", false), ("enforced", true)])
    })
}

/// It is held in memory.
fn metadata_size(text: &str) -> Result<u32, value::Wrong> {
    let size = value::size(text)?;
    let fits = u32::try_from(size).ok().filter(|size| *size <= 64 << 20);
    fits.ok_or_else(|| format!("{text:?} is more than 64M"))
}

fn network(text: &str) -> Result<IpNet, value::Wrong> {
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    let wrong = |_| format!("{text:?} is no network, such as 10.0.0.0/8");
    text.parse().or_else(|_| address()).map_err(wrong)
}

fn header_size(text: &str) -> Result<u64, value::Wrong> {
    let size = value::size(text)?;
    let fits = (8 << 10..=16 << 20).contains(&size);
    fits.then_some(size)
        .ok_or_else(|| format!("{text:?} is not between 8K and 16M"))
}

fn some_time(text: &str) -> Result<Duration, value::Wrong> {
    let time = value::duration(text)?;
    let some = !time.is_zero();
    some.then_some(time)
        .ok_or_else(|| "it cannot be 0".to_owned())
}

/// What was resolved, as a TOML file that says where each setting came from.
pub(crate) fn show(resolved: &[Resolved]) -> String {
    let mut out = String::new();
    let mut current = "";
    for setting in resolved.iter().filter(|setting| !setting.key.contains('.')) {
        show_one(&mut out, &setting.key, setting);
    }
    for setting in resolved {
        let Some((section, name)) = setting.key.rsplit_once('.') else {
            continue;
        };
        if section != current {
            let _ = write!(out, "\n[{section}]\n");
            current = section;
        }
        show_one(&mut out, name, setting);
    }
    out
}

fn show_one(out: &mut String, name: &str, setting: &Resolved) {
    let quoted = |text: &String| toml::Value::String(text.clone()).to_string();
    let _ = match &setting.value {
        None => writeln!(out, "# {name} is not set"),
        Some(items) if setting.list => {
            let items: Vec<String> = items.iter().map(quoted).collect();
            writeln!(out, "{name} = [{}] # {}", items.join(", "), setting.origin)
        }
        Some(items) => {
            let plain = |text: &String| {
                if is_bare(text) {
                    text.clone()
                } else {
                    quoted(text)
                }
            };
            let items: String = items.iter().map(plain).collect();
            writeln!(out, "{name} = {items} # {}", setting.origin)
        }
    };
}

/// Whether a value is written without quotes: a number or a truth, which are read back as written.
fn is_bare(text: &str) -> bool {
    let is_number = |number: i64| number.to_string() == text;
    text.parse().is_ok_and(is_number) || text.parse::<bool>().is_ok()
}

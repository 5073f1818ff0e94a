//! Pushing and pulling blobs and manifests, against nginx, docker-registry and the bare machine.

mod content;
mod large;
mod memory;
mod small;
mod subject;

use super::Protocol;

/// What is measured of OCI.
pub(super) const BENCHES: Protocol = Protocol {
    name: "oci",
    tools: &["docker-registry", "nginx", "wrk"],
    benches: &[
        ("large", large::large),
        ("small", small::blobs),
        ("manifests", small::manifests),
        ("memory", memory::memory),
    ],
};

const ROUNDS: usize = 3;

//! Documents on the wire.

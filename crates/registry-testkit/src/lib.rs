//! A registry in a test: in process, over memory, with faults on demand.

pub mod auth;
pub mod client;
pub mod example;
pub mod faults;
pub mod hooks;
pub mod toy;
pub mod zip;

pub use auth::TestAuth;
pub use client::{Answer, Client};
pub use example::Example;
pub use faults::{Fault, Faulty, Gate};
pub use hooks::Keeper;
pub use zip::zip;

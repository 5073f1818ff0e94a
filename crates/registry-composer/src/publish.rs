//! What is written: zips, and what is said of packages beside them.

mod advisories;
mod check;
mod form;
mod incoming;
mod manage;
mod upload;

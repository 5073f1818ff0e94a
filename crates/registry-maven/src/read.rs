//! What is read: a function for each route that only looks.

mod deployment;
mod files;
mod listing;
mod metadata;
mod search;

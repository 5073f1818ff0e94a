//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Flags;

/// A package registry: one binary, one bucket, the clients that you have.
///
/// Without a command it serves. Each option is also a variable REGISTRY_… of the environment and a
/// key of the file; a flag goes before the environment, and that before the file.
#[derive(Debug, Parser)]
#[command(name = "registry", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) serve: Serve,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// The configuration file [default: registry.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The bucket: a folder, s3://bucket/prefix, gs://…, az://… or memory: [default: ./data]
    #[arg(long, global = true, value_name = "PLACE")]
    pub(crate) storage: Option<String>,
}

/// What `serve` takes beside.
#[derive(Args, Debug, Default)]
pub(crate) struct Serve {
    /// The address to listen on; several, parted by commas [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// What clients call this server, where requests do not say it truly
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// What somebody without credentials may do: none, read or all [default: read]
    #[arg(long, value_name = "WHAT")]
    anonymous: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve
    Serve(Serve),
    /// Add, list and remove users
    User {
        #[command(subcommand)]
        command: User,
    },
    /// Create, list and revoke tokens
    Token {
        #[command(subcommand)]
        command: Token,
    },
    /// Delete bytes that nothing names
    Gc {
        /// Only tell what would be deleted
        #[arg(long)]
        dry_run: bool,
        /// How old they must be [default: 24h]
        #[arg(long, value_name = "TIME")]
        grace: Option<String>,
    },
    /// Read everything and tell what is damaged or missing
    Verify {
        /// Append to the logs what is missing there
        #[arg(long)]
        repair: bool,
    },
    /// Clean up what was published to a Maven mount
    Maven {
        #[command(subcommand)]
        command: Maven,
    },
    /// Yank and delete what was published to a PyPI mount
    Pypi {
        #[command(subcommand)]
        command: Pypi,
    },
    /// Print what the configuration comes to, and check it
    CheckConfig(Serve),
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add a user, or give one another password and, if flags say any, other rights; the password is the first line of the standard input
    Add {
        /// The user's name
        name: String,
        /// They administer: users, others' tokens, what is burned
        #[arg(long)]
        admin: bool,
        /// What they may do, such as npm:package:@acme/*:write; everything without any
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// List the users
    List,
    /// Remove a user and their tokens
    Remove {
        /// The user's name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it, and nothing else
    Create {
        /// Whose it is
        #[arg(long, value_name = "NAME")]
        user: String,
        /// What it is good for, such as 'npm:package:*:*'
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// How long it is good for, such as 30d; for ever without it
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// It may only read
        #[arg(long)]
        read_only: bool,
    },
    /// List the tokens of all users
    List,
    /// End a token
    Revoke {
        /// Its id, as `list` tells it
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Maven {
    /// Remove old builds of snapshots; the newest of each stays, and releases do
    Prune {
        /// How many of the newest builds of each snapshot stay; with --older-than alone, one
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
        /// How old a build must be to go, such as 30d; any age without it
        #[arg(long, value_name = "TIME")]
        older_than: Option<String>,
        /// Only tell what would go
        #[arg(long)]
        dry_run: bool,
        /// The mount
        #[arg(long, value_name = "NAME", default_value = "maven")]
        mount: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Pypi {
    /// Have installers pass over a release, or one file of it, unless they are told its very version
    Yank {
        #[command(flatten)]
        target: Release,
        /// Why, in a line that installers show
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take a yank back
    Unyank {
        #[command(flatten)]
        target: Release,
    },
    /// Delete a release, or one file of it; the names of its files stay spent
    Delete {
        #[command(flatten)]
        target: Release,
    },
}

/// A release, or one file of it.
#[derive(Args, Debug)]
pub(crate) struct Release {
    /// The project
    pub(crate) project: String,
    /// The version
    pub(crate) version: String,
    /// The name of one file; all of the release without it
    pub(crate) file: Option<String>,
    /// The mount
    #[arg(long, value_name = "NAME", default_value = "pypi")]
    pub(crate) mount: String,
}

impl Common {
    /// These flags by the keys that they stand for.
    pub(crate) fn flags(&self) -> Flags {
        self.storage
            .clone()
            .map(|storage| ("storage", storage))
            .into_iter()
            .collect()
    }
}

impl Serve {
    /// Adds these flags by the keys that they stand for.
    pub(crate) fn flags(&self, flags: &mut Flags) {
        let all = [
            ("listen", &self.listen),
            ("public_url", &self.public_url),
            ("anonymous", &self.anonymous),
        ];
        for (key, value) in all {
            if let Some(value) = value {
                flags.insert(key, value.clone());
            }
        }
    }

    /// Whether none was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.listen.is_none() && self.public_url.is_none() && self.anonymous.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn it_serves_without_a_command() {
        let cli = Cli::parse_from(["registry", "--listen", "x:1", "--storage", "memory:"]);
        assert!(cli.command.is_none() && !cli.serve.is_empty());
        let cli = Cli::parse_from(["registry", "user", "list", "--storage", "memory:"]);
        assert_eq!(cli.common.flags()["storage"], "memory:");
    }
}

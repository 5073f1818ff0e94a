//! gem and Bundler, as a stable distribution has them: from building to yanking.

pub(super) mod bundler;
pub(super) mod gem;
mod gems;
mod manage;

use std::fs;

use anyhow::{Context, Result, ensure};

use super::World;
use super::client::Client;
use crate::http::{Connection, Response};
use crate::server::Server;

/// The name of the mount.
const PROTOCOL: &str = "rubygems";

/// A client that knows this server and no other.
fn client(world: &World, server: &Server, home: &str, program: &str) -> Result<Client> {
    let mount = format!("{}/{PROTOCOL}", server.url());
    let mut client = Client::new(world, home, &[program], &[("RUBYGEMS_HOST", &mount)])?;
    let gems = client.home.join("gems").to_string_lossy().into_owned();
    client.env.push(("GEM_HOME".to_owned(), gems));
    let sources = format!("---\n:sources:\n- {mount}/\n:backtrace: true\n");
    fs::write(client.home.join(".gemrc"), sources)?;
    Ok(client)
}

/// A client with a token.
fn with_token(world: &World, home: &str, token: &str) -> Result<Client> {
    let mut client = client(world, &world.server, home, "gem")?;
    let key = ("GEM_HOST_API_KEY".to_owned(), token.to_owned());
    client.env.push(key);
    Ok(client)
}

/// What lies below the mount.
fn get(world: &World, path: &str) -> Result<Response> {
    let path = format!("{}/{path}", world.mount_path(PROTOCOL));
    Connection::new(world.server.port).get(&path, &[])
}

/// The lines of a gem's file in the compact index.
fn info(world: &World, name: &str) -> Result<Vec<String>> {
    let answer = get(world, &format!("info/{name}"))?.successful("the index")?;
    let text = answer.text();
    let lines = text.strip_prefix("---\n").context("no beginning")?;
    Ok(lines.lines().map(str::to_owned).collect())
}

/// Fails unless `text` holds all of `wanted`, and none of `unwanted`.
fn holds(text: &str, wanted: &[&str], unwanted: &[&str]) -> Result<()> {
    for word in wanted {
        ensure!(text.contains(word), "there should be {word:?} in\n{text}");
    }
    for word in unwanted {
        ensure!(
            !text.contains(word),
            "there should be no {word:?} in\n{text}"
        );
    }
    Ok(())
}

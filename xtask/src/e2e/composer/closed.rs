//! A registry that wants a user for everything, and each way in which Composer says who that is.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::package::Package;
use super::{Curl, composer, project_at, says};
use crate::e2e::{PASSWORD, READER, Run, World};
use crate::http::Connection;

pub(super) fn steps(run: &mut Run, world: &World) -> Result<()> {
    let curl = Curl::publisher(world, "closed")?;
    for name in ["closed-one", "closed-two"] {
        let zip = Package::new(name, "1.0.0").zip(world)?;
        curl.upload(world, "api/packages", &zip)?.is(201)?;
    }
    let server = world.replica(&[("REGISTRY_ANONYMOUS", "none")])?;
    let host = format!("127.0.0.1:{}", server.port);
    let url = format!("http://{host}/composer");
    let require = [("acme/closed-one", "^1.0")];
    run.step(
        world,
        "composer: without credentials it is told to bring some",
        || {
            let folder = project_at(world, "closed-nobody", &url, &require, "stable")?;
            let nobody = composer(world, "closed-nobody", &json!({}))?;
            let wanted = ["required authentication (HTTP 401)"];
            nobody.refused(&folder, &["update"], &wanted)?;
            let auth = json!({ "bearer": { host.as_str(): "reg_unknown" } });
            let unknown = composer(world, "closed-unknown", &auth)?;
            // Without a terminal it says the same of credentials that are no good.
            unknown.refused(&folder, &["update"], &wanted).map(drop)
        },
    )?;
    let token = world.token("composer:package:*:read", &["--read-only"])?;
    let basic = |user: &str, password: &str| -> Value {
        json!({ "http-basic": { host.as_str(): { "username": user, "password": password } } })
    };
    for (name, auth) in [
        ("basic-token", basic("token", &token)),
        ("basic-user", basic(READER, PASSWORD)),
        ("token-alone", basic(&token, "")),
        ("bearer", json!({ "bearer": { host.as_str(): token } })),
        (
            "gitlab-token",
            json!({ "gitlab-token": { host.as_str(): token } }),
        ),
    ] {
        run.step(world, &format!("composer: credentials as {name}"), || {
            let folder = project_at(world, &format!("closed-{name}"), &url, &require, "stable")?;
            let client = composer(world, &format!("closed-{name}"), &auth)?;
            if name == "gitlab-token" {
                // Composer sends it to the hosts that it takes for such.
                let domains = ["config", "gitlab-domains", &host];
                client.ok(&folder, &domains, &[])?;
            }
            client.ok(&folder, &["update"], &["Extracting archive"])?;
            says(&folder, "Acme\\ClosedOne", "closed-one 1.0.0")
        })?;
    }
    run.step(world, "composer: credentials in the address", || {
        let url = format!("http://token:{token}@{host}/composer");
        let folder = project_at(world, "closed-url", &url, &require, "stable")?;
        let client = composer(world, "closed-url", &json!({}))?;
        client.ok(&folder, &["update"], &["Extracting archive"])?;
        says(&folder, "Acme\\ClosedOne", "closed-one 1.0.0")
    })?;
    run.step(world, "composer: one sees only what one may read", || {
        let token = world.token("composer:package:acme/closed-one:read", &[])?;
        let folder = project_at(world, "closed-part", &url, &require, "stable")?;
        let client = composer(world, "closed-part", &basic("token", &token))?;
        client.ok(&folder, &["update"], &["acme/closed-one"])?;
        let other = ["require", "acme/closed-two"];
        client.refused(&folder, &other, &["acme/closed-two"])?;
        let authorization = format!("Bearer {token}");
        let mut connection = Connection::new(server.port);
        let mut ask = |path: &str| connection.get(path, &[("authorization", &authorization)]);
        for path in [
            "/composer/packages.json",
            "/composer/packages/list.json",
            "/composer/search.json?q=closed",
        ] {
            let answer = ask(path)?.successful(path)?.text();
            ensure!(
                answer.contains("closed-one") || answer.contains("acme/*"),
                "{path}: {answer}"
            );
            ensure!(!answer.contains("closed-two"), "{path}: {answer}");
        }
        let hidden = ask("/composer/p2/acme/closed-two.json")?;
        ensure!(hidden.status == 404, "{}: {}", hidden.status, hidden.text());
        Ok(())
    })?;
    server.stop()
}

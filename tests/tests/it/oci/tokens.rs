//! Access tokens are good on every server, as long as their user may do what they say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use registry_tests::cluster::USER;
use registry_tests::oci::{self, Oci, Way};
use registry_tests::{Cell, Cluster, Ecosystem, Request, Site, eventually};

mod everywhere {
    use super::*;

    registry_tests::cells!(everywhere, two 2);
}

const REPOSITORY: &str = "tokens/a";

async fn everywhere(cell: Cell) {
    // That is how long a server may take to learn of a revocation.
    let settings = [
        ("REGISTRY_AUTH_MAX_AGE", "1s"),
        ("REGISTRY_ANONYMOUS", "none"),
    ];
    let Some(cluster) = Cluster::start(cell, Oci::SCOPE, &settings) else {
        return;
    };
    let sites = cluster.sites();
    for (number, site) in sites.iter().enumerate() {
        let other = &sites[1 - number];
        let (user, salt) = (format!("token-{number}"), number as u64);
        let password = "a pass phrase of some length";
        cluster.add_user(&user, password);
        let token = access_token(site, &user, password).await;
        works(other, &token, salt).await;
        works(site, &token, salt + 10).await;
        refused(other, &tampered(&token)).await;

        // An access token ends with the token that it was made by, and with its user.
        let long = cluster.token(&user, Oci::SCOPE, &[]);
        let made = access_token(site, &user, &long).await;
        works(other, &made, salt + 20).await;
        let listed = cluster.run(&["token", "list"]);
        let line = listed.lines().find(|line| line.contains(&user)).unwrap();
        let id = line.split_whitespace().next().unwrap();
        cluster.run(&["token", "revoke", id]);
        dies(&sites, &made).await;
        works(other, &token, salt + 30).await;
        cluster.run(&["user", "remove", &user]);
        dies(&sites, &token).await;
    }
    let token = access_token(&sites[0], USER.0, USER.1).await;
    works(&sites[1], &token, 40).await;
}

/// A token for pushing, as clients ask for it when they are told that they need one.
async fn access_token(site: &Site, user: &str, password: &str) -> String {
    let begin = Request::new(Method::POST, oci::uploads(REPOSITORY));
    let answer = site.anonymous().send(begin).await;
    assert_eq!(answer.status, 401, "{answer}");
    let challenge = answer.header("www-authenticate").to_owned();
    let part = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap();
        rest.split('"').next().unwrap()
    };
    let (realm, service, scope) = (part("realm"), part("service"), part("scope"));
    assert_eq!(scope, format!("repository:{REPOSITORY}:pull,push"));
    let path = format!("{}?service={service}&scope={scope}", Site::path_of(realm));
    let basic = STANDARD.encode(format!("{user}:{password}"));
    let request = Request::get(path).header("authorization", format!("Basic {basic}"));
    let answer = site.anonymous().send(request).await.good().json();
    answer["token"].as_str().unwrap().to_owned()
}

/// The same token with another signature.
fn tampered(token: &str) -> String {
    let (rest, signature) = token.rsplit_once('.').expect("it is a JWT");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{rest}.{first}{}", &signature[1..])
}

/// A token pushes a blob and reads it.
async fn works(site: &Site, token: &str, salt: u64) {
    let site = site.with(token);
    let blob = Oci.build(REPOSITORY, "1", salt);
    let answer = oci::upload(&site, REPOSITORY, &blob, Way::Patch).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 201, "{answer}");
    let path = oci::blob_path(REPOSITORY, &oci::digest(&blob));
    assert_eq!(site.get(path).await.good().body, blob);
    // It says nothing of other repositories.
    let begin = Request::new(Method::POST, oci::uploads("tokens/b"));
    let answer = site.send(begin).await;
    assert_eq!(answer.status, 401, "{answer}");
}

async fn refused(site: &Site, token: &str) {
    let begin = Request::new(Method::POST, oci::uploads(REPOSITORY));
    let answer = site.with(token).send(begin).await;
    assert_eq!(answer.status, 401, "{answer}");
}

/// Soon a token is good for nothing on any server.
async fn dies(sites: &[Site], token: &str) {
    for site in sites {
        let begin = Request::new(Method::POST, oci::uploads(REPOSITORY));
        let site = site.with(token);
        eventually("an access token dies", async || {
            let answer = site.send(begin.clone()).await;
            (answer.status == 401).then_some(())
        })
        .await;
    }
}

//! Access and refresh tokens.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    super::{AccessEntry, AccessRequest, AccessToken},
    *,
};
use crate::store::SigningKey;

const READ: &[Action] = &[Action::Read];
const WRITE: &[Action] = &[Action::Write];
const DELETE: &[Action] = &[Action::Delete];
const ALL: &[Action] = &[Action::Read, Action::Write, Action::Delete];

fn entry(name: &str, actions: &[Action]) -> AccessEntry {
    AccessEntry {
        kind: "package".to_owned(),
        name: name.to_owned(),
        actions: actions.iter().copied().collect(),
    }
}

async fn ask(
    auth: &DefaultAuth,
    identity: &Identity,
    entries: &[AccessEntry],
) -> Result<AccessToken> {
    let request = AccessRequest {
        mount: "npm",
        entries,
        lifetime: Duration::from_secs(300),
        refresh: Some("npm"),
    };
    auth.create_access_token(identity, request).await
}

/// What a token is good for, a letter for each action.
fn told(token: &AccessToken) -> Vec<(&str, String)> {
    let letters = |actions: &BTreeSet<Action>| actions.iter().map(|of| &of.as_str()[..1]).collect();
    let entries = token.granted.iter();
    entries
        .map(|of| (&*of.name, letters(&of.actions)))
        .collect()
}

async fn rights(auth: &DefaultAuth, identity: &Identity, name: &str) -> String {
    let mut letters = String::new();
    for action in ALL {
        if may(auth, identity, name, *action).await {
            letters += &action.as_str()[..1];
        }
    }
    letters
}

/// A world where nobody may do anything, and Ann anything.
async fn world_of_ann() -> (World, DefaultAuth, Identity) {
    let world = World::new();
    let auth = closed(&world);
    add(&auth, "ann", &[]).await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    (world, auth, ann)
}

fn closed(world: &World) -> DefaultAuth {
    world.replica_with(AuthOptions {
        anonymous: Anonymous::None,
        ..AuthOptions::default()
    })
}

async fn redeem(auth: &DefaultAuth, secret: &Secret) -> Result<Identity> {
    auth.redeem(secret, "npm", ip("10.0.0.1")).await
}

fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("it went well"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
            error.message().to_owned()
        }
    }
}

#[tokio::test]
async fn an_access_token_is_its_user_within_its_entries_on_every_replica() {
    let (world, here, ann) = world_of_ann().await;
    let entries = [
        entry("r", READ),
        entry("w", WRITE),
        entry("d", DELETE),
        entry("a", ALL),
    ];
    let made = ask(&here, &ann, &entries).await.unwrap();
    assert_eq!(made.granted, entries);
    assert_eq!(made.expires_in, Duration::from_secs(300));
    assert_eq!(made.issued, world.clock.system_time());
    for auth in [&here, &closed(&world)] {
        let shown = token(auth, &made.token).await.unwrap();
        assert_eq!(shown.user.as_deref(), Some("ann"));
        assert_eq!(shown.access.as_deref(), Some(&entries[..]));
        for (name, letters) in [("r", "r"), ("w", "rw"), ("d", "d"), ("a", "rwd"), ("x", "")] {
            assert_eq!(rights(auth, &shown, name).await, letters, "{name}");
            // Who is behind it may do more.
            assert_eq!(rights(auth, &shown.subject(), name).await, "rwd");
        }
        assert!(!may(auth, &shown, "*", Action::Read).await);
        let permission = Permission {
            mount: "npm",
            kind: "box",
            name: "a",
            action: Action::Read,
        };
        let decision = auth.authorize(&shown, permission).await.unwrap();
        assert_eq!(decision, Decision::Deny, "of another kind");
    }
    let other = ask(&here, &ann, &entries).await.unwrap();
    assert_ne!(other.token, made.token, "each has an id of its own");
}

#[tokio::test]
async fn what_is_asked_is_cut_down_to_what_is_allowed() {
    let (_world, auth, ann) = world_of_ann().await;
    add(
        &auth,
        "bob",
        &["npm:package:b-*:write", "npm:package:c:read"],
    )
    .await;
    let bob = password(&auth, "bob", PASSWORD).await.unwrap();
    let asked = [
        entry("b-1", ALL),
        entry("c", WRITE),
        entry("c", ALL),
        entry("*", ALL),
        entry("z", ALL),
        AccessEntry::listing("package"),
    ];
    let made = ask(&auth, &bob, &asked).await.unwrap();
    let expected = [
        ("b-1", "rw".to_owned()),
        ("c", "r".to_owned()),
        ("*", String::new()),
    ];
    assert_eq!(told(&made), expected);
    // It lists those that he may read, and reads none of them.
    let shown = token(&auth, &made.token).await.unwrap();
    assert_eq!(rights(&auth, &shown, "b-2").await, "");
    let lister = shown.lister("package");
    assert_eq!(rights(&auth, &lister, "b-2").await, "rw");
    assert_eq!(rights(&auth, &lister, "z").await, "");
    assert_eq!(rights(&auth, &shown.lister("box"), "b-2").await, "");
    let none = ask(&auth, &bob, &[entry("z", ALL)]).await.unwrap();
    assert!(none.granted.is_empty());
    assert!(token(&auth, &none.token).await.is_ok());
    // A token of the user narrows, too.
    let narrow = NewToken {
        read_only: true,
        ..scoped(&["npm:package:b-1:write"])
    };
    let (secret, _) = auth.create_token(&ann, narrow).await.unwrap();
    let narrow = token(&auth, &secret).await.unwrap();
    let made = ask(&auth, &narrow, &asked).await.unwrap();
    let expected = [("b-1", "r".to_owned()), ("*", String::new())];
    assert_eq!(told(&made), expected);
    let shown = token(&auth, &made.token).await.unwrap();
    assert!(shown.read_only && shown.token == narrow.token);
    assert_eq!(rights(&auth, &shown, "b-1").await, "r");
    assert_eq!(rights(&auth, &shown, "c").await, "");
    let long = "x".repeat(9000);
    let long = ask(&auth, &ann, &[entry(&long, READ)]).await;
    assert_eq!(kind(long), ErrorKind::Invalid);
    let many = vec![entry("x", READ); 500];
    assert_eq!(kind(ask(&auth, &ann, &many).await), ErrorKind::Invalid);
}

#[tokio::test]
async fn nobody_gets_what_nobody_may() {
    let world = World::new();
    for (anonymous, letters) in [
        (Anonymous::None, ""),
        (Anonymous::Read, "r"),
        (Anonymous::All, "rwd"),
    ] {
        let auth = world.replica_with(AuthOptions {
            anonymous,
            ..AuthOptions::default()
        });
        let nobody = Identity::anonymous();
        let made = ask(&auth, &nobody, &[entry("a", ALL)]).await.unwrap();
        assert_eq!(told(&made).first().map_or("", |(_, of)| of), letters);
        assert!(made.refresh.is_none());
        let shown = token(&auth, &made.token).await.unwrap();
        assert!(shown.user.is_none() && shown.access.is_some());
        assert_eq!(rights(&auth, &shown, "a").await, letters);
        assert_eq!(rights(&auth, &shown, "b").await, "");
        // It is good for what nobody may by then.
        let shown = token(&closed(&world), &made.token).await.unwrap();
        assert_eq!(rights(&closed(&world), &shown, "a").await, "");
    }
    let all = ask(&closed(&world), &Identity::anonymous(), &[entry("*", ALL)]).await;
    assert!(all.unwrap().granted.is_empty());
}

#[tokio::test]
async fn it_is_good_on_its_mount_and_for_its_time() {
    let (world, auth, ann) = world_of_ann().await;
    let made = ask(&auth, &ann, &[entry("a", READ)]).await.unwrap();
    let shown = Credentials::Token(made.token.clone());
    let elsewhere = auth.authenticate(&shown, "oci", ip("10.0.0.1")).await;
    assert!(message(elsewhere).contains("is for npm, and here is oci"));
    world.wait(299);
    assert!(token(&auth, &made.token).await.is_ok());
    world.wait(1);
    assert!(message(token(&auth, &made.token).await).contains("expired"));
    // The clock of the replica that made one may be a minute ahead, and no more.
    let made = ask(&auth, &ann, &[]).await.unwrap();
    for (behind, good) in [(60, true), (61, false)] {
        let other = World {
            storage: world.storage.clone(),
            clock: Clock::fixed(world.now() - Duration::from_secs(behind)),
        };
        assert_eq!(
            token(&closed(&other), &made.token).await.is_ok(),
            good,
            "{behind}"
        );
    }
    // It does not outlive the token that it was made with.
    let short = NewToken {
        expires: Some(world.clock.system_time() + Duration::from_secs(90)),
        ..NewToken::default()
    };
    let (secret, _) = auth.create_token(&ann, short).await.unwrap();
    let short = token(&auth, &secret).await.unwrap();
    let made = ask(&auth, &short, &[]).await.unwrap();
    assert_eq!(made.expires_in, Duration::from_secs(90));
    let refresh = made.refresh.unwrap();
    assert!(redeem(&auth, &refresh).await.is_ok());
    world.wait(90);
    assert!(message(redeem(&auth, &refresh).await).contains("expired"));
}

/// A token of these parts, signed with this key for this purpose.
fn forge(key: &SigningKey, purpose: &str, header: &Value, claims: &Value) -> Secret {
    let part = |of: &Value| URL_SAFE_NO_PAD.encode(of.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let mac = URL_SAFE_NO_PAD.encode(key.mac(purpose, text.as_bytes()));
    Secret::new(format!("{text}.{mac}"))
}

#[tokio::test]
async fn what_was_not_signed_here_is_refused() {
    let (world, auth, ann) = world_of_ann().await;
    let made = ask(&auth, &ann, &[entry("a", ALL)]).await.unwrap();
    let text = made.token.reveal();
    let parts: Vec<&str> = text.split('.').collect();
    let part = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
    let header: Value = serde_json::from_slice(&part(0)).unwrap();
    let claims: Value = serde_json::from_slice(&part(1)).unwrap();
    let key = auth.keys().newest().await.unwrap();
    let purpose = "json web token";
    assert_eq!(
        header,
        json!({"alg": "HS256", "typ": "JWT", "kid": key.id()})
    );
    // Forged as it should be, it is good: what follows fails for its one difference.
    assert!(
        token(&auth, &forge(&key, purpose, &header, &claims))
            .await
            .is_ok()
    );
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    let foreign = closed(&World::new()).keys().newest().await.unwrap();
    for (key, purpose, header) in [
        (&key, purpose, with("alg", json!("none"))),
        (&key, purpose, with("alg", json!("None"))),
        (&key, purpose, with("alg", json!("HS512"))),
        (&key, purpose, with("alg", json!("RS256"))),
        (&key, purpose, with("alg", Value::Null)),
        (&key, purpose, with("kid", Value::Null)),
        (&key, purpose, with("kid", json!("0000000000000000"))),
        (&key, purpose, with("kid", json!(foreign.id()))),
        (&key, purpose, with("crit", json!(["exp"]))),
        (&key, purpose, json!([])),
        (&key, "upload", header.clone()),
        (&key, "password", header.clone()),
        (&foreign, purpose, header.clone()),
        (&foreign, purpose, with("kid", json!(foreign.id()))),
    ] {
        let forged = token(&auth, &forge(key, purpose, &header, &claims)).await;
        assert!(message(forged).ends_with("get a new one"), "{header}");
    }
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        parts[1]
    );
    assert!(token(&auth, &Secret::new(unsigned)).await.is_err());
    // One made in another registry, of a user with the same name.
    let (_other_world, other, other_ann) = world_of_ann().await;
    let other = ask(&other, &other_ann, &[entry("a", ALL)]).await.unwrap();
    let refused = message(token(&auth, &other.token).await);
    assert!(
        refused.contains("a key that is not one of this registry's"),
        "{refused}"
    );
    // Claims that lack something, though well signed.
    for missing in ["typ", "aud", "sub", "access", "iat", "nbf", "exp", "jti"] {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(missing);
        assert!(
            token(&auth, &forge(&key, purpose, &header, &claims))
                .await
                .is_err(),
            "{missing}"
        );
    }
    // Any character changed, left out or added.
    for at in 0..text.len() {
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        for other in [other, "", "=", ".", "AA"] {
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            if changed != text {
                let refused = token(&auth, &Secret::new(changed.clone())).await;
                assert_eq!(kind(refused), ErrorKind::Unauthenticated, "{changed}");
            }
        }
    }
    for end in ["A", "=", ".", " "] {
        assert!(
            token(&auth, &Secret::new(format!("{text}{end}")))
                .await
                .is_err()
        );
    }
    drop(world);
}

#[tokio::test]
async fn it_ends_with_what_its_user_was_known_by() {
    let (world, here, ann) = world_of_ann().await;
    let there = closed(&world);
    let (secret, info) = here.create_token(&ann, NewToken::default()).await.unwrap();
    let by_token = token(&here, &secret).await.unwrap();
    let of_token = ask(&here, &by_token, &[entry("a", ALL)]).await.unwrap();
    let of_password = ask(&here, &ann, &[entry("a", ALL)]).await.unwrap();
    let refreshes = [&of_token, &of_password].map(|made| made.refresh.clone().unwrap());
    for auth in [&here, &there] {
        for made in [&of_token, &of_password] {
            assert!(token(auth, &made.token).await.is_ok());
        }
        for (refresh, by) in refreshes.iter().zip([Some(&*info.id), None]) {
            let redeemed = redeem(auth, refresh).await.unwrap();
            assert_eq!(redeemed.user.as_deref(), Some("ann"));
            assert_eq!(redeemed.token.as_deref(), by);
            assert!(redeemed.access.is_none());
        }
    }
    here.revoke_token(&ann, &info.id).await.unwrap();
    assert!(message(token(&here, &of_token.token).await).contains("revoked"));
    assert!(message(redeem(&here, &refreshes[0]).await).contains("revoked"));
    // Another mail address is no other password.
    let mail = ProfileChange {
        email: Some("ann@example.com".into()),
        ..ProfileChange::default()
    };
    here.change_profile(&ann, mail).await.unwrap();
    assert!(token(&here, &of_password.token).await.is_ok());
    here.change_user("ann", Secret::new("battery staple"), false, &[])
        .await
        .unwrap();
    assert!(message(token(&here, &of_password.token).await).contains("another password"));
    assert!(message(redeem(&here, &refreshes[1]).await).contains("another password"));
    // What the new one makes is good at once where the old one is remembered.
    let ann = password(&here, "ann", "battery staple").await.unwrap();
    let new = ask(&here, &ann, &[entry("a", ALL)]).await.unwrap();
    assert!(token(&there, &new.token).await.is_ok());
    world.wait(10);
    for (made, refresh) in [&of_token, &of_password].iter().zip(&refreshes) {
        message(token(&there, &made.token).await);
        message(redeem(&there, refresh).await);
    }
    here.remove_user("ann").await.unwrap();
    message(token(&here, &new.token).await);
    // Another of the same name, with the same password, is another.
    add(&here, "ann", &[]).await;
    let password = Secret::new("battery staple");
    here.change_user("ann", password, false, &[]).await.unwrap();
    message(token(&here, &new.token).await);
    message(redeem(&here, &new.refresh.unwrap()).await);
}

#[tokio::test]
async fn what_its_user_may_is_asked_each_time() {
    let (_world, auth, ann) = world_of_ann().await;
    let made = ask(&auth, &ann, &[entry("a", ALL)]).await.unwrap();
    let narrow = NewToken {
        networks: vec!["10.0.0.0/8".into()],
        ..NewToken::default()
    };
    let (secret, _) = auth.create_token(&ann, narrow).await.unwrap();
    let near = token(&auth, &secret).await.unwrap();
    let near = ask(&auth, &near, &[entry("a", ALL)]).await.unwrap();
    let scopes = ["npm:package:a:read".to_owned()];
    let update = |record: &mut super::super::users::UserRecord| {
        record.scopes = Some(vec!["npm:package:a:read".parse()?]);
        Ok(())
    };
    let now = auth.now();
    auth.users.update("ann", now, update).await.unwrap();
    assert_eq!(auth.list_users().await.unwrap()[0].scopes, scopes);
    for made in [&made, &near] {
        let shown = token(&auth, &made.token).await.unwrap();
        assert_eq!(rights(&auth, &shown, "a").await, "r");
    }
    for (secret, good) in [(&made.token, true), (&near.token, false)] {
        let shown = Credentials::Token(secret.clone());
        let far = auth.authenticate(&shown, "npm", ip("192.168.0.1")).await;
        assert_eq!(far.is_ok(), good);
        if let Err(error) = far {
            assert_eq!(error.kind(), ErrorKind::Denied);
        }
    }
    let refresh = near.refresh.unwrap();
    let far = auth.redeem(&refresh, "npm", ip("192.168.0.1")).await;
    assert_eq!(kind(far), ErrorKind::Denied);
}

#[tokio::test]
async fn an_access_token_and_a_refresh_token_are_not_each_other() {
    let (world, auth, ann) = world_of_ann().await;
    let made = ask(&auth, &ann, &[entry("a", ALL)]).await.unwrap();
    let refresh = made.refresh.unwrap();
    let shown = message(token(&auth, &refresh).await);
    assert!(shown.contains("is a refresh token"), "{shown}");
    let redeemed = message(redeem(&auth, &made.token).await);
    assert!(redeemed.contains("is an access token"), "{redeemed}");
    let elsewhere = auth.redeem(&refresh, "oci", ip("10.0.0.1")).await;
    assert!(message(elsewhere).contains("is for npm"));
    // It outlives many access tokens, but not everything.
    world.wait(89 * 24 * 3600);
    let again = redeem(&auth, &refresh).await.unwrap();
    let made = ask(&auth, &again, &[entry("a", ALL)]).await.unwrap();
    assert_eq!(told(&made), [("a", "rwd".to_owned())]);
    world.wait(24 * 3600);
    assert!(message(redeem(&auth, &refresh).await).contains("expired"));
    // A token of the user is good in its place; a password is not, nor what nobody signed.
    let (secret, info) = auth.create_token(&ann, NewToken::default()).await.unwrap();
    let by_token = redeem(&auth, &secret).await.unwrap();
    assert_eq!(by_token.token.as_deref(), Some(&*info.id));
    for wrong in [PASSWORD, "", "reg_unknown", "a.b.c", ".."] {
        message(redeem(&auth, &Secret::new(wrong)).await);
    }
    let unwanted = AccessRequest {
        mount: "npm",
        entries: &[],
        lifetime: Duration::from_secs(60),
        refresh: None,
    };
    let made = auth.create_access_token(&ann, unwanted).await.unwrap();
    assert!(made.refresh.is_none());
}

#[tokio::test]
async fn it_is_good_for_nothing_that_is_about_users_and_tokens() {
    let (_world, auth, _) = world_of_ann().await;
    let root = Secret::new(PASSWORD);
    auth.add_user("root", root, true, &[]).await.unwrap();
    let root = password(&auth, "root", PASSWORD).await.unwrap();
    assert!(root.admin);
    let (_, info) = auth.create_token(&root, NewToken::default()).await.unwrap();
    let made = ask(&auth, &root, &[entry("x", ALL)]).await.unwrap();
    let shown = token(&auth, &made.token).await.unwrap();
    assert!(!shown.admin && may(&auth, &shown, "x", Action::Delete).await);
    let login = auth.begin_login().await.unwrap();
    let kinds = [
        kind(auth.create_token(&shown, NewToken::default()).await),
        kind(auth.revoke_token(&shown, &info.id).await),
        kind(auth.list_tokens(&shown).await),
        kind(auth.change_profile(&shown, ProfileChange::default()).await),
        kind(auth.confirm_login(&login.page, &shown).await),
        kind(ask(&auth, &shown, &[]).await),
    ];
    assert_eq!(kinds, [ErrorKind::Denied; 6]);
    let foreign = Identity::user("carol");
    assert_eq!(kind(ask(&auth, &foreign, &[]).await), ErrorKind::Denied);
}

#[tokio::test]
async fn keys_may_be_replaced_under_way() {
    let (world, here, ann) = world_of_ann().await;
    let there = closed(&world);
    let first = ask(&here, &ann, &[]).await.unwrap();
    assert!(token(&there, &first.token).await.is_ok());
    here.keys().rotate().await.unwrap();
    let second = ask(&here, &ann, &[]).await.unwrap();
    for auth in [&here, &there] {
        for made in [&first, &second] {
            assert!(token(auth, &made.token).await.is_ok());
            assert!(redeem(auth, made.refresh.as_ref().unwrap()).await.is_ok());
        }
    }
    there.keys().rotate().await.unwrap();
    world.wait(10);
    for auth in [&here, &there] {
        assert!(token(auth, &second.token).await.is_ok());
        message(token(auth, &first.token).await);
        message(redeem(auth, first.refresh.as_ref().unwrap()).await);
    }
}

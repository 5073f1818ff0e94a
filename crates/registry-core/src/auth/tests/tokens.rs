use super::*;

async fn world_of_ann() -> (World, DefaultAuth) {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    (world, auth)
}

#[tokio::test]
async fn a_token_is_its_user_and_is_told_but_once() {
    let (world, auth) = world_of_ann().await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    let (secret, info) = auth.create_token(&ann, NewToken::default()).await.unwrap();
    let text = secret.reveal();
    assert!(text.starts_with("reg_") && text.len() == 44, "{text}");
    assert_eq!((&*info.user, &*info.hint), ("ann", &text[..8]));
    let shown = token(&auth, &secret).await.unwrap();
    assert_eq!(shown.user.as_deref(), Some("ann"));
    assert_eq!(shown.token.as_deref(), Some(&*info.id));
    assert!(may(&auth, &shown, "x", Action::Delete).await);
    world.wait(1);
    let (_, second) = auth
        .create_token(&shown, scoped(&["*:*:*:read"]))
        .await
        .unwrap();
    assert_eq!(auth.list_tokens(&ann).await.unwrap(), [info, second]);
    for wrong in ["reg_", "reg_unknown", "npm_x", "eyJ.x.y"] {
        let kind = kind(token(&auth, &Secret::new(wrong)).await);
        assert_eq!(kind, ErrorKind::Unauthenticated);
    }
}

#[tokio::test]
async fn a_token_ends() {
    let (world, auth) = world_of_ann().await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    let until = |seconds: i64| NewToken {
        expires: Timestamp::from_second(world.now().as_second() + seconds)
            .unwrap()
            .try_into()
            .ok(),
        ..NewToken::default()
    };
    let past = auth.create_token(&ann, until(0)).await;
    assert_eq!(kind(past), ErrorKind::Invalid);
    let (secret, _) = auth.create_token(&ann, until(5)).await.unwrap();
    let shown = token(&auth, &secret).await.unwrap();
    // What it makes ends with it at the latest.
    let later = auth.create_token(&shown, until(6)).await;
    assert_eq!(kind(later), ErrorKind::Denied);
    let (child, info) = auth
        .create_token(&shown, NewToken::default())
        .await
        .unwrap();
    assert_eq!(info.grant.expires, until(5).expires);
    world.wait(5);
    for secret in [secret, child] {
        let error = token(&auth, &secret).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.message().contains("expired"), "{error}");
    }
    assert!(auth.list_tokens(&ann).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_revoked_token_is_dead_here_at_once_and_elsewhere_in_time() {
    let (world, here) = world_of_ann().await;
    let there = world.replica();
    let ann = password(&here, "ann", PASSWORD).await.unwrap();
    let (secret, info) = here.create_token(&ann, NewToken::default()).await.unwrap();
    assert!(token(&here, &secret).await.is_ok());
    assert!(token(&there, &secret).await.is_ok());
    here.revoke_token(&ann, &info.id).await.unwrap();
    let dead = token(&here, &secret).await.unwrap_err();
    assert!(dead.message().contains("revoked"), "{dead}");
    assert!(token(&there, &secret).await.is_ok());
    world.wait(9);
    assert!(token(&there, &secret).await.is_ok());
    world.wait(1);
    assert_eq!(
        kind(token(&there, &secret).await),
        ErrorKind::Unauthenticated
    );
    assert!(here.list_tokens(&ann).await.unwrap().is_empty());
    let again = here.revoke_token(&ann, &info.id).await;
    assert_eq!(kind(again), ErrorKind::NotFound);
}

#[tokio::test]
async fn tokens_are_revoked_by_their_users_and_by_administrators() {
    let (_world, auth) = world_of_ann().await;
    add(&auth, "bob", &[]).await;
    let (_, root) = auth.ensure_admin().await.unwrap().unzip();
    assert!(root.is_none());
    let root = auth
        .add_user("root", Secret::new(PASSWORD), true, &[])
        .await;
    root.unwrap();
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    let bob = password(&auth, "bob", PASSWORD).await.unwrap();
    let root = password(&auth, "root", PASSWORD).await.unwrap();
    assert!(root.admin);
    let (secret, info) = auth.create_token(&ann, NewToken::default()).await.unwrap();
    for named in [&*info.id, secret.reveal()] {
        let refused = auth.revoke_token(&bob, named).await;
        assert_eq!(kind(refused), ErrorKind::NotFound);
    }
    let nobody = auth.revoke_token(&Identity::anonymous(), &info.id).await;
    assert_eq!(kind(nobody), ErrorKind::Unauthenticated);
    auth.revoke_token(&root, &info.id).await.unwrap();
    assert!(token(&auth, &secret).await.is_err());
    let (secret, _) = auth.create_token(&ann, NewToken::default()).await.unwrap();
    auth.revoke_token(&ann, secret.reveal()).await.unwrap();
    assert!(token(&auth, &secret).await.is_err());
}

#[tokio::test]
async fn a_read_only_token_reads() {
    let (_world, auth) = world_of_ann().await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    let (_, other) = auth.create_token(&ann, NewToken::default()).await.unwrap();
    let read_only = NewToken {
        read_only: true,
        ..NewToken::default()
    };
    let (secret, info) = auth.create_token(&ann, read_only).await.unwrap();
    let shown = token(&auth, &secret).await.unwrap();
    assert!(may(&auth, &shown, "x", Action::Read).await);
    assert!(!may(&auth, &shown, "x", Action::Write).await);
    let made = auth.create_token(&shown, NewToken::default()).await;
    assert_eq!(kind(made), ErrorKind::Denied);
    let changed = auth.change_profile(&shown, ProfileChange::default()).await;
    assert_eq!(kind(changed), ErrorKind::Denied);
    let revoked = auth.revoke_token(&shown, &other.id).await;
    assert_eq!(kind(revoked), ErrorKind::Denied);
    auth.revoke_token(&shown, &info.id).await.unwrap();
    assert!(token(&auth, &secret).await.is_err());
}

#[tokio::test]
async fn a_token_has_its_scopes_within_those_of_its_user() {
    let world = World::new();
    let options = AuthOptions {
        anonymous: Anonymous::None,
        ..AuthOptions::default()
    };
    let auth = world.replica_with(options);
    add(&auth, "ann", &["npm:package:@acme/*:write"]).await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    assert!(may(&auth, &ann, "@acme/x", Action::Write).await);
    assert!(!may(&auth, &ann, "@acme/x", Action::Delete).await);
    assert!(!may(&auth, &ann, "express", Action::Read).await);
    assert!(!may(&auth, &ann, "*", Action::Read).await);
    for wide in [
        "npm:package:*:write",
        "npm:package:@acme/*:delete",
        "*:*:*:*",
    ] {
        let made = auth.create_token(&ann, scoped(&[wide])).await;
        assert_eq!(kind(made), ErrorKind::Denied, "{wide}");
    }
    // Unless what is too much is to be left out.
    let cut = |scope: &str| NewToken {
        cut: true,
        ..scoped(&[scope])
    };
    let (_, made) = auth
        .create_token(&ann, cut("npm:package:*:delete"))
        .await
        .unwrap();
    assert_eq!(made.grant.scopes, ["npm:package:@acme/*:write"]);
    let made = auth.create_token(&ann, cut("cargo:crate:*:read")).await;
    assert_eq!(kind(made), ErrorKind::Denied);
    let unparsed = auth.create_token(&ann, scoped(&["npm:package:x"])).await;
    assert_eq!(kind(unparsed), ErrorKind::Invalid);
    let narrow = scoped(&["npm:package:@acme/a*:read", "npm:package:@acme/ab:write"]);
    let (secret, _) = auth.create_token(&ann, narrow).await.unwrap();
    let narrow = token(&auth, &secret).await.unwrap();
    assert!(may(&auth, &narrow, "@acme/a", Action::Read).await);
    assert!(!may(&auth, &narrow, "@acme/a", Action::Write).await);
    assert!(may(&auth, &narrow, "@acme/ab", Action::Write).await);
    // What it makes is no wider, asked or not.
    let made = auth
        .create_token(&narrow, scoped(&["npm:package:@acme/b:read"]))
        .await;
    assert_eq!(kind(made), ErrorKind::Denied);
    let (secret, _) = auth
        .create_token(&narrow, NewToken::default())
        .await
        .unwrap();
    let child = token(&auth, &secret).await.unwrap();
    assert!(may(&auth, &child, "@acme/ab", Action::Write).await);
    assert!(!may(&auth, &child, "@acme/b", Action::Read).await);
    // Whoever runs the registry may give wider scopes; the user's own still hold.
    let everything = scoped(&["*:*:*:*"]);
    let (secret, _) = auth.create_token_for("ann", everything).await.unwrap();
    let wide = token(&auth, &secret).await.unwrap();
    assert!(may(&auth, &wide, "@acme/b", Action::Write).await);
    assert!(!may(&auth, &wide, "express", Action::Read).await);
    assert!(!wide.admin);
}

#[tokio::test]
async fn a_token_administers_only_with_everything() {
    let (_world, auth) = world_of_ann().await;
    let root = auth
        .add_user("root", Secret::new(PASSWORD), true, &[])
        .await;
    root.unwrap();
    let read_only = NewToken {
        read_only: true,
        ..NewToken::default()
    };
    for (grant, admin) in [
        (NewToken::default(), true),
        (scoped(&["npm:package:x:read", "*:*:*:*"]), true),
        (scoped(&["*:*:*:delete"]), false),
        (read_only, false),
    ] {
        let (secret, _) = auth.create_token_for("root", grant.clone()).await.unwrap();
        let shown = token(&auth, &secret).await.unwrap();
        assert_eq!(shown.admin, admin, "{grant:?}");
    }
    let (secret, _) = auth
        .create_token_for("root", scoped(&["*:*:*:delete"]))
        .await
        .unwrap();
    let shown = token(&auth, &secret).await.unwrap();
    let made = auth.create_token(&shown, scoped(&["*:*:*:*"])).await;
    assert_eq!(kind(made), ErrorKind::Denied);
}

#[tokio::test]
async fn a_token_is_good_from_its_networks() {
    let (_world, auth) = world_of_ann().await;
    let from = |networks: &[&str]| NewToken {
        networks: networks.iter().map(ToString::to_string).collect(),
        ..NewToken::default()
    };
    let (secret, _) = auth
        .create_token_for("ann", from(&["10.1.0.0/16", "2001:db8::/32", "192.0.2.7"]))
        .await
        .unwrap();
    let shown = Credentials::Token(secret);
    for good in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "192.0.2.7"] {
        assert!(
            auth.authenticate(&shown, "npm", ip(good)).await.is_ok(),
            "{good}"
        );
    }
    for bad in [ip("10.2.0.1"), ip("192.0.2.8"), None] {
        let kind = kind(auth.authenticate(&shown, "npm", bad).await);
        assert_eq!(kind, ErrorKind::Denied);
    }
    let identity = auth
        .authenticate(&shown, "npm", ip("10.1.2.3"))
        .await
        .unwrap();
    let wider = auth.create_token(&identity, from(&["10.0.0.0/8"])).await;
    assert_eq!(kind(wider), ErrorKind::Denied);
    let (_, info) = auth
        .create_token(&identity, from(&["10.1.7.0/24"]))
        .await
        .unwrap();
    assert_eq!(info.grant.networks, ["10.1.7.0/24"]);
    let (_, info) = auth
        .create_token(&identity, NewToken::default())
        .await
        .unwrap();
    assert_eq!(info.grant.networks.len(), 3);
    let bad = auth.create_token_for("ann", from(&["10.1"])).await;
    assert_eq!(kind(bad), ErrorKind::Invalid);
}

#[tokio::test]
async fn both_stores_keep_tokens_alike() {
    let world = World::new();
    let bucket: Arc<dyn TokenStore> = Arc::new(BucketTokens::new(world.documents()));
    for store in [bucket, Arc::new(MemoryTokens::default())] {
        let mut made = Vec::new();
        for user in ["ann", "ann", "bob"] {
            let grant = super::super::Grant::default();
            let (_, token) = super::super::TokenRecord::new(user, "1", grant, world.now()).unwrap();
            store.put(&token).await.unwrap();
            made.push(token);
        }
        for token in &made {
            assert_eq!(store.get(&token.hash).await.unwrap().as_ref(), Some(token));
            assert_eq!(store.find(&token.id).await.unwrap().as_ref(), Some(token));
        }
        for missing in ["", "0", "zzzz", "../x", &"0".repeat(16), &made[0].id[..15]] {
            assert!(store.find(missing).await.unwrap().is_none(), "{missing}");
        }
        assert_eq!(store.of_user("ann").await.unwrap().len(), 2);
        assert_eq!(store.of_user("carl").await.unwrap().len(), 0);
        store.revoke(&made[0].hash, world.now()).await.unwrap();
        let first = store.get(&made[0].hash).await.unwrap().unwrap();
        assert_eq!(first.revoked, Some(world.now()));
        let live = store.of_user("ann").await.unwrap();
        assert_eq!(
            live.iter().filter(|token| token.revoked.is_none()).count(),
            1
        );
        store.revoke(&"0".repeat(64), world.now()).await.unwrap();
    }
}

#[tokio::test]
async fn a_name_without_a_token_is_harmless() {
    let (world, auth) = world_of_ann().await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    let (_, info) = auth.create_token(&ann, NewToken::default()).await.unwrap();
    let index = super::super::layout::user_tokens("ann").unwrap();
    let lose = |document: &mut crate::store::Document<()>| {
        let hash = "0".repeat(64);
        let json = format!("{{\"hash\":\"{hash}\",\"expires\":null}}");
        let entry = ("0".repeat(16).as_str().into(), json.into());
        document.entries.extend([entry]);
        Ok((true, ()))
    };
    world.documents().change(&index, lose).await.unwrap();
    assert_eq!(auth.list_tokens(&ann).await.unwrap(), [info]);
}

#[tokio::test]
async fn uses_are_inherited_and_never_widened_by_a_token() {
    let (_world, auth) = world_of_ann().await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    assert!(ann.is_for("push"));
    let good_for = |uses: &[&str]| NewToken {
        uses: uses.iter().map(ToString::to_string).collect(),
        ..NewToken::default()
    };
    let made = auth.create_token(&ann, good_for(&["push", "yank"])).await;
    let (secret, info) = made.unwrap();
    assert_eq!(info.grant.uses, ["push", "yank"]);
    let shown = token(&auth, &secret).await.unwrap();
    assert!(shown.is_for("yank") && !shown.is_for("owners"));
    let (child, _) = auth.create_token(&shown, good_for(&[])).await.unwrap();
    let child = token(&auth, &child).await.unwrap();
    assert!(child.is_for("yank") && !child.is_for("owners"));
    let (child, _) = auth
        .create_token(&shown, good_for(&["push"]))
        .await
        .unwrap();
    let child = token(&auth, &child).await.unwrap();
    assert!(child.is_for("push") && !child.is_for("yank"));
    let made = auth.create_token(&shown, good_for(&["owners"])).await;
    assert_eq!(kind(made), ErrorKind::Denied);
    let long = auth
        .create_token(&ann, good_for(&["x".repeat(101).as_str()]))
        .await;
    assert_eq!(kind(long), ErrorKind::Invalid);

    // Only the password makes a token good for more.
    let more = ["owners".to_owned(), "push".to_owned()];
    let added = auth.add_uses(&shown, &secret, &more).await;
    assert_eq!(kind(added), ErrorKind::Denied);
    add(&auth, "bob", &[]).await;
    let bob = password(&auth, "bob", PASSWORD).await.unwrap();
    let added = auth.add_uses(&bob, &secret, &more).await;
    assert_eq!(kind(added), ErrorKind::NotFound);
    auth.add_uses(&ann, &secret, &more).await.unwrap();
    let wider = token(&auth, &secret).await.unwrap();
    assert!(wider.is_for("owners") && wider.is_for("yank") && !wider.is_for("else"));
    let (all, _) = auth.create_token(&ann, good_for(&[])).await.unwrap();
    auth.add_uses(&ann, &all, &more).await.unwrap();
    assert!(token(&auth, &all).await.unwrap().is_for("else"));
}

/// Of uses that are added at once, on whichever replicas, none is lost.
#[tokio::test]
async fn uses_that_are_added_at_once_are_all_there() {
    let (world, auth) = world_of_ann().await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    let narrow = NewToken {
        uses: vec!["push".to_owned()],
        ..NewToken::default()
    };
    let (secret, _) = auth.create_token(&ann, narrow).await.unwrap();
    let words: Vec<String> = (0..8).map(|n| format!("use{n}")).collect();
    let replicas: Vec<DefaultAuth> = words.iter().map(|_| world.replica()).collect();
    let added = replicas.iter().zip(words.chunks(1));
    let added = added.map(|(auth, word)| auth.add_uses(&ann, &secret, word));
    for added in futures_util::future::join_all(added).await {
        added.unwrap();
    }
    let shown = token(&world.replica(), &secret).await.unwrap();
    let missing: Vec<_> = words.iter().filter(|word| !shown.is_for(word)).collect();
    assert!(missing.is_empty() && shown.is_for("push"), "{missing:?}");
}

use super::*;

#[tokio::test]
async fn a_right_password_is_its_user() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    assert_eq!((ann.user.as_deref(), ann.admin), (Some("ann"), false));
    assert!(ann.token.is_none());
    assert!(may(&auth, &ann, "x", Action::Delete).await);
    for (user, wrong) in [
        ("ann", "wrong horse"),
        ("bob", PASSWORD),
        ("a/../b", PASSWORD),
    ] {
        let kind = kind(password(&auth, user, wrong).await);
        assert_eq!(kind, ErrorKind::Unauthenticated, "{user}");
    }
}

#[tokio::test]
async fn wrong_passwords_are_slowed_per_user_and_address() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    add(&auth, "bob", &[]).await;
    assert!(password(&auth, "ann", PASSWORD).await.is_ok());
    for _ in 0..5 {
        let kind = kind(password(&auth, "ann", "wrong horse").await);
        assert_eq!(kind, ErrorKind::Unauthenticated);
    }
    world.wait(20);
    // The right one too, though it is remembered, or a guess could be told from the answer.
    let error = password(&auth, "ann", PASSWORD).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let headers: Vec<_> = error.headers().collect();
    assert_eq!(
        (headers[0].0.as_str(), &headers[0].1),
        ("retry-after", &40.into())
    );
    // Others, and other addresses, are not slowed.
    assert!(password(&auth, "bob", PASSWORD).await.is_ok());
    let credentials = Credentials::Password {
        user: "ann".into(),
        password: Secret::new(PASSWORD),
    };
    assert!(
        auth.authenticate(&credentials, "npm", ip("10.0.0.2"))
            .await
            .is_ok()
    );
    world.wait(40);
    assert!(password(&auth, "ann", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn many_wrong_passwords_at_once_are_slowed_too() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    let guesses = (0..20).map(|n| {
        let auth = &auth;
        async move { kind(password(auth, "ann", &format!("guess {n} of many")).await) }
    });
    let kinds = futures_util::future::join_all(guesses).await;
    let tried = kinds
        .iter()
        .filter(|kind| **kind == ErrorKind::Unauthenticated);
    assert_eq!(tried.count(), 5);
}

#[tokio::test]
async fn a_right_password_clears_what_was_wrong_before() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    for _ in 0..3 {
        for _ in 0..3 {
            let kind = kind(password(&auth, "ann", "wrong horse").await);
            assert_eq!(kind, ErrorKind::Unauthenticated);
        }
        world.wait(1);
        // Of another revision, the right one is not remembered but checked.
        auth.change_user("ann", Secret::new(PASSWORD), false, &[])
            .await
            .unwrap();
        assert!(password(&auth, "ann", PASSWORD).await.is_ok());
    }
}

#[tokio::test]
async fn the_same_password_many_times_at_once_is_checked_once() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    let all = (0..200).map(|_| password(&auth, "ann", PASSWORD));
    for identity in futures_util::future::join_all(all).await {
        assert!(identity.is_ok());
    }
}

#[tokio::test]
async fn a_changed_password_is_good_at_once_and_the_old_one_is_not() {
    let world = World::new();
    let (here, there) = (world.replica(), world.replica());
    add(&here, "ann", &[]).await;
    let ann = password(&here, "ann", PASSWORD).await.unwrap();
    assert!(password(&there, "ann", PASSWORD).await.is_ok());
    let change = |old: &str, new: &str| ProfileChange {
        password: Some((Secret::new(old), Secret::new(new))),
        ..ProfileChange::default()
    };
    let wrong = here.change_profile(&ann, change("wrong horse", "battery staple"));
    assert_eq!(kind(wrong.await), ErrorKind::Denied);
    let short = here.change_profile(&ann, change(PASSWORD, "short"));
    assert_eq!(kind(short.await), ErrorKind::Invalid);
    let change = change(PASSWORD, "battery staple");
    here.change_profile(&ann, change).await.unwrap();
    let old = password(&here, "ann", PASSWORD).await;
    assert_eq!(kind(old), ErrorKind::Unauthenticated);
    assert!(password(&here, "ann", "battery staple").await.is_ok());
    // The other replica takes the new one at once, and forgets the old one in time.
    assert!(password(&there, "ann", "battery staple").await.is_ok());
    world.wait(10);
    let old = password(&there, "ann", PASSWORD).await;
    assert_eq!(kind(old), ErrorKind::Unauthenticated);
}

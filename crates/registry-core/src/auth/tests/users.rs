use super::*;

#[tokio::test]
async fn users_are_made_listed_and_removed() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "bob", &["npm:package:*:write"]).await;
    add(&auth, "ann", &[]).await;
    let twice = auth
        .add_user("ann", Secret::new(PASSWORD), false, &[])
        .await;
    assert_eq!(kind(twice), ErrorKind::Conflict);
    let names = async |auth: &DefaultAuth| {
        let users = auth.list_users().await.unwrap();
        users
            .into_iter()
            .map(|user| user.profile.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&auth).await, ["ann", "bob"]);
    let users = auth.list_users().await.unwrap();
    assert_eq!(users[1].scopes, ["npm:package:*:write"]);
    assert_eq!(auth.user_count().await.unwrap(), 2);
    for (name, password, scope, expected) in [
        (".ann", PASSWORD, "*:*:*:*", ErrorKind::InvalidName),
        ("carl", "short", "*:*:*:*", ErrorKind::Invalid),
        ("carl", PASSWORD, "npm:*", ErrorKind::Invalid),
    ] {
        let scopes = [scope.to_owned()];
        let added = auth
            .add_user(name, Secret::new(password), false, &scopes)
            .await;
        assert_eq!(kind(added), expected);
    }
    auth.remove_user("ann").await.unwrap();
    assert_eq!(names(&auth).await, ["bob"]);
    assert_eq!(kind(auth.remove_user("ann").await), ErrorKind::NotFound);
    assert!(auth.profile("ann").await.unwrap().is_none());
}

#[tokio::test]
async fn a_removed_user_is_nobody_and_their_successor_is_another() {
    let world = World::new();
    let (here, there) = (world.replica(), world.replica());
    add(&here, "ann", &[]).await;
    let (secret, info) = here
        .create_token_for("ann", NewToken::default())
        .await
        .unwrap();
    assert!(token(&here, &secret).await.is_ok());
    assert!(token(&there, &secret).await.is_ok());
    assert!(password(&there, "ann", PASSWORD).await.is_ok());
    here.remove_user("ann").await.unwrap();
    assert_eq!(
        kind(token(&here, &secret).await),
        ErrorKind::Unauthenticated
    );
    assert_eq!(
        kind(password(&here, "ann", PASSWORD).await),
        ErrorKind::Unauthenticated
    );
    world.wait(10);
    assert_eq!(
        kind(token(&there, &secret).await),
        ErrorKind::Unauthenticated
    );
    assert_eq!(
        kind(password(&there, "ann", PASSWORD).await),
        ErrorKind::Unauthenticated
    );
    add(&here, "ann", &[]).await;
    assert_eq!(
        kind(token(&here, &secret).await),
        ErrorKind::Unauthenticated
    );
    let ann = password(&there, "ann", PASSWORD).await.unwrap();
    assert!(there.list_tokens(&ann).await.unwrap().is_empty());
    assert_eq!(
        kind(there.revoke_token(&ann, &info.id).await),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_successor_is_known_before_what_is_remembered_ends() {
    let world = World::new();
    let (here, there) = (world.replica(), world.replica());
    add(&here, "ann", &[]).await;
    assert!(password(&there, "ann", PASSWORD).await.is_ok());
    here.remove_user("ann").await.unwrap();
    add(&here, "ann", &[]).await;
    let (secret, _) = here
        .create_token_for("ann", NewToken::default())
        .await
        .unwrap();
    assert!(token(&there, &secret).await.is_ok());
}

#[tokio::test]
async fn users_say_of_themselves_what_they_like() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    world.wait(5);
    let change = ProfileChange {
        email: Some("ann@example.com".into()),
        full_name: Some("Ann Ü".into()),
        password: None,
    };
    let profile = auth.change_profile(&ann, change).await.unwrap();
    assert_eq!(profile.email.as_deref(), Some("ann@example.com"));
    assert!(profile.updated > profile.created);
    let change = ProfileChange {
        email: Some(String::new()),
        ..ProfileChange::default()
    };
    auth.change_profile(&ann, change).await.unwrap();
    let profile = auth.profile("ann").await.unwrap().unwrap();
    assert_eq!(
        (profile.email, profile.full_name.as_deref()),
        (None, Some("Ann Ü"))
    );
    let change = ProfileChange {
        email: Some("a\nb".into()),
        ..ProfileChange::default()
    };
    assert_eq!(
        kind(auth.change_profile(&ann, change).await),
        ErrorKind::Invalid
    );
    let nobody = Identity::anonymous();
    let nobody = auth.change_profile(&nobody, ProfileChange::default());
    assert_eq!(kind(nobody.await), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn nobody_may_what_the_mount_says() {
    let world = World::new();
    let options = AuthOptions::default()
        .with_mount_anonymous("closed", Anonymous::None)
        .with_mount_anonymous("open", Anonymous::All);
    let auth = world.replica_with(options);
    add(&auth, "ann", &["npm:package:x:write"]).await;
    let nobody = auth
        .authenticate(&Credentials::None, "npm", None)
        .await
        .unwrap();
    assert!(nobody.user.is_none());
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    let foreign = Identity::user("eve");
    for (mount, read, delete) in [
        ("npm", true, false),
        ("closed", false, false),
        ("open", true, true),
    ] {
        for who in [&nobody, &ann, &foreign] {
            for name in ["y", "*"] {
                assert_eq!(may_on(&auth, who, mount, name, Action::Read).await, read);
                assert_eq!(
                    may_on(&auth, who, mount, name, Action::Delete).await,
                    delete
                );
            }
        }
    }
    let made = auth.create_token(&nobody, NewToken::default()).await;
    assert_eq!(kind(made), ErrorKind::Unauthenticated);
    let made = auth.create_token(&foreign, NewToken::default()).await;
    assert_eq!(kind(made), ErrorKind::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_first_starts_one_makes_the_administrator() {
    for _ in 0..20 {
        let world = World::new();
        let starts = (0..4).map(|_| {
            let auth = world.replica();
            tokio::spawn(async move { auth.ensure_admin().await.unwrap() })
        });
        let starts: Vec<_> = starts.collect();
        let told = futures_util::future::join_all(starts).await;
        let told: Vec<_> = told.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(told.len(), 1);
        let (name, secret) = &told[0];
        assert_eq!(name, "admin");
        let auth = world.replica();
        let admin = token(&auth, secret).await.unwrap();
        assert!(admin.admin && may(&auth, &admin, "x", Action::Delete).await);
        assert!(auth.ensure_admin().await.unwrap().is_none());
        assert_eq!(auth.list_all_tokens().await.unwrap().len(), 1);
        let guess = password(&auth, "admin", "").await;
        assert_eq!(kind(guess), ErrorKind::Unauthenticated);
    }
}

#[tokio::test]
async fn where_somebody_was_is_no_first_start() {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    auth.remove_user("ann").await.unwrap();
    assert!(auth.ensure_admin().await.unwrap().is_none());
}

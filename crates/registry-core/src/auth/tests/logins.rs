use super::{super::LoginState, *};

async fn world_of_ann() -> (World, DefaultAuth, Identity) {
    let world = World::new();
    let auth = world.replica();
    add(&auth, "ann", &[]).await;
    let ann = password(&auth, "ann", PASSWORD).await.unwrap();
    (world, auth, ann)
}

fn done(state: LoginState) -> Option<Secret> {
    match state {
        LoginState::Pending => None,
        LoginState::Done(secret) => Some(secret),
    }
}

#[tokio::test]
async fn a_login_by_page_ends_with_a_token() {
    let (world, here, ann) = world_of_ann().await;
    let there = world.replica();
    let login = here.begin_login().await.unwrap();
    assert!(!login.page.contains(login.secret.split_once('.').unwrap().1));
    assert!(done(there.poll_login(&login.secret).await.unwrap()).is_none());
    let nobody = here
        .confirm_login(&login.page, &Identity::anonymous())
        .await;
    assert_eq!(kind(nobody), ErrorKind::Unauthenticated);
    here.confirm_login(&login.page, &ann).await.unwrap();
    here.confirm_login(&login.page, &ann).await.unwrap();
    let secret = done(there.poll_login(&login.secret).await.unwrap()).unwrap();
    let shown = token(&here, &secret).await.unwrap();
    assert_eq!(shown.user.as_deref(), Some("ann"));
    assert_eq!(
        here.list_tokens(&ann).await.unwrap()[0].grant.name,
        "web login"
    );
    let again = here.poll_login(&login.secret).await;
    assert_eq!(kind(again), ErrorKind::NotFound);
    let again = here.confirm_login(&login.page, &ann).await;
    assert_eq!(kind(again), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_login_is_for_whoever_confirmed_it_first() {
    let (_world, auth, ann) = world_of_ann().await;
    add(&auth, "bob", &[]).await;
    let bob = password(&auth, "bob", PASSWORD).await.unwrap();
    let login = auth.begin_login().await.unwrap();
    auth.confirm_login(&login.page, &ann).await.unwrap();
    let second = auth.confirm_login(&login.page, &bob).await;
    assert_eq!(kind(second), ErrorKind::Conflict);
    let secret = done(auth.poll_login(&login.secret).await.unwrap()).unwrap();
    assert_eq!(
        token(&auth, &secret).await.unwrap().user.as_deref(),
        Some("ann")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_polls_one_is_told() {
    let (world, auth, ann) = world_of_ann().await;
    for _ in 0..20 {
        let login = auth.begin_login().await.unwrap();
        auth.confirm_login(&login.page, &ann).await.unwrap();
        let polls = (0..4).map(|_| {
            let (replica, secret) = (world.replica(), login.secret.clone());
            tokio::spawn(async move { replica.poll_login(&secret).await })
        });
        let polls: Vec<_> = polls.collect();
        let polls = futures_util::future::join_all(polls).await;
        let (told, refused): (Vec<_>, Vec<_>) = polls
            .into_iter()
            .map(Result::unwrap)
            .partition(Result::is_ok);
        assert_eq!((told.len(), refused.len()), (1, 3));
        for refusal in refused {
            assert_eq!(kind(refusal), ErrorKind::NotFound);
        }
    }
    assert_eq!(auth.list_tokens(&ann).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_login_expires_and_strange_ones_never_began() {
    let (world, auth, ann) = world_of_ann().await;
    let login = auth.begin_login().await.unwrap();
    world.wait(600);
    auth.confirm_login(&login.page, &ann).await.unwrap();
    let late = auth.begin_login().await.unwrap();
    world.wait(601);
    for secret in [
        &*login.secret,
        "",
        ".",
        "-",
        "x",
        "ffffffffffffffff.x",
        "0.x",
        "-1.x",
    ] {
        let polled = auth.poll_login(secret).await;
        assert_eq!(kind(polled), ErrorKind::NotFound, "{secret}");
    }
    for page in [&*late.page, "", "x", "0-x", "7fffffffffffffff-x"] {
        let confirmed = auth.confirm_login(page, &ann).await;
        assert_eq!(kind(confirmed), ErrorKind::NotFound, "{page}");
    }
}

#[tokio::test]
async fn beginning_writes_nothing() {
    let (world, auth, _) = world_of_ann().await;
    let entries = || {
        let list = crate::storage::Storage::list(&world.storage, None, None);
        futures_util::StreamExt::count(list)
    };
    let before = entries().await;
    auth.begin_login().await.unwrap();
    assert_eq!(entries().await, before);
}

#[tokio::test]
async fn a_login_has_the_rights_of_whoever_confirms_it() {
    let (_world, auth, ann) = world_of_ann().await;
    let narrow = NewToken {
        read_only: true,
        ..scoped(&["npm:package:x:write"])
    };
    let (secret, info) = auth.create_token(&ann, narrow).await.unwrap();
    let narrow = token(&auth, &secret).await.unwrap();
    let login = auth.begin_login().await.unwrap();
    auth.confirm_login(&login.page, &narrow).await.unwrap();
    let secret = done(auth.poll_login(&login.secret).await.unwrap()).unwrap();
    let shown = token(&auth, &secret).await.unwrap();
    assert!(!may(&auth, &shown, "x", Action::Write).await);
    let listed = auth.list_tokens(&ann).await.unwrap();
    let made = listed.iter().find(|token| token.grant.name == "web login");
    assert_eq!(made.unwrap().grant.scopes, info.grant.scopes);
    // A token revoked in between, or a user removed, makes none.
    let login = auth.begin_login().await.unwrap();
    auth.confirm_login(&login.page, &narrow).await.unwrap();
    auth.revoke_token(&ann, &info.id).await.unwrap();
    assert_eq!(
        kind(auth.poll_login(&login.secret).await),
        ErrorKind::NotFound
    );
    let login = auth.begin_login().await.unwrap();
    auth.confirm_login(&login.page, &ann).await.unwrap();
    auth.remove_user("ann").await.unwrap();
    assert_eq!(
        kind(auth.poll_login(&login.secret).await),
        ErrorKind::NotFound
    );
}

//! Hooks see everything and may refuse it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::StreamExt;
use http::StatusCode;
use registry_core::{
    auth::Action,
    protocol::{Builder, Mount, Options},
    storage::{Memory, Storage},
    store::{Inspector, Operation, StorageHook, Veto},
};
use registry_testkit::{Client, TestAuth, toy::Toy};

#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<String>>>);

impl Witness {
    fn note(&self, what: &str, operation: &Operation) {
        let user = operation.actor.user.as_deref().unwrap_or("nobody");
        let size = operation
            .size
            .map_or("?".to_owned(), |size| size.to_string());
        let line = format!(
            "{what} {}/{} {size} by {user}",
            operation.mount, operation.resource
        );
        self.0.lock().unwrap().push(line);
    }
}

struct NoSevens;

impl Inspector for NoSevens {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Veto> {
        if bytes.contains(&b'7') {
            Err(Veto("no sevens here".into()))
        } else {
            Ok(())
        }
    }

    fn finish(&mut self) -> Result<(), Veto> {
        Ok(())
    }
}

#[async_trait]
impl StorageHook for Witness {
    async fn before_put(&self, operation: &Operation) -> Result<Option<Box<dyn Inspector>>, Veto> {
        self.note("before_put", operation);
        Ok(Some(Box::new(NoSevens)))
    }

    async fn after_put(&self, operation: &Operation) {
        self.note("after_put", operation);
    }

    async fn before_get(&self, operation: &Operation) -> Result<(), Veto> {
        self.note("before_get", operation);
        if &*operation.resource == "secret" {
            Err(Veto("not this one".into()))
        } else {
            Ok(())
        }
    }

    async fn after_get(&self, operation: &Operation) {
        self.note("after_get", operation);
    }

    async fn before_delete(&self, operation: &Operation) -> Result<(), Veto> {
        self.note("before_delete", operation);
        if &*operation.resource == "secret" {
            Err(Veto("it stays".into()))
        } else {
            Ok(())
        }
    }

    async fn after_delete(&self, operation: &Operation) {
        self.note("after_delete", operation);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_asked_and_told() {
    let witness = Witness::default();
    let auth = TestAuth::new(Some(Action::Read));
    let service = Builder::new(Arc::new(Memory::default()), auth, Options::default())
        .hook(Arc::new(witness.clone()))
        .mount(Mount::new(Toy))
        .build()
        .unwrap();
    let client = Client::new(service).token("writer");
    let said = || std::mem::take(&mut *witness.0.lock().unwrap());

    client.put("/toy/a/x", "12").await;
    assert_eq!(
        said(),
        [
            "before_put toy/a 2 by writer",
            "after_put toy/a 2 by writer"
        ]
    );
    let answer = client.put("/toy/a/y", "17").await;
    assert_eq!(
        (answer.status, &*answer.text()),
        (StatusCode::FORBIDDEN, "no sevens here\n")
    );
    assert_eq!(said(), ["before_put toy/a 2 by writer"]);
    client.get("/toy/a/x").await;
    assert_eq!(
        said(),
        [
            "before_get toy/a 2 by writer",
            "after_get toy/a 2 by writer"
        ]
    );
    client.delete("/toy/a/x").await;
    assert_eq!(
        said(),
        [
            "before_delete toy/a 2 by writer",
            "after_delete toy/a 2 by writer"
        ]
    );

    client.put("/toy/secret/x", "1").await;
    assert_eq!(
        client.get("/toy/secret/x").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(client.delete("/toy/secret/x").await.text(), "it stays\n");
    assert_eq!(
        client
            .get("/toy/secret")
            .await
            .json()
            .as_object()
            .unwrap()
            .len(),
        1
    );
}

/// Deletes what somebody is about to get.
#[derive(Clone, Default)]
struct Racer(Arc<Mutex<Option<Client>>>);

#[async_trait]
impl StorageHook for Racer {
    async fn before_get(&self, _: &Operation) -> Result<(), Veto> {
        let client = self.0.lock().unwrap().take();
        if let Some(client) = client {
            let deleted = client.delete("/toy/a/x").await;
            assert!(deleted.status.is_success(), "{}", deleted.text());
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_what_is_deleted_meanwhile_is_told_that_it_is_gone() {
    let (racer, storage) = (Racer::default(), Arc::new(Memory::default()));
    let auth = TestAuth::new(Some(Action::Read));
    let service = Builder::new(storage.clone(), auth, Options::default())
        .hook(Arc::new(racer.clone()))
        .mount(Mount::new(Toy))
        .build()
        .unwrap();
    let client = Client::new(service).token("writer");
    client.put("/toy/a/x", "1").await;
    client.put("/toy/a/y", "2").await;
    *racer.0.lock().unwrap() = Some(client.clone());
    let answer = client.get("/toy/a/x").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text());
    // What is still named and not there was lost.
    let mut listed = storage.list(None, None);
    while let Some(entry) = listed.next().await {
        let key = entry.unwrap().key;
        if key.name().starts_with("y.") {
            storage.delete(&key).await.unwrap();
        }
    }
    let answer = client.get("/toy/a/y").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
}

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::*;
use crate::storage::{Entry, Memory, Profile, Upload};

/// A store that is far away and fails, after a while.
#[derive(Debug, Default)]
struct Failing {
    asked: AtomicU64,
}

#[async_trait]
impl Storage for Failing {
    async fn get(&self, _: &Key, _: GetOptions) -> Result<Get, StorageError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(30)).await;
        Err(StorageError::Unavailable("far away".into()))
    }

    async fn put(&self, _: &Key, _: Bytes, _: PutMode) -> Result<Version, StorageError> {
        Err(StorageError::Unavailable("far away".into()))
    }

    async fn upload(&self, _: &Key) -> Result<Box<dyn Upload>, StorageError> {
        Err(StorageError::Unavailable("far away".into()))
    }

    async fn delete(&self, _: &Key) -> Result<(), StorageError> {
        Err(StorageError::Unavailable("far away".into()))
    }

    fn list(
        &self,
        _: Option<&Key>,
        _: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        Box::pin(futures_util::stream::empty())
    }

    fn profile(&self) -> Profile {
        Profile {
            conditional_writes: true,
            local: false,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn readers_who_wait_together_fail_together_and_leave_nothing() {
    let storage = Arc::new(Failing::default());
    let documents = Documents::new(storage.clone(), 1 << 20, Duration::ZERO);
    let key = Key::new("a").unwrap();
    let start = tokio::time::Instant::now();
    let reads = (0..50).map(|_| documents.read(&key));
    let all = futures_util::future::join_all(reads).await;
    assert!(all.iter().all(Result::is_err));
    // One look was under way for the first; the others shared the next.
    assert_eq!(storage.asked.load(Ordering::SeqCst), 2);
    assert_eq!(start.elapsed().as_secs(), 60);
    // Readers who go away in the middle are no different.
    let read = documents.read(&key);
    let gone = tokio::time::timeout(Duration::from_secs(1), read).await;
    assert!(gone.is_err());
    assert!(lock(&documents.0.flights).is_empty());
}

#[tokio::test]
async fn a_document_that_could_not_be_read_again_is_not_written() {
    let documents = Documents::new(Arc::new(Memory::default()), 1 << 20, Duration::ZERO);
    let key = Key::new("a").unwrap();
    let entry = Bytes::from(vec![b' '; MAX_DOCUMENT / 2]);
    let mut kinds = Vec::new();
    for name in ["one", "two", "three"] {
        let entry = entry.clone();
        let add = move |document: &mut Document<()>| {
            document.entries.insert(name.into(), entry.clone());
            Ok((true, ()))
        };
        kinds.push(documents.change(&key, add).await.map_err(|e| e.kind()));
    }
    let refused = Err(ErrorKind::TooLarge);
    assert_eq!(kinds, [Ok(()), refused, refused]);
    assert!(documents.read(&key).await.unwrap().is_some());
}

/// A store whose first answer takes its time.
#[derive(Debug, Default)]
struct Dawdling {
    inner: Memory,
    asked: AtomicU64,
}

#[async_trait]
impl Storage for Dawdling {
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Get, StorageError> {
        let answer = self.inner.get(key, options).await;
        if self.asked.fetch_add(1, Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        answer
    }

    async fn put(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<Version, StorageError> {
        self.inner.put(key, bytes, mode).await
    }

    async fn upload(&self, key: &Key) -> Result<Box<dyn Upload>, StorageError> {
        self.inner.upload(key).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        self.inner.delete(key).await
    }

    fn list(
        &self,
        prefix: Option<&Key>,
        after: Option<&Key>,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        self.inner.list(prefix, after)
    }

    fn profile(&self) -> Profile {
        self.inner.profile()
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_here_is_not_forgotten_for_an_older_answer() {
    let storage = Arc::new(Dawdling::default());
    let key = Key::new("a").unwrap();
    let count = |document: &mut Document<u64>| {
        document.head += 1;
        Ok((true, document.head))
    };
    let elsewhere = Documents::new(Arc::new(storage.inner.clone()), 1 << 20, Duration::ZERO);
    elsewhere.change(&key, count).await.unwrap();
    let here = Documents::new(storage, 1 << 20, Duration::from_secs(3600));
    let (slow, written) = futures_util::future::join(here.read(&key), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        here.change(&key, count).await
    })
    .await;
    assert_eq!((slow.unwrap().unwrap().revision, written.unwrap()), (1, 2));
    assert_eq!(here.read(&key).await.unwrap().unwrap().revision, 2);
}

#[tokio::test]
async fn a_change_that_panics_takes_no_other_along() {
    let documents = Documents::new(Arc::new(Memory::default()), 1 << 20, Duration::ZERO);
    let key = Key::new("a").unwrap();
    let faulty = |_: &mut Document<u64>| -> Result<(bool, u64)> { panic!("a fault of a protocol") };
    let sound = |document: &mut Document<u64>| {
        document.head += 1;
        Ok((true, document.head))
    };
    let (one, two, three) = tokio::join!(
        documents.change(&key, sound),
        documents.change(&key, faulty),
        documents.change(&key, sound),
    );
    assert_eq!(two.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!((one.unwrap(), three.unwrap()), (1, 2));
}

/// Whoever concluded something from a revision learns of all that came before it, be it in the same
/// write.
#[tokio::test]
async fn of_changes_that_are_written_together_the_second_sees_the_first() {
    let documents = Documents::new(Arc::new(Memory::default()), 1 << 20, Duration::ZERO);
    let key = Key::new("a").unwrap();
    let conclude = || {
        let change = |document: &mut Document<()>| {
            let same = document.revision == 0;
            Ok((same, same))
        };
        documents.change(&key, change)
    };
    let all = futures_util::future::join_all((0..8).map(|_| conclude())).await;
    let won = all.into_iter().filter(|won| *won.as_ref().unwrap()).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_document_of_a_quarter_of_the_memory_is_kept() {
    let documents = Documents::new(Arc::new(Memory::default()), 1 << 20, Duration::ZERO);
    let key = Key::new("a").unwrap();
    let fill = |document: &mut Document<()>| {
        document
            .entries
            .insert("a".into(), vec![b' '; 1 << 18].into());
        Ok((true, ()))
    };
    documents.change(&key, fill).await.unwrap();
    documents.read(&key).await.unwrap();
    assert!(documents.0.cache.get(&key).is_some());
}

use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, fs::symlink},
    process::Command,
};

use futures_util::TryStreamExt;
use tempfile::TempDir;

use super::*;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn open() -> (TempDir, Directory) {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::open(folder.path().join("deep/data")).unwrap();
    (folder, directory)
}

async fn put(
    directory: &Directory,
    text: &str,
    bytes: impl Into<Bytes>,
    mode: PutMode,
) -> Result<Version, StorageError> {
    directory.put(&key(text), bytes.into(), mode).await
}

async fn get(directory: &Directory, text: &str) -> super::super::Object {
    match directory.get(&key(text), GetOptions::default()).await {
        Ok(Get::Found(object)) => object,
        other => panic!("{other:?}"),
    }
}

async fn list(directory: &Directory) -> Vec<String> {
    let entries = directory.list(None, None);
    let keys = entries.map_ok(|entry| entry.key.to_string());
    keys.try_collect().await.unwrap()
}

/// The names of all files below a folder but the locks.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with(LOCKS) {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

async fn count_up(directory: &Directory, times: usize) {
    for _ in 0..times {
        loop {
            let object = get(directory, "race/counter").await;
            let count = object.body.collect(100).await.unwrap();
            let count: usize = str::from_utf8(&count).unwrap().parse().unwrap();
            let next = (count + 1).to_string();
            let mode = PutMode::Update(object.version);
            match put(directory, "race/counter", next, mode).await {
                Ok(_) => break,
                Err(StorageError::Precondition) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

async fn start_count(directory: &Directory) {
    let put = put(directory, "race/counter", "0", PutMode::Create);
    put.await.unwrap();
}

async fn counted(directory: &Directory) -> Bytes {
    let object = get(directory, "race/counter").await;
    object.body.collect(100).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_keeps_the_promises() {
    let (_folder, directory) = open();
    super::super::conformance::run(Arc::new(directory), &key("suite")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_through_two_handles_are_not_lost() {
    let (_folder, one) = open();
    let other = Directory::open(&one.root).unwrap();
    start_count(&one).await;
    tokio::join!(count_up(&one, 100), count_up(&other, 100));
    assert_eq!(counted(&one).await, "200");
}

const CHILD: &str = "REGISTRY_TEST_DIRECTORY";

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_several_processes_are_not_lost() {
    let (_folder, directory) = open();
    start_count(&directory).await;
    let mut children: Vec<_> = (0..3)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "storage::directory::tests::child"])
                .env(CHILD, &*directory.root)
                .spawn()
                .unwrap()
        })
        .collect();
    count_up(&directory, 50).await;
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(counted(&directory).await, "200");
}

#[tokio::test]
async fn child() {
    if let Some(root) = std::env::var_os(CHILD) {
        count_up(&Directory::open(root).unwrap(), 50).await;
    }
}

#[tokio::test]
async fn what_is_no_object_is_passed_over() {
    let (_folder, directory) = open();
    for object in ["a/b", "c"] {
        put(&directory, object, "x", PutMode::Create).await.unwrap();
    }
    let below = |name: &str| directory.root.join("a").join(name);
    fs::write(below(".tmp-0123456789abcdef"), "half").unwrap();
    fs::write(below("two\nlines"), "x").unwrap();
    fs::write(below("").join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    fs::create_dir(below(".hidden")).unwrap();
    fs::write(below(".hidden/x"), "x").unwrap();
    fs::create_dir_all(below("empty/folder")).unwrap();
    symlink("nowhere", below("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(below("socket")).unwrap();
    assert_eq!(list(&directory).await, ["a/b", "c"]);
}

#[tokio::test]
async fn a_failed_write_leaves_no_file() {
    let (_folder, directory) = open();
    let put = async |text: &str, mode| put(&directory, text, "x", mode).await;
    put("folder/object", PutMode::Create).await.unwrap();
    let onto_folder = put("folder", PutMode::Replace).await;
    assert!(
        matches!(onto_folder, Err(StorageError::Failed(_))),
        "{onto_folder:?}"
    );
    let below_object = put("folder/object/x", PutMode::Create).await;
    assert!(
        matches!(below_object, Err(StorageError::Failed(_))),
        "{below_object:?}"
    );
    let mut upload = directory.upload(&key("folder/object")).await.unwrap();
    upload.write("xyz".into()).await.unwrap();
    let onto_object = upload.finish().await;
    assert!(
        matches!(onto_object, Err(StorageError::Precondition)),
        "{onto_object:?}"
    );
    assert_eq!(files(&directory.root), ["object"]);
    assert_eq!(get(&directory, "folder/object").await.size, 1);
}

#[tokio::test]
async fn versions_grow_though_the_clock_is_behind() {
    let (_folder, directory) = open();
    let put = async |mode| put(&directory, "object", "x", mode).await;
    put(PutMode::Create).await.unwrap();
    let file = fs::File::open(directory.root.join("object")).unwrap();
    let future = SystemTime::now() + Duration::from_secs(3600);
    file.set_modified(future).unwrap();
    let old = get(&directory, "object").await;
    let version = put(PutMode::Update(old.version)).await.unwrap();
    let new = get(&directory, "object").await;
    assert_eq!(new.version, version);
    assert_eq!(new.modified, future + Duration::from_nanos(1));
}

#[tokio::test]
async fn a_file_that_ends_early_is_an_error() {
    let (_folder, directory) = open();
    let long = Bytes::from(vec![7; 3 << 20]);
    let put = put(&directory, "object", long, PutMode::Create);
    put.await.unwrap();
    let object = get(&directory, "object").await;
    let file = fs::File::options()
        .write(true)
        .open(directory.root.join("object"));
    file.unwrap().set_len(1 << 20).unwrap();
    let read = object.body.collect(4 << 20).await;
    assert_eq!(read.unwrap_err().kind(), crate::ErrorKind::Internal);
}

#[test]
fn errors_are_told_apart() {
    let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
    for kind in full {
        assert!(matches!(failed(kind.into()), StorageError::Full(_)));
    }
    for code in [23, 24] {
        let error = failed(io::Error::from_raw_os_error(code));
        assert!(matches!(error, StorageError::Unavailable(_)), "{error:?}");
    }
    let other = failed(ErrorKind::PermissionDenied.into());
    assert!(matches!(other, StorageError::Failed(_)));
}

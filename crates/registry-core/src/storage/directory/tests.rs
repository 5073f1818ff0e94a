use super::*;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_keeps_the_promises() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory::open(folder.path().join("deep/data")).unwrap();
    super::super::conformance::run(Arc::new(directory), &key("suite")).await;
}

//! What lies in a directory, to see that nothing was left there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The files of a mount, by their path, with their content.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Every file below `folder`, but locks, and users and tokens, whose records may change by being used.
pub(crate) fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        // What is being written may go while it is looked at.
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            let name = path.strip_prefix(folder).expect("it is below");
            if name.starts_with("auth") || name.starts_with(".locks") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(content) = fs::read(&path) {
                files.insert(name.display().to_string(), content);
            }
        }
    }
    files
}

/// Waits until the files are `expected` again.
///
/// # Errors
/// What differs, when they stay different.
pub(crate) async fn settled(folder: &Path, expected: &Files) -> Result<(), String> {
    let mut now = Files::new();
    for _ in 0..100 {
        now = files(folder);
        if now == *expected {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let changed = |(name, content): &(&String, &Vec<u8>)| expected.get(*name) != Some(*content);
    let more: Vec<_> = now.iter().filter(changed).map(|(name, _)| name).collect();
    let gone = |name: &&String| !now.contains_key(*name);
    let fewer: Vec<_> = expected.keys().filter(gone).collect();
    Err(format!("written: {more:?}, gone: {fewer:?}"))
}

//! What is known of the paths in an archive, each by a hash of it: an upload that stops half way holds a few
//! bytes for each, however long they are and however well they were packed.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, Hasher, RandomState},
};

/// The most bytes of names that are kept as they are.
const SPELLED: usize = 64 << 10;

/// Something that is known of a path; several are put together by `|`. Other bits than those here are
/// for whoever looks through the archive.
pub type Mark = u8;
/// It is a file.
pub const FILE: Mark = 1;
/// It is a link.
pub const LINK: Mark = 2;
/// Something lies below it.
pub const FOLDER: Mark = 4;

/// The paths in an archive.
#[derive(Clone, Debug)]
pub struct Paths {
    /// With a key of its own, so that nobody outside can tell which paths would have the same hash.
    hasher: RandomState,
    marks: HashMap<u64, Mark>,
    most: u64,
    /// The first of them as they are, for whoever is told what is wrong.
    spelled: Vec<Box<str>>,
    spelled_size: usize,
}

impl Paths {
    /// No paths yet, and at most `most` of them.
    pub fn new(most: u64) -> Self {
        Self {
            hasher: RandomState::new(),
            marks: HashMap::new(),
            most,
            spelled: Vec::new(),
            spelled_size: 0,
        }
    }

    /// Notes what `path` is, and gives what was known of it before; `None` when it is one path too many.
    pub fn mark(&mut self, path: &str, mark: Mark) -> Option<Mark> {
        let before = self.mark_hash(self.hash(path), mark)?;
        if before == 0 && self.spelled_size + path.len() <= SPELLED {
            self.spelled_size += path.len();
            self.spelled.push(path.into());
        }
        Some(before)
    }

    /// Notes that something lies below every folder on the way to `path`, and gives all that was known
    /// of them before; `None` when there are too many.
    pub fn mark_folders(&mut self, path: &str) -> Option<Mark> {
        let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
        let mut before = 0;
        let mut hasher = self.hasher.build_hasher();
        for segment in folders.split('/').filter(|segment| !segment.is_empty()) {
            write(&mut hasher, segment);
            before |= self.mark_hash(hasher.finish(), FOLDER)?;
        }
        Some(before)
    }

    /// What is known of `path`.
    pub fn of(&self, path: &str) -> Mark {
        self.marks
            .get(&self.hash(path))
            .copied()
            .unwrap_or_default()
    }

    /// Whether there is a path of which `wrong` is true, and which, if it is still known.
    pub fn find(&self, wrong: impl Fn(Mark) -> bool) -> Option<Option<&str>> {
        self.marks.values().any(|mark| wrong(*mark)).then(|| {
            let mut spelled = self.spelled.iter().map(|path| &**path);
            spelled.find(|path| wrong(self.of(path)))
        })
    }

    /// How many paths are known.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    fn mark_hash(&mut self, hash: u64, mark: Mark) -> Option<Mark> {
        let full = self.marks.len() as u64 >= self.most;
        match self.marks.entry(hash) {
            Entry::Occupied(mut known) => {
                let before = *known.get();
                *known.get_mut() |= mark;
                Some(before)
            }
            Entry::Vacant(_) if full => None,
            Entry::Vacant(free) => {
                free.insert(mark);
                Some(0)
            }
        }
    }

    fn hash(&self, path: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for segment in path.split('/') {
            write(&mut hasher, segment);
        }
        hasher.finish()
    }
}

/// Adds a segment of a path.
fn write(hasher: &mut impl Hasher, segment: &str) {
    hasher.write(b"/");
    hasher.write(segment.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marks of somebody else.
    const LISTED: Mark = 8;
    const EXEMPT: Mark = 16;

    #[test]
    fn what_is_known_of_a_path_adds_up() {
        let mut paths = Paths::new(4);
        assert_eq!(paths.mark("a/b", FILE), Some(0));
        assert_eq!(paths.mark("a/b", LISTED), Some(FILE));
        assert_eq!(paths.of("a/b"), FILE | LISTED);
        assert_eq!(paths.mark("a/l", LINK), Some(0));
        assert_eq!(paths.mark_folders("a/l/x/y"), Some(LINK));
        assert_eq!(paths.of("a/l"), LINK | FOLDER);
        assert_eq!(paths.len(), 4);
        assert_eq!(paths.mark("c", FILE), None);
        assert_eq!(paths.mark_folders("c/d"), None);
        assert_eq!(paths.mark("a", FILE), Some(FOLDER));
        assert_eq!(paths.find(|mark| mark == LINK | FOLDER), Some(Some("a/l")));
        assert_eq!(paths.find(|mark| mark == EXEMPT), None);
    }

    #[test]
    fn of_many_paths_only_the_first_are_spelled() {
        let mut paths = Paths::new(10_000);
        for n in 0..10_000 {
            paths.mark(&format!("{n}/{}", "x".repeat(20)), FILE);
        }
        assert_eq!(paths.mark("0/".to_owned().as_str(), LINK), None);
        let last = format!("9999/{}", "x".repeat(20));
        paths.mark(&last, LISTED);
        assert_eq!(paths.find(|mark| mark & LISTED != 0), Some(None));
        assert!(paths.spelled.len() < 4000);
    }
}

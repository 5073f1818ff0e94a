//! What the log tells of every project: the list of all of them.

use std::collections::BTreeMap;

use registry_core::{
    Error, Result,
    store::{Fold, LogEntry, RawDocument},
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::document::Head;

/// What the log says of a project.
#[derive(Serialize, Deserialize)]
struct Told {
    /// The name, as its last publisher spelled it; none once it has no files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// What the log is to say of a project.
pub(crate) fn entry(document: &RawDocument) -> Result<Box<RawValue>> {
    let document = document.typed::<Head>()?;
    let name = (!document.entries.is_empty()).then_some(document.head.name);
    to_raw_value(&Told { name }).map_err(Error::internal)
}

/// All projects of a mount.
#[derive(Default)]
pub(crate) struct Projects {
    /// By normalized name.
    all: BTreeMap<String, Known>,
}

struct Known {
    revision: u64,
    name: Option<String>,
}

impl Projects {
    /// The normalized names of those that have files.
    pub(crate) fn names(&self) -> Vec<String> {
        let listed = self.all.iter().filter(|(_, known)| known.name.is_some());
        listed.map(|(name, _)| name.clone()).collect()
    }

    /// How their publishers spell these normalized names.
    pub(crate) fn spelled(&self, names: &[String]) -> Vec<String> {
        let known = names.iter().filter_map(|name| self.all.get(name));
        known.filter_map(|known| known.name.clone()).collect()
    }

    /// How the publishers of all of them that have files spell their names.
    pub(crate) fn all_spelled(&self) -> Vec<String> {
        let known = self.all.values();
        known.filter_map(|known| known.name.clone()).collect()
    }
}

impl Fold for Projects {
    fn name(&self) -> &'static str {
        "projects-1"
    }

    fn apply(&mut self, entry: LogEntry<'_>) -> Result<()> {
        let Told { name } = serde_json::from_str(entry.data.get()).map_err(Error::internal)?;
        let revision = entry.revision;
        let known = Known { revision, name };
        self.all.insert(entry.name.into_owned(), known);
        Ok(())
    }

    fn revision(&self, name: &str) -> Option<u64> {
        self.all.get(name).map(|known| known.revision)
    }

    fn save(&self, to: &mut dyn FnMut(LogEntry<'_>) -> Result<()>) -> Result<()> {
        for (name, known) in &self.all {
            let told = Told {
                name: known.name.clone(),
            };
            let data = to_raw_value(&told).map_err(Error::internal)?;
            to(LogEntry {
                name: name.into(),
                revision: known.revision,
                data: &data,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_makes_the_same_view() {
        let mut view = Projects::default();
        let mut told = |name: &str, data: &str| {
            let data = RawValue::from_string(data.to_owned()).unwrap();
            let entry = LogEntry {
                name: name.into(),
                revision: 3,
                data: &data,
            };
            view.apply(entry).unwrap();
            view.all_spelled()
        };
        told("foo-bar", r#"{"name":"Foo.Bar"}"#);
        let names = told("gone", r#"{"name":"gone"}"#);
        assert_eq!(names, ["Foo.Bar", "gone"]);
        assert_eq!(told("gone", "{}"), ["Foo.Bar"]);
        let mut again = Projects::default();
        view.save(&mut |entry| again.apply(entry)).unwrap();
        assert_eq!(again.names(), ["foo-bar"]);
        assert_eq!(again.spelled(&again.names()), ["Foo.Bar"]);
        assert_eq!(again.revision("gone"), Some(3));
    }
}

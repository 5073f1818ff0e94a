//! What packages and advisories say of themselves: nothing panics, and what is served of a
//! `composer.json` says the same as it did.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_composer::{
    advisory::Advisory,
    composer_json::ComposerJson,
    minify::{Fields, minify},
};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let _ = Advisory::parse("x", bytes, "2026-11-28T10:00:00+00:00");
    let Ok(said) = ComposerJson::parse(bytes) else {
        return;
    };
    let whole: Value = serde_json::from_slice(bytes).unwrap();
    for (key, value) in &said.fields {
        let value: Value = serde_json::from_str(value.get()).unwrap();
        assert_eq!(whole[key], value, "{key}");
    }
    // Once with all that it says, and once with half of it.
    let some: Fields<'_> = said.fields.clone().into_iter().step_by(2).collect();
    let all = [said.fields.clone(), some, said.fields];
    let mut now = serde_json::Map::new();
    for (entry, wanted) in minify(all.to_vec()).into_iter().zip(all) {
        for (key, value) in entry {
            match value.get() {
                "\"__unset\"" => now.remove(&key),
                value => now.insert(key, serde_json::from_str(value).unwrap()),
            };
        }
        let mut wanted = serde_json::to_value(wanted).unwrap();
        let wanted = wanted.as_object_mut().unwrap();
        wanted.retain(|_, value| value != "__unset");
        assert_eq!(now, *wanted);
    }
});

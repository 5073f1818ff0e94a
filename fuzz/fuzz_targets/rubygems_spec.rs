//! No text makes the reader of gemspecs panic; what it reads can be stored, and written for every
//! kind of index.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_rubygems::{Spec, compact::info_line, marshal::gemspec_rz, spec::Gemspec};

fuzz_target!(|text: &str| {
    // What most begin with, so that more is reached.
    let whole = format!("--- !ruby/object:Gem::Specification\n{text}");
    for text in [text, &whole] {
        let Ok(Gemspec { spec, .. }) = Gemspec::read(&mut text.as_bytes()) else {
            continue;
        };
        let json = serde_json::to_string(&spec).expect("all of it is text");
        let again: Spec = serde_json::from_str(&json).expect("what was stored is read");
        assert_eq!(again, spec);
        let line = info_line(&spec, "digest", "time");
        assert!(!line.contains('\n') && line.matches('|').count() == 1, "{line}");
        assert!(gemspec_rz(&spec).is_ok());
    }
});

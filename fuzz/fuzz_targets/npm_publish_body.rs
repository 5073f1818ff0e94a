//! However a body is cut into chunks, the scanner sees the same in it; and what it leaves of a
//! valid document is a valid document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_npm::publish::{Event, Publication, PublishScanner, check};

type Scanned = Option<(Vec<u8>, Vec<u8>)>;

fn scan(body: &[u8], chunk: usize) -> Scanned {
    let mut scanner = PublishScanner::new(1 << 20);
    let mut data = Vec::new();
    for chunk in body.chunks(chunk) {
        for event in scanner.feed(chunk).ok()? {
            if let Event::Data(bytes) = event {
                data.extend_from_slice(&bytes);
            }
        }
    }
    Some((scanner.finish().ok()?, data))
}

fuzz_target!(|body: &[u8]| {
    let whole = scan(body, body.len().max(1));
    assert_eq!(whole, scan(body, 1));
    assert_eq!(whole, scan(body, 7));
    let Some((document, _)) = whole else { return };
    if serde_json::from_slice::<serde_json::Value>(body).is_ok() {
        assert!(serde_json::from_slice::<serde_json::Value>(&document).is_ok());
    }
    if let (Ok(document), Ok(name)) = (check::parse(&document), "a".parse()) {
        let _ = Publication::check(&name, &document);
    }
});

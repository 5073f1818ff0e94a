//! However a body is cut into pieces, the scanner sees the same in it; and whatever the metadata
//! says, judging it does not panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_cargo::publish::{Event, Limits, Publication, PublishScanner, parse};

type Scanned = Option<(Vec<u8>, Vec<u8>)>;

fn scan(body: &[u8], chunk: usize) -> Scanned {
    let mut scanner = PublishScanner::new(1 << 20, Some(body.len() as u64));
    let (mut metadata, mut file, mut size) = (Vec::new(), Vec::new(), None);
    for piece in body.chunks(chunk) {
        for event in scanner.feed(piece.to_vec().into()).ok()? {
            match event {
                Event::Metadata(bytes) => metadata = bytes.to_vec(),
                Event::Start(length) => size = Some(length as usize),
                Event::Data(bytes) => file.extend_from_slice(&bytes),
            }
        }
    }
    scanner.finish().ok()?;
    assert_eq!(size, Some(file.len()));
    assert_eq!(8 + metadata.len() + file.len(), body.len());
    Some((metadata, file))
}

fuzz_target!(|body: &[u8]| {
    let whole = scan(body, body.len().max(1));
    assert_eq!(whole, scan(body, 1));
    assert_eq!(whole, scan(body, 7));
    let metadata = whole.map_or_else(|| body.to_vec(), |(metadata, _)| metadata);
    if let Ok(new) = parse(&metadata)
        && let Ok(publication) = Publication::check(new, &Limits::default())
    {
        assert_eq!(publication.name.as_str().len(), publication.name.canonical().len());
    }
});

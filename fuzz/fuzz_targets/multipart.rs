//! However a form is cut into chunks, the parser sees the same in it, and no byte is lost or made.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use registry_core::multipart::{Event, Limits, Multipart, Part};

type Parsed = Option<Vec<(Part, Vec<u8>)>>;

fn parse(body: &[u8], chunk: usize) -> Parsed {
    let mut parser = Multipart::new("b", Limits::default());
    let mut parts: Vec<(Part, Vec<u8>)> = Vec::new();
    for chunk in body.chunks(chunk) {
        parser.feed(Bytes::copy_from_slice(chunk));
        while let Some(event) = parser.next_event().ok()? {
            match event {
                Event::Start(part) => parts.push((part, Vec::new())),
                Event::Data(data) => {
                    assert!(!data.is_empty());
                    parts.last_mut()?.1.extend_from_slice(&data);
                }
                Event::End => {}
            }
        }
    }
    parser.finish().ok()?;
    Some(parts)
}

fuzz_target!(|body: &[u8]| {
    // With what a form begins with, so that there is one.
    let body = [b"--b\r\nContent-Disposition: form-data; name=\"", body].concat();
    let whole = parse(&body, body.len());
    assert_eq!(whole, parse(&body, 1));
    assert_eq!(whole, parse(&body, 7));
    for (_, data) in whole.iter().flatten() {
        assert!(body.windows(data.len().max(1)).any(|window| window == data) || data.is_empty());
    }
});

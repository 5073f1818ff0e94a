use std::io::{Read, Write};

use super::support::{Server, rest};

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let silent = server.connect();
    server.signal("TERM");
    let (status, _, log) = server.end();
    assert!(status.success(), "{log}");
    assert!(rest(stream).ends_with("ok\n"));
    assert_eq!(rest(silent), "");
}

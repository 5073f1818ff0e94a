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

#[test]
fn a_request_under_way_is_finished() {
    let server = Server::start(&[("REGISTRY_ANONYMOUS", "all")]);
    let mut stream = server.connect();
    let body = "{\"name\": \"nothing\"}";
    let head = format!(
        "POST /npm/-/npm/v1/security/advisories/bulk HTTP/1.1\r\nhost: x\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The server asks for the body: the request is with its handler.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.signal("TERM");
    server.wait_for_log("stopping");
    stream.write_all(body.as_bytes()).unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (status, _, log) = server.end();
    assert!(status.success(), "{log}");
    assert!(
        log.contains("advisories/bulk") && log.contains("stopped"),
        "{log}"
    );
}

#[test]
fn a_second_signal_does_not_wait() {
    let server = Server::start(&[
        ("REGISTRY_ANONYMOUS", "all"),
        ("REGISTRY_LIMITS_SHUTDOWN", "1d"),
    ]);
    let mut stream = server.connect();
    let head =
        "PUT /npm/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 25]).unwrap();
    server.signal("TERM");
    server.wait_for_log("stopping");
    server.signal("TERM");
    let (status, _, log) = server.end();
    assert!(status.success(), "{log}");
    assert!(log.contains("a second signal came"), "{log}");
}

use std::{io::Write, thread, time::Duration};

use super::support::{Server, rest};

#[test]
fn a_client_that_does_not_say_its_request_is_cut_off() {
    let server = Server::start(&[("REGISTRY_LIMITS_HEADER_TIMEOUT", "300ms")]);
    for said in ["", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\nho"] {
        let mut stream = server.connect();
        stream.write_all(said.as_bytes()).unwrap();
        let answer = rest(stream);
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

#[test]
fn a_client_that_drips_its_head_is_cut_off() {
    let server = Server::start(&[("REGISTRY_LIMITS_HEADER_TIMEOUT", "300ms")]);
    let mut stream = server.connect();
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    // Goes on until the server has had enough.
    while stream.write_all(b"x: y\r\n").is_ok() {
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_connection_without_requests_ends() {
    let server = Server::start(&[("REGISTRY_LIMITS_IDLE_TIMEOUT", "300ms")]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    assert!(rest(stream).contains("200 OK"));
}

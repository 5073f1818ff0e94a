use std::{io::Write, net::TcpStream, thread, time::Duration};

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

/// Begins to publish, with a body that is announced to be long.
fn begin_upload(server: &Server) -> TcpStream {
    let mut stream = server.connect();
    let head = "PUT /npm/slow HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 1000000\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn a_body_that_drips_is_cut_off() {
    let server = Server::start(&[
        ("REGISTRY_ANONYMOUS", "all"),
        ("REGISTRY_LIMITS_BODY_GRACE", "300ms"),
    ]);
    let stream = begin_upload(&server);
    let mut dripping = stream.try_clone().unwrap();
    let drip = thread::spawn(move || {
        while dripping.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("the request body came too slowly"),
        "{answer}"
    );
    drip.join().unwrap();
    server.signal("TERM");
    let (_, _, log) = server.end();
    assert!(log.contains("the request body came too slowly"), "{log}");
}

#[test]
fn a_body_that_stops_is_cut_off() {
    let server = Server::start(&[
        ("REGISTRY_ANONYMOUS", "all"),
        ("REGISTRY_LIMITS_BODY_TIMEOUT", "300ms"),
    ]);
    let answer = rest(begin_upload(&server));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("the request body came too slowly"),
        "{answer}"
    );
}

#[test]
fn a_body_that_breaks_off_leaves_a_line() {
    let server = Server::start(&[("REGISTRY_ANONYMOUS", "all")]);
    drop(begin_upload(&server));
    server.wait_for_log("path=\"/npm/slow\"");
}

#[test]
fn a_body_that_is_announced_too_large_is_refused() {
    let server = Server::start(&[
        ("REGISTRY_ANONYMOUS", "all"),
        ("REGISTRY_LIMITS_MAX_BODY", "10K"),
    ]);
    let answer = rest(begin_upload(&server));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

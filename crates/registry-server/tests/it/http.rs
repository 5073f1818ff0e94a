use std::io::Write;

use super::support::{Server, rest};

#[test]
fn the_servers_own_addresses() {
    let server = Server::start(&[]);
    let health = server.get("/healthz", "");
    assert!(
        health.starts_with("HTTP/1.1 200 OK\r\n") && health.ends_with("\r\n\r\nok\n"),
        "{health}"
    );
    assert!(health.contains("\r\nx-request-id: "), "{health}");
    assert!(server.get("/readyz", "").ends_with("\r\n\r\nready\n"));

    let plain = server.get("/", "");
    assert!(plain.contains("content-type: text/plain"), "{plain}");
    let page = server.get("/", "accept: text/html,*/*\r\n");
    assert!(
        page.contains("content-type: text/html") && page.contains("<h1>Package registry</h1>"),
        "{page}"
    );
    assert!(
        page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );

    assert!(
        plain.contains("\nnpm config set registry http://here/npm/"),
        "{plain}"
    );

    let missing = server.get("/nowhere?secret=1", "");
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");
    let wrong = server.talk(
        b"POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    assert!(
        wrong.starts_with("HTTP/1.1 405 ") && wrong.contains("allow: GET, HEAD"),
        "{wrong}"
    );

    let metrics = server.get("/metrics", "");
    for line in [
        "requests_total{mount=\"\",route=\"healthz\",method=\"GET\",status=\"200\"} 1",
        "requests_total{mount=\"\",route=\"none\",method=\"GET\",status=\"404\"} 1",
        "request_duration_seconds_count{mount=\"\",route=\"readyz\"} 1",
        "\nconnections ",
        "in_flight 1",
        "process_resident_memory_bytes ",
        "process_start_time_seconds ",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }

    server.signal("TERM");
    let (status, _, log) = server.end();
    assert!(status.success(), "{log}");
    assert!(log.contains("path=\"/nowhere\" status=404"), "{log}");
    assert!(!log.contains("secret"), "{log}");
    assert_eq!(log.matches("registry::access").count(), 7, "{log}");
}

#[test]
fn two_requests_share_a_connection() {
    let server = Server::start(&[]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n")
        .unwrap();
    let answers = rest(stream);
    assert_eq!(answers.matches("200 OK").count(), 2, "{answers}");
}

#[test]
fn json_is_logged_where_it_is_asked_for() {
    let server = Server::start(&[("REGISTRY_LOG_FORMAT", "json")]);
    server.get(
        "/healthz",
        "user-agent: tester/1\r\nauthorization: Bearer reg_secret\r\n",
    );
    server.signal("INT");
    let (_, _, log) = server.end();
    let line = log
        .lines()
        .find(|line| line.contains("registry::access"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["status"], 200);
    assert_eq!(line["route"], "healthz");
    assert_eq!(line["agent"], "tester/1");
    assert_eq!(line["ip"], "127.0.0.1");
    assert!(!log.contains("reg_secret"), "{log}");
}

#[test]
fn heads_have_bounds() {
    let server = Server::start(&[("REGISTRY_LIMITS_MAX_HEADER_SIZE", "8K")]);
    let long = format!("x: {}\r\n", "y".repeat(9000));
    let refused = server.get("/healthz", &long);
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let many = "x: y\r\n".repeat(200);
    let refused = server.get("/healthz", &many);
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    let nonsense = server.talk(b"\x16\x03\x01 is no HTTP\r\n\r\n");
    assert!(
        nonsense.starts_with("HTTP/1.1 400 ") || nonsense.is_empty(),
        "{nonsense}"
    );
    assert!(server.get("/healthz", "").ends_with("ok\n"));
}

#[test]
fn connections_have_bounds() {
    let server = Server::start(&[
        ("REGISTRY_LIMITS_MAX_CONNECTIONS", "1"),
        ("REGISTRY_LIMITS_HEADER_TIMEOUT", "500ms"),
    ]);
    let silent = server.connect();
    // Waits for the silent one to be cut off, then is answered.
    assert!(server.get("/healthz", "").ends_with("ok\n"));
    assert_eq!(rest(silent), "");
}

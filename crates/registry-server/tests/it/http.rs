use std::io::Write;

use super::support::{Server, rest, run};

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
fn who_gets_a_token_stands_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let add = ["user", "add", "ann", "--storage", place];
    let (success, _, error) = run(&add, &[], "correct horse");
    assert!(success, "{error}");
    let server = Server::with(&["--storage", place], &[]);
    // ann:correct horse
    let basic = "authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r\n";
    let answer = server.get("/v2/token?service=here", basic);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let form = "grant_type=password&username=ann&password=correct+horse";
    let length = form.len();
    let answer = server.talk(
        format!(
            "POST /v2/token HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{form}"
        )
        .as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let wrong = "authorization: Basic YW5uOndyb25n\r\n";
    let answer = server.get("/v2/token?service=here", wrong);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let nobody = server.get("/v2/token?service=here", "");
    assert!(nobody.starts_with("HTTP/1.1 200 "), "{nobody}");
    server.signal("TERM");
    let (_, _, log) = server.end();
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(lines("route=\"token\" user=\"ann\""), 1, "{log}");
    assert_eq!(lines("route=\"token-form\" user=\"ann\""), 1, "{log}");
    assert_eq!(lines("user="), 2, "{log}");
    assert!(!log.contains("horse"), "{log}");
}

#[test]
fn what_lies_below_v2_lies_below_oci() {
    let environment = [
        ("REGISTRY_ANONYMOUS", "all"),
        ("REGISTRY_MOUNT_MIRROR_PROTOCOL", "oci"),
    ];
    let server = Server::start(&environment);
    let digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let answer = server.talk(
        format!(
            "POST /v2/mirror/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: here\r\n\
             connection: close\r\ncontent-length: 3\r\n\r\nfoo"
        )
        .as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    for (path, there) in [
        ("/v2/mirror/a", true),
        ("/oci/mirror/a", true),
        ("/v2/a", false),
        ("/oci/a", false),
    ] {
        let answer = server.get(&format!("{path}/blobs/{digest}"), "");
        let status = if there { "200" } else { "404" };
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{path}: {answer}"
        );
    }
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

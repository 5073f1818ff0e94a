//! Bytes of files, which the system sends by itself where there is no TLS.

use std::{io::Write, net::TcpStream};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use registry::digest::{Algorithm, Digest};

use super::support::{Server, rest};

const LENGTH: usize = (3 << 20) + 12_345;
/// Around where pieces begin and end.
const RANGES: [(usize, usize); 6] = [
    (0, LENGTH),
    (1, (1 << 20) + 1),
    ((1 << 20) - 1, 3 << 20),
    (5, 20_000),
    (2 << 20, (2 << 20) + 16),
    (LENGTH - 70_000, LENGTH),
];

/// Text in which no two pieces are alike.
fn text() -> String {
    let lines = (0..LENGTH / 8 + 1).map(|number| format!("{number:07}\n"));
    let mut text: String = lines.collect();
    text.truncate(LENGTH);
    text
}

/// A server with the text as a blob, and the blob's path.
fn server(text: &str) -> (Server, String) {
    let server = Server::start(&[("REGISTRY_ANONYMOUS", "all")]);
    let digest = Digest::of(Algorithm::Sha256, text.as_bytes());
    let answer = server.talk(
        format!(
            "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: here\r\n\
             connection: close\r\ncontent-length: {LENGTH}\r\n\r\n{text}"
        )
        .as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    (server, format!("/v2/a/blobs/{digest}"))
}

fn range((from, to): (usize, usize)) -> String {
    format!("bytes={from}-{}", to - 1)
}

#[test]
fn files_come_whole_and_in_part() {
    let text = text();
    let (server, path) = server(&text);
    // All over one connection, asked for before the first answer is read.
    let mut stream = server.connect();
    for part in RANGES {
        let range = range(part);
        let head = format!("GET {path} HTTP/1.1\r\nhost: here\r\nrange: {range}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
    }
    let last = format!("HEAD {path} HTTP/1.0\r\n\r\n");
    stream.write_all(last.as_bytes()).unwrap();
    let answers = rest(stream);
    let mut answers = answers.as_str();
    for (from, to) in RANGES {
        let (head, body) = answers.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
        let (body, next) = body.split_at(to - from);
        assert!(body == &text[from..to], "{from} to {to}");
        answers = next;
    }
    assert!(answers.starts_with("HTTP/1.0 200 "), "{answers}");
    assert!(answers.ends_with("\r\n\r\n"), "{answers}");
}

#[tokio::test]
async fn files_come_over_http_2() {
    let text = text();
    let (server, path) = server(&text);
    let stream: TcpStream = server.connect();
    stream.set_nonblocking(true).unwrap();
    let io = TokioIo::new(tokio::net::TcpStream::from_std(stream).unwrap());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let ask = |part| {
        Request::get(format!("http://here{path}"))
            .header("range", range(part))
            .body(Empty::<Bytes>::new())
            .unwrap()
    };
    // All at once, so that their frames alternate.
    let all = RANGES.map(|part| client.send_request(ask(part)));
    for (asked, (from, to)) in all.into_iter().zip(RANGES) {
        let answer = asked.await.unwrap();
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body == text.as_bytes()[from..to], "{from} to {to}");
    }
}

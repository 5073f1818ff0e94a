//! Bytes of files, which the system sends by itself where there is no TLS.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use registry::digest::{Algorithm, Digest};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use tempfile::TempDir;

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

/// A server over a directory that has one blob.
struct Holder {
    server: Server,
    /// The blob's.
    path: String,
    _folder: TempDir,
}

impl Holder {
    fn of(blob: &[u8], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().to_str().unwrap();
        let settings = [&[("REGISTRY_ANONYMOUS", "all")], settings].concat();
        let server = Server::with(&["--storage", storage], &settings);
        let digest = Digest::of(Algorithm::Sha256, blob);
        let head = format!(
            "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: here\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            blob.len()
        );
        let answer = server.talk(&[head.as_bytes(), blob].concat());
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        Self {
            server,
            path: format!("/v2/a/blobs/{digest}"),
            _folder: folder,
        }
    }

    /// Asks for the blob, and reads the head of the answer and a little more.
    fn begin_download(&self) -> TcpStream {
        let mut stream = self.server.connect();
        // So that what the server has handed on is not all here.
        set_socket_recv_buffer_size(&stream, 64 << 10).unwrap();
        let path = &self.path;
        let head = format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut some = [0; 1000];
        stream.read_exact(&mut some).unwrap();
        assert!(some.starts_with(b"HTTP/1.1 200 "));
        stream
    }
}

fn range((from, to): (usize, usize)) -> String {
    format!("bytes={from}-{}", to - 1)
}

#[test]
fn files_come_whole_and_in_part() {
    let text = text();
    let Holder { server, path, .. } = &Holder::of(text.as_bytes(), &[]);
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
    let Holder { server, path, .. } = &Holder::of(text.as_bytes(), &[]);
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

/// One piece that a connection is lent, so that it is given to it at once; it is more than sockets hold.
const ONE: usize = 8 << 20;
/// Two of them.
const LARGE: usize = 2 * ONE;

/// Each piece takes longer than a client may take nothing, and the last one longer than a connection may
/// be idle and then say goodbye.
#[test]
fn a_slow_client_gets_everything() {
    let settings = [
        ("REGISTRY_LIMITS_IDLE_TIMEOUT", "500ms"),
        // A socket says that there is room when a third of what it holds has gone.
        ("REGISTRY_LIMITS_WRITE_TIMEOUT", "3s"),
    ];
    let holder = Holder::of(&vec![0; LARGE], &settings);
    let mut stream = holder.begin_download();
    let mut came = 0;
    let mut piece = vec![0; 256 << 10];
    loop {
        thread::sleep(Duration::from_millis(120));
        match stream.read(&mut piece).unwrap() {
            0 => break,
            more => came += more,
        }
    }
    assert!(came > LARGE - 1000, "{came} of {LARGE} bytes came");
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let settings = [("REGISTRY_LIMITS_WRITE_TIMEOUT", "300ms")];
    let holder = Holder::of(&vec![0; ONE], &settings);
    let mut stream = holder.begin_download();
    holder.server.wait_for_log("cut=true");
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    assert!(end.is_err() || rest.len() < ONE - 1000);
}

#[test]
fn a_client_that_goes_away_leaves_a_line_that_says_so() {
    let holder = Holder::of(&vec![0; ONE], &[]);
    drop(holder.begin_download());
    holder.server.wait_for_log("cut=true");
}

/// A server that is told to stop sends what it has begun to.
#[test]
fn what_was_begun_is_sent_to_its_end() {
    let settings = [("REGISTRY_LIMITS_IDLE_TIMEOUT", "1s")];
    let holder = Holder::of(&vec![0; ONE], &settings);
    let mut stream = holder.begin_download();
    holder.server.signal("TERM");
    thread::sleep(Duration::from_secs(7));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > ONE - 1000, "{} of {ONE} came", rest.len());
    let (status, _, log) = holder.server.end();
    assert!(status.success(), "{log}");
    assert!(!log.contains("cut=true"), "{log}");
}

/// A way to a server that brings its bytes slowly: 64 KiB each time.
fn slowly(server: &Server) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut near, _) = listener.accept().unwrap();
    let mut far = server.connect();
    set_socket_recv_buffer_size(&far, 64 << 10).unwrap();
    let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut to));
    thread::spawn(move || {
        let mut piece = vec![0; 64 << 10];
        while let Ok(more) = far.read(&mut piece)
            && more > 0
            && near.write_all(&piece[..more]).is_ok()
        {
            thread::sleep(Duration::from_millis(40));
        }
        near.shutdown(Shutdown::Both).ok();
    });
    client
}

/// Each answer is given to the connection at once, and each has to wait for the others.
#[tokio::test]
async fn many_answers_go_over_a_slow_connection() {
    let blob = vec![7; 200_000];
    let settings = [("REGISTRY_LIMITS_WRITE_TIMEOUT", "2s")];
    let Holder { server, path, .. } = &Holder::of(&blob, &settings);
    let stream = slowly(server);
    stream.set_nonblocking(true).unwrap();
    let io = TokioIo::new(tokio::net::TcpStream::from_std(stream).unwrap());
    let (mut client, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(64 << 20)
        .handshake(io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let all = [(); 80].map(|()| {
        let ask = Request::get(format!("http://here{path}"));
        client.send_request(ask.body(Empty::<Bytes>::new()).unwrap())
    });
    for asked in all {
        let body = asked.await.unwrap().into_body().collect().await.unwrap();
        assert!(body.to_bytes() == blob);
    }
}

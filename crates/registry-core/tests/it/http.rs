//! The pipeline and the answers that all protocols share.

use std::{net::IpAddr, sync::Arc};

use http::{Method, Request, StatusCode};
use registry_core::{
    Body,
    auth::Action,
    protocol::{BaseUrl, Builder, Connection, Mount, Options, RegistryService},
    storage::Memory,
};
use registry_testkit::{Client, TestAuth, toy::Toy};

use crate::{service, writer};

#[tokio::test]
async fn nobody_and_strangers_are_told_apart() {
    let private = |anonymous| {
        Builder::new(
            Arc::new(Memory::default()),
            TestAuth::new(anonymous),
            Options::default(),
        )
        .mount(Mount::new(Toy))
        .build()
        .unwrap()
    };
    let nobody = Client::new(private(None));
    assert_eq!(nobody.get("/toy/a").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        nobody.get("/toy/-/boxes").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        nobody.token("what").get("/toy/a").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        nobody.token("stranger").get("/toy/a").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        nobody.token("reader").get("/toy/a").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        nobody.token("reader").put("/toy/a/x", "1").await.status,
        StatusCode::FORBIDDEN
    );
    let public = Client::new(private(Some(Action::Read)));
    assert_eq!(public.get("/toy/a").await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        public.put("/toy/a/x", "1").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_validators() {
    let client = writer(Arc::new(Memory::default()));
    client.put("/toy/a/x", "0123456789").await;
    let whole = client.get("/toy/a/x").await;
    let etag = whole.header("etag").to_owned();
    for (range, status, body, content_range) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=5-99", 206, "56789", "bytes 5-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=-0", 416, "", "bytes */10"),
        // RFC 9110 §14.2 leaves it open; the OCI suite wants it refused.
        ("bytes=4-2", 416, "", "bytes */10"),
        ("lines=1-2", 200, "0123456789", ""),
        ("bytes=0-1,3-4", 200, "0123456789", ""),
    ] {
        let answer = client.header("range", range).get("/toy/a/x").await;
        assert_eq!(answer.status.as_u16(), status, "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        if status != 416 {
            assert_eq!(answer.text(), body, "{range}");
        }
    }
    let if_range = |tag: &str| client.header("range", "bytes=0-0").header("if-range", tag);
    assert_eq!(if_range(&etag).get("/toy/a/x").await.text(), "0");
    assert_eq!(
        if_range("\"other\"").get("/toy/a/x").await.text(),
        "0123456789"
    );
    let again = client.header("if-none-match", &etag).get("/toy/a/x").await;
    assert_eq!(
        (again.status, again.text().len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    let head = client.send(Method::HEAD, "/toy/a/x", Body::empty()).await;
    assert_eq!((head.header("content-length"), head.body.len()), ("10", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_are_tagged_and_compressed_each_for_itself() {
    let client = writer(Arc::new(Memory::default()));
    for n in 0..40 {
        client.put(&format!("/toy/a/item-{n}"), "1").await;
    }
    let plain = client.get("/toy/a").await;
    let zipped = client
        .header("accept-encoding", "gzip, deflate")
        .get("/toy/a")
        .await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert!(zipped.body.len() * 2 < plain.body.len());
    assert_ne!(plain.header("etag"), zipped.header("etag"));
    for etag in [
        plain.header("etag"),
        zipped.header("etag"),
        "*",
        "\"x\", W/\"y\", *",
    ] {
        let again = client.header("if-none-match", etag).get("/toy/a").await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{etag}");
    }
    // It may change again within the second, and would have the same date.
    assert_eq!(plain.header("last-modified"), "");
    let later = "Fri, 31 Dec 9999 23:59:59 GMT";
    let since = client.header("if-modified-since", later);
    assert_eq!(since.get("/toy/a").await.status, StatusCode::OK);
    // If-None-Match beats If-Modified-Since.
    let since = since.header("if-none-match", plain.header("etag"));
    assert_eq!(since.get("/toy/a").await.status, StatusCode::NOT_MODIFIED);
    client.put("/toy/a/another", "1").await;
    let changed = client
        .header("if-none-match", plain.header("etag"))
        .get("/toy/a")
        .await;
    assert_eq!(changed.status, StatusCode::OK);
    let refused = client
        .header("accept-encoding", "gzip;q=0")
        .get("/toy/a")
        .await;
    assert_eq!(refused.header("content-encoding"), "");
}

async fn base(service: &RegistryService, peer: Option<&str>, headers: &[(&str, &str)]) -> String {
    let mut request = Request::builder()
        .uri("/toy/a")
        .header("authorization", "Bearer reader");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: Option<IpAddr> = peer.map(|ip| ip.parse().unwrap());
    let request = request
        .extension(Connection { peer, tls: false })
        .body(Body::empty())
        .unwrap();
    let body = service
        .handle(request)
        .await
        .into_body()
        .collect(10_000)
        .await
        .unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&body).unwrap();
    listed.as_object().unwrap().keys().next().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base_address_is_what_the_client_sees() {
    let storage = Arc::new(Memory::default());
    writer(storage.clone()).put("/toy/a/x", "1").await;
    let with = |options| {
        Builder::new(storage.clone(), TestAuth::new(None), options)
            .mount(Mount::new(Toy))
            .build()
            .unwrap()
    };
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let proxied = with(Options {
        trusted_proxies,
        ..Options::default()
    });
    let forwarded = [
        ("host", "inner:80"),
        ("x-forwarded-host", "reg.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/pkgs/"),
    ];
    let seen = base(&proxied, Some("10.1.2.3"), &forwarded).await;
    assert_eq!(seen, "https://reg.example/pkgs/toy/a/x");
    assert_eq!(
        base(&proxied, Some("192.0.2.1"), &forwarded).await,
        "http://inner:80/toy/a/x"
    );
    let evil = [("host", "a\"><script>")];
    assert_eq!(
        base(&proxied, None, &evil).await,
        "http://localhost/toy/a/x"
    );
    let public_url = Some(BaseUrl::new("https://example.com/r/").unwrap());
    let fixed = with(Options {
        public_url,
        ..Options::default()
    });
    assert_eq!(
        base(&fixed, None, &forwarded).await,
        "https://example.com/r/toy/a/x"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_body_is_read_to_its_end() {
    let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = read.clone();
    let pieces = futures_util::stream::iter(0..100).map(move |_| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, std::io::Error>(bytes::Bytes::from(vec![0; 1000]))
    });
    use futures_util::StreamExt;
    let client = Client::new(service(Arc::new(Memory::default())));
    let answer = client
        .put("/toy/a/x", Body::from_stream(pieces, None))
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(read.load(std::sync::atomic::Ordering::SeqCst), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_to_go_on_is_refused_at_once() {
    use futures_util::StreamExt;
    let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = read.clone();
    let pieces = futures_util::stream::iter(0..100).map(move |_| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, std::io::Error>(bytes::Bytes::from(vec![0; 1000]))
    });
    let client = Client::new(service(Arc::new(Memory::default())));
    let client = client.header("expect", "100-continue");
    let answer = client
        .put("/toy/a/x", Body::from_stream(pieces, None))
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(read.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[test]
fn mounts_are_checked() {
    let build = |mounts: Vec<Mount<Toy>>| {
        let storage = Arc::new(Memory::default());
        let mut builder = Builder::new(storage, TestAuth::new(None), Options::default());
        for mount in mounts {
            builder = builder.mount(mount);
        }
        builder.build()
    };
    assert!(build(vec![Mount::new(Toy), Mount::new(Toy).named("toy-2")]).is_ok());
    assert!(build(vec![Mount::new(Toy), Mount::new(Toy)]).is_err());
    assert!(
        build(vec![
            Mount::new(Toy),
            Mount::new(Toy).named("b").at("/toy/")
        ])
        .is_err()
    );
    for name in ["auth", "", "A", "a/b"] {
        assert!(build(vec![Mount::new(Toy).named(name)]).is_err(), "{name}");
    }
    let service = build(vec![Mount::new(Toy).at("/t").also_at("/boxes", "/-/boxes")]).unwrap();
    assert!(service.serves("/t") && service.serves("/t/a") && service.serves("/boxes"));
    assert!(!service.serves("/tt") && !service.serves("/"));
}

#[tokio::test]
async fn a_part_under_another_name_gives_the_addresses_of_the_mount() {
    let storage = Arc::new(Memory::default());
    let auth = TestAuth::new(Some(Action::Delete));
    let mount = Mount::new(Toy).at("/t").also_at("/box", "/a");
    let service = Builder::new(storage, auth, Options::default())
        .mount(mount)
        .build()
        .unwrap();
    let client = Client::new(service);
    client.put("/t/a/x", "1").await;
    let (whole, part) = (client.get("/t/a").await, client.get("/box").await);
    assert_eq!(part.text(), r#"{"http://test/t/a/x":1}"#);
    assert_eq!(part.text(), whole.text());
}

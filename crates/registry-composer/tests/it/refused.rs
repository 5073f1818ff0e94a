//! What is refused: the status, the sentence, and that nothing is stored.

use futures_util::StreamExt;

use super::*;

/// A registry whose storage can be looked into.
struct Watched {
    registry: Registry,
    storage: Arc<Memory>,
}

impl Watched {
    fn new(config: ComposerConfig) -> Self {
        let storage = Arc::new(Memory::default());
        let registry = Registry::of(storage.clone(), config, Some(Action::Read));
        Self { registry, storage }
    }

    /// How many objects there are, once those that go have gone.
    async fn objects(&self) -> usize {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        self.storage.list(None, None).count().await
    }

    async fn refuses(&self, path: &str, zip: Vec<u8>, status: u16, told: &str) {
        let answer = self.registry.put(path, zip).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let said = message(&answer);
        assert!(said.contains(told), "{told}: {said}");
        assert_eq!(self.objects().await, 0, "{told}");
    }
}

#[tokio::test]
async fn what_address_and_zip_say_has_to_agree() {
    let watched = Watched::new(ComposerConfig::default());
    let lib = || lib("1.0.0", "");
    let plain = || zip_of(&json!({ "name": "acme/lib" }), "");
    for (path, zip, told) in [
        (
            "/packages/acme/other",
            lib(),
            "composer.json in the zip is of acme/lib",
        ),
        (
            "/packages/acme/lib?version=1.0.1",
            lib(),
            "is to be version 1.0.1, but it says that it is 1.0.0",
        ),
        ("/packages/acme/lib", plain(), "has no version"),
        ("/", plain(), "has no version"),
        (
            "/packages/acme/lib?version=nonsense",
            plain(),
            "Invalid version string",
        ),
        (
            "/packages/acme/lib?version=100000.0.0",
            plain(),
            "Invalid version string",
        ),
        (
            "/packages/acme/lib?version=dev-fix-%231",
            plain(),
            "nobody could require the branch \"dev-fix-#1\"",
        ),
        (
            "/packages/upload/acme/lib/dev-a%20b",
            plain(),
            "nobody could require the branch \"dev-a b\"",
        ),
        ("/packages/acme/lib", b"no zip".to_vec(), "it is not a zip"),
        ("/packages/acme/lib", Vec::new(), "it ends too early"),
        (
            "/packages/acme/lib",
            lib()[..40].to_vec(),
            "the zip was refused",
        ),
        (
            "/packages/acme/lib",
            zip(&[("a", b"")], true),
            "no composer.json at its top",
        ),
        (
            "/packages/acme/lib",
            zip(&[("composer.json", b"{")], true),
            "composer.json",
        ),
        (
            "/packages/acme/lib",
            zip(&[("../composer.json", b"{}")], true),
            "outside of it",
        ),
    ] {
        watched.refuses(path, zip, 400, told).await;
    }
}

/// One in a folder that is not alone is none of Composer's; until the end it could be.
#[tokio::test]
async fn of_two_composer_json_the_one_at_the_top_counts() {
    let watched = Watched::new(ComposerConfig::default());
    let own = br#"{"name":"acme/lib","version":"1.0.0"}"#;
    let both = |other: &str| {
        let other = (".tools/composer.json", other.as_bytes());
        zip(&[other, ("composer.json", own)], true)
    };
    let others = ["{}", r#"{"name":"acme/tools"}"#, r#"{"name":"acme/lib"}"#];
    for other in others {
        watched
            .refuses("/", both(other), 400, "{vendor}/{package}")
            .await;
    }
    let path = "/packages/acme/lib";
    watched.registry.published(path, both(others[0])).await;
    assert_eq!(watched.registry.spelled("acme/lib").await, ["1.0.0"]);
}

#[tokio::test]
async fn what_composer_could_not_read_is_refused() {
    let watched = Watched::new(ComposerConfig::default());
    for (field, value) in [
        ("name", json!("Acme/Lib")),
        ("name", json!("acme/nul")),
        ("name", json!("php")),
        ("require", json!({ "acme/lib": "*" })),
        ("require", json!({ "acme/x": "" })),
        ("require", json!({ "acme/x": "nonsense stuff" })),
        ("bin", json!(["../x"])),
        ("bin", json!("/x")),
        ("license", json!(1)),
    ] {
        let mut composer = json!({ "name": "acme/lib", "version": "1.0.0" });
        composer[field] = value;
        let told = if field == "name" { "invalid" } else { field };
        watched.refuses("/", zip_of(&composer, ""), 400, told).await;
    }
}

#[tokio::test]
async fn forms_are_read_with_care() {
    let watched = Watched::new(ComposerConfig::default());
    let part = |name: &str, more: &str, value: &str| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
    };
    let file = "; filename=\"a.zip\"";
    let (first, again) = (part("package", file, "PK"), part("src-type", "", "git"));
    for (body, told) in [
        (part("version", "", "1.0"), "has no field \"package\""),
        (format!("{again}{again}"), "more than once"),
        (part("other", file, "PK"), "one file, in the field"),
        (format!("{first}{first}"), "one file, in the field"),
        (format!("{again}{first}"), "all of src-type"),
        (part("version", "", &"1".repeat(70_000)), "bytes at most"),
    ] {
        let writer = watched
            .registry
            .writer
            .header("content-type", "multipart/form-data; boundary=x");
        let path = "/composer/packages/acme/lib";
        let answer = writer.put(path, format!("{body}--x--\r\n")).await;
        assert!(answer.status.is_client_error(), "{}", answer.text());
        assert!(message(&answer).contains(told), "{told}: {}", answer.text());
        let answer = writer.put(path, body).await;
        assert!(answer.status.is_client_error(), "{}", answer.text());
        assert_eq!(watched.objects().await, 0);
    }
    let none = watched
        .registry
        .writer
        .header("content-type", "multipart/form-data");
    let answer = none.put("/composer/packages/acme/lib", "x").await;
    assert!(message(&answer).contains("the form cannot be read"));
}

#[tokio::test]
async fn bounds_hold() {
    let noise: Vec<u8> = (0..40_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    let json = br#"{"name":"acme/lib","version":"1.0.0"}"#;
    let late = zip(&[("a", &noise), ("composer.json", json)], false);
    let watched = Watched::new(ComposerConfig {
        max_held: 100_000,
        ..ComposerConfig::default()
    });
    let pieces = |bytes: &[u8]| -> Body {
        let pieces: Vec<_> = bytes
            .chunks(8000)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec().into()))
            .collect();
        Body::from_stream(futures_util::stream::iter(pieces), None)
    };
    let answer = watched
        .registry
        .writer
        .send(Method::PUT, "/composer/", pieces(&late))
        .await;
    assert_eq!(answer.status, 413);
    assert!(message(&answer).contains("not among the first 100000 bytes"));
    assert_eq!(watched.objects().await, 0);
    // One that came early and is none is what is told of.
    let none = zip(&[("composer.json", b"{}"), ("a", &noise)], false);
    let writer = &watched.registry.writer;
    let answer = writer.send(Method::PUT, "/composer/", pieces(&none)).await;
    assert!(
        message(&answer).contains("name must be present"),
        "{}",
        answer.text()
    );
    assert_eq!(watched.objects().await, 0);
    // Where the address names the package, it may come as late as it likes.
    let path = "/composer/packages/acme/lib";
    let answer = watched
        .registry
        .writer
        .send(Method::PUT, path, pieces(&late))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let watched = Watched::new(ComposerConfig {
        max_zip: 10_000,
        ..ComposerConfig::default()
    });
    for announced in [false, true] {
        let body = if announced {
            Body::from(late.clone())
        } else {
            pieces(&late)
        };
        let put = watched.registry.writer.send(Method::PUT, path, body);
        let answer = put.await;
        assert_eq!(answer.status, 413);
        let told = if announced {
            "a zip may have 10000"
        } else {
            "an artifact may have 10000"
        };
        assert!(message(&answer).contains(told), "{}", answer.text());
        assert_eq!(watched.objects().await, 0);
    }
    let large = format!(
        r#"{{"name":"acme/lib","description":"{}"}}"#,
        "x".repeat(1 << 20)
    );
    let watched = Watched::new(ComposerConfig::default());
    let zip = zip(&[("composer.json", large.as_bytes())], true);
    watched
        .refuses("/packages/acme/lib", zip, 413, "longer than")
        .await;
}

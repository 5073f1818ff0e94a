//! Bundles.

use registry_core::{
    auth::Action,
    digest::Algorithm,
    storage::{Memory, Storage},
};
use registry_testkit::zip;

use super::*;

const UPLOAD: &str = "/maven/api/v1/publisher/upload";

/// The form in which build tools send a zip.
fn form(zip: &[u8]) -> Vec<u8> {
    let head = "--XX\r\ncontent-disposition: form-data; name=\"bundle\"; filename=\"b.zip\"\r\n\
                content-type: application/octet-stream\r\n\r\n";
    [head.as_bytes(), zip, b"\r\n--XX--\r\n"].concat()
}

pub(crate) async fn upload(client: &Client, query: &str, files: &[(&str, &[u8])]) -> Answer {
    let client = client.header("content-type", "multipart/form-data; boundary=XX");
    let body = form(&zip(files, true));
    client.post(&format!("{UPLOAD}?name=b&{query}"), body).await
}

/// The files of a release of two modules.
pub(crate) fn files(version: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for artifact in ["core", "app"] {
        let at = format!("org/acme/{artifact}/{version}/{artifact}-{version}");
        let pom = pom("org.acme", artifact, version);
        files.push((format!("{at}.pom"), pom.into_bytes()));
        let jar = format!("{artifact} {version}").into_bytes();
        files.push((
            format!("{at}.jar.sha1"),
            sum(Algorithm::Sha1, &jar).into_bytes(),
        ));
        files.push((format!("{at}.jar"), jar));
        files.push((format!("{at}.jar.asc"), b"signature".to_vec()));
    }
    files
}

pub(crate) fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files
        .iter()
        .map(|(name, bytes)| (&**name, &**bytes))
        .collect()
}

pub(crate) async fn state(client: &Client, id: &str) -> serde_json::Value {
    let answer = client
        .post(&format!("/maven/api/v1/publisher/status?id={id}"), "")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn one_that_is_published_at_once() {
    let client = writer();
    let files = files("1.0");
    let answer = upload(&client, "publishingType=AUTOMATIC", &borrowed(&files)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/plain");
    let id = answer.text();
    assert_eq!(
        id.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12]
    );
    let state = state(&client, &id).await;
    assert_eq!(state["deploymentState"], "PUBLISHED");
    assert_eq!(state["deploymentName"], "b");
    assert_eq!(state["purls"][0], "pkg:maven/org.acme/app@1.0");
    assert_eq!(state["purls"][1], "pkg:maven/org.acme/core@1.0");
    for (name, bytes) in &files {
        assert_eq!(get(&client, name).await.body, bytes, "{name}");
    }
    let metadata = text(&client, "org/acme/app/maven-metadata.xml").await;
    assert!(metadata.contains("<release>1.0</release>"));
    // The same again changes nothing.
    let answer = upload(&client, "publishingType=AUTOMATIC", &borrowed(&files)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let drop = format!("/maven/api/v1/publisher/deployment/{id}");
    assert_eq!(client.delete(&drop).await.status, 400);
    assert_eq!(client.post(&drop, "").await.status, 204);
}

#[tokio::test]
async fn one_that_waits() {
    let client = writer();
    let files = files("1.0");
    let id = upload(&client, "publishingType=USER_MANAGED", &borrowed(&files))
        .await
        .text();
    assert_eq!(state(&client, &id).await["deploymentState"], "VALIDATED");
    let jar = "org/acme/app/1.0/app-1.0.jar";
    assert_eq!(status(&client, jar).await, 404);
    assert_eq!(
        status(&client, "org/acme/app/maven-metadata.xml").await,
        404
    );
    let at = format!("/maven/api/v1/publisher/deployment/{id}");
    for user in ["reader", "stranger"] {
        assert_eq!(client.token(user).post(&at, "").await.status, 404, "{user}");
    }
    assert_eq!(client.post(&at, "").await.status, 204);
    assert_eq!(state(&client, &id).await["deploymentState"], "PUBLISHED");
    assert_eq!(text(&client, jar).await, "app 1.0");
    assert_eq!(client.post(&at, "").await.status, 204);

    let id = upload(&client, "", &borrowed(&self::files("2.0")))
        .await
        .text();
    let at = format!("/maven/api/v1/publisher/deployment/{id}");
    assert_eq!(client.delete(&at).await.status, 204);
    assert_eq!(client.delete(&at).await.status, 404);
    assert_eq!(client.post(&at, "").await.status, 404);
    assert_eq!(status(&client, "org/acme/app/2.0/app-2.0.jar").await, 404);
}

#[tokio::test]
async fn a_bad_one_stores_nothing() {
    let storage = Arc::new(Memory::default());
    let (client, _) = registry(storage.clone(), MavenConfig::default(), Some(Action::Read));
    let client = client.token("writer");
    let with = |name: &str, bytes: &[u8]| {
        let mut files = files("1.0");
        files.retain(|(of, _)| of != name);
        if !bytes.is_empty() {
            files.push((name.to_owned(), bytes.to_vec()));
        }
        files
    };
    let app = "org/acme/app/1.0/app-1.0";
    let bad_pom = pom("org.acme", "app", "1.1");
    let snapshot = "org/acme/app/1-SNAPSHOT/app-1-SNAPSHOT.jar";
    for (files, status, said) in [
        (
            with(&format!("{app}.pom"), b""),
            400,
            "org.acme:app:1.0 has no POM",
        ),
        (
            with(&format!("{app}.pom"), bad_pom.as_bytes()),
            400,
            "org/acme/app/1.0/app-1.0.pom: the POM's version",
        ),
        (with(&format!("{app}.jar"), b"other"), 400, "sha1"),
        (with(&format!("{app}.jar"), b""), 400, "not the file"),
        (
            with("org/acme/app/1.0/other-1.0.jar", b"x"),
            400,
            "name of a file",
        ),
        (with(snapshot, b"x"), 400, "snapshot"),
        (
            {
                let mut files = files("1.0");
                files.extend((0..2000).map(|number| (format!("{app}-{number}.jar"), vec![1])));
                files
            },
            413,
            "a bundle may have 2000 files of a version at most",
        ),
        (
            with("META-INF/MF", b"x"),
            400,
            "META-INF/MF: files lie at GROUP/ARTIFACT",
        ),
    ] {
        let answer = upload(&client, "publishingType=AUTOMATIC", &borrowed(&files)).await;
        let refused = refusal(&answer);
        assert_eq!(answer.status.as_u16(), status, "{refused}");
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let form = client.header("content-type", "multipart/form-data; boundary=XX");
    for body in [form_of(b"no zip"), b"--XX--\r\n".to_vec()] {
        assert_eq!(form.post(UPLOAD, body).await.status, 400);
    }
    assert_eq!(client.post(UPLOAD, "").await.status, 400);
    assert_eq!(client.token("reader").post(UPLOAD, "").await.status, 400);
    let files = files("1.0");
    let reader = client.token("reader");
    assert_eq!(upload(&reader, "", &borrowed(&files)).await.status, 403);
    // What came of the largest goes in as many tasks as it had files.
    for _ in 0..2000 {
        tokio::task::yield_now().await;
    }
    let mut listed = storage.list(None, None);
    let left = futures_util::StreamExt::next(&mut listed).await;
    assert!(left.is_none(), "{left:?}");
}

fn form_of(zip: &[u8]) -> Vec<u8> {
    form(zip)
}

#[tokio::test]
async fn one_that_meets_other_content_is_refused_whole() {
    let client = writer();
    put(&client, "org/acme/app/1.0/app-1.0.jar", "older").await;
    let answer = upload(
        &client,
        "publishingType=AUTOMATIC",
        &borrowed(&files("1.0")),
    )
    .await;
    assert!(refusal(&answer).starts_with("409 app-1.0.jar is already there"));
    assert_eq!(status(&client, "org/acme/core/1.0/core-1.0.jar").await, 404);
    assert_eq!(text(&client, "org/acme/app/1.0/app-1.0.jar").await, "older");
    // One that could be published when it came, and can no more.
    let id = upload(&client, "", &borrowed(&files("2.0"))).await.text();
    put(&client, "org/acme/app/2.0/app-2.0.jar", "faster").await;
    let at = format!("/maven/api/v1/publisher/deployment/{id}");
    assert_eq!(client.post(&at, "").await.status, 409);
    let state = state(&client, &id).await;
    assert_eq!(state["deploymentState"], "FAILED");
    assert!(
        state["errors"]["common"][0]
            .as_str()
            .unwrap()
            .contains("app-2.0.jar")
    );
    assert_eq!(status(&client, "org/acme/core/2.0/core-2.0.jar").await, 404);
}

#[tokio::test]
async fn files_of_one_that_waits_can_be_tried() {
    let client = writer();
    let files = files("1.0");
    let id = upload(&client, "", &borrowed(&files)).await.text();
    let jar = "org/acme/app/1.0/app-1.0.jar";
    let one = format!("api/v1/publisher/deployment/{id}/download");
    let any = "api/v1/publisher/deployments/download";
    for base in [&*one, any] {
        for (name, bytes) in &files {
            let answer = get(&client, &format!("{base}/{name}")).await;
            assert_eq!(answer.body, bytes, "{base}/{name}");
        }
        let answer = get(&client, &format!("{base}/{jar}.md5")).await;
        assert_eq!(answer.text(), sum(Algorithm::Md5, b"app 1.0"));
        for other in [
            "org/acme/app/1.0/app-1.0.war",
            "org/acme/app/1.1/app-1.1.jar",
            "org/acme/app/maven-metadata.xml",
            "org",
        ] {
            assert_eq!(
                status(&client, &format!("{base}/{other}")).await,
                404,
                "{other}"
            );
        }
        let of = format!("/maven/{base}/{jar}");
        assert_eq!(client.token("reader").get(&of).await.status, 403);
        let nobody = client.header("authorization", "");
        assert!(matches!(nobody.get(&of).await.status.as_u16(), 400 | 401));
    }
    let none = "api/v1/publisher/deployment/none/download";
    assert_eq!(status(&client, &format!("{none}/{jar}")).await, 404);
    assert_eq!(status(&client, jar).await, 404);
    let published = "api/v1/publisher/published?namespace=org.acme&name=app&version=1.0";
    assert_eq!(text(&client, published).await, r#"{"published":false}"#);
    let at = format!("/maven/api/v1/publisher/deployment/{id}");
    assert_eq!(client.post(&at, "").await.status, 204);
    assert_eq!(text(&client, published).await, r#"{"published":true}"#);
    assert_eq!(text(&client, &format!("{one}/{jar}")).await, "app 1.0");
    assert_eq!(status(&client, &format!("{any}/{jar}")).await, 404);
    let answer = get(&client, "api/v1/publisher/published?name=app").await;
    assert!(refusal(&answer).starts_with("400 the address needs ?namespace="));
}

#[tokio::test]
async fn a_version_has_few_that_wait() {
    let client = writer();
    let mut ids = Vec::new();
    for number in 0..20 {
        let mut files = files("1.0");
        files.push(("org/acme/app/1.0/app-1.0.txt".to_owned(), vec![number]));
        let answer = upload(&client, "", &borrowed(&files)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        ids.push(answer.text());
    }
    let answer = upload(&client, "", &borrowed(&files("1.0"))).await;
    let said = refusal(&answer);
    assert!(said.starts_with("409 20 deployments with this version wait; publish or drop some"));
    assert!(ids.iter().all(|id| said.contains(id)), "{said}");
    let at = |id: &str| format!("/maven/api/v1/publisher/deployment/{id}");
    assert_eq!(client.delete(&at(&ids[0])).await.status, 204);
    let answer = upload(&client, "", &borrowed(&files("1.0"))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    // One is published; of the others, those that want the same place for something else cannot be.
    assert_eq!(client.post(&at(&ids[1]), "").await.status, 204);
    assert_eq!(client.post(&at(&ids[2]), "").await.status, 409);
    assert_eq!(state(&client, &ids[2]).await["deploymentState"], "FAILED");
    assert_eq!(client.post(&at(&answer.text()), "").await.status, 204);
    assert_eq!(
        get(&client, "org/acme/app/1.0/app-1.0.txt").await.body,
        [1][..]
    );
    assert_eq!(client.delete(&at(&ids[2])).await.status, 204);
    assert_eq!(client.delete(&at(&ids[2])).await.status, 404);
}

#[tokio::test]
async fn those_that_wait_name_not_too_much_together() {
    let client = writer();
    let big = |name: &str| {
        let mut files = files("1.0");
        let at = "org/acme/core/1.0/core-1.0";
        files.extend((0..1900).map(|number| (format!("{at}-{name}{number}.jar"), vec![1])));
        files
    };
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let answer = upload(&client, "", &borrowed(&big(name))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        ids.push(answer.text());
    }
    let answer = upload(&client, "", &borrowed(&big("c"))).await;
    let said = refusal(&answer);
    let begin = "409 the deployments with this version that wait name 3806 files and versions, and \
                 5000 are the most with those of another; publish or drop some of them: ";
    assert!(said.starts_with(begin), "{said}");
    assert!(ids.iter().all(|id| said.contains(id)), "{said}");
    for other in ["1.0", "2.0"] {
        let answer = upload(&client, "", &borrowed(&files(other))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    // What is published waits no longer.
    let at = format!("/maven/api/v1/publisher/deployment/{}", ids[0]);
    assert_eq!(client.post(&at, "").await.status, 204);
    let answer = upload(&client, "", &borrowed(&big("c"))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

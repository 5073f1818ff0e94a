use http::Method;
use registry_core::auth::Action;
use registry_rubygems::RubygemsConfig;

use crate::{UNYANK, YANK, fixture::Gem, pushed, registry, text, writer, yanked};

#[tokio::test]
async fn yanking_hides_a_version_and_takes_it_back() {
    let client = writer();
    pushed(&client, &Gem::new("foo", "1.0")).await;
    pushed(&client, &Gem::new("foo", "1.0").on("java")).await;
    pushed(&client, &Gem::new("foo", "2.0")).await;
    let before = text(&client, "/info/foo").await;
    let yank = async |form: &str| {
        let answer = client.send(Method::DELETE, YANK, form.to_owned()).await;
        (answer.status.as_u16(), answer.text())
    };
    assert_eq!(
        yank("gem_name=foo&version=1.0&platform=java").await,
        (200, "Successfully deleted gem: foo (1.0-java)".to_owned())
    );
    let info = text(&client, "/info/foo").await;
    assert!(
        info.contains("\n1.0 |") && !info.contains("1.0-java"),
        "{info}"
    );
    let path = "/rubygems/gems/foo-1.0-java.gem";
    assert_eq!(client.get(path).await.status, 404);
    for (form, status, words) in [
        (
            "gem_name=foo&version=1.0&platform=java",
            422,
            "foo 1.0-java has already been deleted",
        ),
        (
            "gem_name=foo&version=9.0",
            404,
            "The version 9.0 does not exist.",
        ),
        (
            "gem_name=foo&version=2.0&platform=java",
            404,
            "The version 2.0 (java) does not exist.",
        ),
        ("gem_name=foo&version=", 404, "The version  does not exist."),
        (
            "gem_name=bar&version=1.0",
            404,
            "This gem could not be found",
        ),
        (
            "gem_name=FOO&version=1.0",
            404,
            "This gem could not be found",
        ),
        (
            "gem_name=a/b&version=1.0",
            404,
            "This gem could not be found",
        ),
        ("", 404, "This gem could not be found"),
    ] {
        assert_eq!(yank(form).await, (status, words.to_owned()), "{form}");
    }
    let form = "gem_name=foo&version=1.0&platform=java";
    for _ in 0..2 {
        let back = client.put(UNYANK, form).await;
        assert_eq!(back.text(), "Successfully undeleted gem: foo (1.0-java)");
    }
    assert_eq!(text(&client, "/info/foo").await, before);
    assert_eq!(client.get(path).await.status, 200);
    // In the address as well as in the body.
    let path = format!("{YANK}?gem_name=foo&version=2.0&platform=ruby");
    assert_eq!(client.delete(&path).await.status, 200);
}

#[tokio::test]
async fn a_platform_may_be_spelled_as_clients_read_it() {
    let client = writer();
    pushed(&client, &Gem::new("foo", "1.0").on("i686-linux")).await;
    for (method, path, said) in [
        (Method::DELETE, YANK, "deleted"),
        (Method::PUT, UNYANK, "undeleted"),
    ] {
        let form = "gem_name=foo&version=1.0&platform=x86-linux";
        let answer = client.send(method, path, form).await;
        let expected = format!("Successfully {said} gem: foo (1.0-i686-linux)");
        assert_eq!(answer.text(), expected);
    }
    let versions = text(&client, "/versions").await;
    assert!(versions.contains("\nfoo -1.0-i686-linux "), "{versions}");
    // What no client knows is read as one platform, but only where that is asked for.
    pushed(&client, &Gem::new("foo", "1.0").on("baz")).await;
    let yank = async |platform: &str| {
        let form = format!("gem_name=foo&version=1.0&platform={platform}");
        client.send(Method::DELETE, YANK, form).await
    };
    for other in ["bar", "i586-linux"] {
        assert_eq!(yank(other).await.status, 404, "{other}");
    }
    let answer = yank("unknown").await;
    assert_eq!(answer.text(), "Successfully deleted gem: foo (1.0-baz)");
}

#[tokio::test]
async fn owners() {
    let storage = std::sync::Arc::new(registry_core::storage::Memory::default());
    let config = RubygemsConfig {
        owners_enforced: true,
        ..RubygemsConfig::default()
    };
    let client = registry(storage, config, Some(Action::Read));
    let (writer, admin) = (client.token("writer"), client.token("admin"));
    pushed(&admin, &Gem::new("foo", "1.0")).await;
    let path = "/rubygems/api/v1/gems/foo/owners";
    let owners = client.get(&format!("{path}.json")).await.json();
    assert_eq!(owners[0]["handle"], "admin");
    let yaml = client.get(&format!("{path}.yaml")).await;
    assert_eq!(
        yaml.header("content-type"),
        "application/yaml; charset=utf-8"
    );
    assert!(
        yaml.text().ends_with("\n  handle: \"admin\"\n"),
        "{}",
        yaml.text()
    );
    let denied = writer.post(path, "email=writer").await;
    assert_eq!(denied.status, 403);
    assert!(
        denied
            .text()
            .starts_with("You do not have permission to manage owners of")
    );
    let denied = writer
        .send(Method::DELETE, YANK, "gem_name=foo&version=1.0")
        .await;
    assert_eq!(denied.status, 403);
    assert!(
        denied
            .text()
            .starts_with("You do not have permission to delete this gem.")
    );
    for _ in 0..2 {
        let added = admin.post(path, "email=writer").await;
        assert_eq!(added.text(), "Owner added successfully.");
    }
    yanked(&writer, "gem_name=foo&version=1.0").await;
    let remove = async |user: &str| {
        let form = format!("email={user}");
        let answer = writer.send(Method::DELETE, path, form).await;
        (answer.status.as_u16(), answer.text())
    };
    assert_eq!(
        remove("eve").await,
        (404, "Owner could not be found.".to_owned())
    );
    assert_eq!(
        remove("admin").await,
        (200, "Owner removed successfully.".to_owned())
    );
    let last = remove("writer").await;
    assert_eq!(last.0, 422);
    assert!(last.1.starts_with("Unable to remove"), "{}", last.1);
    let missing = client.get("/rubygems/api/v1/gems/bar/owners").await;
    assert_eq!(missing.status, 404);
    let missing = admin
        .post("/rubygems/api/v1/gems/bar/owners", "email=writer")
        .await;
    assert_eq!(missing.status, 404);
}

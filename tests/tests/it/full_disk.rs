//! A disk that fills up, and has room again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use registry_tests::ecosystem::check_artifact;
use registry_tests::npm::{self, Npm};
use registry_tests::place::Place;
use registry_tests::{Cluster, Ecosystem, Release, announce, eventually};

/// A small file system in memory, unmounted with this value.
pub(crate) struct SmallDisk(PathBuf, Option<tempfile::TempDir>);

impl SmallDisk {
    /// None where mounting is not allowed.
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]);
        let output = mount.arg(&path).output().ok()?;
        output.status.success().then(|| Self(path, Some(folder)))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("-l").arg(&self.0).status();
        if !status.is_ok_and(|status| status.success()) {
            // Better a folder left behind than one emptied that is still mounted.
            self.1.take().map(tempfile::TempDir::keep);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn npm_on_a_full_disk() {
    let Some(disk) = SmallDisk::mount() else {
        announce("LEFT OUT, since no file system can be mounted here");
        return;
    };
    // Dropped before the disk, which is what lets the disk be unmounted.
    let storage = disk.0.join("storage");
    let cluster = Cluster::over(Place::at(&storage), 1, Npm::SCOPE, &[]);
    let site = cluster.site();
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![1; 1 << 20]).unwrap();

    let release = |number: usize| Release {
        package: format!("filling-{}", number % 3),
        version: Npm.version(number),
        bytes: npm::pack(
            &format!("filling-{}", number % 3),
            &Npm.version(number),
            number as u64,
            150_000,
        ),
        tags: Vec::new(),
    };
    let mut published = Vec::new();
    let mut refused = Vec::new();
    for number in 0..60 {
        let release = release(number);
        let answer = site.send(npm::publish(&release)).await;
        if answer.status.is_success() {
            published.push(release);
            continue;
        }
        assert!(answer.status.is_server_error(), "{answer}");
        assert!(answer.json()["error"].is_string(), "{answer}");
        refused.push(release);
        if refused.len() == 8 {
            break;
        }
    }
    assert!(!published.is_empty(), "nothing fits on the disk");
    assert_eq!(refused.len(), 8, "the disk does not fill up");

    // Reading goes on, and shows what was acknowledged and nothing else.
    check(&site, &published, &refused).await;
    eventually("no bytes are left of what was refused", async || {
        (tarballs(&storage) == published.len()).then_some(())
    })
    .await;

    fs::remove_file(&ballast).unwrap();
    for release in refused {
        let outcome = Npm.publish(&site, &release).await;
        if !outcome.is_acknowledged() {
            panic!("{} with room again: {outcome:?}", release.version);
        }
        published.push(release);
        // A megabyte takes six of them.
        if published.len() % 4 == 0 {
            break;
        }
    }
    check(&site, &published, &[]).await;
    drop(cluster);
}

async fn check(site: &registry_tests::Site, published: &[Release], refused: &[Release]) {
    for release in published {
        let listing = Npm.listing(site, &release.package).await.unwrap();
        assert!(listing.has(&Npm, release), "{}", release.version);
        let artifact = &listing.versions[&release.version];
        check_artifact(&Npm, site, artifact).await.unwrap();
        let answer = site.get(format!("/npm/{}/latest", release.package)).await;
        assert!(answer.status.is_success(), "{answer}");
    }
    for release in refused {
        let listing = Npm.listing(site, &release.package).await.unwrap();
        let (package, version) = (&release.package, &release.version);
        assert!(!listing.versions.contains_key(version), "{version}");
        let file = npm::file_name(package, version);
        let answer = site.get(format!("/npm/{package}/-/{file}")).await;
        assert_eq!(answer.status, 404, "{answer}");
    }
}

fn tarballs(folder: &Path) -> usize {
    let files = crate::snapshot::files(folder);
    files.keys().filter(|name| name.ends_with(".tgz")).count()
}

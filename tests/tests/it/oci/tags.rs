//! Many tags at once in one repository, and many who want the same one.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use registry_tests::oci::{self, Image, Oci, Way, manifest_path};
use registry_tests::random::Random;
use registry_tests::{Cell, Cluster, Ecosystem, Request, Site, sized, together};

/// How many are pushed at once.
const AT_ONCE: usize = 200;
const RACERS: usize = 20;

mod at_once {
    use super::*;

    registry_tests::cells!(at_once, two 2);
}

mod moving {
    use super::*;

    registry_tests::cells!(moving, two 2);
}

/// A repository on two servers, and images whose blobs it holds.
struct Scene {
    repository: &'static str,
    sites: Vec<Site>,
    images: Vec<Image>,
    _cluster: Cluster,
}

impl Scene {
    async fn start(cell: Cell, repository: &'static str, count: usize) -> Option<Arc<Self>> {
        let cluster = Cluster::start(cell, Oci::SCOPE, &[])?;
        let layer = Bytes::from(Random::new(1).bytes(600));
        let image = |number: usize| Image::new(&format!("1.0.{number}"), vec![layer.clone()]);
        let scene = Arc::new(Self {
            repository,
            sites: cluster.sites(),
            images: (0..count).map(image).collect(),
            _cluster: cluster,
        });
        together(count + 1, |number| {
            let scene = scene.clone();
            async move {
                // One more than there are configs is the layer.
                let blob = match scene.images.get(number) {
                    Some(image) => &image.blobs[0],
                    None => &scene.images[0].blobs[1],
                };
                let site = scene.site(number);
                let uploaded = oci::upload(site, repository, blob, Way::Whole).await;
                let uploaded = uploaded.unwrap();
                assert_eq!(uploaded.status, 201, "{uploaded}");
            }
        })
        .await;
        Some(scene)
    }

    fn site(&self, number: usize) -> &Site {
        &self.sites[number % self.sites.len()]
    }

    async fn put(&self, at: usize, reference: &str, image: usize) {
        let (site, image) = (self.site(at), &self.images[image]);
        let answer = oci::put_manifest(site, self.repository, reference, image).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 201, "{}: {answer}", site.url);
    }

    async fn delete(&self, at: usize, reference: &str) {
        let path = manifest_path(self.repository, reference);
        let answer = self.site(at).send(Request::delete(path)).await;
        assert_eq!(answer.status, 202, "{answer}");
    }

    /// The digest that a reference stands for on one server; none if it is not there.
    async fn digest(&self, at: usize, reference: &str) -> Option<String> {
        let site = self.site(at);
        let answer = site.get(manifest_path(self.repository, reference)).await;
        if answer.status == 404 {
            return None;
        }
        assert_eq!(answer.status, 200, "{}: {answer}", site.url);
        let digest = oci::digest(&answer.body);
        assert_eq!(answer.header("docker-content-digest"), digest);
        Some(digest)
    }

    /// Every server lists these tags, in order, in one piece and page by page.
    async fn check_list(&self, expected: &BTreeSet<String>) {
        for site in &self.sites {
            let listed = oci::tags(site, self.repository).await.unwrap();
            let all: Vec<_> = expected.iter().cloned().collect();
            assert_eq!(listed, all, "{}", site.url);
            let mut pages = Vec::new();
            let mut path = Some(format!("/v2/{}/tags/list?n=7", self.repository));
            while let Some(page) = path {
                let answer = site.get(page).await.good();
                let tags = answer.json()["tags"].as_array().unwrap().clone();
                assert!(tags.len() <= 7, "{answer}");
                pages.extend(tags.iter().map(|tag| tag.as_str().unwrap().to_owned()));
                path = oci::next(&answer);
            }
            assert_eq!(pages, all, "{}", site.url);
        }
    }
}

async fn at_once(cell: Cell) {
    let Some(scene) = Scene::start(cell, "tags/at-once", AT_ONCE).await else {
        return;
    };
    // Each another image.
    together(AT_ONCE, |number| {
        let scene = scene.clone();
        async move { scene.put(number, &format!("one-{number}"), number).await }
    })
    .await;
    let mut expected: BTreeSet<_> = (0..AT_ONCE).map(|number| format!("one-{number}")).collect();
    scene.check_list(&expected).await;
    for number in 0..AT_ONCE {
        let digest = scene.digest(number + 1, &format!("one-{number}")).await;
        assert_eq!(digest.as_ref(), Some(&scene.images[number].digest));
    }

    // One image under many tags, some of which come together.
    let tags = |number: usize| (0..20).map(move |tag| format!("many-{number}-{tag}"));
    together(AT_ONCE / 20, |number| {
        let scene = scene.clone();
        async move {
            let digest = &scene.images[0].digest;
            let tags: Vec<_> = tags(number).collect();
            scene.put(number, &oci::with_tags(digest, &tags), 0).await;
        }
    })
    .await;
    expected.extend((0..AT_ONCE / 20).flat_map(tags));
    scene.check_list(&expected).await;

    // Tags go alone, or with their manifest: here the one that many bear.
    together(AT_ONCE / 4, |number| {
        let scene = scene.clone();
        async move {
            let of = if number == 0 {
                scene.images[0].digest.clone()
            } else {
                format!("one-{number}")
            };
            scene.delete(number, &of).await;
        }
    })
    .await;
    expected.retain(|tag| !tag.starts_with("many-"));
    for number in 0..AT_ONCE / 4 {
        expected.remove(&format!("one-{number}"));
    }
    scene.check_list(&expected).await;
    for at in 0..scene.sites.len() {
        assert_eq!(scene.digest(at, "many-0-0").await, None);
        assert_eq!(scene.digest(at, "one-1").await, None);
        let digest = &scene.images[1].digest;
        assert_eq!(scene.digest(at, digest).await.as_ref(), Some(digest));
    }
}

/// A tag is not a version: whoever pushes it moves it. Of many at once one is last, for everybody.
async fn moving(cell: Cell) {
    let Some(scene) = Scene::start(cell, "tags/moving", RACERS).await else {
        return;
    };
    for race in 0..sized(40, 5) {
        together(RACERS, |racer| {
            let scene = scene.clone();
            async move { scene.put(racer, "moving", racer).await }
        })
        .await;
        let last = scene.digest(race, "moving").await;
        let known = scene.images.iter();
        let known = known.filter(|image| last.as_ref() == Some(&image.digest));
        assert_eq!(known.count(), 1, "{last:?}");
        for at in 0..scene.sites.len() {
            assert_eq!(scene.digest(at, "moving").await, last);
            for image in &scene.images {
                let digest = scene.digest(at, &image.digest).await;
                assert_eq!(digest.as_ref(), Some(&image.digest));
            }
        }
        scene.check_list(&["moving".to_owned()].into()).await;
    }
    for (number, image) in scene.images.iter().enumerate() {
        scene.put(number, "moving", number).await;
        let digest = scene.digest(number + 1, "moving").await;
        assert_eq!(digest.as_ref(), Some(&image.digest));
        if number % 4 == 3 {
            scene.delete(number + 1, "moving").await;
            assert_eq!(scene.digest(number, "moving").await, None);
            scene.check_list(&BTreeSet::new()).await;
        }
    }
}

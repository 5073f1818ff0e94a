//! Collections run beside pushes that share layers. What was acknowledged stays, with all its blobs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use registry_tests::oci::{self, Image, Oci, Way, manifest_path};
use registry_tests::random::Random;
use registry_tests::{Cell, Cluster, Ecosystem, Request, Site, sized, together};
use tokio::sync::RwLock;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::content;

mod beside_pushes {
    use super::*;

    registry_tests::cells!(beside_pushes, two 2);
}

/// How those who push bring the blobs of an image, each to a repository of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bring {
    /// What is not there, as most clients do.
    Missing,
    /// By mounting from where `Missing` pushes, and sending what cannot be mounted.
    Mounted,
    /// All of it.
    All,
}

const PUSHERS: [Bring; 3] = [Bring::Missing, Bring::Mounted, Bring::All];
/// How many layers a round's images are made of, half of them also those of the next round.
const LAYERS: usize = 8;
/// The fewest images that each pushes in a round.
const LEAST: usize = 3;
/// The most: each leaves documents that the next collection looks at, which takes longer for them, so
/// that without a bound they would be more from round to round.
const MOST: usize = 16;
/// How often a push may be refused because its blobs were collected before no collection begins until it
/// stands: without a grace one may begin between the blobs and the manifest, and the next one again.
const ATTEMPTS: usize = 5;
/// How many rounds there are at most, until both sides have met in each way.
const ROUNDS: usize = 100;

impl Bring {
    fn repository(self) -> &'static str {
        match self {
            Self::Missing => "collection/missing",
            Self::Mounted => "collection/mounted",
            Self::All => "collection/all",
        }
    }
}

/// An image that was acknowledged, and not deleted.
#[derive(Clone, Debug)]
struct Live {
    repository: &'static str,
    tag: String,
    image: Image,
}

/// What the pushes and the collections share.
#[derive(Debug)]
struct Scene {
    cluster: Cluster,
    stop: AtomicBool,
    /// Whose turn it is: a collection's, or that of pushes which were refused too often.
    turn: RwLock<()>,
    /// Whether no more collections come, be it that one failed.
    over: AtomicBool,
    /// How many collections began.
    begun: AtomicUsize,
    /// How many are over.
    collections: AtomicUsize,
    collected: AtomicUsize,
    refused: AtomicUsize,
    skipped: AtomicUsize,
    mounted: AtomicUsize,
}

/// As many rounds as are asked for, some on each bucket: what was deleted goes on to be looked at, and
/// a collection of a bucket where that is all there is would take minutes over S3.
async fn beside_pushes(cell: Cell) {
    for _ in 0..sized(5, 1) {
        on_a_bucket(cell).await;
    }
}

async fn on_a_bucket(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, Oci::SCOPE, &[]) else {
        return;
    };
    let scene = Arc::new(Scene {
        cluster,
        stop: AtomicBool::default(),
        turn: RwLock::default(),
        over: AtomicBool::default(),
        begun: AtomicUsize::default(),
        collections: AtomicUsize::default(),
        collected: AtomicUsize::default(),
        refused: AtomicUsize::default(),
        skipped: AtomicUsize::default(),
        mounted: AtomicUsize::default(),
    });
    let stop = Stop(scene.clone());
    let collector = collect(scene.clone());
    let seed = Random::seeded("collection").number();
    let mut kept: Vec<Live> = Vec::new();
    for round in 0..ROUNDS {
        if scene.over.load(Ordering::Relaxed) || (round >= sized(20, 3) && scene.have_met()) {
            break;
        }
        let pushed = together(PUSHERS.len(), |pusher| {
            let scene = scene.clone();
            let random = Random::new(seed + (round * PUSHERS.len() + pusher) as u64);
            async move { scene.round(round, PUSHERS[pusher], random).await }
        });
        let pushed = pushed.await.concat();
        scene.check(pushed.clone()).await;
        // The first of each stay to the end.
        let stays = |live: &Live| live.tag.ends_with("-0");
        kept.extend(pushed.iter().filter(|live| stays(live)).cloned());
        for live in pushed.iter().filter(|live| !stays(live)) {
            scene.delete(live).await;
        }
    }
    drop(stop);
    collector.await.unwrap();
    scene.check(kept.clone()).await;
    let (code, printed) = scene.cluster.verify();
    assert_eq!(code, Some(0), "{printed}");
    scene.report(kept.len());
    scene.empty(kept).await;
}

/// Ends the collections, even after a panic: they would go on for ever.
struct Stop(Arc<Scene>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

/// Says that it is over, even after a panic.
struct Over(Arc<Scene>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// Collects again and again, without any grace.
fn collect(scene: Arc<Scene>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let _over = Over(scene.clone());
        while !scene.stop.load(Ordering::Relaxed) {
            let _turn = scene.turn.write().await;
            scene.begun.fetch_add(1, Ordering::Relaxed);
            let report = scene.cluster.gc();
            let bytes = |line: &&str| line.starts_with("oci/content/");
            let count = report.lines().filter(bytes).count();
            scene.collected.fetch_add(count, Ordering::Relaxed);
            scene.collections.fetch_add(1, Ordering::Relaxed);
        }
    })
}

impl Scene {
    /// Pushes images to one repository until a whole collection has gone by; those that stand.
    /// Each deletes what it pushed before, so that layers lose whom they were kept for.
    async fn round(&self, round: usize, bring: Bring, mut random: Random) -> Vec<Live> {
        let first = round * LAYERS / 2;
        let begun = self.begun.load(Ordering::Relaxed);
        let mut lives: Vec<Live> = Vec::new();
        let mut number = 0;
        let collecting = || {
            let one_more = self.collections.load(Ordering::Relaxed) <= begun;
            one_more && !self.over.load(Ordering::Relaxed)
        };
        while number < LEAST || (number < MOST && collecting()) {
            let mut layer = || {
                let salt = first + random.below(LAYERS);
                Bytes::from(Random::new(salt as u64).bytes(1_000 + salt))
            };
            let tag = format!("{round}-{number}");
            // The config is the image's own.
            let version = format!("{}:{tag}", bring.repository());
            let live = Live {
                repository: bring.repository(),
                image: Image::new(&version, vec![layer(), layer()]),
                tag,
            };
            self.push(&live, bring).await;
            if number > 1
                && let Some(before) = lives.pop()
            {
                self.delete(&before).await;
            }
            lives.push(live);
            number += 1;
        }
        while collecting() {
            sleep(Duration::from_millis(5)).await;
        }
        lives
    }

    async fn push(&self, live: &Live, bring: Bring) {
        let site = self.cluster.site();
        for blob in &live.image.blobs {
            self.bring(&site, live, blob, bring).await;
        }
        let mut turn = None;
        for attempt in 0..=ATTEMPTS {
            let (tag, image) = (&live.tag, &live.image);
            let other = self.cluster.site();
            let answer = oci::put_manifest(&other, live.repository, tag, image).await;
            let answer = answer.unwrap();
            if answer.status == 201 {
                return;
            }
            assert_eq!(answer.status, 400, "{answer}");
            assert_eq!(oci::code(&answer), "MANIFEST_BLOB_UNKNOWN", "{answer}");
            self.refused.fetch_add(1, Ordering::Relaxed);
            if attempt + 1 == ATTEMPTS {
                turn = Some(self.turn.read().await);
            }
            for blob in &image.blobs {
                upload(&site, live.repository, blob).await;
            }
        }
        panic!("{live:?} is refused though nothing collects: {turn:?}");
    }

    async fn bring(&self, site: &Site, live: &Live, blob: &Bytes, bring: Bring) {
        match bring {
            Bring::All => upload(site, live.repository, blob).await,
            Bring::Missing => {
                let seen = oci::head_blob(site, live.repository, &oci::digest(blob)).await;
                let seen = seen.unwrap();
                if seen.status == 200 {
                    self.skipped.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                assert_eq!(seen.status, 404, "{seen}");
                upload(site, live.repository, blob).await;
            }
            Bring::Mounted => {
                let begin = oci::uploads(live.repository);
                let (digest, from) = (oci::digest(blob), Bring::Missing.repository());
                let path = format!("{begin}?mount={digest}&from={from}");
                let answer = site.send(Request::new(Method::POST, path)).await;
                if answer.status == 201 {
                    self.mounted.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                let answer = oci::upload_to(site, answer, blob, Way::Put).await;
                let answer = answer.unwrap();
                assert_eq!(answer.status, 201, "{answer}");
            }
        }
    }

    async fn delete(&self, live: &Live) {
        let path = manifest_path(live.repository, &live.image.digest);
        let answer = self.cluster.site().send(Request::delete(path)).await;
        assert_eq!(answer.status, 202, "{answer}");
    }

    /// Each image can be pulled whole, by its tag, from every server.
    async fn check(&self, lives: Vec<Live>) {
        let sites = self.cluster.sites();
        let lives = Arc::new(lives);
        let faults = Arc::new(Mutex::new(Vec::new()));
        together(4 * sites.len(), |worker| {
            let (site, lives) = (sites[worker % sites.len()].clone(), lives.clone());
            let (share, faults) = (worker / sites.len(), faults.clone());
            async move {
                for live in lives.iter().skip(share).step_by(4) {
                    if let Err(fault) = pull(&site, live).await {
                        faults.lock().unwrap().push(fault);
                    }
                }
            }
        })
        .await;
        let faults = faults.lock().unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    /// Whether neither side was idle, or all of this would show nothing.
    fn have_met(&self) -> bool {
        let counts = [
            &self.collections,
            &self.collected,
            &self.skipped,
            &self.mounted,
        ];
        counts.iter().all(|count| count.load(Ordering::Relaxed) > 0)
    }

    fn report(&self, kept: usize) {
        let number = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        println!(
            "{kept} images stay after {} collections of {} files; {} blobs were skipped, {} \
             mounted; {} pushes were refused and repeated",
            number(&self.collections),
            number(&self.collected),
            number(&self.skipped),
            number(&self.mounted),
            number(&self.refused),
        );
        assert!(self.have_met(), "{self:?}");
    }

    /// When nothing is named any more, nothing stays.
    async fn empty(&self, kept: Vec<Live>) {
        for live in &kept {
            self.delete(live).await;
        }
        let report = self.cluster.gc();
        let again = self.cluster.gc();
        assert!(again.contains(" 0 that nothing names"), "{report}{again}");
        if let Some(folder) = &self.cluster.place.directory {
            assert_eq!(content(folder), Vec::<String>::new());
        }
        let (code, printed) = self.cluster.verify();
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains(" 0 artifacts "), "{printed}");
    }
}

async fn upload(site: &Site, repository: &str, blob: &Bytes) {
    let answer = oci::upload(site, repository, blob, Way::nth(blob.len())).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 201, "{answer}");
}

async fn pull(site: &Site, live: &Live) -> Result<(), String> {
    let path = manifest_path(live.repository, &live.tag);
    let manifest = site.get(&path).await;
    oci::check_image(site, &path, &manifest).await?;
    if manifest.body != live.image.manifest {
        return Err(format!("{} {path}: another image", site.url));
    }
    Ok(())
}

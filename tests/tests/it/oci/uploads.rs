//! One upload goes on and ends on any server, whatever becomes of the one before.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use registry_tests::oci::{self, Oci, Way};
use registry_tests::random::Random;
use registry_tests::raw::Raw;
use registry_tests::{
    Answer, Cell, Cluster, Ecosystem, Request, Site, eventually, sized, together,
};

use super::check_blob;

const REPOSITORY: &str = "uploads/a";

mod alternating {
    use super::*;

    registry_tests::cells!(alternate, two 2);
}

mod racing {
    use super::*;

    registry_tests::cells!(race, two 2);
}

mod cut_off {
    use super::*;

    registry_tests::cells!(cut_off, two 2);
}

mod killed {
    use super::*;

    registry_tests::cells!(kill, two 2);
}

/// An upload under way, as its client knows it.
#[derive(Clone, Debug)]
struct Upload {
    place: String,
    blob: Bytes,
    offset: usize,
}

impl Upload {
    async fn begin(site: &Site, blob: Vec<u8>) -> Self {
        let begun = Request::new(Method::POST, oci::uploads(REPOSITORY));
        let begun = site.send(begun).await;
        assert_eq!(begun.status, 202, "{begun}");
        Self {
            place: oci::location(&begun),
            blob: blob.into(),
            offset: 0,
        }
    }

    /// The next piece; where it belongs is said or not.
    fn piece(&self, until: usize, said: bool) -> Request {
        let bytes = self.blob.slice(self.offset..until);
        let request = oci::octets(Method::PATCH, self.place.clone(), bytes);
        if said && until > self.offset {
            let range = content_range(&(self.offset..until));
            return request.header("content-range", range);
        }
        request
    }

    async fn send(&mut self, site: &Site, until: usize, said: bool) {
        let answer = site.send(self.piece(until, said)).await;
        assert_eq!(answer.status, 202, "{} at {until}: {answer}", site.url);
        self.offset = until;
        assert_eq!(stands(&answer), self.offset, "{}: {answer}", site.url);
        self.place = oci::location(&answer);
    }

    /// Where the upload stands, by what a server says.
    async fn ask(&self, site: &Site) -> usize {
        let answer = site.get(&self.place).await;
        assert_eq!(answer.status, 204, "{}: {answer}", site.url);
        stands(&answer)
    }

    async fn check(&self, site: &Site) {
        assert_eq!(self.ask(site).await, self.offset, "{}", site.url);
    }

    /// Sends all but the last few bytes, from where the upload stands, as a client does that lost
    /// track: the first attempt may come before what it sent last.
    async fn resume(&mut self, site: &Site) {
        let until = self.blob.len() - 10;
        for _ in 0..10 {
            self.offset = self.ask(site).await;
            let answer = site.send(self.piece(until, true)).await;
            if answer.status == 416 {
                continue;
            }
            assert_eq!(answer.status, 202, "{}: {answer}", site.url);
            self.offset = until;
            return self.check(site).await;
        }
        panic!("{}: it never stands still", site.url);
    }

    fn last(&self) -> Request {
        let end = oci::finish(&self.place, &oci::digest(&self.blob));
        oci::octets(Method::PUT, end, self.blob.slice(self.offset..))
    }

    async fn finish(&self, site: &Site, sites: &[Site]) {
        let answer = site.send(self.last()).await;
        assert_eq!(answer.status, 201, "{}: {answer}", site.url);
        check_blob(sites, REPOSITORY, &self.blob).await;
        let over = site.get(&self.place).await;
        assert_eq!(over.status, 404, "{over}");
        assert_eq!(oci::code(&over), "BLOB_UPLOAD_UNKNOWN", "{over}");
    }
}

fn content_range(range: &Range<usize>) -> String {
    format!("{}-{}", range.start, range.end - 1)
}

/// How many bytes there are, by an answer's `Range`, which cannot say that there are none.
fn stands(answer: &Answer) -> usize {
    let range = answer.header("range");
    let last = range.strip_prefix("0-").and_then(|last| last.parse().ok());
    let last: usize = last.unwrap_or_else(|| panic!("Range: {range:?}"));
    if last == 0 { 0 } else { last + 1 }
}

fn start(cell: Cell) -> Option<(Cluster, Vec<Site>)> {
    let cluster = Cluster::start(cell, Oci::SCOPE, &[])?;
    let sites = cluster.sites();
    Some((cluster, sites))
}

async fn alternate(cell: Cell) {
    let mut random = Random::seeded("alternate");
    let Some((cluster, sites)) = start(cell) else {
        return;
    };
    for turn in 0..sized(40, 4) {
        let length = 2_000 + random.below(200_000);
        let mut upload = Upload::begin(&sites[turn % 2], random.bytes(length)).await;
        for number in 0..4 + random.below(8) {
            let (site, other) = (&sites[number % 2], &sites[(number + 1) % 2]);
            let said = match turn % 3 {
                0 => true,
                1 => false,
                _ => random.below(2) == 0,
            };
            let left = length - upload.offset;
            let until = upload.offset + 2 + random.below(left / 2);
            upload.send(site, until, said).await;
            upload.check(other).await;
            if number == 2 {
                out_of_order(&upload, other).await;
                upload.check(site).await;
            }
            if number == 3 && turn % 2 == 0 {
                // What an upload still needs is not collected, however new it is.
                cluster.gc();
            }
        }
        upload.finish(&sites[turn % 2], &sites).await;
    }
}

/// Pieces that belong elsewhere change nothing, and neither does the wrong digest.
async fn out_of_order(upload: &Upload, site: &Site) {
    for start in [0, upload.offset - 1, upload.offset + 1] {
        let range = content_range(&(start..start + 10));
        let piece = oci::octets(Method::PATCH, upload.place.clone(), vec![7; 10].into());
        let answer = site.send(piece.header("content-range", range)).await;
        assert_eq!(answer.status, 416, "{start}: {answer}");
        assert_eq!(stands(&answer), upload.offset, "{answer}");
    }
    let end = oci::finish(&upload.place, &oci::digest(b"something else"));
    let answer = site.send(Request::new(Method::PUT, end)).await;
    assert_eq!(answer.status, 400, "{answer}");
    assert_eq!(oci::code(&answer), "DIGEST_INVALID", "{answer}");
}

/// Both servers get a piece for the same place at once: one is taken, whole. Then both get the end.
async fn race(cell: Cell) {
    let Some((_cluster, sites)) = start(cell) else {
        return;
    };
    let sites: Arc<[Site]> = sites.into();
    for turn in 0..sized(40, 5) {
        let of = |salt: u64| Random::new(turn * 10 + salt).bytes(40_000);
        let mut upload = Upload::begin(&sites[0], of(0)).await;
        upload.send(&sites[1], 10_000, true).await;
        let rivals: [Vec<u8>; 2] = [1, 2].map(|salt| [&of(0)[..10_000], &of(salt)].concat());
        let answers = together(2, |number| {
            let (site, mut rival) = (sites[number].clone(), upload.clone());
            rival.blob = rivals[number].clone().into();
            async move { site.send(rival.piece(30_000, true)).await }
        });
        let answers = answers.await;
        let mut statuses: Vec<_> = answers
            .iter()
            .map(|answer| answer.status.as_u16())
            .collect();
        let winner = usize::from(statuses[0] != 202);
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 416], "{}\n{}", answers[0], answers[1]);
        for answer in &answers {
            assert_eq!(stands(answer), 30_000, "{answer}");
        }
        upload.blob = rivals[winner].clone().into();
        upload.offset = 30_000;

        let answers = together(2, |number| {
            let (site, last) = (sites[number].clone(), upload.last());
            async move { site.send(last).await }
        });
        let answers = answers.await;
        let good = answers.iter().filter(|answer| answer.status == 201);
        assert!(good.count() > 0, "{}\n{}", answers[0], answers[1]);
        for answer in &answers {
            let fair = [201, 404, 416].contains(&answer.status.as_u16());
            assert!(fair, "{answer}");
        }
        check_blob(&sites, REPOSITORY, &upload.blob).await;
    }
}

/// The head of a request with a piece of which not all may come.
fn head(site: &Site, upload: &Upload, range: &Range<usize>, said: bool) -> String {
    let place = &upload.place;
    let token = site.token.as_deref().expect("the tester has one");
    let said = if said {
        format!("content-range: {}\r\n", content_range(range))
    } else {
        String::new()
    };
    format!(
        "PATCH {place} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/octet-stream\r\n{said}content-length: {}\r\n\r\n",
        site.authority(),
        range.len()
    )
}

/// Begins to send a piece, of which `sent` bytes go out.
async fn begun(site: &Site, upload: &Upload, until: usize, sent: usize, said: bool) -> Raw {
    let mut raw = Raw::open(site).await;
    let range = upload.offset..until;
    raw.write(head(site, upload, &range, said).as_bytes()).await;
    raw.write(&upload.blob[range.start..range.start + sent])
        .await;
    raw
}

/// A connection breaks off in the middle of a piece; the upload goes on on the other server.
async fn cut_off(cell: Cell) {
    let mut random = Random::seeded("cut off");
    let Some((_cluster, sites)) = start(cell) else {
        return;
    };
    for turn in 0..4 * sized(10, 1) {
        let (said, reset) = (turn % 2 == 0, turn % 4 < 2);
        let (here, there) = (&sites[turn % 2], &sites[(turn + 1) % 2]);
        let mut upload = Upload::begin(here, random.bytes(300_000)).await;
        upload.send(here, 10_000, said).await;
        let sent = 1 + random.below(200_000);
        let mut raw = begun(here, &upload, 290_000, sent, said).await;
        if reset {
            // Sometimes the server has read it, sometimes not.
            tokio::time::sleep(Duration::from_millis(random.below(20) as u64)).await;
            raw.abort();
            let stands = upload.ask(there).await;
            let most = if said { 10_000 } else { 10_000 + sent };
            assert!((10_000..=most).contains(&stands), "{stands}");
        } else {
            raw.finish().await;
            if let Some(answer) = raw.answer().await {
                assert!([400, 408].contains(&answer.status.as_u16()), "{answer}");
            }
            // Who said where its bytes belong has to send them again; who did not may go on.
            let kept = if said { 10_000 } else { 10_000 + sent };
            eventually("what came before the cut is there", async || {
                (upload.ask(there).await == kept).then_some(())
            })
            .await;
        }
        upload.resume(there).await;
        upload.finish(here, &sites).await;
    }
}

/// Where an upload can stand after a request whose answer may be lost.
enum Fate {
    Acknowledged,
    Unknown,
}

/// A server is killed in the middle of a piece, and another time in the middle of the end.
async fn kill(cell: Cell) {
    let mut random = Random::seeded("kill an upload's server");
    let Some((cluster, _)) = start(cell) else {
        return;
    };
    for turn in 0..sized(40, 3) {
        let victim = turn % 2;
        let (here, there) = (cluster.site_of(victim), cluster.site_of(1 - victim));
        let mut upload = Upload::begin(&here, random.bytes(300_000)).await;
        upload.send(&there, 10_000, turn % 2 == 0).await;
        upload.send(&here, 20_000, turn % 2 == 1).await;
        if turn % 3 == 0 {
            // Certainly not all of the piece has come.
            let raw = begun(&here, &upload, 290_000, 100_000, turn % 2 == 0).await;
            cluster.kill(victim);
            drop(raw);
            upload.check(&there).await;
        } else {
            let piece = upload.piece(200_000, turn % 2 == 0);
            let fate = die(&cluster, victim, piece, 202, &mut random).await;
            let stands = upload.ask(&there).await;
            let fair = match fate {
                Fate::Acknowledged => stands == 200_000,
                Fate::Unknown => [20_000, 200_000].contains(&stands),
            };
            assert!(fair, "{stands}");
        }
        cluster.gc();
        upload.resume(&there).await;
        cluster.restart(victim);
        let here = cluster.site_of(victim);
        upload.check(&here).await;
        let fate = die(&cluster, victim, upload.last(), 201, &mut random).await;
        let sites = [there];
        if let Fate::Unknown = fate {
            finish_again(&sites[0], &upload).await;
        }
        check_blob(&sites, REPOSITORY, &upload.blob).await;
        cluster.restart(victim);
        check_blob(&cluster.sites(), REPOSITORY, &upload.blob).await;
    }
}

/// Sends a request to a server that is killed meanwhile.
async fn die(
    cluster: &Cluster,
    victim: usize,
    request: Request,
    good: u16,
    random: &mut Random,
) -> Fate {
    let site = cluster.site_of(victim);
    let asked = tokio::spawn(async move { site.try_send(&request).await });
    let pause = Duration::from_micros(random.below(20_000) as u64);
    tokio::time::sleep(pause).await;
    cluster.kill(victim);
    match asked.await.unwrap() {
        Ok(answer) => {
            assert_eq!(answer.status, good, "{answer}");
            Fate::Acknowledged
        }
        Err(_) => Fate::Unknown,
    }
}

/// A client that had no answer to the end of an upload sends it again, and begins anew where the
/// upload is over.
async fn finish_again(site: &Site, upload: &Upload) {
    let again = site.send(upload.last()).await;
    println!("the end again: {}", again.status);
    if again.status == 201 {
        return;
    }
    assert_eq!(again.status, 404, "{again}");
    let anew = oci::upload(site, REPOSITORY, &upload.blob, Way::Patch).await;
    let anew = anew.unwrap();
    assert_eq!(anew.status, 201, "{anew}");
}

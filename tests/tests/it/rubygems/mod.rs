//! What is RubyGems' alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use registry_tests::rubygems::{self, RubyGems};
use registry_tests::{Cell, Cluster, Ecosystem, Request, Site, sized, together};

mod names {
    use super::*;

    registry_tests::cells!(differ_by_case);
}

mod index {
    use super::*;

    registry_tests::cells!(grows_at_its_end);
}

/// Many race to create gems whose names differ by case. One name wins, on all servers.
async fn differ_by_case(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, RubyGems::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    for race in 0..sized(10, 3) {
        let names = ["race", "Race", "RACE", "rAce"].map(|name| format!("{name}-{race}"));
        let outcomes = together(names.len(), |racer| {
            let (cluster, name) = (cluster.clone(), names[racer].clone());
            async move {
                let release = RubyGems.release(&name, "1.0.0", racer as u64);
                cluster.site().send(rubygems::push(&release.bytes)).await
            }
        })
        .await;
        let won: Vec<_> = (0..names.len())
            .filter(|racer| outcomes[*racer].status == 200)
            .collect();
        assert_eq!(won.len(), 1, "{outcomes:?}");
        for site in cluster.sites() {
            let listed = names_of(&site).await;
            let of_race = names.iter().filter(|name| listed.contains(*name));
            let of_race: Vec<_> = of_race.collect();
            assert_eq!(of_race, [&names[won[0]]], "{}", site.url);
        }
    }
}

async fn names_of(site: &Site) -> BTreeSet<String> {
    let answer = site.get("/rubygems/names").await.good();
    rubygems::text(&answer).lines().map(str::to_owned).collect()
}

/// Workers push gems and yank some, while a client follows the list of versions as Bundler does: it
/// fetches what is new behind what it has. What it has is always the beginning of what there is, on
/// whichever server, and in the end tells of every gem what its own file says.
async fn grows_at_its_end(cell: Cell) {
    let Some(cluster) = Cluster::start(cell, RubyGems::SCOPE, &[]) else {
        return;
    };
    let cluster = Arc::new(cluster);
    let (workers, each) = (8, sized(20, 4));
    let mut follower = Follower::default();
    let mut pushing = tokio::spawn({
        let cluster = cluster.clone();
        async move {
            together(workers, |worker| {
                let cluster = cluster.clone();
                async move {
                    let name = format!("grows-{}", worker / 2);
                    for number in 0..each {
                        let version = RubyGems.version(worker * each + number);
                        push_and_yank(&cluster.site(), &name, &version, number % 2 == 1).await;
                    }
                }
            })
            .await;
        }
    });
    loop {
        follower.update(&cluster.site()).await;
        if pushing.is_finished() {
            (&mut pushing).await.unwrap();
            break;
        }
    }
    for site in cluster.sites() {
        follower.update(&site).await;
        let whole = site.get("/rubygems/versions").await.good();
        assert_eq!(rubygems::text(&whole), follower.text, "{}", site.url);
    }
    assert!(follower.parts > 0, "nothing came in parts");
    for gem in 0..workers / 2 {
        let name = format!("grows-{gem}");
        let line = follower
            .text
            .lines()
            .rfind(|line| line.starts_with(&format!("{name} ")));
        let digest = line.unwrap().rsplit(' ').next().unwrap().to_owned();
        for site in cluster.sites() {
            let info = site.get(format!("/rubygems/info/{name}")).await.good();
            assert_eq!(info.header("etag"), format!("\"{digest}\""), "{}", site.url);
            let listed = rubygems::text(&info).lines().count() - 1;
            assert_eq!(listed, each, "{}", site.url);
        }
    }
}

async fn push_and_yank(site: &Site, name: &str, version: &str, yanked: bool) {
    let release = RubyGems.release(name, version, 1);
    let outcome = RubyGems.publish(site, &release).await;
    assert!(outcome.is_acknowledged(), "{outcome:?}");
    if yanked {
        site.send(rubygems::yank(name, version, true)).await.good();
    }
}

/// A client's copy of the list of versions.
#[derive(Default)]
struct Follower {
    text: String,
    /// How often it got a part of it.
    parts: usize,
}

impl Follower {
    async fn update(&mut self, site: &Site) {
        let request = Request::get("/rubygems/versions");
        if self.text.is_empty() {
            self.text = rubygems::text(&site.send(request).await.good());
            return;
        }
        // The last byte again, so that there is always something to send.
        let last = self.text.len() - 1;
        let answer = site
            .send(request.header("range", format!("bytes={last}-")))
            .await;
        assert_eq!(answer.status, 206, "{}: {answer}", site.url);
        let part = rubygems::text(&answer);
        let new = part.strip_prefix('\n').expect("it goes on where it was");
        assert!(new.is_empty() || new.ends_with('\n'), "{new:?}");
        self.text += new;
        self.parts += 1;
    }
}

//! What bad input gets over a real connection, where protocols are alike: an answer that clients can show,
//! and nothing stored.

use std::path::PathBuf;

use registry_tests::random::Random;
use registry_tests::raw::Raw;
use registry_tests::{
    Answer, Cell, Cluster, Ecosystem, Kind, Listing, Release, Request, Settings, Site, sized,
};

use crate::snapshot::{self, Files};

/// A server on a directory with one package, and what lies there.
pub(crate) struct Table<E> {
    of: E,
    package: String,
    cluster: Cluster,
    files: Files,
    is_shown: fn(&Answer) -> bool,
}

impl<E: Ecosystem> Table<E> {
    /// Of refusals, `is_shown` says whether clients show them.
    pub(crate) async fn start(
        of: E,
        settings: Settings<'_>,
        is_shown: fn(&Answer) -> bool,
    ) -> Self {
        let cell = Cell {
            kind: Kind::Directory,
            replicas: 1,
        };
        let cluster = Cluster::start(cell, E::SCOPE, settings).expect("there are directories");
        let mut table = Self {
            package: of.package("bad"),
            of,
            cluster,
            files: Files::default(),
            is_shown,
        };
        table.published(&table.release("1.0", 1)).await;
        table.files = snapshot::files(&table.storage());
        table
    }

    fn storage(&self) -> PathBuf {
        let directory = self.cluster.place.directory.clone();
        directory.expect("the storage is a directory")
    }

    pub(crate) fn site(&self) -> Site {
        self.cluster.site()
    }

    /// A release of the package.
    pub(crate) fn release(&self, version: &str, salt: u64) -> Release {
        self.of.release(&self.package, version, salt)
    }

    async fn published(&self, release: &Release) {
        let outcome = self.of.publish(&self.site(), release).await;
        assert!(outcome.is_acknowledged(), "{outcome:?}");
    }

    /// The refusal is one that clients show, and nothing is left of what was refused.
    pub(crate) async fn refused(&self, what: &str, answer: &Answer, statuses: &[u16]) {
        let status = answer.status.as_u16();
        assert!(
            statuses.contains(&status),
            "{what}: {answer}, and not {statuses:?}"
        );
        assert!((self.is_shown)(answer), "{what}: {answer}");
        // Any other, however alike, and some do not show the message.
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        self.nothing_stored(what).await;
    }

    async fn nothing_stored(&self, what: &str) {
        let settled = snapshot::settled(&self.storage(), &self.files).await;
        settled.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    }

    /// What is got at some addresses is refused.
    pub(crate) async fn not_got(&self, addresses: &[(&str, u16)]) {
        for (path, status) in addresses {
            let answer = self.site().get(*path).await;
            self.refused(path, &answer, &[*status]).await;
        }
    }

    /// What breaks off anywhere leaves nothing, and can be published after that.
    pub(crate) async fn breaks_off(&self, publish: fn(&Release) -> Request) {
        let release = self.release("1.1", 2);
        let request = publish(&release);
        let length = format!("content-length: {}", request.content().len());
        let whole = request.written(&self.site(), &length);
        let mut random = Random::seeded("what breaks off");
        for turn in 0..sized(60, 12) {
            let cut = random.below(whole.len() - 1) + 1;
            let what = format!("cut at {cut}");
            if turn % 2 == 0 {
                let mut raw = Raw::open(&self.site()).await;
                raw.write(&whole[..cut]).await;
                raw.abort();
                self.nothing_stored(&what).await;
            } else {
                self.ends(&what, &whole[..cut]).await;
            }
        }
        // Chunks that are none.
        let chunked = request.written(&self.site(), "transfer-encoding: chunked");
        self.ends("chunks", &chunked).await;
        self.published(&release).await;
    }

    /// After these bytes nothing comes any more.
    async fn ends(&self, what: &str, bytes: &[u8]) {
        let mut raw = Raw::open(&self.site()).await;
        raw.write(bytes).await;
        raw.finish().await;
        if let Some(answer) = raw.answer().await {
            assert!(answer.status.is_client_error(), "{what}: {answer}");
        }
        self.nothing_stored(what).await;
    }

    /// What was altered in one bit is refused, or it makes no difference: what then is listed is as
    /// `is_right` says, which is told what was to be published and the body as it was sent.
    pub(crate) async fn altered(
        &mut self,
        publish: fn(&Release) -> Request,
        statuses: &[u16],
        is_right: fn(&Listing, &Release, &[u8]) -> bool,
    ) {
        let mut random = Random::seeded("what was altered");
        for turn in 0..sized(2000, 200) {
            let release = self.release(&format!("2.{turn}"), turn as u64);
            let request = publish(&release);
            let mut body = request.content().to_vec();
            let at = random.below(body.len());
            body[at] ^= 1 << random.below(8);
            let answer = self.site().send(request.body(body.clone())).await;
            let what = format!("turn {turn}, byte {at}");
            if answer.status.is_success() {
                let listing = self.of.listing(&self.site(), &self.package).await.unwrap();
                assert!(is_right(&listing, &release, &body), "{what}");
                self.files = snapshot::files(&self.storage());
            } else {
                self.refused(&what, &answer, statuses).await;
            }
        }
    }
}

//! What bad input gets: an error that npm can show, the right status, and nothing stored.

mod credentials;
mod documents;
mod put_back;
mod raw;
mod routes;
mod tarballs;

use std::cell::{Cell as Counter, RefCell};

use registry_tests::npm::{self, Npm};
use registry_tests::{Answer, Cell, Cluster, Ecosystem, Kind, Request, Settings, Site};
use serde_json::Value;

use crate::snapshot::{self, Files};

/// A server on a directory, what lies in that, and what was found to be wrong.
struct Table {
    cluster: Cluster,
    site: Site,
    files: RefCell<Files>,
    count: Counter<usize>,
    faults: RefCell<Vec<String>>,
}

/// A change to a document, by what it is.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Value));

/// Any refusal that is the client's fault.
const REFUSED: &[u16] = &[400, 403, 404, 405, 409, 413, 422];

impl Table {
    fn start(settings: Settings<'_>) -> Self {
        let cell = Cell {
            kind: Kind::Directory,
            replicas: 1,
        };
        let cluster = Cluster::start(cell, Npm::SCOPE, settings).expect("there are directories");
        let table = Self {
            site: cluster.site(),
            cluster,
            files: RefCell::default(),
            count: Counter::new(0),
            faults: RefCell::default(),
        };
        table.look();
        table
    }

    /// A name that no case had before.
    fn name(&self) -> String {
        self.count.set(self.count.get() + 1);
        format!("bad-{}", self.count.get())
    }

    /// Takes what lies there for what should.
    fn look(&self) {
        *self.files.borrow_mut() = snapshot::files(self.storage());
    }

    fn storage(&self) -> &std::path::Path {
        let directory = self.cluster.place.directory.as_deref();
        directory.expect("the storage is a directory")
    }

    /// Notes what is wrong with a case.
    fn fault(&self, what: &str, fault: impl std::fmt::Display) {
        self.faults.borrow_mut().push(format!("{what}: {fault}"));
    }

    /// Publishes something good.
    async fn publish(&self, package: &str, version: &str) {
        let release = Npm.release(package, version, 0);
        let outcome = Npm.publish(&self.site, &release).await;
        assert!(
            outcome.is_acknowledged(),
            "{package} {version}: {outcome:?}"
        );
        self.look();
    }

    /// Sends a request that must be refused with one of `statuses` and leave nothing.
    async fn refused(&self, what: &str, site: &Site, request: Request, statuses: &[u16]) {
        match site.try_send(&request).await {
            Ok(answer) => self.judge(what, &answer, statuses),
            Err(lost) => self.fault(what, lost),
        }
        self.nothing_stored(what).await;
    }

    /// Whether a refusal is one that npm can show.
    fn judge(&self, what: &str, answer: &Answer, statuses: &[u16]) {
        let status = answer.status.as_u16();
        if !statuses.contains(&status) {
            self.fault(what, format!("{answer}, and not {statuses:?}"));
            return;
        }
        let json = answer
            .header("content-type")
            .starts_with("application/json");
        let error = answer.json();
        let error = error["error"].as_str().unwrap_or_default();
        if !json || error.len() < 3 {
            self.fault(what, format!("nothing to show in {answer}"));
        }
        if status == 401 && !answer.header("www-authenticate").contains("Bearer") {
            self.fault(what, "401 without a challenge");
        }
        if status == 405 && answer.header("allow").is_empty() {
            self.fault(what, "405 without Allow");
        }
    }

    async fn nothing_stored(&self, what: &str) {
        let files = self.files.borrow().clone();
        if let Err(fault) = snapshot::settled(self.storage(), &files).await {
            self.fault(what, fault);
            self.look();
        }
    }

    /// A publish of a package of its own, after `change`, must be refused.
    async fn bad_publish(
        &self,
        what: &str,
        statuses: &[u16],
        change: impl FnOnce(&mut Value, &str),
    ) {
        let name = self.name();
        let mut document = good(&name, "1.0.0");
        change(&mut document, &name);
        let put = Request::put(npm::path(&name), &document);
        self.refused(what, &self.site, put, statuses).await;
        let answer = self.site.get(npm::path(&name)).await;
        if answer.status != 404 {
            self.fault(what, format!("then there is {answer}"));
        }
    }

    /// Fails if anything was wrong.
    fn finish(self) {
        let faults = self.faults.into_inner();
        assert!(
            faults.is_empty(),
            "{} cases are wrong:\n{}",
            faults.len(),
            faults.join("\n")
        );
    }
}

/// What `npm publish` would put.
fn good(name: &str, version: &str) -> Value {
    npm::document(name, version, &[], &npm::pack(name, version, 0, 600))
}

/// The only attachment of a document.
fn attachment(document: &mut Value) -> &mut Value {
    let attachments = document["_attachments"].as_object_mut().unwrap();
    attachments.values_mut().next().unwrap()
}

/// A segment of a path with everything encoded that could mean something.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    let encode = |byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

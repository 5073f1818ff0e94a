//! One or several servers on one storage, and who may use them.

use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::block_in_place;

use crate::client::{Client, Site};
use crate::place::{Cell, Place};
use crate::server::{self, Server};

/// Configuration, as `REGISTRY_*` variables.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// The user of [`Cluster::site`]'s token, and its password.
pub const USER: (&str, &str) = ("tester", "the tester's pass phrase");

/// Servers that share a storage. They end with this value.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<RwLock<Option<Server>>>,
    settings: Vec<(String, String)>,
    client: Client,
    token: String,
    next: AtomicUsize,
    /// Where the state is. Goes after the servers.
    pub place: Place,
}

impl Cluster {
    /// Starts the servers of a cell, and makes a user who holds a token of `scope`; none where this
    /// machine has no such storage.
    pub fn start(cell: Cell, scope: &str, settings: Settings<'_>) -> Option<Self> {
        let place = Place::new(cell.kind)?;
        Some(Self::over(place, cell.replicas, scope, settings))
    }

    /// Starts servers over a storage.
    ///
    /// # Panics
    /// When one does not start.
    pub fn over(place: Place, replicas: usize, scope: &str, settings: Settings<'_>) -> Self {
        let settings = settings.iter();
        let settings = settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut cluster = Self {
            servers: (0..replicas).map(|_| RwLock::new(None)).collect(),
            settings: settings.collect(),
            client: Client::default(),
            token: String::new(),
            next: AtomicUsize::new(0),
            place,
        };
        for number in 0..replicas {
            cluster.restart(number);
        }
        cluster.add_user(USER.0, USER.1);
        cluster.token = cluster.token(USER.0, scope, &[]);
        cluster
    }

    /// How many servers there are, running or not.
    pub fn replicas(&self) -> usize {
        self.servers.len()
    }

    /// Runs a subcommand on the servers' storage; what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, arguments: &[&str]) -> String {
        block_in_place(|| server::run(&self.place, arguments, ""))
    }

    /// Deletes what nothing names, however new; what was printed.
    pub fn gc(&self) -> String {
        self.run(&["gc", "--grace", "0s"])
    }

    /// Verifies the storage; the exit code, and what was printed.
    pub fn verify(&self) -> (Option<i32>, String) {
        let ended = block_in_place(|| server::try_run(&self.place, &["verify"], ""));
        (ended.code, ended.printed)
    }

    /// Makes a user by the command line.
    pub fn add_user(&self, name: &str, password: &str) {
        let input = format!("{password}\n");
        block_in_place(|| server::run(&self.place, &["user", "add", name], &input));
    }

    /// Makes a token by the command line.
    ///
    /// # Panics
    /// When it prints anything but a token.
    pub fn token(&self, user: &str, scope: &str, more: &[&str]) -> String {
        let arguments = ["token", "create", "--user", user, "--scope", scope];
        let arguments = [&arguments, more].concat();
        let printed = block_in_place(|| server::run(&self.place, &arguments, ""));
        let token = printed.trim();
        let alone = token.starts_with("reg_") && !token.contains(char::is_whitespace);
        assert!(alone, "`token create` printed {printed:?}");
        token.to_owned()
    }

    /// One of the servers, asked by the tester; none while it is down.
    ///
    /// # Panics
    /// Never, unless another test panicked meanwhile.
    pub fn try_site(&self, number: usize) -> Option<Site> {
        let server = self.servers[number].read().unwrap();
        let site = Site::new(&self.client, &server.as_ref()?.url);
        Some(site.with(&self.token))
    }

    /// One of the servers, asked by the tester.
    ///
    /// # Panics
    /// When it is down.
    pub fn site_of(&self, number: usize) -> Site {
        self.try_site(number).expect("the server runs")
    }

    /// Each of the servers, asked by the tester.
    pub fn sites(&self) -> Vec<Site> {
        (0..self.replicas())
            .map(|number| self.site_of(number))
            .collect()
    }

    /// The next running server in turn, asked by the tester; none when all are down.
    pub fn try_next(&self) -> Option<Site> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let numbers = start..start + self.replicas();
        numbers
            .map(|number| number % self.replicas())
            .find_map(|number| self.try_site(number))
    }

    /// The next running server in turn, asked by the tester.
    ///
    /// # Panics
    /// When all are down.
    pub fn site(&self) -> Site {
        self.try_next().expect("a server runs")
    }

    /// Kills a server as `kill -9` does.
    ///
    /// # Panics
    /// When it is down already.
    pub fn kill(&self, number: usize) {
        let server = self.servers[number].write().unwrap().take();
        block_in_place(|| server.expect("the server runs").kill());
    }

    /// Starts a server that is down.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&self, number: usize) {
        let name = format!("server-{number}");
        let server = block_in_place(|| Server::start(&self.place, &name, &self.settings));
        *self.servers[number].write().unwrap() = Some(server);
    }
}

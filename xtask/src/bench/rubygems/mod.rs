//! Reading the compact index, and pushing, against nginx on the same bytes and the bare disk.

mod gem;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::load::{self, Outcome};
use super::memory::{self, Sampler};
use super::report::{Report, Target, median, millis};
use super::{Bench, Protocol};
use crate::http::{Connection, Counter};
use crate::server::{self, Server};
use gem::{Gem, PUSH, TYPE};

/// What is measured of RubyGems.
pub(super) const BENCHES: Protocol = Protocol {
    name: "rubygems",
    tools: &["nginx", "wrk"],
    benches: &[
        ("read", read),
        ("publish", publish),
        ("scale", scale),
        ("memory", memory),
    ],
};

const ROUNDS: usize = 3;
const GEM: &str = "measured";
const VERSIONS: &str = "/rubygems/versions";
const NONE: &[(&str, &str)] = &[];
const GZIP: (&str, &str) = ("accept-encoding", "gzip");
/// The bytes of a gem that is large.
const LARGE: u64 = 200_000_000;

/// Our server, with a token to push.
struct Subject {
    server: Server,
    token: String,
}

impl Subject {
    fn new(bench: &Bench, name: &str) -> Result<Self> {
        if bench.peer {
            bail!("no peer is known for RubyGems");
        }
        let (_, server, token) = bench.ours(name, "rubygems:gem:*:write")?;
        Ok(Self { server, token })
    }

    /// Pushes gems by some workers at once.
    fn push(
        &self,
        workers: usize,
        count: usize,
        gem: &(dyn Fn(usize) -> Gem + Sync),
    ) -> Result<Outcome> {
        let make = |number: usize| gem(number).job();
        let outcome = load::publish(self.server.port, &self.token, workers, count, &make)?;
        ensure!(
            outcome.failures.is_empty(),
            "a push failed: {}\n{}",
            outcome.failures[0],
            self.server.log_tail()
        );
        Ok(outcome)
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<crate::http::Response> {
        let answer = Connection::new(self.server.port).get(path, headers)?;
        answer.successful(path)
    }
}

/// The file of a gem of 100 versions, and the list of the versions of 2,000 gems: whole, and where
/// the client has it.
fn read(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "read")?;
    ours.push(1, 100, &|number| Gem::new(GEM, format!("1.{number}.0")))?;
    ours.push(16, 2000, &|number| {
        Gem::new(format!("other-{number}"), "1.0.0")
    })?;
    let info = format!("/rubygems/info/{GEM}");
    for (what, path, file) in [
        ("info of 100 versions", &*info, "info"),
        ("versions of 2,000 gems", VERSIONS, "versions"),
    ] {
        let nginx = same_bytes(bench, &ours, path, file)?;
        let urls = [
            (format!("{}{path}", ours.server.url()), &ours.server),
            (format!("{}/{file}", nginx.url()), &nginx),
        ];
        for (form, headers, known) in [
            ("identity", NONE, false),
            ("gzip", &[GZIP], false),
            ("not modified", NONE, true),
        ] {
            let mut rates = [const { Vec::new() }; 2];
            for _ in 0..ROUNDS {
                for (rates, (url, server)) in rates.iter_mut().zip(&urls) {
                    let tag = if known {
                        tag(url, server)?
                    } else {
                        String::new()
                    };
                    let more = [("if-none-match", &*tag)];
                    let more = if known { &more[..] } else { &[] };
                    let seconds = if bench.full { 10 } else { 4 };
                    rates.push(load::wrk(url, &[headers, more].concat(), None, seconds)?);
                }
            }
            let [ours, nginx] = &rates;
            let measure = format!("{what}, {form}");
            report.compare(
                &measure,
                "/s",
                ours,
                ("nginx", nginx),
                &Target::AtLeast(0.5),
            );
        }
    }
    Ok(())
}

/// The entity tag of what a server answers.
fn tag(url: &str, server: &Server) -> Result<String> {
    let path = url.strip_prefix(&server.url()).context("another server")?;
    let mut connection = Connection::new(server.port);
    let answer = connection.get(path, &[])?.successful(path)?;
    let tag = answer.header("etag").context("no entity tag")?.to_owned();
    let again = connection.get(path, &[("if-none-match", &tag)])?;
    ensure!(again.status == 304, "{path} is answered {}", again.status);
    Ok(tag)
}

/// nginx over the very bytes that we serve, plain and compressed.
fn same_bytes(bench: &Bench, ours: &Subject, path: &str, file: &str) -> Result<Server> {
    let folder = bench.folder.join(format!("rubygems-nginx-{file}"));
    fs::create_dir_all(folder.join("files"))?;
    for (headers, file) in [(NONE, file.to_owned()), (&[GZIP], format!("{file}.gz"))] {
        let answer = ours.get(path, headers)?;
        let encoded = answer.header("content-encoding") == Some("gzip");
        ensure!(
            encoded == file.ends_with(".gz"),
            "{headers:?} was not heeded"
        );
        println!("    {file}: {} bytes", answer.body.len());
        fs::write(folder.join("files").join(file), answer.body)?;
    }
    server::nginx(&folder, &format!("/{file}"), "text/plain").context("nginx")
}

/// Pushing with 16 workers: versions of one gem, and new gems.
fn publish(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "publish")?;
    let folder = bench.folder.join("ceiling");
    let ceiling = || load::durable_writes(&folder, Duration::from_millis(1500));
    for (measure, single) in [
        ("push to one gem, 16 workers", true),
        ("push of 200 gems, 16 workers", false),
    ] {
        let (mut rates, mut ceilings) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let before = ceiling()?;
            let outcome = ours.push(16, 200, &|number| match single {
                true => Gem::new(format!("hot-{round}"), format!("1.{number}")),
                false => Gem::new(format!("many-{round}-{number}"), "1.0"),
            })?;
            rates.push(outcome.rate());
            ceilings.push(f64::midpoint(before, ceiling()?));
            if single {
                let info = ours.get(&format!("/rubygems/info/hot-{round}"), &[])?;
                let listed = info.text().lines().count() - 1;
                ensure!(listed == 200, "200 were acknowledged, {listed} are listed");
            }
        }
        let writes = ("durable writes", ceilings.as_slice());
        report.compare(measure, "/s", &rates, writes, &Target::None);
    }
    Ok(())
}

/// What does not grow with the number of gems: a push, and what a client fetches after one.
fn scale(bench: &Bench, report: &mut Report) -> Result<()> {
    let many = if bench.full { 50_000 } else { 5_000 };
    let both = [filled(bench, 10)?, filled(bench, many)?];
    let (mut pushes, mut updates) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    let (mut fetched, mut lines) = (0, 0);
    // What else the disk does changes from one minute to the next: the two take turns.
    for round in 0..5 {
        for (subject, (pushes, updates)) in both.iter().zip(pushes.iter_mut().zip(&mut updates)) {
            let outcome = subject.push(1, 50, &|number| {
                Gem::new(
                    format!("scale-{:06}", number % 10),
                    format!("2.{round}.{number}"),
                )
            })?;
            pushes.push(median(&millis(&outcome.latencies)));
            let (time, bytes, new) = update(subject, round)?;
            updates.push(time);
            fetched += bytes;
            lines += new;
        }
    }
    let measure = format!("push, median, {many} gems");
    let peer = ("10 gems", pushes[0].as_slice());
    report.compare(&measure, "ms", &pushes[1], peer, &Target::AtMost(1.25));
    let measure = format!("update of /versions after a push, {many} gems");
    let peer = ("10 gems", updates[0].as_slice());
    report.compare(&measure, "ms", &updates[1], peer, &Target::None);
    // The last byte that the client has is sent again each time.
    let beside = fetched as f64 - lines as f64 - 10.0;
    report.add(
        "bytes of an update beside what is new",
        "B",
        beside,
        None,
        &Target::AtMost(0.0),
    );
    Ok(())
}

/// A server over so many gems.
fn filled(bench: &Bench, gems: usize) -> Result<Subject> {
    let ours = Subject::new(bench, &format!("scale-{gems}"))?;
    let outcome = ours.push(24, gems, &|number| {
        Gem::new(format!("scale-{number:06}"), "1.0.0")
    })?;
    println!("    {gems} gems made at {:.0}/s", outcome.rate());
    Ok(ours)
}

/// What a client that had all fetches after a push: how long that takes, in milliseconds, how many
/// bytes come, and how many are new.
fn update(subject: &Subject, round: usize) -> Result<(f64, usize, usize)> {
    let before = subject.get(VERSIONS, &[])?.body.len();
    subject.push(1, 1, &|_| Gem::new("scale-000001", format!("3.{round}")))?;
    let range = format!("bytes={}-", before - 1);
    let mut connection = Connection::new(subject.server.port);
    let start = Instant::now();
    let answer = connection.get(VERSIONS, &[("range", &range)])?;
    let elapsed = start.elapsed();
    ensure!(answer.status == 206, "{}: {}", answer.status, answer.text());
    let after = subject.get(VERSIONS, &[])?.body.len();
    Ok((
        elapsed.as_secs_f64() * 1000.0,
        answer.body.len(),
        after - before,
    ))
}

/// While a gem of 200 MB is pushed and fetched.
fn memory(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "memory")?;
    let gem = Gem::new("large", "1.0.0");
    let (mut body, length) = gem.file(LARGE, &bench.folder)?;
    // A start leaves garbage behind, which is not what a server at rest holds.
    thread::sleep(Duration::from_secs(2));
    let pid = ours.server.pid();
    let idle = memory::now(pid)?.own;
    let mut connection = Connection::new(ours.server.port);
    let headers = [("authorization", &*ours.token), ("content-type", TYPE)];
    let sampler = Sampler::start(pid);
    let answer = connection.send_file("POST", PUSH, &headers, &mut body)?;
    answer.successful("the push of 200 MB")?;
    let push = sampler.peak()?.own - idle;
    let sampler = Sampler::start(pid);
    let mut received = Counter::default();
    connection.download(&gem.download(), &[], &mut received)?;
    let fetch = sampler.peak()?.own - idle;
    let count = received.0;
    ensure!(count == length, "{count} of {length} bytes came back");
    for (what, held) in [("push", push), ("fetch", fetch)] {
        let measure = format!("{what} a gem of 200 MB, above idle");
        report.add(&measure, "MB", held, None, &Target::AtMost(64.0));
    }
    Ok(())
}

//! Reading metadata, against nginx on the same bytes; publishing, against the bare disk; and a large
//! file.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::load::{self, Job, Outcome};
use super::memory::{self, Sampler};
use super::report::{Report, Target, median};
use super::{Bench, Protocol};
use crate::http::{Connection, Counter};
use crate::random::Random;
use crate::server::{self, Server};

/// What is measured of Maven.
pub(super) const BENCHES: Protocol = Protocol {
    name: "maven",
    tools: &["nginx", "wrk"],
    benches: &[("read", read), ("publish", publish), ("memory", memory)],
};

const ROUNDS: usize = 3;
const SCOPE: &str = "maven:artifact:org.acme:*:write";
const FOLDER: &str = "/maven/org/acme";
/// What nginx calls the files that it serves.
const SERVED: &str = "/served";

/// Our server, with a token to publish.
struct Subject {
    server: Server,
    token: String,
}

/// A file to put.
struct Put {
    path: String,
    bytes: Vec<u8>,
}

impl Put {
    /// A jar of 1 KiB.
    fn jar(artifact: &str, version: &str) -> Self {
        let path = format!("{FOLDER}/{artifact}/{version}/{artifact}-{version}.jar");
        let mut bytes = Vec::new();
        // Reading from memory does not fail.
        let _ = Random::new(&path).take(1024).read_to_end(&mut bytes);
        Self { path, bytes }
    }

    /// The POM that goes with it.
    fn pom(artifact: &str, version: &str) -> Self {
        let path = format!("{FOLDER}/{artifact}/{version}/{artifact}-{version}.pom");
        let text = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>org.acme</groupId>\
             <artifactId>{artifact}</artifactId><version>{version}</version></project>"
        );
        let bytes = text.into_bytes();
        Self { path, bytes }
    }
}

impl Subject {
    fn new(bench: &Bench, name: &str) -> Result<Self> {
        let (_, server, token) = bench.ours(name, SCOPE)?;
        let token = format!("Bearer {token}");
        Ok(Self { server, token })
    }

    /// Puts files by some workers at once.
    fn put(&self, workers: usize, files: &[Put]) -> Result<Outcome> {
        let make = |number: usize| {
            let file: &Put = &files[number];
            Ok(Job {
                method: "PUT",
                content_type: "application/octet-stream".to_owned(),
                path: file.path.clone(),
                body: file.bytes.clone().into(),
            })
        };
        let outcome = load::publish(self.server.port, &self.token, workers, files.len(), &make)?;
        ensure!(
            outcome.failures.is_empty(),
            "a PUT failed: {}\n{}",
            outcome.failures[0],
            self.server.log_tail()
        );
        Ok(outcome)
    }
}

/// The metadata of an artifact with 100 versions, of a snapshot with 20 builds, and a POM, over 32
/// connections: whole, and where the client has it.
fn read(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "read")?;
    let versions: Vec<_> = (0..100).map(|number| format!("1.{number}.0")).collect();
    let jars = versions.iter().map(|version| Put::jar("lib", version));
    ours.put(1, &jars.collect::<Vec<_>>())?;
    let builds = (1..=20).map(|number| {
        let mut jar = Put::jar("lib", &format!("2.0-20261123.0018{number:02}-{number}"));
        jar.path = jar.path.replacen(
            &format!("/2.0-20261123.0018{number:02}-{number}/"),
            "/2.0-SNAPSHOT/",
            1,
        );
        jar
    });
    ours.put(1, &builds.collect::<Vec<_>>())?;
    ours.put(1, &[Put::pom("lib", "1.0.0")])?;
    for (what, path) in [
        ("metadata of 100 versions", "lib/maven-metadata.xml"),
        ("its checksum", "lib/maven-metadata.xml.sha1"),
        (
            "metadata of a snapshot",
            "lib/2.0-SNAPSHOT/maven-metadata.xml",
        ),
        ("a POM", "lib/1.0.0/lib-1.0.0.pom"),
    ] {
        compare(
            bench,
            report,
            &ours.server,
            what,
            &format!("{FOLDER}/{path}"),
        )?;
    }
    Ok(())
}

fn compare(
    bench: &Bench,
    report: &mut Report,
    ours: &Server,
    what: &str,
    path: &str,
) -> Result<()> {
    let answer = Connection::new(ours.port)
        .get(path, &[])?
        .successful(path)?;
    println!("    {what}: {} bytes", answer.body.len());
    let tag = answer.header("etag").context("no entity tag")?.to_owned();
    let folder = bench
        .folder
        .join(format!("nginx-{}", what.replace(' ', "-")));
    fs::create_dir_all(folder.join("files"))?;
    fs::write(
        folder.join("files").join(SERVED.trim_start_matches('/')),
        &answer.body,
    )?;
    let kind = answer.header("content-type").unwrap_or("text/plain");
    let nginx = server::nginx(&folder, SERVED, kind).context("nginx")?;
    let known = Connection::new(nginx.port).get(SERVED, &[])?;
    let known = known
        .header("etag")
        .context("nginx has no entity tag")?
        .to_owned();
    let sides = [
        (format!("{}{path}", ours.url()), tag),
        (format!("{}{SERVED}", nginx.url()), known),
    ];
    let seconds = if bench.full { 10 } else { 4 };
    for again in [false, true] {
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for (rates, (url, tag)) in rates.iter_mut().zip(&sides) {
                let headers = [("if-none-match", tag.as_str())];
                let headers = if again { &headers[..] } else { &[] };
                rates.push(load::wrk(url, headers, None, seconds)?);
            }
        }
        let [ours, nginx] = &rates;
        let measure = format!("{what}{}", if again { ", not modified" } else { "" });
        let target = Target::AtLeast(0.5);
        report.compare(&measure, "/s", ours, ("nginx", nginx), &target);
    }
    Ok(())
}

/// Putting jars with 16 workers: versions of one artifact, and of many; beside what the disk allows.
fn publish(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "publish")?;
    let folder = bench.folder.join("ceiling");
    let ceiling = || load::durable_writes(&folder, Duration::from_millis(1500));
    for (what, hot) in [("one artifact", true), ("200 artifacts", false)] {
        let (mut rates, mut ceilings) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let jar = |number: usize| match hot {
                true => Put::jar(&format!("hot-{round}"), &format!("1.0.{number}")),
                false => Put::jar(&format!("many-{round}-{number}"), "1.0"),
            };
            let jars: Vec<_> = (0..200).map(jar).collect();
            let before = ceiling()?;
            rates.push(ours.put(16, &jars)?.rate());
            // A put is three durable writes: the bytes, the document, and the log.
            ceilings.push(f64::midpoint(before, ceiling()?) / 3.0);
        }
        println!("    {what}: {:.0}/s", median(&rates));
        let measure = format!("put 200 jars of {what}, 16 workers");
        let peer = ("ceiling/3", ceilings.as_slice());
        report.compare(&measure, "/s", &rates, peer, &Target::None);
    }
    Ok(())
}

/// While a jar of 1 GiB, or a quarter of that in a short run, is put and fetched.
fn memory(bench: &Bench, report: &mut Report) -> Result<()> {
    let ours = Subject::new(bench, "memory")?;
    let mebibytes: u64 = if bench.full { 1024 } else { 256 };
    let mut jar = Put::jar("large", "1.0");
    jar.bytes.clear();
    let mut file = File::options()
        .create_new(true)
        .read(true)
        .write(true)
        .open(bench.folder.join("large.jar"))?;
    io::copy(&mut Random::new("large").take(mebibytes << 20), &mut file)?;
    file.rewind()?;
    // A start leaves garbage behind, which is not what a server at rest holds.
    thread::sleep(Duration::from_secs(2));
    let pid = ours.server.pid();
    let idle = memory::now(pid)?.own;
    let mut connection = Connection::new(ours.server.port);
    let headers = [("authorization", &*ours.token)];
    let sampler = Sampler::start(pid);
    let answer = connection.send_file("PUT", &jar.path, &headers, &mut file)?;
    answer.successful("the put of a large jar")?;
    let put = sampler.peak()?.own - idle;
    let sampler = Sampler::start(pid);
    let mut received = Counter::default();
    connection.download(&jar.path, &[], &mut received)?;
    let get = sampler.peak()?.own - idle;
    let count = received.0;
    ensure!(count == mebibytes << 20, "{count} bytes came back");
    for (what, held) in [("put", put), ("get", get)] {
        let measure = format!("{what} a jar of {mebibytes} MiB, above idle");
        report.add(&measure, "MB", held, None, &Target::AtMost(64.0));
    }
    Ok(())
}

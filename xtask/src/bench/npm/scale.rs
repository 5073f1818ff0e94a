//! What does not grow with the number of packages: a publish, a search, a start.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::super::Bench;
use super::super::memory;
use super::super::report::{Report, Target, median, millis, quantile};
use super::package::Release;
use super::subject::Subject;
use crate::http::Connection;

/// A server over some number of packages, and what was measured of it alone.
struct Measured {
    subject: Subject,
    search: Vec<f64>,
    start: f64,
    idle: f64,
    searched: f64,
    /// The median and the 99th percentile of each round of publishes.
    publish: [Vec<f64>; 2],
}

/// The same with 10 packages and with very many.
pub(super) fn scale(bench: &Bench, report: &mut Report) -> Result<()> {
    let many = match (bench.peer, bench.full) {
        (true, _) => 100,
        (false, false) => 5_000,
        (false, true) => 100_000,
    };
    let mut both = [measure(bench, 10)?, measure(bench, many)?];
    // What else the disk does changes from one minute to the next: the two take turns.
    for round in 0..5 {
        for measured in &mut both {
            let publish = publish(&measured.subject, round)?;
            measured.publish[0].push(median(&publish));
            measured.publish[1].push(quantile(&publish, 0.99));
        }
    }
    let [few, all] = &both;
    for (part, name, target) in [
        (0, "median", Target::AtMost(1.25)),
        (1, "p99", Target::None),
    ] {
        let measure = format!("publish, {name}, {many} packages");
        let peer = ("10 packages", few.publish[part].as_slice());
        report.compare(&measure, "ms", &all.publish[part], peer, &target);
    }
    type Of = fn(&Measured) -> f64;
    let rows: [(&str, Of, &str, Target); 5] = [
        (
            "search, median",
            |m| median(&m.search),
            "ms",
            Target::AtMost(20.0),
        ),
        (
            "search, p99",
            |m| quantile(&m.search, 0.99),
            "ms",
            Target::AtMost(20.0),
        ),
        ("start", |m| m.start, "ms", Target::AtMost(1000.0)),
        ("memory after start", |m| m.idle, "MB", Target::None),
        ("memory after searches", |m| m.searched, "MB", Target::None),
    ];
    for (measure, of, unit, target) in rows {
        let measure = format!("{measure}, {many} packages");
        let peer = Some(("10 packages", of(few)));
        report.add(&measure, unit, of(all), peer, &target);
    }
    Ok(())
}

fn measure(bench: &Bench, packages: usize) -> Result<Measured> {
    let mut subject = Subject::ours(bench, &format!("scale-{packages}"))?;
    let fill = |number: usize| subject.job(&Release::new(name(number), "1.0.0"));
    let outcome = subject.publish_each(24, packages, &fill)?;
    println!("    {packages} packages made at {:.0}/s", outcome.rate());
    let mut starts = Vec::new();
    for _ in 0..3 {
        subject = subject.restarted()?;
        starts.push(subject.server.started_in);
    }
    std::thread::sleep(Duration::from_secs(2));
    let idle = memory::now(subject.server.pid())?.own;
    let first = search(&subject, "words")?;
    println!(
        "    first search after a start: {:.1} ms",
        first.as_secs_f64() * 1000.0
    );
    let mut times = Vec::new();
    for number in 0..200 {
        let exact = name(number * 7 % packages);
        let text = [
            exact.as_str(),
            &exact[..9],
            "middling words",
            "nothing-like-it",
        ][number % 4];
        times.push(search(&subject, &text.replace(' ', "%20"))?);
    }
    let searched = memory::now(subject.server.pid())?.own;
    let (search, start) = (millis(&times), median(&millis(&starts)));
    Ok(Measured {
        subject,
        search,
        start,
        idle,
        searched,
        publish: Default::default(),
    })
}

/// New versions of ten packages, one after the other; milliseconds of each.
fn publish(subject: &Subject, round: usize) -> Result<Vec<f64>> {
    let releases: Vec<_> = (0..100)
        .map(|number| Release::new(name(number % 10), format!("2.{round}.{}", number / 10)))
        .collect();
    Ok(millis(&subject.publish(1, &releases)?.latencies))
}

fn name(number: usize) -> String {
    format!("scale-{number:06}")
}

fn search(subject: &Subject, text: &str) -> Result<Duration> {
    let mut connection = Connection::new(subject.server.port);
    let path = format!("{}/-/v1/search?text={text}&size=20", subject.mount);
    let start = Instant::now();
    let answer = connection.get(&path, &[])?.successful("a search")?;
    let elapsed = start.elapsed();
    ensure!(
        answer.json()?["objects"].is_array(),
        "no objects in {}",
        answer.text()
    );
    Ok(elapsed)
}

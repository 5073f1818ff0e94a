//! What does not grow with the number of packages: a publish, a search, a start.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Bench;
use super::memory;
use super::package::Release;
use super::report::{Judge, Report, Target, median, millis, quantile};
use super::subject::Subject;
use crate::http::Connection;

/// What was measured with some number of packages in the bucket.
struct Measured {
    publish: Vec<f64>,
    search: Vec<f64>,
    start: f64,
    idle: f64,
    searched: f64,
}

/// The same with 10 packages and with very many.
pub(crate) fn scale(bench: &Bench, report: &mut Report) -> Result<()> {
    let many = match (bench.peer, bench.full) {
        (true, _) => 100,
        (false, false) => 5_000,
        (false, true) => 100_000,
    };
    let small = measure(bench, 10)?;
    let large = measure(bench, many)?;
    let mut add = |measure: &str, of: &dyn Fn(&Measured) -> f64, unit, judge, target| {
        let measure = format!("{measure}, {many} packages");
        report.add(
            &measure,
            unit,
            of(&large),
            Some(("10 packages", of(&small))),
            &judge,
            &target,
        );
    };
    let publish = |part: f64| move |measured: &Measured| quantile(&measured.publish, part);
    let search = |part: f64| move |measured: &Measured| quantile(&measured.search, part);
    add(
        "publish, median",
        &publish(0.5),
        "ms",
        Judge::Ratio,
        Target::AtMost(1.25),
    );
    add(
        "publish, p99",
        &publish(0.99),
        "ms",
        Judge::Ours,
        Target::None,
    );
    add(
        "search, median",
        &search(0.5),
        "ms",
        Judge::Ours,
        Target::AtMost(20.0),
    );
    add(
        "search, p99",
        &search(0.99),
        "ms",
        Judge::Ours,
        Target::AtMost(20.0),
    );
    add(
        "start",
        &|measured| measured.start,
        "ms",
        Judge::Ours,
        Target::AtMost(1000.0),
    );
    add(
        "memory after start",
        &|measured| measured.idle,
        "MB",
        Judge::Ours,
        Target::None,
    );
    add(
        "memory after searches",
        &|measured| measured.searched,
        "MB",
        Judge::Ours,
        Target::None,
    );
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
    // New versions of ten packages, one after the other.
    let releases: Vec<_> = (0..300)
        .map(|number| Release::new(name(number % 10), format!("2.{}.0", number / 10)))
        .collect();
    let publish = millis(&subject.publish(1, &releases)?.latencies);
    let start = median(&millis(&starts));
    Ok(Measured {
        publish,
        search: millis(&times),
        start,
        idle,
        searched,
    })
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

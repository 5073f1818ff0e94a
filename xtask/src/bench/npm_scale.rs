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
    let few = ("10 packages", &small);
    type Of = fn(&Measured) -> f64;
    let rows: [(&str, Of, &str, Judge, Target); 7] = [
        (
            "publish, median",
            |m| median(&m.publish),
            "ms",
            Judge::Ratio,
            Target::AtMost(1.25),
        ),
        (
            "publish, p99",
            |m| quantile(&m.publish, 0.99),
            "ms",
            Judge::Ours,
            Target::None,
        ),
        (
            "search, median",
            |m| median(&m.search),
            "ms",
            Judge::Ours,
            Target::AtMost(20.0),
        ),
        (
            "search, p99",
            |m| quantile(&m.search, 0.99),
            "ms",
            Judge::Ours,
            Target::AtMost(20.0),
        ),
        (
            "start",
            |m| m.start,
            "ms",
            Judge::Ours,
            Target::AtMost(1000.0),
        ),
        (
            "memory after start",
            |m| m.idle,
            "MB",
            Judge::Ours,
            Target::None,
        ),
        (
            "memory after searches",
            |m| m.searched,
            "MB",
            Judge::Ours,
            Target::None,
        ),
    ];
    for (measure, of, unit, judge, target) in rows {
        let measure = format!("{measure}, {many} packages");
        report.add(
            &measure,
            unit,
            of(&large),
            Some((few.0, of(few.1))),
            &judge,
            &target,
        );
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

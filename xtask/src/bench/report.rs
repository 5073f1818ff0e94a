//! The table at the end, and the few statistics it needs.

use std::time::Duration;

/// One line of the table.
struct Row {
    cells: [String; 5],
    reached: Option<bool>,
}

/// What was measured, in the order in which it was.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// What a measure should be.
pub(crate) enum Target {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Printed, and judged by nobody.
    None,
}

impl Report {
    /// Adds a row whose target is about our own number; `peer` has one to compare it with.
    pub(crate) fn add(
        &mut self,
        measure: &str,
        unit: &str,
        ours: f64,
        peer: Option<(&str, f64)>,
        target: &Target,
    ) {
        let ratio = peer.map(|(_, number)| ours / number).unwrap_or_default();
        self.row(measure, (ours, unit, ratio), peer, (ours, unit), target);
    }

    /// Adds a row about rounds that alternated, whose target is about the ratio. That is the middle one of the rounds' own, so
    /// that a machine which is slower for a while is so for both sides.
    pub(crate) fn compare(
        &mut self,
        measure: &str,
        unit: &str,
        ours: &[f64],
        (name, peers): (&str, &[f64]),
        target: &Target,
    ) {
        let ratios: Vec<_> = ours
            .iter()
            .zip(peers)
            .map(|(ours, peer)| ours / peer)
            .collect();
        let (ratio, peer) = (median(&ratios), Some((name, median(peers))));
        self.row(
            measure,
            (median(ours), unit, ratio),
            peer,
            (ratio, "x"),
            target,
        );
    }

    fn row(
        &mut self,
        measure: &str,
        (ours, unit, ratio): (f64, &str, f64),
        peer: Option<(&str, f64)>,
        (judged, what): (f64, &str),
        target: &Target,
    ) {
        let (sign, limit) = match target {
            Target::AtLeast(least) => (">=", Some(*least)),
            Target::AtMost(most) => ("<=", Some(*most)),
            Target::None => ("", None),
        };
        let reached = limit.map(|limit| match target {
            Target::AtMost(_) => judged <= limit,
            _ => judged >= limit,
        });
        let cells = [
            measure.to_owned(),
            format!("{} {unit}", number(ours)),
            peer.map(|(name, value)| format!("{name} {}", number(value)))
                .unwrap_or_default(),
            peer.map(|_| format!("{ratio:.2} x")).unwrap_or_default(),
            limit
                .map(|limit| format!("{sign} {} {what}", number(limit)))
                .unwrap_or_default(),
        ];
        println!("    {}", cells.join(" | "));
        self.rows.push(Row { cells, reached });
    }

    /// Prints the table, and how many targets were reached.
    pub(crate) fn print(&self) {
        let titles = ["measure", "ours", "peer", "ratio", "target"];
        let width = |column: usize| {
            let cells = self
                .rows
                .iter()
                .map(|row| row.cells[column].chars().count());
            cells
                .chain([titles[column].len()])
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<_> = (0..titles.len()).map(width).collect();
        let line = |cells: &[&str], last: &str| {
            let cells = cells
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            println!("| {} | {last:<7} |", cells.collect::<Vec<_>>().join(" | "));
        };
        println!();
        line(&titles, "reached");
        let rules: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
        line(
            &rules.iter().map(String::as_str).collect::<Vec<_>>(),
            "-------",
        );
        for row in &self.rows {
            let reached = match row.reached {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "",
            };
            line(&row.cells.each_ref().map(String::as_str), reached);
        }
        let judged = self.rows.iter().filter(|row| row.reached.is_some()).count();
        let reached = self
            .rows
            .iter()
            .filter(|row| row.reached == Some(true))
            .count();
        println!("\n{reached} of {judged} targets reached");
    }
}

fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// The middle of some numbers; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The number below which a part of all lies; 0 of none.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    // Truncation is meant: it is an index.
    let index = (last as f64 * part).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// In milliseconds.
pub(crate) fn millis(durations: &[Duration]) -> Vec<f64> {
    durations
        .iter()
        .map(|duration| duration.as_secs_f64() * 1000.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{median, quantile};

    #[test]
    fn quantiles() {
        let values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!(median(&values), 3.0);
        assert_eq!(quantile(&values, 1.0), 5.0);
        assert_eq!(median(&[]), 0.0);
    }
}

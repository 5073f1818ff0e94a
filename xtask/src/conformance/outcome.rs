//! What the suite found, read from its JUnit report.
//!
//! The suite's exit status forgives what was skipped, and the report's `<skipped>` elements are
//! never written: what became of a case is its attribute `status`, which is `skipped` both for what
//! the server refuses to do and for what the suite was told to leave out. Only the case's own log
//! tells these two apart.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::matrix::{Combination, Version};

#[derive(Deserialize)]
struct Report {
    #[serde(rename = "testsuite", default)]
    suites: Vec<Suite>,
}

/// The counts are not those of the cases alone: what goes wrong in a group of them is counted too.
#[derive(Deserialize)]
struct Suite {
    #[serde(rename = "@failures", default)]
    failures: usize,
    #[serde(rename = "@errors", default)]
    errors: usize,
    #[serde(rename = "@skipped", default)]
    skipped: usize,
    #[serde(rename = "testcase", default)]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@status")]
    status: String,
    /// What was wrong.
    #[serde(rename = "system-out", default)]
    wrong: String,
    /// The requests and answers, and why it was skipped.
    #[serde(rename = "system-err", default)]
    log: String,
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    Passed,
    Failed,
    /// The suite itself went wrong.
    Error,
    /// The server does not do it.
    Skipped,
    /// The suite was told not to try it.
    Disabled,
}

/// The result of one run.
pub(super) struct Outcome {
    suite: Suite,
    statuses: Vec<Status>,
    /// Whether the suite's exit status is that of success.
    success: bool,
}

impl Outcome {
    /// Reads the report.
    pub(super) fn read(junit: &str, success: bool) -> Result<Self> {
        let report: Report = quick_xml::de::from_str(junit).context("not a JUnit report")?;
        let mut suites = report.suites;
        ensure!(suites.len() == 1, "{} suites, not one", suites.len());
        let suite = suites.remove(0);
        let statuses = suite
            .cases
            .iter()
            .map(Case::status)
            .collect::<Result<_>>()?;
        Ok(Self {
            suite,
            statuses,
            success,
        })
    }

    fn count(&self, status: Status) -> usize {
        self.statuses.iter().filter(|of| **of == status).count()
    }

    /// How many cases became what.
    pub(super) fn counts(&self) -> String {
        let count = |status| self.count(status);
        let mut text = format!(
            "{} passed, {} failed, {} skipped, {} disabled of {}",
            count(Status::Passed),
            count(Status::Failed),
            count(Status::Skipped),
            count(Status::Disabled),
            self.statuses.len()
        );
        if count(Status::Error) > 0 {
            let _ = write!(text, ", {} errors", count(Status::Error));
        }
        text
    }

    /// What is not as it should be; nothing of a run that is good.
    pub(super) fn complaints(&self, combination: &Combination) -> Vec<String> {
        let mut complaints: Vec<_> = self
            .suite
            .cases
            .iter()
            .zip(&self.statuses)
            .filter_map(|(case, status)| case.complaint(*status, combination))
            .collect();
        let (found, least) = (self.statuses.len(), least(combination));
        if found < least {
            complaints.push(format!("    only {found} cases ran, of at least {least}"));
        }
        if complaints.is_empty() {
            let Suite {
                failures,
                errors,
                skipped,
                ..
            } = self.suite;
            if failures + errors + skipped > 0 || !self.success {
                complaints.push(format!(
                    "    no case is to blame, but the suite counts {failures} failures, {errors} \
                     errors, {skipped} skipped; success: {}",
                    self.success
                ));
            }
        }
        complaints
    }
}

/// How many cases the suite has for a server that passes them all. (It has more for one that fails
/// some, since it then cleans up by other ways.)
fn least(combination: &Combination) -> usize {
    match (combination.version, combination.sparse) {
        (Version::Dev, true) => 830,
        (Version::Dev, false) => 793,
        (Version::Released, true) => 732,
        (Version::Released, false) => 695,
    }
}

/// What the log of a case ends with that was not tried.
const DISABLED: &str = "is disabled in the configuration";

impl Case {
    fn status(&self) -> Result<Status> {
        Ok(match self.status.as_str() {
            "passed" => Status::Passed,
            "failure" => Status::Failed,
            "error" => Status::Error,
            "skipped" if self.log.trim_end().ends_with(DISABLED) => Status::Disabled,
            "skipped" => Status::Skipped,
            other => anyhow::bail!("{} has the status {other:?}", self.name),
        })
    }

    /// Version 1.1 cannot cancel an upload; all else it lacks makes no case.
    fn may_be_disabled(&self, combination: &Combination) -> bool {
        combination.version == Version::Released && self.name.ends_with("/blob-post-cancel")
    }

    fn complaint(&self, status: Status, combination: &Combination) -> Option<String> {
        let what = match status {
            Status::Passed => return None,
            Status::Disabled if self.may_be_disabled(combination) => return None,
            Status::Failed => "failed",
            Status::Error => "error",
            Status::Skipped => "skipped",
            Status::Disabled => "disabled",
        };
        let reason = match self.wrong.trim() {
            "" => self.why_skipped(),
            wrong => wrong,
        };
        let reason = reason.replace('\n', "\n        ");
        Some(format!("    {what}  {}\n        {reason}", self.name))
    }

    fn why_skipped(&self) -> &str {
        let mark = "skipping test:";
        let at = self.log.rfind(mark).map(|at| at + mark.len());
        self.log[at.unwrap_or_default()..].trim()
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix::{Auth, Combination, Storage, Version};
    use super::{Outcome, Status, least};

    const OF_DEV: Combination = Combination {
        version: Version::Dev,
        sparse: true,
        auth: Auth::None,
        storage: Storage::Directory,
    };

    fn report(counts: &str, cases: &str) -> String {
        format!("<testsuites><testsuite name=\"OCI\" {counts}>{cases}</testsuite></testsuites>")
    }

    fn case(name: &str, status: &str, text: &str) -> String {
        format!(
            "<testcase name=\"OCI/{name}\" classname=\"\" status=\"{status}\">{text}</testcase>"
        )
    }

    fn passed(count: usize) -> String {
        case("a", "passed", "<system-err>GET&#xA;200</system-err>").repeat(count)
    }

    const GOOD: &str = "tests=\"900\" failures=\"0\" errors=\"0\"";

    #[test]
    fn a_good_run() {
        let outcome = Outcome::read(&report(GOOD, &passed(900)), true).unwrap();
        assert_eq!(
            outcome.counts(),
            "900 passed, 0 failed, 0 skipped, 0 disabled of 900"
        );
        assert!(outcome.complaints(&OF_DEV).is_empty());
    }

    #[test]
    fn what_is_not_good() {
        let enough = passed(least(&OF_DEV));
        let text =
            "<system-out>wanted &lt;404&gt;&#xA;got 200</system-out><system-err>x</system-err>";
        for (status, text, wanted) in [
            (
                "failure",
                text,
                "    failed  OCI/b\n        wanted <404>\n        got 200",
            ),
            (
                "error",
                "<system-out>x</system-out>",
                "    error  OCI/b\n        x",
            ),
            (
                "skipped",
                "<system-err>OCI/b: skipping test:&#xA;  status 400&#xA;</system-err>",
                "    skipped  OCI/b\n        status 400",
            ),
            (
                "skipped",
                "<system-err>skipping test:&#xA;  api X is disabled in the configuration&#xA;</system-err>",
                "    disabled  OCI/b\n        api X is disabled in the configuration",
            ),
        ] {
            let all = format!("{enough}{}", case("b", status, text));
            // The suite calls what was skipped a success.
            let outcome = Outcome::read(&report(GOOD, &all), true).unwrap();
            assert_eq!(outcome.complaints(&OF_DEV), [wanted]);
        }
    }

    #[test]
    fn what_a_version_lacks() {
        let text =
            "<system-err>api Blob upload cancel is disabled in the configuration</system-err>";
        let all = passed(900) + &case("blob-post-cancel", "skipped", text);
        let counts = "tests=\"900\" failures=\"0\" errors=\"0\" disabled=\"1\"";
        let outcome = Outcome::read(&report(counts, &all), true).unwrap();
        assert_eq!(outcome.count(Status::Disabled), 1);
        let released = Combination {
            version: Version::Released,
            ..OF_DEV
        };
        assert!(outcome.complaints(&released).is_empty());
        assert_eq!(outcome.complaints(&OF_DEV).len(), 1);
    }

    #[test]
    fn a_run_that_is_none() {
        assert!(Outcome::read("", true).is_err());
        assert!(Outcome::read("<testsuites></testsuites>", true).is_err());
        assert!(Outcome::read(&report(GOOD, &case("a", "odd", "")), true).is_err());
        for (counts, cases, success) in [
            (GOOD, passed(3), true),
            (GOOD, passed(900), false),
            ("failures=\"1\" errors=\"0\"", passed(900), true),
            (
                "failures=\"0\" errors=\"0\" skipped=\"1\"",
                passed(900),
                true,
            ),
        ] {
            let outcome = Outcome::read(&report(counts, &cases), success).unwrap();
            assert_eq!(outcome.complaints(&OF_DEV).len(), 1, "{counts}");
        }
    }
}

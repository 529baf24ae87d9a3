//! What a run leaves behind: the report file, the summary table, the exit code.

pub(crate) mod file;
mod table;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

pub use self::file::WriteError;
pub use self::table::TableLook;

/// How the account ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountState {
    /// Its graph is in the output.
    Done,
    /// Nothing of it is in the output.
    Failed,
    /// Stopped by a shutdown or an abort before it was done.
    Cancelled,
}

impl AccountState {
    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why something failed, for people and scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportError {
    /// A stable name: that of a fault kind or of an outcome, for example `credentials` or `stalled`.
    pub kind: String,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// One account. In the report file it has exactly these keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountReport {
    /// The cloud's id, for example `aws`.
    pub cloud: String,
    /// The account's id in the cloud.
    pub id: String,
    /// The account's name for people.
    pub name: String,
    /// How it ended.
    pub state: AccountState,
    /// How many processes were started for it.
    pub attempts: u32,
    /// Nodes in the output.
    pub nodes: u64,
    /// Edges in the output.
    pub edges: u64,
    /// From the start of the first attempt to the end of the last, in seconds; written with milliseconds.
    #[serde(serialize_with = "to_millis")]
    pub duration_s: f64,
    /// The most memory that one of its processes used, in bytes; 0 if it was never measured.
    pub peak_rss_bytes: u64,
    /// Why it is not done.
    pub error: Option<ReportError>,
}

impl AccountReport {
    /// How people see the account: `cloud/id`, and the name where it says more.
    pub(crate) fn title(&self) -> String {
        crate::text::account_title(&self.cloud, &self.id, &self.name)
    }
}

/// Something that is missing from the output: from an account, or an account that could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultReport {
    /// The cloud's id; that of the collector where no account is known.
    pub cloud: String,
    /// The account's id; `None` if it is about the listing of accounts.
    #[serde(default)]
    pub account: Option<String>,
    /// The region, if it is about one.
    pub region: Option<String>,
    /// The service or file, if it is about one.
    pub service: Option<String>,
    /// The call or line, if it is about one.
    pub action: Option<String>,
    /// How often it occurred.
    pub count: u32,
    /// It is only worth knowing: nothing is missing because of it.
    #[serde(default)]
    pub remark: bool,
    /// What it was.
    #[serde(flatten)]
    pub error: ReportError,
}

/// An operation that an account refused for lack of permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedReport {
    /// The cloud's id.
    pub cloud: String,
    /// The account's id.
    pub account: String,
    /// Service and operation: `kms:ListKeys`.
    pub action: String,
    /// Where it was refused, sorted.
    pub regions: Vec<String>,
    /// How many calls were refused.
    pub calls: u32,
}

/// A collector whose accounts could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectorReport {
    /// Its name.
    pub collector: String,
    /// Why.
    pub error: ReportError,
}

/// Sums over all accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Accounts listed.
    pub accounts: u64,
    /// Accounts in the output.
    pub done: u64,
    /// Accounts that failed.
    pub failed: u64,
    /// Accounts that were stopped.
    pub cancelled: u64,
    /// Nodes in the output.
    pub nodes: u64,
    /// Edges in the output.
    pub edges: u64,
    /// Troubles that cost something, each as often as it occurred; denied calls are among them.
    pub faults: u64,
    /// Calls that were refused for lack of permission.
    #[serde(default)]
    pub denied: u64,
}

/// A whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The release of the worker that ran.
    #[serde(default)]
    pub version: String,
    /// When the run began.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// One entry for each account that was listed.
    pub accounts: Vec<AccountReport>,
    /// Collectors that listed none because of an error.
    #[serde(default)]
    pub collectors: Vec<CollectorReport>,
    /// What is missing from accounts and from their listing. Of accounts that failed it is what was told on the way.
    #[serde(default)]
    pub faults: Vec<FaultReport>,
    /// Every operation that was refused for lack of permission.
    #[serde(default)]
    pub denied: Vec<DeniedReport>,
    /// Whether a trouble that cost anything counts as a failure.
    #[serde(default)]
    pub strict: bool,
    /// The file with the graph, for people; `None` for standard output.
    #[serde(default)]
    pub output: Option<String>,
    /// The whole run, in seconds.
    #[serde(default, serialize_with = "to_millis")]
    pub duration_s: f64,
}

/// The report file: the report with what follows from it.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    totals: Totals,
    exit_code: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn to_millis<S: Serializer>(seconds: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((seconds * 1000.0).round() / 1000.0)
}

/// Every listed account is in the output.
pub const EXIT_DONE: u8 = 0;
/// Some accounts, or all accounts of some collector, are missing from the output.
pub const EXIT_SOME_FAILED: u8 = 3;
/// A setting is wrong, so that nothing could be collected.
pub const EXIT_CONFIG: u8 = 2;
/// Nothing was collected.
pub const EXIT_NOTHING: u8 = 4;

impl Report {
    /// The exit code of the run, by the documented rule.
    pub fn exit_code(&self) -> u8 {
        let totals = self.totals();
        let incomplete = self.strict && (totals.faults > 0 || totals.denied > 0);
        if totals.accounts == 0 && self.collectors.iter().any(|failed| failed.error.kind == "config") {
            EXIT_CONFIG
        } else if totals.done == 0 {
            EXIT_NOTHING
        } else if totals.done < totals.accounts || !self.collectors.is_empty() || incomplete {
            EXIT_SOME_FAILED
        } else {
            EXIT_DONE
        }
    }

    /// Sums over all accounts.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { accounts: self.accounts.len() as u64, ..Totals::default() };
        for account in &self.accounts {
            match account.state {
                AccountState::Done => {
                    totals.done += 1;
                    totals.nodes += account.nodes;
                    totals.edges += account.edges;
                }
                AccountState::Failed => totals.failed += 1,
                AccountState::Cancelled => totals.cancelled += 1,
            }
        }
        let costly = self.faults.iter().filter(|fault| !fault.remark);
        totals.faults = costly.map(|fault| u64::from(fault.count)).sum();
        totals.denied = self.denied.iter().map(|denied| u64::from(denied.calls)).sum();
        totals
    }

    /// The report file's text: JSON with the keys of [`Report`], `totals` and `exit_code`.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let document = Document { report: self, totals: self.totals(), exit_code: self.exit_code() };
        let mut text = serde_json::to_string_pretty(&document)?;
        text.push('\n');
        Ok(text)
    }

    /// Troubles by kind, most frequent first.
    fn faults_by_kind(&self) -> Vec<(&str, u64)> {
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for fault in self.faults.iter().filter(|fault| !fault.remark) {
            *kinds.entry(&fault.error.kind).or_default() += u64::from(fault.count);
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|&(kind, count)| (std::cmp::Reverse(count), kind));
        kinds
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(super) fn account(id: &str, state: AccountState) -> AccountReport {
        let error = (state != AccountState::Done).then(|| ReportError {
            kind: "credentials".to_owned(),
            message: "the access key is not known to AWS".to_owned(),
            hint: Some("renew the profile 'prod'".to_owned()),
        });
        AccountReport {
            cloud: "aws".to_owned(),
            id: id.to_owned(),
            name: "Prod".to_owned(),
            state,
            attempts: 1,
            nodes: 3121,
            edges: 4090,
            duration_s: 12.345_123,
            peak_rss_bytes: 40 << 20,
            error,
        }
    }

    fn report(states: &[AccountState]) -> Report {
        let accounts = states.iter().enumerate().map(|(n, &state)| account(&n.to_string(), state)).collect();
        Report { accounts, ..Report::default() }
    }

    #[test]
    fn the_exit_code_tells_how_much_is_there() {
        use AccountState::{Cancelled, Done, Failed};
        for (states, code) in [
            (&[Done, Done][..], EXIT_DONE),
            (&[Done, Failed], EXIT_SOME_FAILED),
            (&[Done, Cancelled], EXIT_SOME_FAILED),
            (&[Failed, Failed], EXIT_NOTHING),
            (&[Cancelled], EXIT_NOTHING),
            (&[], EXIT_NOTHING),
        ] {
            assert_eq!(report(states).exit_code(), code, "{states:?}");
        }
        let error = ReportError { kind: "listing".to_owned(), message: "no".to_owned(), hint: None };
        let collectors = vec![CollectorReport { collector: "aws".to_owned(), error }];
        assert_eq!(
            Report { collectors: collectors.clone(), ..report(&[Done]) }.exit_code(),
            EXIT_SOME_FAILED
        );
        assert_eq!(Report { collectors, ..report(&[]) }.exit_code(), EXIT_NOTHING);
    }

    #[test]
    fn a_setting_that_is_wrong_is_no_matter_of_the_cloud() {
        let failed = |kind: &str| {
            let error = ReportError { kind: kind.to_owned(), message: "no".to_owned(), hint: None };
            vec![CollectorReport { collector: "aws".to_owned(), error }]
        };
        let with = |kind, states| Report { collectors: failed(kind), ..report(states) }.exit_code();
        assert_eq!(with("config", &[]), EXIT_CONFIG);
        assert_eq!(with("credentials", &[]), EXIT_NOTHING);
        assert_eq!(with("config", &[AccountState::Done]), EXIT_SOME_FAILED);
    }

    #[test]
    fn troubles_count_as_failures_only_where_that_is_asked_for() {
        let fault = |remark| FaultReport {
            cloud: "aws".to_owned(),
            account: Some("0".to_owned()),
            region: None,
            service: None,
            action: None,
            count: 2,
            remark,
            error: ReportError { kind: "access_denied".to_owned(), message: "no".to_owned(), hint: None },
        };
        let codes = |faults: Vec<FaultReport>| {
            let lenient = Report { faults, ..report(&[AccountState::Done]) };
            [lenient.exit_code(), Report { strict: true, ..lenient }.exit_code()]
        };
        assert_eq!(codes(vec![fault(false)]), [EXIT_DONE, EXIT_SOME_FAILED]);
        assert_eq!(codes(vec![fault(true)]), [EXIT_DONE, EXIT_DONE], "nothing is missing");
        assert_eq!(
            Report { faults: vec![fault(true), fault(false)], ..Report::default() }.totals().faults,
            2
        );
    }

    #[test]
    fn an_account_has_exactly_the_documented_keys() {
        let value = serde_json::to_value(account("123", AccountState::Failed)).expect("JSON");
        let expected = json!({
            "cloud": "aws", "id": "123", "name": "Prod", "state": "failed", "attempts": 1, "nodes": 3121,
            "edges": 4090, "duration_s": 12.345, "peak_rss_bytes": 41_943_040,
            "error": {"kind": "credentials", "message": "the access key is not known to AWS",
                      "hint": "renew the profile 'prod'"},
        });
        assert_eq!(value, expected);
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&value), keys(&expected), "and in this order");
        let done = serde_json::to_value(account("1", AccountState::Done)).expect("JSON");
        assert_eq!(done["error"], Value::Null);
        assert_eq!(done["state"], "done");
    }

    #[test]
    fn the_document_can_be_read_back_and_says_what_follows_from_it() {
        let mut report = report(&[AccountState::Done, AccountState::Cancelled]);
        report.faults.push(FaultReport {
            cloud: "aws".to_owned(),
            account: Some("0".to_owned()),
            region: Some("eu-west-1".to_owned()),
            service: None,
            action: None,
            count: 3,
            remark: false,
            error: ReportError { kind: "throttled".to_owned(), message: "slow down".to_owned(), hint: None },
        });
        report.output = Some("graph.ndjson".to_owned());
        let text = report.to_json().expect("JSON");
        for account in &mut report.accounts {
            assert!((account.duration_s - 12.345).abs() < 0.001);
            account.duration_s = 12.345;
        }
        assert_eq!(serde_json::from_str::<Report>(&text).expect("a report"), report);
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["exit_code"], 3);
        assert_eq!(value["output"], "graph.ndjson");
        assert_eq!(value["faults"][0]["kind"], "throttled");
        assert_eq!(
            value["totals"],
            json!({"accounts": 2, "done": 1, "failed": 0, "cancelled": 1, "nodes": 3121, "edges": 4090, "faults": 3, "denied": 0})
        );
    }
}

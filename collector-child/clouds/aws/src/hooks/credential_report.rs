//! The credential report of IAM: what is known about passwords and keys of all users, the root user among them.

use std::collections::HashMap;
use std::time::Duration;

use collector::fault;
use ipc_proto::fault::FaultKind;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::prelude::*;

/// IAM makes the report within seconds; this is for very many users.
const PATIENCE: Duration = Duration::from_mins(5);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// What IAM says of a report that is not there yet, or not any more: another one has to be made.
const NOT_READY: [&str; 3] = ["ReportInProgress", "ReportNotPresent", "ReportExpired"];
/// What stands for nothing.
const NOTHING: [&str; 4] = ["", "N/A", "not_supported", "no_information"];
/// Keys that a user has at most: the report has columns for each.
const KEYS: [usize; 2] = [1, 2];

/// The report of an account, fetched when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct CredentialReport {
    lines: OnceCell<HashMap<String, Line>>,
}

impl CredentialReport {
    /// The lines by user name. Empty if IAM does not give the report.
    pub(super) async fn lines(&self, context: Context<'_>) -> Result<&HashMap<String, Line>, Failure> {
        self.lines.get_or_try_init(|| fetch(context)).await
    }
}

async fn fetch(context: Context<'_>) -> Result<HashMap<String, Line>, Failure> {
    let (mut waited, mut wait) = (Duration::ZERO, FIRST_WAIT);
    loop {
        match once(context).await? {
            Report::Here(lines) => return Ok(lines),
            Report::Refused => return Ok(HashMap::new()),
            Report::NotReady if waited < PATIENCE => {
                tokio::time::sleep(wait).await;
                waited += wait;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            Report::NotReady => {
                let seconds = PATIENCE.as_secs();
                let told = format!(
                    "the credential report of IAM was not ready after {seconds} s: what it says about passwords and keys is missing"
                );
                context.report(fault(FaultKind::Unavailable, told));
                return Ok(HashMap::new());
            }
        }
    }
}

/// How far the report is.
enum Report {
    Here(HashMap<String, Line>),
    NotReady,
    /// IAM does not give it; that is noted.
    Refused,
}

/// Has a report made, and gets it if it is there.
async fn once(context: Context<'_>) -> Result<Report, Failure> {
    // It is made in the account of the credentials, whosever that is.
    context.authenticated().await;
    let made = match context.ask("iam", "GenerateCredentialReport").raw().await {
        // Whatever state it is said to be in: one may be there all the same.
        Ok(_) => true,
        // One that somebody else had made may be there.
        Err(error) => {
            context.failed(error).await?;
            false
        }
    };
    match context.ask("iam", "GetCredentialReport").raw().await {
        Ok(report) => Ok(Report::Here(report["Content"].as_str().map(lines).unwrap_or_default())),
        Err(error) if error.has_code(&NOT_READY) => Ok(if made { Report::NotReady } else { Report::Refused }),
        Err(error) => {
            context.failed(error).await?;
            Ok(Report::Refused)
        }
    }
}

fn lines(report: &str) -> HashMap<String, Line> {
    let mut rows = report.lines().filter(|row| !row.is_empty()).map(cells);
    let Some(names) = rows.next() else { return HashMap::new() };
    let lines = rows.map(|row| Line(names.iter().cloned().zip(row).collect()));
    lines.filter_map(|line| Some((line.0.get("user")?.clone(), line))).collect()
}

/// The cells of a row. Names of users may have commas; such cells are quoted.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in row.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().into_iter().for_each(|cell| cell.push(c)),
        }
    }
    cells
}

/// What the report tells about one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line(HashMap<String, String>);

impl Line {
    /// The members that it adds to the document of the user.
    pub(super) fn user(&self) -> Map<String, Value> {
        let members = [
            ("Arn", self.text("arn")),
            ("UserCreationTime", self.time("user_creation_time")),
            ("PasswordEnabled", self.flag("password_enabled")),
            ("PasswordLastUsed", self.time("password_last_used")),
            ("PasswordLastChanged", self.time("password_last_changed")),
            ("PasswordNextRotation", self.time("password_next_rotation")),
            ("MfaActive", self.flag("mfa_active")),
        ];
        without_null(members)
    }

    /// Both keys: whether it is active, and when it was used and changed last.
    pub(super) fn keys(&self) -> [Key; KEYS.len()] {
        KEYS.map(|number| {
            let column = |name: &str| format!("access_key_{number}_{name}");
            let last_used = without_null([
                ("LastUsedDate", self.time(&column("last_used_date"))),
                ("LastRotated", self.time(&column("last_rotated"))),
                ("ServiceName", self.text(&column("last_used_service"))),
                ("Region", self.text(&column("last_used_region"))),
            ]);
            Key { number, active: self.flag(&column("active")) == true, last_used }
        })
    }

    fn cell(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str).filter(|cell| !NOTHING.contains(cell))
    }

    fn text(&self, column: &str) -> Value {
        self.cell(column).into()
    }

    fn flag(&self, column: &str) -> Value {
        (self.cell(column) == Some("true")).into()
    }

    fn time(&self, column: &str) -> Value {
        let time = self.cell(column).and_then(|cell| cell.parse::<Timestamp>().ok());
        time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).into()
    }
}

/// An access key, without its id: the report does not tell that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    /// Its place in the report: 1 or 2.
    pub(super) number: usize,
    /// Whether it can be used.
    pub(super) active: bool,
    /// `LastUsedDate`, `LastRotated`, `ServiceName`, `Region`, as far as there is something.
    pub(super) last_used: Map<String, Value>,
}

impl Key {
    /// The one of `keys` that the key is which was made at this time, or which is listed at this place.
    pub(super) fn of<'k>(keys: &'k [Self], made: Option<&str>, place: usize) -> Option<&'k Self> {
        let rotated =
            |key: &&Self| made.is_some_and(|made| key.last_used.get("LastRotated") == Some(&made.into()));
        keys.iter().find(rotated).or_else(|| keys.get(place))
    }
}

fn without_null<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,\
                          access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
                          access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated\n\
                          <root_account>,arn:aws:iam::1:root,2024-01-02T03:04:05+00:00,not_supported,no_information,true,\
                          false,N/A,N/A,N/A,false,N/A\n\
                          \"smith, john\",arn:aws:iam::1:user/j,2024-01-02T05:04:05+02:00,true,2024-02-03T00:00:00Z,false,\
                          true,2024-01-05T00:00:00+00:00,2024-03-01T00:00:00+00:00,s3,false,2024-01-06T00:00:00+00:00\n";

    #[test]
    fn a_line_tells_what_is_known_and_no_more() {
        let lines = lines(REPORT);
        assert_eq!(
            Value::Object(lines["<root_account>"].user()),
            json!({
                "Arn": "arn:aws:iam::1:root", "UserCreationTime": "2024-01-02T03:04:05Z", "PasswordEnabled": false,
                "MfaActive": true,
            })
        );
        let user = lines["smith, john"].user();
        assert_eq!(user["UserCreationTime"], "2024-01-02T03:04:05Z");
        assert_eq!(
            (&user["PasswordEnabled"], &user["PasswordLastUsed"]),
            (&json!(true), &json!("2024-02-03T00:00:00Z"))
        );
    }

    #[test]
    fn keys_are_found_by_their_age_and_else_by_their_place() {
        let lines = lines(REPORT);
        let keys = lines["smith, john"].keys();
        let first = json!({
            "LastUsedDate": "2024-03-01T00:00:00Z", "LastRotated": "2024-01-05T00:00:00Z", "ServiceName": "s3",
        });
        assert_eq!((keys[0].active, Value::Object(keys[0].last_used.clone())), (true, first));
        let number = |made, place| Key::of(&keys, made, place).map(|key| key.number);
        assert_eq!(number(Some("2024-01-06T00:00:00Z"), 0), Some(2));
        assert_eq!(number(Some("2024-01-07T00:00:00Z"), 0), Some(1));
        assert_eq!((number(None, 1), number(None, 2)), (Some(2), None));
        assert!(lines["<root_account>"].keys().iter().all(|key| !key.active && key.last_used.is_empty()));
    }

    /// What a collection with these answers asked for, and what it told.
    async fn collected(
        generate: impl Fn() -> &'static str + Send + Sync + 'static,
        get: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
    ) -> ((usize, usize), Vec<ipc_proto::fault::Fault>) {
        use crate::testing::{Called, Reply, Trial};

        let answers = move |called: &Called| {
            match called.operation.as_str() {
            "GenerateCredentialReport" => Some(Reply::xml(&format!(
                "<R><GenerateCredentialReportResult>{}</GenerateCredentialReportResult></R>",
                generate()
            ))),
            "GetCredentialReport" => Some(get().map_or_else(
                || {
                    let report = REPORT.replace('<', "&lt;");
                    Reply::xml(&format!(
                        "<R><GetCredentialReportResult><Content>{report}</Content></GetCredentialReportResult></R>"
                    ))
                },
                Reply::xml_error,
            )),
            _ => None,
        }
        };
        let tables = include_str!("../../kinds/iam.toml");
        let config = json!({"collect_usage_metrics": false});
        let done =
            Trial { tables, config, hooks: crate::hooks::of_kinds(), ..Trial::of(answers) }.run().await;
        done.result.unwrap();
        let of = |operation: &str| done.calls.iter().filter(|call| call.operation == operation).count();
        ((of("GenerateCredentialReport"), of("GetCredentialReport")), done.sent.faults)
    }

    #[tokio::test]
    async fn a_report_that_is_there_is_read_whatever_is_said_of_the_next_one() {
        for state in ["<State>STARTED</State>", "<State>INPROGRESS</State>", "<State>NEW</State>", ""] {
            let (calls, faults) = collected(move || state, || None).await;
            assert_eq!(calls, (1, 1), "{state}");
            assert!(faults.is_empty(), "{faults:?}");
        }
    }

    #[tokio::test]
    async fn a_report_that_is_in_progress_or_expired_is_made_again() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let (made, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let generate = move || match made.fetch_add(1, Ordering::Relaxed) {
            0 => "<State>STARTED</State>",
            _ => "<State>COMPLETE</State>",
        };
        let get = move || match read.fetch_add(1, Ordering::Relaxed) {
            0 => Some("ReportNotPresent"),
            1 => Some("ReportExpired"),
            2 => Some("ReportInProgress"),
            _ => None,
        };
        let (calls, faults) = collected(generate, get).await;
        assert_eq!(calls, (4, 4));
        assert!(faults.is_empty(), "{faults:?}");
    }

    /// It would be made in the account of the credentials.
    #[tokio::test]
    async fn none_is_made_with_credentials_of_another_account() {
        use crate::testing::{Called, Reply, Trial};

        const OTHER: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>999999999999</Account>\
                             </GetCallerIdentityResult></GetCallerIdentityResponse>";
        let tables = include_str!("../../kinds/iam.toml");
        let answers = |called: &Called| (called.service == "sts").then(|| Reply::xml(OTHER));
        let done = Trial { tables, hooks: crate::hooks::of_kinds(), ..Trial::of(answers) }.run().await;
        assert!(done.result.is_err());
        assert!(done.calls.iter().all(|call| call.operation != "GenerateCredentialReport"));
    }

    #[test]
    fn a_report_without_lines_is_empty() {
        assert!(lines("").is_empty());
        assert!(lines("user,arn\n").is_empty());
    }
}

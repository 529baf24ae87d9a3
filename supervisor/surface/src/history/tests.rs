use std::fs;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::report::{AccountReport, AccountState, DeniedReport, FaultReport, Report, ReportError, TableLook};

const BOUNDS: Bounds = Bounds { runs: 10, bytes: 1 << 20 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_796_225_400 + second).expect("a time")
}

fn error() -> ReportError {
    let (kind, message) = ("credentials".to_owned(), "the key is <not> known".to_owned());
    ReportError { kind, message, hint: Some("renew it".to_owned()) }
}

fn account(id: &str, state: AccountState) -> AccountReport {
    AccountReport {
        cloud: "aws".to_owned(),
        id: id.to_owned(),
        name: format!("name of {id}"),
        state,
        attempts: 1,
        nodes: 10,
        edges: 9,
        duration_s: 1.5,
        peak_rss_bytes: 40 << 20,
        error: (state != AccountState::Done).then(error),
    }
}

fn record(id: RunId, second: i64, accounts: Vec<AccountReport>) -> RunRecord {
    let report = Report {
        version: "1.2.3".to_owned(),
        started: Some(at(second)),
        ended: Some(at(second + 5)),
        duration_s: 5.0,
        accounts,
        ..Report::default()
    };
    RunRecord {
        id,
        kind: RunKind::Collect,
        task: "t:collect".to_owned(),
        outcome: RunOutcome::Done,
        message: None,
        summary: "2 accounts landed".to_owned(),
        resumed: 0,
        cleanup: None,
        left_out: 0,
        report,
    }
}

fn add(history: &History, second: i64, bounds: Bounds) -> RunRecord {
    let id = history.name(at(second), RunKind::Collect);
    let states = [AccountState::Done, AccountState::Failed];
    let accounts = states.into_iter().zip(["1", "2"]).map(|(state, id)| account(id, state)).collect();
    let record = record(id, second, accounts);
    history.add(&record, bounds).expect("kept");
    record
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn what_was_kept_is_there_after_a_restart_newest_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("runs");
    let history = History::open(&path).expect("opened");
    let (first, second) = (add(&history, 0, BOUNDS), add(&history, 60, BOUNDS));
    for history in [history, History::open(&path).expect("opened again")] {
        let ids: Vec<_> = history.summaries().iter().map(|run| run.id.clone()).collect();
        assert_eq!(ids, [second.id.clone(), first.id.clone()]);
        assert_eq!(history.read(&first.id).expect("read"), Some(first.clone()));
        assert_eq!(history.summaries()[1].totals, first.report.totals());
    }
    let (all, errors) = read_all(&path).expect("read");
    assert_eq!((all, errors.len()), (vec![second, first], 0));
}

#[test]
fn two_runs_of_one_second_have_two_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::open(folder.path()).expect("opened");
    let names = [0, 0, 0].map(|second| add(&history, second, BOUNDS).id.to_string());
    assert_eq!(
        names,
        ["20261202T153000Z-collect", "20261202T153000Z-collect-1", "20261202T153000Z-collect-2"]
    );
}

#[test]
fn the_oldest_go_when_there_are_too_many_or_they_are_too_large() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::open(folder.path()).expect("opened");
    let ids: Vec<_> =
        (0..4).map(|n| add(&history, n * 60, Bounds { runs: 2, ..BOUNDS }).id.to_string()).collect();
    assert_eq!(names(folder.path()), [format!("{}.json", ids[2]), format!("{}.json", ids[3])]);
    let last = add(&history, 600, Bounds { bytes: 1, ..BOUNDS });
    assert_eq!(names(folder.path()), [format!("{}.json", last.id)], "the newest stays in any case");
    assert_eq!(history.summaries().len(), 1);
}

#[test]
fn what_is_damaged_or_foreign_costs_itself_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::open(folder.path()).expect("opened");
    let good = add(&history, 0, BOUNDS);
    fs::write(folder.path().join("20261202T163012Z-collect.json"), "{").expect("written");
    fs::write(folder.path().join("notes.txt"), "mine").expect("written");
    let history = History::open(folder.path()).expect("opened again");
    assert_eq!(history.summaries().len(), 1);
    let (all, errors) = read_all(folder.path()).expect("read");
    assert_eq!((all.len(), errors.len()), (1, 1));
    assert!(errors[0].to_string().contains("20261202T163012Z-collect.json"), "{}", errors[0]);
    assert_eq!(all[0].id, good.id);
    assert_eq!(read_all(&folder.path().join("missing")).expect("nothing").0, []);
}

#[test]
fn a_record_is_the_report_and_more_and_has_an_end() {
    let id = RunId::new(at(0), RunKind::Collect, 0);
    let mut record =
        record(id, 0, vec![account("1", AccountState::Done), account("2", AccountState::Failed)]);
    let fault = FaultReport {
        cloud: "aws".to_owned(),
        account: Some("2".to_owned()),
        region: None,
        service: Some("ec2".to_owned()),
        action: None,
        count: 2,
        remark: false,
        error: error(),
    };
    record.report.faults = vec![fault; 100_007];
    let record = record.bounded();
    assert_eq!((record.report.faults.len(), record.left_out), (100_000, 7));
    let json: serde_json::Value = serde_json::from_str(&record.to_json().expect("JSON")).expect("JSON");
    for (key, value) in [("exit_code", "3"), ("kind", "\"collect\""), ("version", "\"1.2.3\"")] {
        assert_eq!(json[key].to_string(), value, "{key}");
    }
    assert_eq!(json["started"], "2026-12-02T15:30:00Z");
    assert_eq!((&json["totals"]["failed"], &json["accounts"][1]["id"]), (&1.into(), &"2".into()));
}

#[test]
fn an_account_is_meant_by_id_name_or_both() {
    let id = RunId::new(at(0), RunKind::Collect, 0);
    let mut record =
        record(id, 0, vec![account("1", AccountState::Done), account("2", AccountState::Failed)]);
    let denied = |account: &str| DeniedReport {
        cloud: "aws".to_owned(),
        account: account.to_owned(),
        action: "kms:ListKeys".to_owned(),
        regions: vec!["eu".to_owned(), "us".to_owned()],
        calls: 2,
    };
    record.report.denied = vec![denied("1"), denied("2")];
    for name in ["2", "name of 2", "aws/2"] {
        let [run] = record.of_account(name).try_into().expect("one");
        assert!(!run.is_done() && run.denied.len() == 1, "{name}");
    }
    assert_eq!(record.of_account("gcp/2"), []);
    let table = account_table(&record.of_account("2"), TableLook::Ascii, &TimeZone::UTC);
    insta::assert_snapshot!(table);
    insta::assert_snapshot!(runs_table(&[record.summarize()], TableLook::Ascii, &TimeZone::UTC));
}

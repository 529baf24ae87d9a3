use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::history::{RunId, RunKind, RunOutcome, RunRecord};
use crate::report::{AccountReport, AccountState, Report, ReportError};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_796_225_400 + second).expect("a time")
}

fn key(id: &str) -> AccountKey {
    AccountKey { cloud: "aws".to_owned(), id: id.to_owned() }
}

fn error(message: &str) -> ReportError {
    ReportError { kind: "crash".to_owned(), message: message.to_owned(), hint: None }
}

/// A board with a run over so many accounts.
fn board(accounts: usize) -> Board {
    let board = Board::default();
    board.tell(Happened::Began { task: "t".to_owned() }, at(0));
    board.tell(Happened::Listing("aws".to_owned()), at(0));
    let listed = (0..accounts).map(|n| (key(&n.to_string()), format!("account {n}"), None)).collect();
    board.tell(Happened::Listed { collector: "aws".to_owned(), accounts: listed }, at(1));
    board
}

fn record(states: &[(&str, AccountState)]) -> RunRecord {
    let account = |(id, state): &(&str, AccountState)| AccountReport {
        cloud: "aws".to_owned(),
        id: (*id).to_owned(),
        name: String::new(),
        state: *state,
        attempts: 1,
        nodes: 1,
        edges: 0,
        duration_s: 1.0,
        peak_rss_bytes: 0,
        error: (*state == AccountState::Failed).then(|| error("no")),
    };
    RunRecord {
        id: RunId::new(at(0), RunKind::Collect, 0),
        kind: RunKind::Collect,
        task: "t".to_owned(),
        outcome: RunOutcome::Done,
        message: None,
        summary: String::new(),
        resumed: 0,
        cleanup: None,
        left_out: 0,
        report: Report { accounts: states.iter().map(account).collect(), ..Report::default() },
    }
}

fn phases(view: &View) -> Vec<(String, Phase)> {
    view.rows.iter().map(|(row, _)| (row.key.id.clone(), row.phase)).collect()
}

#[test]
fn an_account_goes_from_waiting_to_done_or_failed() {
    let board = board(3);
    assert!(board.view(&Query::default()).run.is_some_and(|run| run.listing.is_empty()));
    board.tell(Happened::Started(key("1"), 1, Some(7)), at(2));
    board.tell(Happened::Beat(key("1"), 4096, "ec2".to_owned(), 12), at(3));
    board.tell(Happened::Retrying(key("1"), error("gone"), Duration::from_secs(5)), at(4));
    let view = board.view(&Query::default());
    assert_eq!(phases(&view)[0], ("1".to_owned(), Phase::Retrying));
    assert_eq!(view.rows[0].0.retry_at, Some(at(9)));
    board.tell(Happened::Started(key("1"), 2, Some(8)), at(9));
    board.tell(Happened::Collected(key("1"), 20, 19, Duration::from_secs(3)), at(12));
    board.tell(Happened::Failed(key("2"), error("gone"), false), at(12));
    let view = board.view(&Query::default());
    let expected = [("2", Phase::Failed), ("1", Phase::Sending), ("0", Phase::Waiting)];
    assert_eq!(phases(&view), expected.map(|(id, phase)| (id.to_owned(), phase)));
    assert_eq!(
        view.faults.sorted()[0].whom,
        ["aws/1 account 1", "aws/2 account 2"],
        "one cause, both accounts"
    );
    board.tell(Happened::Landed(key("1")), at(13));
    assert_eq!(board.counts(), [1, 0, 0, 0, 1, 0, 1]);
}

#[test]
fn of_thousands_one_page_is_shown_and_text_and_state_choose() {
    let board = board(5_000);
    let all = board.view(&Query::default());
    assert_eq!((all.rows.len(), all.matching, all.pages), (PAGE, 5_000, 50));
    let last = board.view(&Query { page: 999, ..Query::default() });
    assert_eq!((last.page, last.rows.len()), (49, PAGE));
    let few = board.view(&Query { text: "ACCOUNT 499".to_owned(), ..Query::default() });
    assert_eq!((few.matching, few.accounts, few.counts[Phase::Waiting as usize]), (11, 5_000, 11));
    let none = board.view(&Query { filter: Filter::Only(Phase::Failed), ..Query::default() });
    assert_eq!((none.matching, none.pages, none.rows.len()), (0, 1, 0));
}

#[test]
fn the_end_of_a_run_is_shown_until_the_next_with_the_ends_before() {
    let board = board(2);
    board.tell(
        Happened::Ended(record(&[("0", AccountState::Done), ("1", AccountState::Failed)]).into()),
        at(20),
    );
    let view = board.view(&Query::default());
    assert!(view.run.is_none());
    assert_eq!(view.rows[0].1, [AccountState::Failed]);
    assert_eq!(board.counts(), [0; 7], "nothing is on");
    board.tell(Happened::Ended(record(&[("1", AccountState::Done)]).into()), at(40));
    let view = board.view(&Query::default());
    assert_eq!(view.rows.len(), 1, "an account that is not listed any more is gone");
    assert_eq!(view.rows[0].1, [AccountState::Done, AccountState::Failed]);
    assert_eq!(view.rows[0].0.collector, "aws");
}

#[test]
fn causes_are_bounded_and_what_costs_comes_first() {
    let mut groups = FaultGroups::default();
    groups.add("a", &error("a remark"), false, 100);
    for n in 0..300 {
        groups.add(&format!("account {n}"), &error(&format!("{}", n % 250)), true, 1);
    }
    assert!(groups.sorted().len() == 200 && groups.sorted()[0].costs && !groups.sorted()[199].costs);
    assert_eq!(groups.beyond(), 51);
    for n in 0..10 {
        groups.add(&format!("more {n}"), &error("0"), true, 1);
    }
    let group = &groups.sorted()[0];
    assert_eq!((group.whom.len(), group.more, group.count), (5, 7, 12));
}

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::history::{CleanupReport, ResourceReport, RunId, RunKind, RunOutcome, RunRecord};
use crate::report::{AccountReport, AccountState, Report, ReportError};
use crate::status::{AccountKey, Board, Connection, Degraded, Happened, LinkState, Sandbox, Stage};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_796_225_400 + second).expect("a time")
}

/// A worker of which all that others may write is `text`.
fn render(text: &str, query: &str) -> String {
    let board = Board::default();
    let key = |id: &str| AccountKey { cloud: text.to_owned(), id: format!("{id}{text}") };
    let error =
        || ReportError { kind: text.to_owned(), message: text.to_owned(), hint: Some(text.to_owned()) };
    let account = AccountReport {
        cloud: text.to_owned(),
        id: format!("0{text}"),
        name: text.to_owned(),
        state: AccountState::Failed,
        attempts: 1,
        nodes: 0,
        edges: 0,
        duration_s: 1.0,
        peak_rss_bytes: 0,
        error: Some(error()),
    };
    let record = |kind| RunRecord {
        id: RunId::new(at(0), kind, 0),
        kind,
        task: text.to_owned(),
        outcome: RunOutcome::SomeFailed,
        message: Some(text.to_owned()),
        summary: text.to_owned(),
        resumed: 0,
        cleanup: (kind == RunKind::Cleanup).then(|| CleanupReport {
            dry_run: true,
            resources: vec![ResourceReport {
                account: Some(text.to_owned()),
                resource: text.to_owned(),
                fate: text.to_owned(),
                reason: Some(text.to_owned()),
                steps: vec![text.to_owned()],
            }],
        }),
        left_out: 0,
        report: Report { accounts: vec![account.clone()], ended: Some(at(0)), ..Report::default() },
    };
    let past = record(RunKind::Collect);
    board.remember(vec![past.clone(), record(RunKind::Cleanup)]);
    board.tell(Happened::Began { task: text.to_owned() }, at(1));
    board.tell(Happened::Listing(text.to_owned()), at(1));
    let listed =
        (0..4).map(|n| (key(&n.to_string()), text.to_owned(), Some(Duration::from_secs(9)))).collect();
    board.tell(Happened::Listed { collector: format!("{text}."), accounts: listed }, at(1));
    board.tell(Happened::Started(key("1"), 1, Some(7)), at(2));
    board.tell(Happened::Beat(key("1"), 1 << 20, text.to_owned(), 12), at(3));
    board.tell(Happened::Progress(key("1"), text.to_owned(), 1, 3), at(3));
    board.tell(Happened::Retrying(key("2"), error(), Duration::from_secs(5)), at(4));
    board.tell(Happened::Failed(key("3"), error(), false), at(4));
    board.tell(Happened::Notice { error: true, text: text.to_owned() }, at(4));
    board.tell(Happened::CleanupBegan { task: text.to_owned() }, at(4));
    board.tell(Happened::CleanupProgress(text.to_owned(), 1, 2), at(4));
    let condition = Condition {
        worker: text.to_owned(),
        version: text.to_owned(),
        stage: Stage::Serving,
        fixcore: text.to_owned(),
        connections: vec![Connection {
            name: text.to_owned(),
            state: LinkState::Down,
            since: Some(at(0)),
            why: Some(text.to_owned()),
        }],
        failing: vec![Degraded { name: text.to_owned(), why: text.to_owned() }],
        degraded: vec![Degraded { name: text.to_owned(), why: text.to_owned() }],
        sandbox: Sandbox {
            mode: text.to_owned(),
            summary: text.to_owned(),
            walls: vec![(text.to_owned(), true)],
        },
        collectors: vec![text.to_owned()],
        pool: 5,
    };
    let query = Query { text: text.to_owned(), ..Query::parse(query) };
    let past = query.run.as_ref().map(|_| past);
    let view = match &past {
        Some(past) => board.view_of(past, &query),
        None => board.view(&query),
    };
    let runs = [RunKind::Collect, RunKind::Cleanup].map(|kind| Arc::new(record(kind).summarize()));
    let page = Page {
        condition: &condition,
        view: &view,
        past: past.as_ref(),
        runs: &runs,
        query: &query,
        now: at(10),
    };
    page.document()
}

/// The tags of a page, without the values of their attributes.
fn skeleton(page: &str) -> Vec<String> {
    let tags = page.split('<').skip(1).filter_map(|part| part.split_once('>')).map(|(tag, _)| tag);
    tags.map(|tag| tag.split('"').step_by(2).collect()).collect()
}

#[test]
fn what_others_write_makes_no_markup() {
    for query in ["", "run=20261202T153012Z-collect"] {
        let plain = skeleton(&render("x", query));
        for hostile in [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "' onmouseover='alert(1)",
            "</table></main><iframe src=javascript:alert(1)>",
            "<!--main-->",
            "a\nb\r\u{0}\u{202e}",
            "&lt;script&gt;",
        ] {
            assert_eq!(skeleton(&render(hostile, query)), plain, "{hostile} {query}");
        }
    }
}

#[test]
fn the_part_that_changes_is_one_line() {
    let page = render("a\nb", "");
    let main = page.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).expect("a main part");
    assert!(!main.contains(['\n', '\r']), "an event of the stream is a line");
}

#[test]
fn nothing_in_the_page_needs_what_the_policy_forbids() {
    let page = render("x", "");
    for forbidden in [" style=", " onclick=", " onload=", "javascript:", "<style", "http://", "https://"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script src=\"page.js\" defer></script>"));
    assert!(!POLICY.contains("unsafe"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_changes_the_markup(text in "[^ ]{1,30}") {
        prop_assert_eq!(skeleton(&render(&text, "")), skeleton(&render("x", "")));
    }
}

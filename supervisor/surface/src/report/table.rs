//! The summary table of a run.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::env;
use std::time::Duration;

use comfy_table::presets::{ASCII_HORIZONTAL_ONLY, UTF8_HORIZONTAL_ONLY};
use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Row, Table};

use super::{AccountReport, AccountState, Report, ReportError};
use crate::text::{counted, duration, one_line, size, thousands};

/// Width of the table, so that it fits any terminal and a mail.
const WIDTH: u16 = 80;
/// Rows before the rest is summed up: what needs attention comes first.
const MAX_ROWS: usize = 30;
/// Denied actions that are named below the table.
const MAX_ACTIONS: usize = 5;
/// Failures that are explained below the table.
const MAX_ERRORS: usize = 10;
/// Characters of one of them.
const LONGEST: usize = 600;

/// With which characters a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableLook {
    /// Only ASCII.
    Ascii,
    /// Lines of Unicode.
    Unicode,
}

impl TableLook {
    /// Unicode on a terminal whose locale (the first set of `LC_ALL`, `LC_CTYPE`, `LANG`) is UTF-8.
    pub fn choose(is_terminal: bool, locale: Option<&str>) -> Self {
        let is_utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        if is_terminal && is_utf8 { Self::Unicode } else { Self::Ascii }
    }

    /// [`choose`](Self::choose) with the locale of this process.
    pub fn detect(is_terminal: bool) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(|name| env::var(name).ok())
            .find(|value| !value.is_empty());
        Self::choose(is_terminal, locale.as_deref())
    }
}

impl Report {
    /// The table for people, at most 80 columns wide, with sums and the reasons of failures below it. It ends
    /// with a line break.
    pub fn summary_table(&self, look: TableLook) -> String {
        let mut table = Table::new();
        table
            .load_style(
                match look {
                    TableLook::Ascii => ASCII_HORIZONTAL_ONLY,
                    TableLook::Unicode => UTF8_HORIZONTAL_ONLY,
                }
                .row_separator(LineStyle::none()),
            )
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(WIDTH)
            .set_truncation_indicator("..")
            .set_header(["account", "state", "tries", "nodes", "edges", "time", "memory"]);
        let rows = self.rows();
        for account in rows.iter().take(MAX_ROWS) {
            table.add_row(row(account));
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = table.trim_fmt();
        text.push('\n');
        if let Some(line) = hidden(rows.get(MAX_ROWS..).unwrap_or_default()) {
            text.extend([&line, "\n"]);
        }
        text.extend(self.notes().into_iter().flat_map(|line| [line, "\n".to_owned()]));
        text
    }

    /// What needs attention first, then the slowest.
    fn rows(&self) -> Vec<&AccountReport> {
        let mut rows: Vec<_> = self.accounts.iter().collect();
        rows.sort_by(|a, b| {
            Reverse(a.state != AccountState::Done)
                .cmp(&Reverse(b.state != AccountState::Done))
                .then_with(|| b.duration_s.total_cmp(&a.duration_s))
                .then_with(|| (&a.cloud, &a.id).cmp(&(&b.cloud, &b.id)))
        });
        rows
    }

    /// The lines below the table.
    fn notes(&self) -> Vec<String> {
        let totals = self.totals();
        let mut ends =
            vec![format!("{} of {} done", thousands(totals.done), counted(totals.accounts, "account"))];
        let others = [(totals.failed, "failed"), (totals.cancelled, "cancelled")];
        let nonzero = others.into_iter().filter(|&(count, _)| count > 0);
        ends.extend(nonzero.map(|(count, word)| format!("{} {word}", thousands(count))));
        let mut notes = vec![format!(
            "{}: {}, {} in {}",
            ends.join(", "),
            counted(totals.nodes, "node"),
            counted(totals.edges, "edge"),
            duration(Duration::try_from_secs_f64(self.duration_s).unwrap_or_default())
        )];
        if totals.faults > 0 {
            let kinds: Vec<_> =
                self.faults_by_kind().iter().map(|(kind, n)| format!("{} {kind}", thousands(*n))).collect();
            notes.push(format!("{}: {}", counted(totals.faults, "fault"), kinds.join(", ")));
        }
        if totals.denied > 0 {
            notes.push(format!(
                "{} denied for lack of permission: {}; the report file (--report) has all",
                counted(totals.denied, "call"),
                self.denied_actions()
            ));
        }
        notes.extend(self.errors());
        notes
    }

    /// Some of the actions that were denied.
    fn denied_actions(&self) -> String {
        let actions: BTreeSet<&str> = self.denied.iter().map(|denied| denied.action.as_str()).collect();
        let some: Vec<&str> = actions.iter().take(MAX_ACTIONS).copied().collect();
        let more = actions.len().saturating_sub(MAX_ACTIONS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        one_line(&format!("{}{more}", some.join(", "))).into_owned()
    }

    /// What is missing from accounts that are done: where, and what services. Of a failed one its end says more, and what
    /// was denied has a line of its own.
    fn holes(&self) -> impl Iterator<Item = (String, &ReportError)> {
        let done =
            |id: &str| self.accounts.iter().find(|known| known.id == id && known.state == AccountState::Done);
        let denied = |id: &str| self.denied.iter().any(|denied| denied.account == id);
        self.faults.iter().filter(|fault| !fault.remark).filter_map(move |fault| {
            let id = fault.account.as_deref()?;
            let account = done(id).filter(|_| fault.error.kind != "access_denied" || !denied(id))?;
            let place = fault.region.iter().chain(&fault.service).chain(&fault.action);
            let who = place.fold(account.title(), |who, part| format!("{who} {part}"));
            Some((who, &fault.error))
        })
    }

    /// Why things failed: one line for each reason, however many accounts share it.
    fn errors(&self) -> Vec<String> {
        let collectors =
            self.collectors.iter().map(|failed| (format!("collector {}", failed.collector), &failed.error));
        let accounts =
            self.rows().into_iter().filter_map(|account| Some((account.title(), account.error.as_ref()?)));
        let listings = self.faults.iter().filter(|fault| fault.account.is_none() && !fault.remark);
        let listings = listings.map(|fault| (format!("accounts of {}", fault.cloud), &fault.error));
        let mut reasons: Vec<(&ReportError, String, u64)> = Vec::new();
        for (who, error) in collectors.chain(listings).chain(accounts).chain(self.holes()) {
            match reasons.iter_mut().find(|(known, ..)| *known == error) {
                Some((_, _, others)) => *others += 1,
                None => reasons.push((error, who, 0)),
            }
        }
        let mut lines: Vec<_> = reasons.iter().take(MAX_ERRORS).map(error_line).collect();
        if let Some(more) = reasons.len().checked_sub(MAX_ERRORS).filter(|&more| more > 0) {
            lines.push(format!(
                "and {}; the report file (--report) has all",
                counted(more as u64, "other reason")
            ));
        }
        lines
    }
}

/// What of a sentence about a fault is shown.
fn cut(message: &str) -> String {
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}..", &message[..end]),
        None => message.to_owned(),
    }
}

fn error_line((error, who, others): &(&ReportError, String, u64)) -> String {
    let others = if *others == 0 { String::new() } else { format!(" and {} more", thousands(*others)) };
    let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("; {}", one_line(hint)));
    format!("{}{others}: {}{hint}", one_line(who), cut(&one_line(&error.message)))
}

fn row(account: &AccountReport) -> Row {
    let memory = if account.peak_rss_bytes == 0 { "-".to_owned() } else { size(account.peak_rss_bytes) };
    let (nodes, edges) = match account.state {
        AccountState::Done => (thousands(account.nodes), thousands(account.edges)),
        // What a failed attempt had sent is not in the output.
        AccountState::Failed | AccountState::Cancelled => ("-".to_owned(), "-".to_owned()),
    };
    let cells = [
        one_line(&account.title()).into_owned(),
        account.state.name().to_owned(),
        account.attempts.to_string(),
        nodes,
        edges,
        duration(Duration::try_from_secs_f64(account.duration_s).unwrap_or_default()),
        memory,
    ];
    let mut row = Row::from(cells.map(Cell::new).to_vec());
    row.max_height(1);
    row
}

/// The line for accounts that have no row.
fn hidden(rest: &[&AccountReport]) -> Option<String> {
    let count = |state| rest.iter().filter(|account| account.state == state).count() as u64;
    let states: Vec<_> = [AccountState::Failed, AccountState::Cancelled, AccountState::Done]
        .into_iter()
        .filter(|&state| count(state) > 0)
        .map(|state| format!("{} {}", thousands(count(state)), state.name()))
        .collect();
    (!states.is_empty()).then(|| format!("and {} more: {}", thousands(rest.len() as u64), states.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::account;
    use super::super::{CollectorReport, DeniedReport, FaultReport};
    use super::*;

    fn example() -> Report {
        let error = ReportError {
            kind: "config".to_owned(),
            message: "no file matches 'exports/*.ndjson'".to_owned(),
            hint: Some("set file.paths".to_owned()),
        };
        let fault = FaultReport {
            cloud: "aws".to_owned(),
            account: Some("123456789012".to_owned()),
            region: None,
            service: None,
            action: None,
            count: 3,
            remark: false,
            error: ReportError { kind: "access_denied".to_owned(), message: "no".to_owned(), hint: None },
        };
        let denied = DeniedReport {
            cloud: "aws".to_owned(),
            account: "123456789012".to_owned(),
            action: "kms:ListKeys".to_owned(),
            regions: vec!["eu-west-1".to_owned()],
            calls: 3,
        };
        let long = "A very long name of an account that nobody would ever want to read in a table";
        Report {
            accounts: vec![
                account("123456789012", AccountState::Done),
                AccountReport {
                    name: long.to_owned(),
                    nodes: 1_234_567,
                    ..account("234567890123", AccountState::Done)
                },
                AccountReport {
                    attempts: 3,
                    name: "Ünï\x1b[2J東京".to_owned(),
                    peak_rss_bytes: 0,
                    ..account("345678901234", AccountState::Failed)
                },
                AccountReport { name: "4".to_owned(), error: None, ..account("4", AccountState::Cancelled) },
            ],
            collectors: vec![CollectorReport { collector: "file".to_owned(), error }],
            faults: vec![fault],
            denied: vec![denied],
            strict: false,
            output: None,
            duration_s: 75.5,
            ..Report::default()
        }
    }

    #[test]
    fn the_table_in_ascii() {
        let text = example().summary_table(TableLook::Ascii);
        insta::assert_snapshot!(text);
        let table: Vec<_> = text.lines().take_while(|line| !line.contains("accounts done")).collect();
        assert!(table.iter().all(|line| line.chars().count() <= usize::from(WIDTH)), "{text}");
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn the_table_in_unicode() {
        insta::assert_snapshot!(example().summary_table(TableLook::Unicode));
    }

    #[test]
    fn an_estate_of_500_accounts_fits_a_screen_and_failures_are_on_top() {
        let mut report = Report::default();
        for n in 0..500 {
            let state = if n % 50 == 7 { AccountState::Failed } else { AccountState::Done };
            report
                .accounts
                .push(AccountReport { duration_s: f64::from(n), ..account(&format!("{n:03}"), state) });
        }
        report.accounts[20].state = AccountState::Cancelled;
        let text = report.summary_table(TableLook::Ascii);
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with(" aws/")).collect();
        assert_eq!(rows.len(), MAX_ROWS, "{text}");
        assert!(rows[..11].iter().all(|row| !row.contains(" done ")), "{text}");
        assert!(rows[11].contains("aws/499"), "the slowest of the others is next: {text}");
        assert!(text.contains("and 470 more: 470 done"), "{text}");
        assert!(text.contains("489 of 500 accounts done, 10 failed, 1 cancelled"), "{text}");
        assert!(
            text.contains("aws/457 Prod and 9 more: the access key is not known to AWS; renew"),
            "{text}"
        );
        assert!(text.lines().count() < 40, "{text}");
    }

    #[test]
    fn what_is_wrong_with_the_listing_is_a_line_of_its_own() {
        let mut report = Report { accounts: vec![account("1", AccountState::Done)], ..Report::default() };
        let error = ReportError {
            kind: "credentials".to_owned(),
            message: "no accounts of the profile prod".to_owned(),
            hint: Some("check aws.profiles".to_owned()),
        };
        let fault = FaultReport { account: None, error, count: 1, ..example().faults[0].clone() };
        report.faults = vec![fault.clone(), FaultReport { remark: true, ..fault }];
        let text = report.summary_table(TableLook::Ascii);
        let end =
            "1 fault: 1 credentials\naccounts of aws: no accounts of the profile prod; check aws.profiles\n";
        assert!(text.ends_with(end), "{text}");
        assert_eq!((report.exit_code(), Report { strict: true, ..report }.exit_code()), (0, 3));
    }

    #[test]
    fn what_is_missing_from_accounts_is_named_and_folded() {
        let accounts = ["1", "2"].map(|id| account(id, AccountState::Done)).to_vec();
        let error = ReportError {
            kind: "unavailable".to_owned(),
            message: "no connection. Affected services and actions: athena: ListWorkGroups, sns: ListTopics"
                .to_owned(),
            hint: Some("check the network".to_owned()),
        };
        let region = Some("eu-west-1".to_owned());
        let of = |id: &str| FaultReport {
            account: Some(id.to_owned()),
            region: region.clone(),
            count: 2,
            error: error.clone(),
            ..example().faults[0].clone()
        };
        let faults = vec![of("1"), of("2"), FaultReport { remark: true, ..of("1") }];
        let text = Report { accounts, faults, ..Report::default() }.summary_table(TableLook::Ascii);
        let end = "4 faults: 4 unavailable\naws/1 Prod eu-west-1 and 1 more: no connection. Affected services and \
                   actions: athena: ListWorkGroups, sns: ListTopics; check the network\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn many_different_reasons_are_cut_short() {
        let mut report = Report::default();
        for n in 0..15 {
            let mut account = account(&n.to_string(), AccountState::Failed);
            account.error =
                Some(ReportError { kind: "x".to_owned(), message: format!("reason {n}"), hint: None });
            report.accounts.push(account);
        }
        let text = report.summary_table(TableLook::Ascii);
        assert!(text.ends_with("and 5 other reasons; the report file (--report) has all\n"), "{text}");
        assert_eq!(text.matches("reason ").count(), MAX_ERRORS, "{text}");
    }

    #[test]
    fn a_run_without_accounts_still_says_so() {
        let text = Report::default().summary_table(TableLook::Ascii);
        assert!(text.ends_with("0 of 0 accounts done: 0 nodes, 0 edges in 0.0s\n"), "{text}");
    }

    #[test]
    fn unicode_needs_a_terminal_and_a_utf8_locale() {
        for (is_terminal, locale, look) in [
            (true, Some("en_US.UTF-8"), TableLook::Unicode),
            (true, Some("C.utf8"), TableLook::Unicode),
            (true, Some("C"), TableLook::Ascii),
            (true, None, TableLook::Ascii),
            (false, Some("en_US.UTF-8"), TableLook::Ascii),
        ] {
            assert_eq!(TableLook::choose(is_terminal, locale), look, "{is_terminal} {locale:?}");
        }
    }
}

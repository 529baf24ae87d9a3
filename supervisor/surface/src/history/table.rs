//! `fixworker history`: runs, and one account through all of them, as tables.

use std::time::Duration;

use comfy_table::presets::{ASCII_HORIZONTAL_ONLY, UTF8_HORIZONTAL_ONLY};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{AccountRun, RunKind, RunSummary};
use crate::report::{AccountState, FaultReport, ReportError, TableLook};
use crate::text::{duration, one_line, size, thousands};

/// Lines about one account in one run.
const MOST_LINES: usize = 20;

/// Nothing is cut, names least of all: they are copied into the next command.
fn table(look: TableLook, header: &[&str], numbers_from: usize, rows: Vec<Vec<String>>) -> String {
    let style = match look {
        TableLook::Ascii => ASCII_HORIZONTAL_ONLY,
        TableLook::Unicode => UTF8_HORIZONTAL_ONLY,
    };
    let mut table = Table::new();
    table
        .load_style(style.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(numbers_from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

fn when(time: Option<Timestamp>, zone: &TimeZone) -> String {
    let shown = |time: Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string();
    time.map_or_else(|| "-".to_owned(), shown)
}

fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// The runs, newest first, with what is to be known of those that are not well below. Times are of `zone`.
pub fn runs_table(runs: &[RunSummary], look: TableLook, zone: &TimeZone) -> String {
    let row = |run: &RunSummary| {
        let totals = &run.totals;
        let accounts = match run.kind {
            RunKind::Collect => format!("{} of {}", thousands(totals.done), thousands(totals.accounts)),
            RunKind::Cleanup => "-".to_owned(),
        };
        vec![
            run.id.to_string(),
            when(run.started, zone),
            run.outcome.name().to_owned(),
            accounts,
            thousands(totals.nodes),
            thousands(totals.faults),
            thousands(totals.denied),
            seconds(run.duration_s),
        ]
    };
    let header = ["run", "began", "outcome", "accounts", "nodes", "faults", "denied", "took"];
    let mut text = table(look, &header, 3, runs.iter().map(row).collect());
    for run in runs {
        let why = run.message.as_deref().or((run.kind == RunKind::Cleanup).then_some(run.summary.as_str()));
        if let Some(why) = why {
            text.extend([run.id.as_str(), ": ", &one_line(why), "\n"]);
        }
    }
    text
}

/// One account through all runs, newest first, with what was wrong below. Times are of `zone`.
pub fn account_table(runs: &[AccountRun], look: TableLook, zone: &TimeZone) -> String {
    let row = |run: &AccountRun| {
        let account = &run.account;
        let done = |count| if run.is_done() { thousands(count) } else { "-".to_owned() };
        let memory = match account.peak_rss_bytes {
            0 => "-".to_owned(),
            bytes => size(bytes),
        };
        vec![
            run.run.to_string(),
            when(run.started, zone),
            one_line(&account.title()).into_owned(),
            account.state.name().to_owned(),
            account.attempts.to_string(),
            done(account.nodes),
            done(account.edges),
            seconds(account.duration_s),
            memory,
        ]
    };
    let header = ["run", "began", "account", "state", "tries", "nodes", "edges", "took", "memory"];
    let mut text = table(look, &header, 4, runs.iter().map(row).collect());
    for run in runs {
        let lines = lines(run);
        for line in lines.iter().take(MOST_LINES) {
            text.extend([run.run.as_str(), ": ", &one_line(line), "\n"]);
        }
        if let Some(more) = lines.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
            text.extend([run.run.as_str(), ": and ", &more.to_string(), " more; --json has all\n"]);
        }
    }
    text
}

fn lines(run: &AccountRun) -> Vec<String> {
    let end = run.account.error.iter().map(|error| {
        let word = if run.account.state == AccountState::Cancelled { "stopped" } else { "failed" };
        format!("{word}: {}", told(error))
    });
    let faults = run.faults.iter().filter(|fault| !fault.remark).map(fault_line);
    let denied = run.denied.iter().map(|denied| {
        let places = if denied.regions.is_empty() {
            String::new()
        } else {
            format!(" in {}", denied.regions.join(", "))
        };
        format!("denied: {}{places} ({} calls)", denied.action, denied.calls)
    });
    end.chain(faults).chain(denied).collect()
}

fn told(error: &ReportError) -> String {
    let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    format!("[{}] {}{hint}", error.kind, error.message)
}

fn fault_line(fault: &FaultReport) -> String {
    let parts = fault.region.iter().chain(&fault.service).chain(&fault.action);
    let place = parts.map(String::as_str).collect::<Vec<_>>().join(" ");
    let place = if place.is_empty() { String::new() } else { format!(" of {place}") };
    let times = if fault.count > 1 { format!(" ({} times)", fault.count) } else { String::new() };
    format!("missing{place}{times}: {}", told(&fault.error))
}

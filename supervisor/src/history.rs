//! `fixworker history`: what the worker on this host has left of its runs.

use std::io::IsTerminal;
use std::path::PathBuf;

use fixworker_graph::spool::{SpoolEnv, spool_path};
use fixworker_settings::cli::HistoryArgs;
use fixworker_settings::suggest::close_to;
use fixworker_surface::history::{
    self, AccountRun, HistoryError, RunRecord, RunSummary, account_table, runs_table,
};
use fixworker_surface::report::TableLook;
use jiff::tz::TimeZone;
use nix::unistd::geteuid;
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::reach;

/// What is printed, and what it means.
type Shown = Result<(String, ExitCode), (String, ExitCode)>;

/// Prints what is asked for.
pub(crate) fn run(args: &HistoryArgs) -> ExitCode {
    let folder = folder(args);
    let (records, errors) = match history::read_all(&folder) {
        Ok(read) => read,
        Err(error) => {
            crate::complain(&format!("error: {error}; run it as the user of the worker"));
            return ExitCode::Usage;
        }
    };
    errors
        .iter()
        .map(HistoryError::to_string)
        .for_each(|error| crate::complain(&format!("warning: {error}")));
    if records.is_empty() {
        let place = folder.display();
        crate::complain(&format!(
            "no run is kept in {place}; if the worker has its spool elsewhere, name it with --spool-dir"
        ));
        return ExitCode::NothingCollected;
    }
    match show(args, &records) {
        Ok((text, code)) => match crate::print(&text) {
            ExitCode::Fine => code,
            failed => failed,
        },
        Err((text, code)) => {
            crate::complain(&text);
            code
        }
    }
}

fn folder(args: &HistoryArgs) -> PathBuf {
    let (env, uid) = (SpoolEnv::from_process(), geteuid().as_raw());
    let worker = reach::named(&args.subscriber_id, args.shard).name();
    spool_path(args.spool_dir.as_deref(), &env, uid, &worker).join(history::FOLDER)
}

fn show(args: &HistoryArgs, records: &[RunRecord]) -> Shown {
    match (&args.run, &args.account) {
        (Some(id), _) => one_run(args, records, id),
        (None, Some(account)) => one_account(args, records, account),
        (None, None) => runs(args, records),
    }
}

fn runs(args: &HistoryArgs, records: &[RunRecord]) -> Shown {
    let shown: Vec<RunSummary> = records.iter().take(args.limit).map(RunRecord::summarize).collect();
    let newest = records.first().map_or(ExitCode::NothingCollected, |run| code(run.exit_code()));
    let text = if args.json { json(&shown)? } else { runs_table(&shown, look(), &TimeZone::system()) };
    Ok((text, newest))
}

fn one_run(args: &HistoryArgs, records: &[RunRecord], id: &str) -> Shown {
    let known = records.iter().map(|run| run.id.as_str());
    let Some(run) = records.iter().find(|run| run.id.as_str() == id) else {
        let close = close_to(id, known);
        return Err((format!("there is no run {id:?} in the history{close}"), ExitCode::NothingCollected));
    };
    let text = if args.json {
        let text = run.to_json().map_err(|error| (format!("error: {error}"), ExitCode::Internal))?;
        format!("{text}\n")
    } else {
        let head = runs_table(&[run.summarize()], look(), &TimeZone::system());
        format!("{head}\n{}", run.report.summary_table(look()))
    };
    Ok((text, code(run.exit_code())))
}

fn one_account(args: &HistoryArgs, records: &[RunRecord], account: &str) -> Shown {
    let found = records.iter().flat_map(|run| run.of_account(account));
    let found: Vec<AccountRun> = found.take(args.limit).collect();
    let Some(newest) = found.first() else {
        let accounts = records.iter().flat_map(|run| &run.report.accounts);
        let known: std::collections::BTreeSet<&str> =
            accounts.flat_map(|known| [known.id.as_str(), known.name.as_str()]).collect();
        let close = close_to(account, known);
        let text = format!("no run in the history knows an account {account:?}{close}");
        return Err((text, ExitCode::NothingCollected));
    };
    let code = if newest.is_done() { ExitCode::Fine } else { ExitCode::SomeFailed };
    let text = if args.json { json(&found)? } else { account_table(&found, look(), &TimeZone::system()) };
    Ok((text, code))
}

fn json(value: &impl Serialize) -> Result<String, (String, ExitCode)> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| format!("{text}\n")).map_err(|error| (format!("error: {error}"), ExitCode::Internal))
}

fn look() -> TableLook {
    TableLook::detect(std::io::stdout().is_terminal())
}

/// The exit code that a report asks for.
fn code(report: u8) -> ExitCode {
    match report {
        0 => ExitCode::Fine,
        2 => ExitCode::Usage,
        3 => ExitCode::SomeFailed,
        _ => ExitCode::NothingCollected,
    }
}

//! `fix-collector accounts`, and how every command comes to its collector and settings.

use std::path::Path;
use std::sync::Arc;

use collector::Collector;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::job::{Account, AccountsJob, Job};
use ipc_proto::message::Report;
use serde_json::json;

use super::cli::{Accounts, Source};
use super::engine::{self, Consumer};
use super::screen::Screen;
use super::settings::{self, Settings};
use super::trouble::Trouble;
use super::{print, say};
use crate::job::{self, Collectors, Outcome};

/// A large config document has some hundred KiB; anything beyond this is another file.
const MAX_CONFIG: u64 = 64 << 20;

/// Prints the accounts of a collector.
pub(super) fn run(collectors: Vec<Box<dyn Collector>>, command: &Accounts) -> Result<ExitCode, Trouble> {
    let settings = prepare(&collectors, &command.source)?;
    let (accounts, code) = list(collectors.into(), &command.source.collector, &settings)?;
    print(&if command.json { lines(&accounts) } else { table(&accounts) })?;
    Ok(code)
}

/// Reads the settings of a collector, and prints the warnings about them.
pub(super) fn prepare(collectors: &Collectors, source: &Source) -> Result<Settings, Trouble> {
    let collector = job::find(collectors, &source.collector).map_err(|fault| {
        // Under the supervisor the name comes from the configuration, here from the command line.
        Trouble { code: ExitCode::Usage, ..(*fault).into() }
    })?;
    let file = source.config.as_deref().map(read_config).transpose()?;
    let environment = |name: &str| std::env::var(name).ok();
    let settings = settings::build(&collector.describe(), file.as_deref(), &source.overrides, &environment)?;
    for warning in &settings.warnings {
        say(&format!("warning: {warning}"));
    }
    Ok(settings)
}

/// The accounts of a collector, and the exit code of having listed them.
pub(super) fn list(
    collectors: Arc<Collectors>,
    collector: &str,
    settings: &Settings,
) -> Result<(Vec<Account>, ExitCode), Trouble> {
    let job =
        Job::Accounts(AccountsJob { collector: collector.to_owned(), config: config_text(settings)?.into() });
    let listing = Listing { accounts: Vec::new(), screen: Screen::new(&format!("{collector}: accounts")) };
    let (outcome, Listing { accounts, screen }) = engine::perform(collectors, job, listing)?;
    screen.end();
    match outcome {
        Outcome::Done(_) => Ok((accounts, outcome.exit_code())),
        Outcome::Failed(fatal) => Err(fatal.into()),
        Outcome::Cut => Err(Trouble::new(ExitCode::TryAgain, "the job was cut off")),
    }
}

/// The section as a job carries it.
pub(super) fn config_text(settings: &Settings) -> Result<String, Trouble> {
    serde_json::to_string(settings.section.settings()).map_err(|error| {
        Trouble::new(ExitCode::Internal, format!("the settings cannot be written as JSON: {error}"))
    })
}

fn read_config(path: &Path) -> Result<String, Trouble> {
    let wrong = |what: String| {
        Trouble::new(ExitCode::Config, format!("cannot read the config file {}: {what}", path.display()))
    };
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > MAX_CONFIG {
        return Err(wrong(format!("it has {size} bytes, more than a config document can have")));
    }
    std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}

struct Listing {
    accounts: Vec<Account>,
    screen: Screen,
}

impl Consumer for Listing {
    fn take(&mut self, report: Report<'_>) -> Result<(), Trouble> {
        match report {
            Report::Accounts(some) => self.accounts.extend(some),
            Report::Fault(fault) => self.screen.fault(&fault),
            Report::Progress(lines) => self.screen.progress(lines),
            Report::Heartbeat(beat) => self.screen.heartbeat(beat),
            // Chunks and descriptions do not belong to this job; the rest is in its outcome.
            Report::Ready
            | Report::Described(_)
            | Report::Chunk(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Done(_)
            | Report::Denied(_)
            | Report::Brokering(_)
            | Report::Sealed(_)
            | Report::Renew
            | Report::Fatal(_) => {}
        }
        Ok(())
    }
}

fn table(accounts: &[Account]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["id", "name", "cloud"]);
    for account in accounts {
        table.add_row([&account.id, &account.name, &account.cloud]);
    }
    format!("{table}\n")
}

// Without the scope, which may hold credentials.
fn lines(accounts: &[Account]) -> String {
    let line = |account: &Account| {
        let Account { cloud, id, name, node_id, scope: _ } = account;
        format!("{}\n", json!({"cloud": cloud, "id": id, "name": name, "node_id": node_id}))
    };
    accounts.iter().map(line).collect()
}

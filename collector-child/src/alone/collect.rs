//! `fix-collector collect`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use collector::{Collector, fault};
use inventory::suggest;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, CollectJob, Job};
use ipc_proto::message::{Denied, Report};

use super::accounts::{config_text, list};
use super::cli::Collect;
use super::engine::{self, Consumer};
use super::recording::{self, Begun};
use super::say;
use super::screen::Screen;
use super::settings::Settings;
use super::sheet::{Counts, Sheet, SheetError};
use super::spool::Target;
use super::summary::{self, Run};
use super::trouble::Trouble;
use crate::job::{Collectors, Outcome};
use crate::memory;

/// Accounts that an error message lists.
const LISTED: usize = 20;

/// Collects one account into a file.
pub(super) fn run(collectors: Vec<Box<dyn Collector>>, command: &Collect) -> Result<ExitCode, Trouble> {
    let begun = recording::begin(&collectors, command)?;
    let ended = collect(collectors, command, &begun);
    // A run that failed is what recordings are made for.
    let missed = recording::end(command)?;
    ended.map(|code| if missed && code == ExitCode::Done { ExitCode::DoneWithFaults } else { code })
}

fn collect(
    collectors: Vec<Box<dyn Collector>>,
    command: &Collect,
    begun: &Begun,
) -> Result<ExitCode, Trouble> {
    let start = Instant::now();
    let Begun { collector, settings, account } = begun;
    // Before the work, so that a bad path does not cost it.
    let target = Target::open(&command.output).map_err(|error| cannot_write(&command.output, &error))?;
    let collectors: Arc<Collectors> = collectors.into();
    let (accounts, _) = list(Arc::clone(&collectors), collector, settings)?;
    let account = choose(accounts, account.as_deref())?;
    recording::chosen(&account.id);
    let title = format!("{collector}/{}", account.id);
    let gathering = gather(collectors, collector, account, settings, target, &title)?;
    let Gathered { counts, faults, code, target } = gathering;
    target.commit().map_err(|error| cannot_write(&command.output, &error))?;
    let output = match &*command.output.to_string_lossy() {
        "-" => "standard output".to_owned(),
        path => path.to_owned(),
    };
    let run = Run {
        title: &title,
        counts: &counts,
        faults,
        duration: start.elapsed(),
        peak_memory: memory::peak(),
        output: &output,
    };
    say(&summary::text(&run));
    Ok(code)
}

/// A finished graph.
struct Gathered {
    counts: Counts,
    faults: u32,
    code: ExitCode,
    target: Target,
}

fn gather(
    collectors: Arc<Collectors>,
    collector: &str,
    account: Account,
    settings: &Settings,
    target: Target,
    title: &str,
) -> Result<Gathered, Trouble> {
    let exported_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let sheet = Sheet::new(target, account.node_id.clone(), exported_at)
        .map_err(|error| from_sheet(&error.into()))?;
    let job = Job::Collect(Box::new(CollectJob {
        collector: collector.to_owned(),
        config: config_text(settings)?.into(),
        account,
        max_resources: settings.max_resources,
        last_run_started_ago: None,
    }));
    let gathering = Gathering { sheet, screen: Screen::new(title), denied: Vec::new() };
    let (outcome, Gathering { sheet, mut screen, denied }) = engine::perform(collectors, job, gathering)?;
    for line in summary::denied(&denied) {
        screen.line(&line);
    }
    let mut code = outcome.exit_code();
    match outcome {
        Outcome::Done(_) => {}
        Outcome::Failed(fatal) => return Err(fatal.into()),
        Outcome::Cut => return Err(Trouble::new(ExitCode::TryAgain, "the job was cut off")),
    }
    let (target, counts) = sheet.finish().map_err(|error| from_sheet(&error))?;
    for (count, what) in [
        (counts.duplicates, "a node was left out because its id was there before"),
        (counts.dangling, "an edge was left out because one of its ends is not in the graph"),
    ] {
        if count > 0 {
            let mut left_out = fault(FaultKind::Resource, what);
            left_out.count = u32::try_from(count).unwrap_or(u32::MAX);
            screen.fault(&left_out);
            code = ExitCode::DoneWithFaults;
        }
    }
    Ok(Gathered { counts, faults: screen.end(), code, target })
}

struct Gathering {
    sheet: Sheet<Target>,
    screen: Screen,
    denied: Vec<Denied>,
}

impl Consumer for Gathering {
    fn take(&mut self, report: Report<'_>) -> Result<(), Trouble> {
        match report {
            Report::Chunk(chunk) => self.sheet.add(&chunk).map_err(|error| from_sheet(&error))?,
            Report::Fault(fault) => self.screen.fault(&fault),
            Report::Denied(calls) => self.denied.extend(calls),
            Report::Progress(lines) => self.screen.progress(lines),
            Report::Heartbeat(beat) => self.screen.heartbeat(beat),
            // The other answers do not belong to this job; its end is in its outcome.
            Report::Ready
            | Report::Described(_)
            | Report::Accounts(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Done(_)
            | Report::Brokering(_)
            | Report::Sealed(_)
            | Report::Renew
            | Report::Fatal(_) => {}
        }
        self.screen.counts(self.sheet.counts().nodes(), self.sheet.edges_added());
        Ok(())
    }
}

/// The account that the user means.
fn choose(mut accounts: Vec<Account>, wanted: Option<&str>) -> Result<Account, Trouble> {
    let listed = || {
        let names = accounts.iter().take(LISTED).map(|account| {
            let Account { id, name, .. } = account;
            if id == name { id.clone() } else { format!("{id} ({name})") }
        });
        let mut names: Vec<String> = names.collect();
        if accounts.len() > LISTED {
            names.push(format!("and {} more", accounts.len() - LISTED));
        }
        names.join(", ")
    };
    let at = match wanted {
        _ if accounts.is_empty() => {
            return Err(Trouble::new(ExitCode::Config, "the configuration gives access to no account"));
        }
        None if accounts.len() > 1 => {
            let message = format!("there are {} accounts: choose one with --account", accounts.len());
            return Err(Trouble::new(ExitCode::Usage, message).hint(format!("there are: {}", listed())));
        }
        None => 0,
        Some(wanted) => accounts.iter().position(|account| account.id == wanted).ok_or_else(|| {
            let named = accounts.iter().find(|account| account.name == wanted);
            let hint = match named {
                Some(account) => format!("that is the name of the account {}", account.id),
                None if accounts.len() > LISTED => format!("there are: {}", listed()),
                None => suggest::hint(wanted, accounts.iter().map(|account| account.id.as_str())),
            };
            Trouble::new(ExitCode::Usage, format!("there is no account {wanted}")).hint(hint)
        })?,
    };
    Ok(accounts.swap_remove(at))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(ExitCode::TryAgain, format!("cannot write {}: {error}", path.display()))
}

fn from_sheet(error: &SheetError) -> Trouble {
    let code = match error {
        SheetError::Io(_) => ExitCode::TryAgain,
        SheetError::Json(_) | SheetError::OtherAccount { .. } | SheetError::NoAccount => ExitCode::Internal,
    };
    Trouble::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, name: &str) -> Account {
        Account {
            cloud: "c".to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            node_id: format!("node-{id}"),
            scope: Vec::new().into(),
        }
    }

    fn hint(accounts: Vec<Account>, wanted: Option<&str>) -> (ExitCode, String) {
        let trouble = choose(accounts, wanted).unwrap_err();
        (trouble.code, trouble.hint.unwrap_or_default())
    }

    #[test]
    fn the_only_account_needs_no_name() {
        assert_eq!(choose(vec![account("1", "one")], None).unwrap().id, "1");
        let two = || vec![account("1", "one"), account("22", "22")];
        assert_eq!(choose(two(), Some("22")).unwrap().id, "22");
        assert_eq!(hint(two(), None), (ExitCode::Usage, "there are: 1 (one), 22".to_owned()));
        assert_eq!(hint(two(), Some("one")).1, "that is the name of the account 1");
        assert_eq!(hint(two(), Some("23")).1, "did you mean 22?");
        assert_eq!(hint(vec![], None).0, ExitCode::Config);
        let many = (0..30).map(|n| account(&n.to_string(), "x")).collect();
        assert!(hint(many, None).1.ends_with("19 (x), and 10 more"));
    }
}

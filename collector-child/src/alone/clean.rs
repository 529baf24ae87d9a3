//! `fix-collector clean`: the same job as under the supervisor, pass by pass, for the nodes of a file.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use collector::Collector;
use collector::changes::Change;
use collector::node::{Ancestor, StoredNode};
use ipc_proto::clean::{CleanJob, Cleaned};
use ipc_proto::exit_code::ExitCode;
use ipc_proto::job::{Account, Job};
use ipc_proto::message::Report;

use super::accounts::{config_text, prepare};
use super::cli::Clean;
use super::engine::{Consumer, Engine};
use super::screen::Screen;
use super::settings::Settings;
use super::trouble::Trouble;
use super::{fault_text, print, say};
use crate::job::{self, Collectors, Outcome};
use input::{Graph, Levels};
use plan::{Plan, account_of};

mod input;
mod order;
mod plan;
mod table;

/// The pause before a pass that has to try again; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Deletes what is marked or named in a file.
pub(super) fn run(collectors: Vec<Box<dyn Collector>>, command: &Clean) -> Result<ExitCode, Trouble> {
    let settings = prepare(&collectors, &command.source)?;
    let collectors: Arc<Collectors> = collectors.into();
    let graph = read(&command.input)?;
    let chosen = choose(&graph, &command.ids)?;
    if chosen.is_empty() {
        say("nothing in the input is marked for cleanup; --id names what to delete");
        return Ok(ExitCode::Done);
    }
    let mut cleaning = Cleaning::new(&collectors, command, &settings, &graph, &chosen)?;
    if !command.dry_run {
        agree(&cleaning.plan, command)?;
    }
    let ended = cleaning.run();
    if ended.is_err() {
        cleaning.plan.keep_reasons();
    }
    print(&if command.json { table::lines(&cleaning.plan) } else { table::text(&cleaning.plan) })?;
    say(&table::sentence(&cleaning.plan, command.dry_run));
    ended?;
    Ok(match cleaning.code {
        Some(code) => code,
        None if cleaning.plan.is_complete() => ExitCode::Done,
        None => ExitCode::DoneWithFaults,
    })
}

fn read(path: &Path) -> Result<Graph, Trouble> {
    let graph = if path == Path::new("-") {
        Graph::read(io::stdin().lock())
    } else {
        File::open(path).map_err(Into::into).and_then(|file| Graph::read(BufReader::new(file)))
    };
    graph.map_err(|error| Trouble::new(ExitCode::Config, format!("cannot read {}: {error}", path.display())))
}

/// The nodes to delete: those named, or else those marked.
fn choose(graph: &Graph, ids: &[String]) -> Result<Vec<usize>, Trouble> {
    if ids.is_empty() {
        let heads = graph.heads.iter().enumerate();
        return Ok(heads.filter(|(_, head)| head.marked && !head.cleaned).map(|(one, _)| one).collect());
    }
    let mut chosen = Vec::new();
    for id in ids {
        match graph.named(id)[..] {
            [one] if chosen.contains(&one) => {}
            [one] => chosen.push(one),
            [] => return Err(Trouble::new(ExitCode::Usage, format!("the input has no node {id:?}"))),
            ref several => {
                let titles: Vec<_> = several
                    .iter()
                    .map(|one| format!("{} ({})", graph.heads[*one].id, graph.heads[*one].title))
                    .collect();
                let message = format!("{} nodes have the id {id:?}: name one by its node id", several.len());
                return Err(Trouble::new(ExitCode::Usage, message).hint(titles.join(", ")));
            }
        }
    }
    Ok(chosen)
}

/// Asks the user, who has to say yes.
fn agree(plan: &Plan, command: &Clean) -> Result<(), Trouble> {
    let sequence = plan.sequence();
    if command.yes || sequence.is_empty() {
        return Ok(());
    }
    if !io::stdin().is_terminal() || command.input == Path::new("-") {
        let trouble = Trouble::new(ExitCode::Usage, "nothing is deleted without being asked for");
        return Err(trouble.hint("look at the plan with --dry-run, then give --yes"));
    }
    for one in &sequence {
        say(&format!("  {}", plan.items[*one].node.title()));
    }
    let mut stderr = io::stderr().lock();
    // Whoever closed standard error cannot have answered yes below.
    let count = sequence.len();
    let these = if count == 1 {
        "This resource".to_owned()
    } else {
        format!("These {count} resources, in this order,")
    };
    drop(write!(stderr, "{these} will be deleted. Type yes to go on: "));
    drop(stderr.flush());
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    match read {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(Trouble::new(ExitCode::Usage, "not agreed; nothing was deleted")),
    }
}

/// A run over all passes.
struct Cleaning<'a> {
    engine: Engine,
    collectors: Arc<Collectors>,
    command: &'a Clean,
    config: String,
    ancestors: Vec<String>,
    accounts: BTreeMap<String, Account>,
    plan: Plan,
    /// What was said last of each resource, so that it is said once.
    said: HashMap<String, String>,
    /// The exit code of the first account in which nothing could be done any more.
    code: Option<ExitCode>,
}

impl<'a> Cleaning<'a> {
    fn new(
        collectors: &Arc<Collectors>,
        command: &'a Clean,
        settings: &Settings,
        graph: &Graph,
        chosen: &[usize],
    ) -> Result<Self, Trouble> {
        let internal = |error: String| Trouble::new(ExitCode::Internal, error);
        let name = &command.source.collector;
        let collector = job::find(collectors, name).map_err(|fault| Trouble::from(*fault))?;
        let described = collector.describe();
        let clouds = match described.clouds.as_slice() {
            [] => std::slice::from_ref(name),
            clouds => clouds,
        };
        let levels = Levels::of_kinds(&described.kinds_json).map_err(|error| internal(error.to_string()))?;
        let refusal = |node: &StoredNode| refusal(node, collector, name, clouds);
        let plan =
            Plan::new(graph, chosen, &levels, &refusal).map_err(|error| internal(error.to_string()))?;
        if command.dry_run {
            plan.unknown_holders(graph, chosen, &levels)
                .iter()
                .for_each(|remark| say(&format!("note: {remark}")));
        }
        let ancestors = graph.upper(&levels);
        let upper: Vec<StoredNode> =
            ancestors.iter().filter_map(|json| StoredNode::parse(json).ok()).collect();
        let accounts = plan.items.iter().filter_map(|item| account_of(&item.node, &clouds[0], &upper));
        let accounts = accounts.map(|account| (account.id.clone(), account)).collect();
        let config = config_text(settings)?;
        let engine = Engine::new()?;
        Ok(Self {
            engine,
            collectors: Arc::clone(collectors),
            command,
            config,
            ancestors,
            accounts,
            plan,
            said: HashMap::new(),
            code: None,
        })
    }

    /// All passes. An error is an interruption; the plan has what was done until then.
    fn run(&mut self) -> Result<(), Trouble> {
        let mut waited = Duration::ZERO;
        let mut pause = FIRST_PAUSE;
        loop {
            let ready = self.plan.next_pass();
            if ready.is_empty() {
                return Ok(());
            }
            if self.pass(&ready)? {
                (waited, pause) = (Duration::ZERO, FIRST_PAUSE);
            } else if self.plan.is_waiting() {
                if waited >= Duration::from_secs(self.command.patience.into()) {
                    self.plan.give_up_waiting();
                    continue;
                }
                self.engine.pause(pause)?;
                waited += pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// One pass over all accounts. True if anything went.
    fn pass(&mut self, ready: &[usize]) -> Result<bool, Trouble> {
        let mut by_account: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for one in ready {
            let account = self.plan.items[*one].node.ancestors.account_id().unwrap_or_default();
            by_account.entry(account.to_owned()).or_default().push(*one);
        }
        let mut progress = false;
        for (id, items) in by_account {
            let Some(account) = self.accounts.get(&id) else { continue };
            let title = format!("{}/{id}", self.command.source.collector);
            let job = Job::Clean(Box::new(self.job(account.clone(), &items)));
            let titles = items.iter().map(|one| &self.plan.items[*one].node);
            let titles = titles.map(|node| (node.id.clone(), node.title())).collect();
            let said = std::mem::take(&mut self.said);
            let hearing = Hearing { cleaned: Vec::new(), screen: Screen::new(&title), titles, said };
            let (outcome, hearing) = self.engine.perform(Arc::clone(&self.collectors), job, hearing)?;
            hearing.screen.end();
            self.said = hearing.said;
            for cleaned in hearing.cleaned {
                progress |= self.plan.settle(cleaned);
            }
            match outcome? {
                Outcome::Done(_) => {}
                Outcome::Failed(fatal) => {
                    self.code.get_or_insert(fatal.kind.exit_code(fatal.retry));
                    self.plan.give_up_account(&id, &fault_text(&fatal));
                }
                Outcome::Cut => return Err(Trouble::new(ExitCode::TryAgain, "the job was cut off")),
            }
        }
        self.plan.end_pass(ready);
        Ok(progress)
    }

    fn job(&self, account: Account, items: &[usize]) -> CleanJob {
        CleanJob {
            collector: self.command.source.collector.clone(),
            config: self.config.clone().into(),
            account,
            ancestors_json: self.ancestors.clone(),
            resources: items.iter().map(|one| self.plan.items[*one].resource.clone()).collect(),
            dry_run: self.command.dry_run,
            parallel: self.command.parallel,
        }
    }
}

/// Why a node cannot be deleted, as far as that is known without asking the cloud.
fn refusal(node: &StoredNode, collector: &dyn Collector, name: &str, clouds: &[String]) -> Option<String> {
    if node.is_protected() {
        return Some("it is protected".to_owned());
    }
    match node.ancestors.cloud.as_ref().map(Ancestor::id) {
        Some(other) if !clouds.iter().any(|own| own == other) => {
            return Some(format!("it belongs to the cloud {other}, not to {}", clouds.join(" or ")));
        }
        _ => {}
    }
    if node.ancestors.account_id().is_none_or(str::is_empty) {
        return Some("it is not known which account it belongs to".to_owned());
    }
    collector.ability(Change::Clean, &node.kind).refusal(Change::Clean, name, &node.kind)
}

struct Hearing {
    cleaned: Vec<Cleaned>,
    screen: Screen,
    /// By node id.
    titles: HashMap<String, String>,
    said: HashMap<String, String>,
}

impl Hearing {
    /// One line for each change of state, with the name of the resource.
    fn tell(&mut self, cleaned: &Cleaned) {
        let reason = cleaned.outcome.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        let title = self.titles.get(&cleaned.node_id).unwrap_or(&cleaned.node_id);
        let line = format!("{}: {title}{reason}", cleaned.outcome.name());
        if self.said.insert(cleaned.node_id.clone(), line.clone()).as_ref() != Some(&line) {
            self.screen.line(&line);
        }
    }
}

impl Consumer for Hearing {
    fn take(&mut self, report: Report<'_>) -> Result<(), Trouble> {
        match report {
            Report::Cleaned(cleaned) => {
                self.tell(&cleaned);
                self.cleaned.push(*cleaned);
            }
            Report::Fault(fault) => self.screen.fault(&fault),
            Report::Progress(lines) => self.screen.progress(lines),
            Report::Heartbeat(beat) => self.screen.heartbeat(beat),
            // The other answers do not belong to this job; its end is in its outcome.
            Report::Ready
            | Report::Described(_)
            | Report::Accounts(_)
            | Report::Chunk(_)
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

//! `fix-collector clean`: the same jobs as under the supervisor, in the order of the same planner, for the nodes of a file.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use collector::Collector;
use collector::changes::Change;
use collector::node::{Ancestor, StoredNode};
use decisions::attempt::Policy;
use decisions::cleanup::Rules;
use ipc_proto::exit_code::ExitCode;

use super::accounts::{config_text, prepare};
use super::cli::Clean;
use super::trouble::Trouble;
use super::{print, say};
use crate::job::{self, Collectors};
use input::{Graph, Levels};
use jobs::Cleaning;
use run::Run;
use work::Work;

mod input;
mod jobs;
mod run;
mod table;
mod work;

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
    let (work, rules) = (work(&collectors, command, &graph, &chosen)?, rules(command));
    let config = config_text(&settings)?;
    if !command.dry_run {
        agree(&work, rules, command)?;
    }
    let mut cleaning = Cleaning::new(collectors, command, config, Run::new(work, rules))?;
    let ended = cleaning.run();
    let (run, code) = cleaning.end();
    print(&if command.json { table::lines(&run) } else { table::text(&run) })?;
    say(&table::sentence(&run, command.dry_run));
    ended?;
    Ok(match code {
        Some(code) => code,
        None if run.is_complete() => ExitCode::Done,
        None => ExitCode::DoneWithFaults,
    })
}

/// One account after the other. What gives up an account is told at once, and not tried again: whoever runs this can.
fn rules(command: &Clean) -> Rules {
    Rules {
        pool: 1,
        policy: Policy { max_attempts: 1, backoff_initial: FIRST_PAUSE, backoff_max: LONGEST_PAUSE },
        pause: FIRST_PAUSE,
        pause_max: LONGEST_PAUSE,
        patience: Duration::from_secs(command.patience.into()),
        // Whoever gives a time may use it to remove what holds a resource and is not to be deleted here.
        give_up_held: false,
        dry_run: command.dry_run,
    }
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

/// What is to be done, with remarks if it is only to be looked at.
fn work(collectors: &Collectors, command: &Clean, graph: &Graph, chosen: &[usize]) -> Result<Work, Trouble> {
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
    let work = Work::new(graph, chosen, &levels, &clouds[0], &refusal);
    let work = work.map_err(|error| internal(error.to_string()))?;
    if command.dry_run {
        for remark in work.unknown_holders(graph, chosen, &levels) {
            say(&format!("note: {remark}"));
        }
    }
    Ok(work)
}

/// Asks the user, who has to say yes.
fn agree(work: &Work, rules: Rules, command: &Clean) -> Result<(), Trouble> {
    let sequence = work.sequence(rules);
    if command.yes || sequence.is_empty() {
        return Ok(());
    }
    if !io::stdin().is_terminal() || command.input == Path::new("-") {
        let trouble = Trouble::new(ExitCode::Usage, "nothing is deleted without being asked for");
        return Err(trouble.hint("look at the plan with --dry-run, then give --yes"));
    }
    for one in &sequence {
        say(&format!("  {}", work.resources[*one].node.title()));
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

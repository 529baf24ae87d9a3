//! `fix-collector tag` and `fix-collector command`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use collector::Collector;
use ipc_proto::clean::{CommandJob, TagJob};
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::job::Job;
use ipc_proto::limits::MAX_NODE_JSON;
use ipc_proto::message::Report;

use super::accounts::{config_text, prepare};
use super::cli::{Execute, Tag};
use super::engine::{self, Consumer};
use super::print;
use super::screen::Screen;
use super::trouble::Trouble;
use crate::job::Outcome;

/// Changes tags, and prints the changed node.
pub(super) fn tag(collectors: Vec<Box<dyn Collector>>, command: &Tag) -> Result<ExitCode, Trouble> {
    let settings = prepare(&collectors, &command.source)?;
    let job = Job::Tag(Box::new(TagJob {
        collector: command.source.collector.clone(),
        config: config_text(&settings)?.into(),
        node_json: read_node(&command.node)?,
        set: command.set.clone(),
        remove: command.remove.clone(),
    }));
    perform(collectors, job, &format!("{}: tag", command.source.collector))
}

/// Executes a command, and prints its answer.
pub(super) fn command(collectors: Vec<Box<dyn Collector>>, command: &Execute) -> Result<ExitCode, Trouble> {
    let settings = prepare(&collectors, &command.source)?;
    let job = Job::Command(Box::new(CommandJob {
        collector: command.source.collector.clone(),
        config: config_text(&settings)?.into(),
        name: command.name.clone(),
        args: command.args.clone(),
        node_json: command.node.as_deref().map(read_node).transpose()?,
    }));
    perform(collectors, job, &format!("{}: {}", command.source.collector, command.name))
}

fn perform(collectors: Vec<Box<dyn Collector>>, job: Job, title: &str) -> Result<ExitCode, Trouble> {
    let answering = Answering { answer: None, screen: Screen::new(title) };
    let (outcome, Answering { answer, screen }) = engine::perform(collectors.into(), job, answering)?;
    screen.end();
    match outcome {
        Outcome::Done(_) => {}
        Outcome::Failed(fatal) => return Err(Trouble { code: code_of(&fatal), ..fatal.into() }),
        Outcome::Cut => return Err(Trouble::new(ExitCode::TryAgain, "the job was cut off")),
    }
    let answer = answer.ok_or_else(|| Trouble::new(ExitCode::Internal, "the collector gave no answer"))?;
    print(&format!("{answer}\n"))?;
    Ok(outcome.exit_code())
}

/// What a service refuses, or what cannot be done with this node, is no fault of the program: it ends as a deletion does that
/// is refused.
fn code_of(fatal: &Fault) -> ExitCode {
    match (fatal.kind, fatal.kind.exit_code(fatal.retry)) {
        (FaultKind::Resource | FaultKind::Property | FaultKind::InvalidAnswer, ExitCode::Internal) => {
            ExitCode::DoneWithFaults
        }
        (_, code) => code,
    }
}

struct Answering {
    answer: Option<String>,
    screen: Screen,
}

impl Consumer for Answering {
    fn take(&mut self, report: Report<'_>) -> Result<(), Trouble> {
        match report {
            Report::Tagged(json) | Report::Output(json) => self.answer = Some(json),
            Report::Fault(fault) => self.screen.fault(&fault),
            Report::Progress(lines) => self.screen.progress(lines),
            Report::Heartbeat(beat) => self.screen.heartbeat(beat),
            // The other answers do not belong to these jobs; the end is in the outcome.
            Report::Ready
            | Report::Described(_)
            | Report::Accounts(_)
            | Report::Chunk(_)
            | Report::Cleaned(_)
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

fn read_node(path: &Path) -> Result<String, Trouble> {
    let wrong = |what: String| {
        Trouble::new(ExitCode::Config, format!("cannot read the node {}: {what}", path.display()))
    };
    let mut text = String::new();
    let most = MAX_NODE_JSON as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    match read {
        Err(error) => Err(wrong(error.to_string())),
        Ok(_) if text.len() > MAX_NODE_JSON => {
            Err(wrong(format!("it has more than the {MAX_NODE_JSON} bytes that a node may have")))
        }
        Ok(_) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use collector::fault;
    use ipc_proto::fault::Retry;

    use super::*;

    #[test]
    fn what_is_refused_is_not_blamed_on_the_program() {
        let code = |kind| code_of(&Fault { retry: Retry::Never, ..fault(kind, "x") });
        for kind in [FaultKind::Resource, FaultKind::Property, FaultKind::InvalidAnswer] {
            assert_eq!(code(kind), ExitCode::DoneWithFaults, "{kind:?}");
        }
        assert_eq!(code(FaultKind::AccessDenied), ExitCode::Credentials);
        assert_eq!(code(FaultKind::Config), ExitCode::Config);
        assert_eq!(code(FaultKind::Internal), ExitCode::Internal);
        let later = Fault { retry: Retry::Later, ..fault(FaultKind::Resource, "x") };
        assert_eq!(code_of(&later), ExitCode::TryAgain);
    }
}

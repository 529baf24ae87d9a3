//! Performs the passes of a run as jobs in this process, and tells what is heard.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use decisions::attempt::Class;
use ipc_proto::clean::{CleanJob, Cleaned};
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::Fault;
use ipc_proto::job::Job;
use ipc_proto::message::Report;

use super::run::Run;
use crate::alone::cli::Clean;
use crate::alone::engine::{Consumer, Engine};
use crate::alone::screen::Screen;
use crate::alone::trouble::Trouble;
use crate::alone::{fault_text, say};
use crate::job::{Collectors, Outcome};

/// A run, and what its jobs need.
pub(super) struct Cleaning<'a> {
    engine: Engine,
    collectors: Arc<Collectors>,
    command: &'a Clean,
    config: String,
    run: Run,
    /// What was said last of each resource, so that it is said once.
    said: HashMap<String, String>,
    /// The exit code of the first account in which nothing could be done any more.
    code: Option<ExitCode>,
}

impl<'a> Cleaning<'a> {
    pub(super) fn new(
        collectors: Arc<Collectors>,
        command: &'a Clean,
        config: String,
        run: Run,
    ) -> Result<Self, Trouble> {
        let engine = Engine::new()?;
        Ok(Self { engine, collectors, command, config, run, said: HashMap::new(), code: None })
    }

    /// All passes. An error is an interruption; the run knows what was done until then.
    pub(super) fn run(&mut self) -> Result<(), Trouble> {
        let ended = self.go_on();
        if ended.is_err() {
            self.run.stop();
        }
        ended
    }

    /// What became of the resources, and the exit code if an account was given up.
    pub(super) fn end(self) -> (Run, Option<ExitCode>) {
        (self.run, self.code)
    }

    fn go_on(&mut self) -> Result<(), Trouble> {
        while !self.run.is_over() {
            if let Some((account, items)) = self.run.pass() {
                self.pass(account, &items)?;
                continue;
            }
            let hangs = || Trouble::new(ExitCode::Internal, "the plan of the cleanup hangs");
            let wake = self.run.wake_at().ok_or_else(hangs)?;
            self.engine.pause(wake.saturating_duration_since(Instant::now()))?;
            self.run.tick();
        }
        Ok(())
    }

    fn pass(&mut self, account: usize, items: &[usize]) -> Result<(), Trouble> {
        let job = self.job(account, items);
        let title = format!("{}/{}", job.collector, job.account.id);
        let nodes = items.iter().map(|one| &self.run.work.resources[*one].node);
        let titles = nodes.map(|node| (node.id.clone(), node.title())).collect();
        let said = std::mem::take(&mut self.said);
        let hearing = Hearing { cleaned: Vec::new(), screen: Screen::new(&title), titles, said };
        let job = Job::Clean(Box::new(job));
        let (outcome, hearing) = self.engine.perform(Arc::clone(&self.collectors), job, hearing)?;
        hearing.screen.end();
        self.said = hearing.said;
        hearing.cleaned.into_iter().for_each(|cleaned| self.run.cleaned(cleaned));
        match outcome? {
            Outcome::Done(_) => self.run.done(),
            Outcome::Failed(fatal) => self.gave_up(&title, fatal),
            Outcome::Cut => return Err(Trouble::new(ExitCode::TryAgain, "the job was cut off")),
        }
        Ok(())
    }

    fn gave_up(&mut self, title: &str, mut fatal: Fault) {
        let (class, code) = (Class::of_fault(&fatal), fatal.kind.exit_code(fatal.retry));
        let hint = fatal.hint.take().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let message = format!("{}{hint}", fault_text(&fatal));
        if self.run.gave_up(class, message.clone()) {
            self.code.get_or_insert(code);
        } else {
            say(&format!("{title}: {message}; the rest is tried again"));
        }
    }

    fn job(&self, account: usize, items: &[usize]) -> CleanJob {
        let work = &self.run.work;
        CleanJob {
            collector: self.command.source.collector.clone(),
            config: self.config.clone().into(),
            account: work.accounts[account].clone(),
            ancestors_json: work.ancestors.clone(),
            resources: items.iter().map(|one| work.resources[*one].carried.clone()).collect(),
            dry_run: self.command.dry_run,
            parallel: self.command.parallel,
        }
    }
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

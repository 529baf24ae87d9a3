//! A run over all passes: what the planner says, and what was heard of each resource. Whoever asks the collector tells it.

use std::collections::VecDeque;
use std::time::Instant;

use decisions::attempt::Class;
use decisions::cleanup::plan::{Answer, Effect, Event, PassEnd};
use decisions::cleanup::{Fate, Planner, Rules};
use ipc_proto::clean::{CleanEvent, CleanOutcome, Cleaned};

use super::work::Work;

/// What was heard of a resource.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// What was done, as it was told last.
    pub(super) log: Vec<CleanEvent>,
    /// It could not go yet when it was asked for the last time.
    pub(super) later: bool,
    /// How it ended.
    pub(super) end: Option<End>,
}

/// How a resource ended.
#[derive(Debug)]
pub(super) struct End {
    /// The pass of its account, from 1; 0 if it was not tried.
    pub(super) pass: u32,
    pub(super) fate: Fate,
}

/// The run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) work: Work,
    /// One for each resource.
    pub(super) records: Vec<Record>,
    planner: Planner,
    /// Passes of each account.
    passes: Vec<u32>,
    /// The pass that is on: its account and what is asked for.
    pass: Option<(usize, Vec<usize>)>,
    finished: bool,
}

impl Run {
    /// Begins.
    pub(super) fn new(work: Work, rules: Rules) -> Self {
        let mut run = Self {
            records: work.resources.iter().map(|_| Record::default()).collect(),
            planner: Planner::new(work.items(), work.accounts.len(), rules),
            passes: vec![0; work.accounts.len()],
            work,
            pass: None,
            finished: false,
        };
        run.tick();
        run
    }

    /// The pass that is on.
    pub(super) fn pass(&self) -> Option<(usize, Vec<usize>)> {
        self.pass.clone()
    }

    /// Everything has its fate.
    pub(super) fn is_over(&self) -> bool {
        self.finished
    }

    /// When to [`Self::tick`], if no pass is on.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.planner.wake_at()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self) {
        self.step(Event::Tick);
    }

    /// Takes an answer. What was not asked for is passed over.
    pub(super) fn cleaned(&mut self, cleaned: Cleaned) {
        let asked = self.pass.iter().flat_map(|(_, items)| items);
        let mut asked = asked.filter(|item| self.work.resources[**item].node.id == cleaned.node_id);
        let Some(item) = asked.next().copied() else { return };
        let record = &mut self.records[item];
        record.later = matches!(cleaned.outcome, CleanOutcome::Later { .. });
        record.log = cleaned.log;
        let answer = Answer::of(cleaned.outcome, |node_id| self.work.numbered(node_id));
        self.step(Event::Answered { item, answer });
    }

    /// The job of the pass is done: what was asked for has to have an answer.
    pub(super) fn done(&mut self) {
        for item in self.pass.iter().flat_map(|(_, items)| items.clone()).collect::<Vec<_>>() {
            let answer = Answer::Failed("the collector did not say what became of it".to_owned());
            // It counts only where there is no other one.
            self.step(Event::Answered { item, answer });
        }
        self.end_pass(PassEnd::Complete);
    }

    /// The job of the pass gave up. False if its account is tried again.
    pub(super) fn gave_up(&mut self, class: Class, message: String) -> bool {
        let Some((account, items)) = self.pass.clone() else { return false };
        let of_it = self.work.resources.iter().zip(&mut self.records);
        // Whatever becomes of them, it is not because they could not go yet.
        of_it.filter(|(one, _)| one.account == Some(account)).for_each(|(_, record)| {
            record.later &= record.end.is_some();
        });
        self.end_pass(PassEnd::Failed { class, message, jitter: 1.0 });
        items.iter().all(|item| self.records[*item].end.is_some())
    }

    /// No more passes: what is open says how far it was.
    pub(super) fn stop(&mut self) {
        self.step(Event::Stop("the run ended".to_owned()));
        self.end_pass(PassEnd::Failed { class: Class::Cancelled, message: String::new(), jitter: 1.0 });
    }

    /// Everything that was to go is gone, or would be.
    pub(super) fn is_complete(&self) -> bool {
        self.records.iter().all(|record| record.end.as_ref().is_some_and(|end| end.fate.makes_room()))
    }

    fn end_pass(&mut self, end: PassEnd) {
        if let Some((account, _)) = self.pass.take() {
            self.step(Event::PassEnded { account, end });
        }
    }

    fn step(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.planner.step(event, Instant::now()) {
                match effect {
                    Effect::Start { account, items, .. } => {
                        self.passes[account] += 1;
                        for item in &items {
                            self.records[*item].later = false;
                        }
                        self.pass = Some((account, items));
                    }
                    // Nothing of an account is left between its jobs.
                    Effect::Close { account } => events.push_back(Event::Closed { account }),
                    // Whoever stops the run has ended the job.
                    Effect::Interrupt { .. } => {}
                    Effect::Ended { item, fate } => {
                        let account = self.work.resources[item].account;
                        let pass = account.map_or(0, |account| self.passes[account]);
                        self.records[item].end = Some(End { pass, fate });
                    }
                    Effect::Finished => self.finished = true,
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;

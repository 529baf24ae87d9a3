//! The thin shell around one process: waits for whatever happens next, tells the machines, does what they say.

mod connect;
mod jobs;
mod wait;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ipc_proto::message::JobId;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, error, warn};
use zeroize::Zeroizing;

use self::jobs::{Open, Renewal};
use self::wait::{Inbound, Input, wait_for_birth, wait_for_exit, wait_for_link, wait_for_output, wait_until};
use super::fate::Story;
use super::jobs::{JobLimits, Jobs, Overdue};
use super::kill::{ExitWatch, Leader};
use super::procfs::{self, Memory};
use super::spawn::{self, Birth, Launch, Purpose};
use super::state::{self, Action, Ending, Event, Machine, State, StopReason, Urgency};
use super::{ChildEnd, ChildSpec, Command};
use crate::label::label;
use crate::settings::Settings;
use crate::status::{Entry, Registry};

/// One process and everything that belongs to it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own; what decides is in the machine"
)]
pub(super) struct Task {
    settings: Arc<Settings>,
    shared: bool,
    label: String,
    machine: Machine,
    jobs: Jobs,
    open: BTreeMap<JobId, Open>,
    story: Story,
    entry: Entry,
    commands: mpsc::UnboundedReceiver<Command>,
    handle_dropped: bool,
    closing: bool,
    birth: Option<Birth>,
    process: Option<(Leader, ExitWatch)>,
    inbound: Inbound,
    outbound: Option<mpsc::UnboundedSender<Zeroizing<Vec<u8>>>>,
    writer: Option<JoinHandle<()>>,
    output: Option<JoinHandle<()>>,
    environment_sent: bool,
    /// The child broke the protocol: nothing more is read from it.
    poisoned: bool,
    /// Whether more jobs may come, for the handle.
    accepts: Arc<AtomicBool>,
    look_at_memory: Option<Instant>,
    /// New credentials that are being made.
    renewals: JoinSet<Renewal>,
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Task {
    pub(super) fn new(
        spec: ChildSpec,
        settings: Arc<Settings>,
        registry: &Registry,
        commands: mpsc::UnboundedReceiver<Command>,
        accepts: Arc<AtomicBool>,
    ) -> Self {
        let ChildSpec { subject, shared, sealed } = spec;
        let label = label(subject.collector.as_deref(), subject.account.as_ref().map(|account| &*account.id));
        let limits = JobLimits {
            ready: settings.handshake_timeout,
            no_progress: settings.no_progress_timeout,
            obey: settings.asked_timeout + settings.grace,
            exclusive: !shared,
        };
        let launch = Launch {
            binary: settings.binary.clone(),
            label: label.clone(),
            memory_limit: settings.memory_limit,
            nice: settings.nice,
            open_files: settings.open_files,
            collector: subject.collector.clone(),
            sealed,
            walls: Arc::clone(&settings.walls),
            purpose: Purpose::Serve,
        };
        Self {
            shared,
            machine: Machine::new(settings.limits(), now()),
            jobs: Jobs::new(limits),
            open: BTreeMap::new(),
            story: Story::new(&settings),
            entry: registry.enter(label.clone(), subject),
            label,
            commands,
            handle_dropped: false,
            closing: false,
            birth: Some(spawn::spawn(launch)),
            process: None,
            inbound: Inbound::None,
            outbound: None,
            writer: None,
            output: None,
            environment_sent: false,
            poisoned: false,
            accepts,
            look_at_memory: None,
            renewals: JoinSet::new(),
            settings,
        }
    }

    /// The whole life. Afterwards nothing of the process is left, or it is unkillable.
    pub(super) async fn live(mut self) -> ChildEnd {
        while !matches!(self.machine.state(), State::Ended(_)) {
            let input = self.next_input().await;
            self.handle(input);
            self.handle_due();
        }
        let mut end = self.story.end(&self.machine);
        if !self.jobs.any() {
            end.epitaph = Some(self.story.epitaph(&self.machine));
        }
        self.refuse_late_jobs(&end);
        self.log_end(&end);
        end
    }

    /// Waits. Commands and the exit are rare and come first; frames come before clocks, so that a child is not
    /// blamed for what lies unread in its socket.
    async fn next_input(&mut self) -> Input {
        let due = self.next_due();
        tokio::select! {
            biased;
            command = self.commands.recv(), if !self.handle_dropped => Input::Command(command),
            born = wait_for_birth(&mut self.birth) => Input::Born(born),
            () = wait_for_exit(self.process.as_ref()) => Input::Exited,
            input = wait_for_link(&mut self.inbound) => input,
            Some(renewal) = self.renewals.join_next() => Input::Renewal(renewal.ok()),
            () = wait_for_output(&mut self.output) => Input::PipesClosed,
            () = wait_until(due) => Input::Due,
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let machine = self.machine.due().map(|(_, _, at)| at);
        [machine, self.jobs.due(), self.look_at_memory].into_iter().flatten().min()
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Command(Some(Command::Run(spec, job))) => self.open_job(spec, job),
            Input::Command(Some(Command::Stop(reason, urgency))) => {
                self.stop(StopReason::Requested, urgency, reason, None);
            }
            Input::Command(Some(Command::Close)) => {
                self.closing = true;
                self.tell(Event::Close);
            }
            Input::Command(None) => {
                self.handle_dropped = true;
                if !self.closing {
                    let reason = "nobody waits for it any more".to_owned();
                    self.stop(StopReason::Requested, Urgency::Once, reason, None);
                }
            }
            Input::Born(Ok(born)) => self.born(born),
            Input::Born(Err(error)) => {
                self.story.spawn_error = Some(Arc::new(error));
                self.tell(Event::SpawnFailed);
            }
            Input::Exited => self.tell(Event::Exited),
            Input::Linked(Ok(link)) => self.linked(link),
            Input::Linked(Err(error)) => self.not_linked(error),
            Input::Frame(read) => self.frame(read),
            Input::Renewal(Some((id, result))) => self.renewed(id, result),
            Input::PipesClosed => self.tell(Event::PipesClosed),
            Input::Renewal(None) | Input::Due => {}
        }
    }

    /// Everything whose time has come. Called after each input: a flood of frames must not hide the clocks.
    fn handle_due(&mut self) {
        let now = now();
        if let Some((timer, epoch, at)) = self.machine.due()
            && at <= now
        {
            self.tell(Event::Fired(timer, epoch));
        }
        for overdue in self.jobs.overdue(now) {
            match overdue {
                Overdue::Late(id, why) => self.given_up(id, why),
                Overdue::Disobeyed(id, why) => self.stop_for_job(id, why),
            }
        }
        if self.look_at_memory.is_some_and(|at| at <= now) {
            self.watch_memory(now);
        }
    }

    /// Tells the machine and does what it says.
    fn tell(&mut self, event: Event) {
        self.tell_at(event, now());
    }

    fn tell_at(&mut self, event: Event, now: Instant) {
        let before = self.machine.state();
        let (machine, actions) = state::step(self.machine.clone(), event, now);
        self.machine = machine;
        let after = self.machine.state();
        if before != after {
            debug!(child = %self.label, "{} -> {}", before.name(), after.name());
            self.entry.update(|status| status.state = after.name());
            self.accepts.store(self.takes_jobs(), Ordering::Release);
        }
        for action in actions {
            self.perform(action);
        }
    }

    /// Whether a job that is given now has a chance.
    fn takes_jobs(&self) -> bool {
        let alive = matches!(self.machine.state(), State::Spawning | State::Handshaking | State::Collecting);
        alive && !self.closing && self.machine.stop().is_none()
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::SendCancel => {
                let ids: Vec<_> = self.open.keys().copied().collect();
                for id in ids {
                    self.send_cancel(id);
                }
            }
            Action::CloseLink => {
                // The writer sends what is queued and closes our half.
                self.outbound = None;
                if matches!(self.inbound, Inbound::Establishing(_)) {
                    self.inbound = Inbound::None;
                }
            }
            Action::Terminate => self.with_leader(Leader::terminate),
            Action::Kill => self.with_leader(Leader::kill),
            Action::SweepAndReap => self.sweep_and_reap(),
            Action::DropPipes => {
                if let Some(output) = self.output.take() {
                    output.abort();
                }
            }
            Action::DropLink => {
                self.inbound = Inbound::None;
                self.outbound = None;
            }
            Action::AbandonSpawn => self.birth = None,
            // Its Drop leaves the process to the reaper.
            Action::AbandonProcess => self.process = None,
            Action::End => self.finish_all(),
        }
    }

    fn with_leader(&self, act: impl FnOnce(&Leader)) {
        if let Some((leader, _)) = &self.process {
            act(leader);
        }
    }

    fn sweep_and_reap(&mut self) {
        if let Some((mut leader, _)) = self.process.take() {
            self.story.exit = leader.sweep_and_reap();
        }
        self.look_at_memory = None;
        if matches!(self.inbound, Inbound::Establishing(_)) {
            self.inbound = Inbound::None;
        }
    }

    /// Stops the process. The first call decides what is said about it.
    fn stop(&mut self, reason: StopReason, urgency: Urgency, detail: String, culprit: Option<JobId>) {
        self.poisoned |= reason == StopReason::Violation;
        if self.machine.stop().is_none() {
            let subject = culprit.and_then(|id| self.open.get(&id)).map(|open| open.subject().clone());
            self.story.blame(detail, culprit.zip(subject));
        }
        self.tell(Event::Stop(reason, urgency));
    }

    fn sample_memory(&mut self) -> Option<Memory> {
        let memory = procfs::memory(self.story.speaker.or(self.story.pid)?)?;
        self.story.saw_memory(memory);
        Some(memory)
    }

    fn watch_memory(&mut self, now: Instant) {
        self.look_at_memory = Some(now + self.settings.memory_interval);
        let Some(memory) = self.sample_memory() else { return };
        self.entry.update(|status| status.rss = Some(memory.resident));
        if self.settings.memory_limit.is_some_and(|limit| memory.resident > limit) {
            // Asking takes time in which the host runs out of memory.
            self.stop(StopReason::Memory, Urgency::Twice, String::new(), None);
        }
    }

    fn log_end(&self, end: &ChildEnd) {
        let (child, pid) = (self.label.as_str(), end.pid);
        if end.ending == Ending::Unkillable {
            error!(child, pid, "a child survived SIGKILL and hangs in the kernel");
        } else if Story::is_odd_exit(&self.machine, end) {
            let exit = end.exit.map(|exit| exit.to_string()).unwrap_or_default();
            warn!(child, pid, "a child ended with {exit} after its jobs were done");
        }
        if end.leaked {
            warn!(child, pid, "processes that a child started outside of its group held its output open");
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        for task in [self.writer.take(), self.output.take()].into_iter().flatten() {
            task.abort();
        }
    }
}

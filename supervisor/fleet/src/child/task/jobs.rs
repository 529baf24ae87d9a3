//! The jobs of a process: given, heard of, ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ipc_proto::connection::{ConnectionError, encode_frame};
use ipc_proto::fault::Fault;
use ipc_proto::job::Start;
use ipc_proto::limits::{MAX_FRAME, MAX_TEXT};
use ipc_proto::message::{Cancel, Done, JobId, Order, Report, ToChild, ToSupervisor};
use ipc_proto::seal::Seal;
use tracing::warn;
use zeroize::Zeroizing;

use super::wait::Inbound;
use super::{Task, now};
use crate::child::border;
use crate::child::fate::{Case, Story};
use crate::child::jobs::{GivenUp, Verdict};
use crate::child::outcome::{Failure, Outcome, Subject};
use crate::child::state::{Event, Machine, StopReason, Urgency};
use crate::child::{ChildEnd, Command, Good, JobSpec, OpenJob, gone};
use crate::keys::{self, WITHIN};
use crate::sink::SinkError;
use crate::status::JobStatus;

/// A sink that takes longer than this held up the reading; shorter calls do not matter for any clock.
const NOTICEABLE: Duration = Duration::from_millis(1);

/// A job that is not over.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Open {
    job: Box<dyn OpenJob>,
    spec: Box<JobSpec>,
    started: bool,
    cancelled: bool,
    ready: bool,
    began: Instant,
    step: Option<String>,
    nodes: u64,
    /// What the sink said about our own trouble.
    host_error: Option<String>,
    /// New credentials are being made.
    renewing: bool,
    /// How often they were asked for.
    asked: u32,
    /// When the last ones came.
    sealed: Instant,
}

/// The end of a question for new credentials.
pub(super) type Renewal = (JobId, Result<Seal, Box<Failure>>);

impl Open {
    pub(super) fn subject(&self) -> &Subject {
        &self.spec.subject
    }

    fn case(&self, id: JobId, why: Option<GivenUp>, alone: bool) -> Case<'_> {
        Case {
            id: Some(id),
            why,
            alone,
            subject: &self.spec.subject,
            attempt: self.spec.attempt,
            ready: self.ready,
            step: self.step.as_deref(),
            elapsed: now().saturating_duration_since(self.began),
            deadline: self.spec.deadline.unwrap_or_default(),
            host_error: self.host_error.as_deref().unwrap_or_default(),
        }
    }
}

impl Task {
    pub(in crate::child) fn open_job(&mut self, spec: Box<JobSpec>, job: Box<dyn OpenJob>) {
        let now = now();
        // The first job of a process that fails to come up shares its fate, even if it comes a little late.
        if !self.takes_jobs() && (self.closing || self.jobs.any()) {
            return refuse(&spec, job);
        }
        let id = self.jobs.open(spec.deadline, now);
        let open = Open {
            job,
            spec,
            started: false,
            cancelled: false,
            ready: false,
            began: now,
            step: None,
            nodes: 0,
            host_error: None,
            renewing: false,
            asked: 0,
            sealed: now,
        };
        self.open.insert(id, open);
        self.update_status();
        self.tell(Event::JobOpened);
        if self.outbound.is_some() {
            self.send_start(id);
        }
    }

    pub(super) fn send_start(&mut self, id: JobId) {
        let remaining = self.jobs.start(id, now());
        let Some(open) = self.open.get_mut(&id) else { return };
        open.started = true;
        // Only before its first job can the child still change its environment safely.
        let environment = if self.environment_sent { Vec::new() } else { open.spec.environment.clone() };
        self.environment_sent = true;
        let start = Start { job: open.spec.job.clone(), remaining, environment };
        let order = ToChild { job: id, body: Order::Start(Box::new(start)) };
        if let Err(error) = self.send(&order) {
            let outcome = Outcome::Host(format!("the job does not fit into a message to the child: {error}"));
            self.fail_job(id, outcome);
        }
    }

    pub(super) fn send_cancel(&mut self, id: JobId) {
        let Some(open) = self.open.get_mut(&id).filter(|open| open.started && !open.cancelled) else {
            return;
        };
        open.cancelled = true;
        let mut reason = self.story.cancel_reason(self.jobs.why_given_up(id));
        reason.truncate(reason.floor_char_boundary(MAX_TEXT));
        let grace = self.settings.asked_timeout + self.settings.grace;
        let order = ToChild { job: id, body: Order::Cancel(Cancel { reason, grace }) };
        if let Err(error) = self.send(&order) {
            warn!(child = %self.label, "cannot cancel a job: {error}");
        }
    }

    fn send(&self, order: &ToChild) -> Result<(), ConnectionError> {
        let mut frame = Zeroizing::new(Vec::with_capacity(16 << 10));
        encode_frame(order, MAX_FRAME, &mut frame)?;
        if let Some(outbound) = &self.outbound {
            // A writer that has ended has lost the connection, which the reader tells.
            let _lost = outbound.send(frame);
        }
        Ok(())
    }

    pub(super) fn frame(&mut self, read: Result<bool, ConnectionError>) {
        match read {
            Ok(true) => {}
            Ok(false) => return self.link_closed("closed its connection"),
            Err(ConnectionError::Io(error)) => {
                return self.link_closed(&format!("broke its connection within a message ({error})"));
            }
            Err(error) => {
                self.inbound = Inbound::None;
                self.stop(StopReason::Violation, Urgency::Once, format!("sent {error}"), None);
                return self.tell(Event::LinkClosed);
            }
        }
        // The message borrows from the inbox, so the inbox stands aside while it is handled.
        let Inbound::Open(inbox) = std::mem::replace(&mut self.inbound, Inbound::None) else { return };
        match inbox.message() {
            Ok(mut message) => {
                border::clean(&mut message.body);
                self.message(&message);
            }
            Err(error) => {
                let what = format!("sent a frame that cannot be read: {error}");
                self.stop(StopReason::Violation, Urgency::Once, what, None);
            }
        }
        // A violation in one frame says that the rest is not worth reading.
        if self.poisoned {
            self.outbound = None;
            self.tell(Event::LinkClosed);
        } else {
            self.inbound = Inbound::Open(inbox);
        }
    }

    fn message(&mut self, message: &ToSupervisor<'_>) {
        let id = message.job;
        match self.jobs.hear(id, &message.body, now()) {
            Verdict::Violation(what) => {
                return self.stop(StopReason::Violation, Urgency::Once, what, Some(id));
            }
            Verdict::Discard => {}
            Verdict::Deliver => match &message.body {
                Report::Done(done) => self.done(id, done),
                Report::Fatal(fault) => self.fatal(id, fault),
                report => self.deliver(id, report),
            },
        }
        self.tell(Event::Frame);
    }

    fn deliver(&mut self, id: JobId, report: &Report<'_>) {
        if matches!(report, Report::Renew) {
            return self.renew(id);
        }
        let Some(open) = self.open.get_mut(&id) else { return };
        match report {
            Report::Ready => open.ready = true,
            Report::Heartbeat(beat) => {
                open.step = Some(beat.step.chars().take(200).collect());
                self.story.heard_of_memory(beat.rss);
            }
            Report::Chunk(chunk) => open.nodes += chunk.nodes.len() as u64,
            Report::Described(_)
            | Report::Accounts(_)
            | Report::Progress(_)
            | Report::Fault(_)
            | Report::Done(_)
            | Report::Fatal(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Denied(_)
            | Report::Brokering(_)
            | Report::Sealed(_)
            | Report::Renew => {}
        }
        let abandoned = open.job.is_abandoned();
        let accepted = self.with_sink(id, |job| job.report(report));
        if matches!(report, Report::Ready) {
            self.tell(Event::Ready);
        }
        if matches!(report, Report::Ready | Report::Heartbeat(_)) {
            self.update_status();
        }
        match accepted {
            Err(error) => self.refused(id, error),
            Ok(()) if abandoned => self.give_up(id, GivenUp::Abandoned),
            Ok(()) => {}
        }
    }

    /// Has new credentials made; a question while that goes on is the same question.
    fn renew(&mut self, id: JobId) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let Some(keys) = open.spec.keys.clone() else {
            let what = "asked for credentials of a job that has none of its own".to_owned();
            return self.stop(StopReason::Violation, Urgency::Once, what, Some(id));
        };
        if open.renewing {
            return;
        }
        open.renewing = true;
        let pause = keys::pause(open.asked).saturating_sub(now().saturating_duration_since(open.sealed));
        open.asked = open.asked.saturating_add(1);
        self.renewals.spawn(async move {
            tokio::time::sleep(pause).await;
            (id, keys.seal(true, WITHIN).await)
        });
    }

    /// The answer to the question of a job.
    pub(super) fn renewed(&mut self, id: JobId, result: Result<Seal, Box<Failure>>) {
        let Some(open) = self.open.get_mut(&id) else { return };
        (open.renewing, open.sealed) = (false, now());
        let body = match result {
            Ok(seal) => Order::Renewed(Box::new(seal)),
            Err(failure) => {
                warn!(child = %self.label, "no new credentials: {}", failure.message());
                Order::NotRenewed(Box::new(keys::refusal(*failure)))
            }
        };
        if let Err(error) = self.send(&ToChild { job: id, body }) {
            warn!(child = %self.label, "cannot hand new credentials on: {error}");
        }
    }

    /// Calls the sink; the clocks stand still meanwhile.
    fn with_sink(
        &mut self,
        id: JobId,
        call: impl FnOnce(&mut dyn OpenJob) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let Some(open) = self.open.get_mut(&id) else { return Ok(()) };
        let before = now();
        let result = catch_unwind(AssertUnwindSafe(|| call(&mut *open.job)));
        let after = now();
        let held_up = after.saturating_duration_since(before);
        if held_up > NOTICEABLE {
            self.tell_at(Event::Paused, before);
            self.tell_at(Event::Resumed, after);
            self.jobs.shift(held_up);
        }
        result.unwrap_or_else(|_| Err(SinkError::Host("a fault of fixworker: the sink panicked".to_owned())))
    }

    fn refused(&mut self, id: JobId, error: SinkError) {
        match error {
            SinkError::Violation(what) => {
                self.stop(StopReason::Violation, Urgency::Once, what, Some(id));
            }
            SinkError::Host(what) => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.host_error.get_or_insert(what);
                }
                self.give_up(id, GivenUp::Host);
            }
        }
    }

    fn give_up(&mut self, id: JobId, why: GivenUp) {
        if self.jobs.why_given_up(id).is_none() {
            self.jobs.give_up(id, why, now());
            self.given_up(id, why);
        }
    }

    pub(super) fn given_up(&mut self, id: JobId, why: GivenUp) {
        if self.shared { self.send_cancel(id) } else { self.stop_for_job(id, why) }
    }

    pub(super) fn stop_for_job(&mut self, id: JobId, why: GivenUp) {
        let reason = match why {
            GivenUp::Handshake => StopReason::Handshake,
            GivenUp::NoProgress => StopReason::NoProgress,
            GivenUp::Deadline => StopReason::Deadline,
            GivenUp::Abandoned => StopReason::Requested,
            GivenUp::Host => StopReason::Host,
        };
        let detail = self.story.cancel_reason(Some(why));
        self.stop(reason, Urgency::Once, detail, Some(id));
    }

    fn done(&mut self, id: JobId, done: &Done) {
        if Story::was_called_off(&self.machine, self.jobs.why_given_up(id)) {
            return self.fail_as_it_is(id);
        }
        if let Err(error) = self.with_sink(id, |job| job.done(done)) {
            return match error {
                SinkError::Violation(_) => self.refused(id, error),
                // Nothing more comes, so there is nothing to cancel.
                SinkError::Host(what) => self.fail_job(id, Outcome::Host(what)),
            };
        }
        self.sample_memory();
        let Some(Open { job, spec, began, .. }) = self.close_job(id) else { return };
        job.finish(Ok(Good {
            done: *done,
            attempt: spec.attempt,
            pid: self.story.pid.map(nix::unistd::Pid::as_raw),
            peak_rss: self.story.peak_rss(),
            elapsed: now().saturating_duration_since(began),
        }));
        self.tell(Event::JobClosed);
    }

    fn fatal(&mut self, id: JobId, fault: &Fault) {
        if self.jobs.why_given_up(id).is_some() || self.machine.stop().is_some() {
            self.fail_as_it_is(id);
        } else {
            self.fail_job(id, Outcome::Fatal(fault.clone()));
        }
    }

    /// Fails a job by what is known already: it was given up, or its process is being stopped.
    fn fail_as_it_is(&mut self, id: JobId) {
        let alone = self.open.len() == 1;
        self.fail(id, alone, Story::outcome);
    }

    fn fail_job(&mut self, id: JobId, outcome: Outcome) {
        self.fail(id, false, |_, _, _| outcome);
    }

    fn fail(&mut self, id: JobId, alone: bool, outcome: impl FnOnce(&Story, &Machine, &Case<'_>) -> Outcome) {
        let why = self.jobs.why_given_up(id);
        let Some(open) = self.close_job(id) else { return };
        let case = open.case(id, why, alone);
        let outcome = outcome(&self.story, &self.machine, &case);
        let failure = self.story.failure(&self.machine, &case, outcome);
        open.job.finish(Err(Box::new(failure)));
        self.tell(Event::JobClosed);
    }

    fn close_job(&mut self, id: JobId) -> Option<Open> {
        self.jobs.close(id);
        let open = self.open.remove(&id);
        self.update_status();
        open
    }

    /// The process is over: no job may be left without an end.
    pub(super) fn finish_all(&mut self) {
        let alone = self.open.len() == 1;
        for id in self.open.keys().copied().collect::<Vec<_>>() {
            self.fail(id, alone, Story::outcome);
        }
    }

    /// Jobs that were sent while the process ended.
    pub(super) fn refuse_late_jobs(&mut self, end: &ChildEnd) {
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Run(spec, job) = command {
                job.finish(Err(Box::new(end.failure_of_late_job(&spec.subject, spec.attempt))));
            }
        }
    }

    fn update_status(&self) {
        let jobs = self.open.values().map(|open| JobStatus {
            subject: open.spec.subject.clone(),
            attempt: open.spec.attempt,
            started: open.began,
            step: open.step.clone(),
            nodes: open.nodes,
        });
        self.entry.update(|status| {
            status.jobs.clear();
            status.jobs.extend(jobs);
            status.rss = self.story.last_rss().or(status.rss);
        });
    }
}

fn refuse(spec: &JobSpec, job: Box<dyn OpenJob>) {
    job.finish(Err(Box::new(gone(&spec.subject, spec.attempt))));
}

//! The side of an output that the machinery holds: news, heartbeats, and the end of the job.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use collector::{Failure, Sink, fault};
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::message::{Done, Heartbeat, JobId, Report};
use tokio::sync::mpsc;

use super::news::{self, MAX_PROGRESS_LINE};
use super::{Output, Stop};

/// Denied operations in one message.
const DENIED_PER_MESSAGE: usize = 64;

impl Output {
    pub(crate) fn job(&self) -> JobId {
        self.shared.job
    }

    pub(crate) fn max_resources(&self) -> Option<u64> {
        self.shared.limits.max_resources
    }

    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.state().stop
    }

    /// The exit code that the last message of the job stands for; `None` until it is queued.
    pub(crate) fn exit_code(&self) -> Option<ExitCode> {
        self.state().exit_code
    }

    /// Sends one message. Nothing is sent once the job has ended.
    pub(crate) async fn send(&self, report: Report<'_>) -> Result<(), Failure> {
        let frame = self.encode(report, 0)?;
        let permit = self.permit().await?;
        // Queued under the lock, so that nothing follows the last message of the job.
        let state = self.state();
        if state.stop == Some(Stop::Ended) {
            return Err(Failure::Stopped);
        }
        permit.send(frame);
        Ok(())
    }

    /// Sends faults seen for the first time and progress since the last call.
    pub(crate) async fn send_news(&self) -> Result<(), Failure> {
        let (faults, progress) = {
            let mut state = self.state();
            if !state.news.is_due() {
                return Ok(());
            }
            (state.news.take_faults(), state.news.take_progress())
        };
        self.send_faults(faults).await?;
        for lines in progress.chunks(self.shared.limits.frame_cap.div_ceil(2 * MAX_PROGRESS_LINE).min(32)) {
            self.send(Report::Progress(lines.to_vec())).await?;
        }
        Ok(())
    }

    /// Ends the job with success: sends what is left, then Done.
    pub(crate) async fn finish(&self) -> Result<Done, Failure> {
        self.check()?;
        self.send_news().await?;
        self.flush_unless_room(self.chunk_target()).await?;
        let faults = self.state().news.take_remaining_faults();
        self.send_faults(faults).await?;
        self.send_denied().await?;
        let permit = self.permit().await?;
        let mut state = self.state();
        state.check()?;
        if !state.chunk.is_empty() {
            return Err(fault(FaultKind::Internal, "the collector put out more after its end").into());
        }
        let done = Done { totals: state.tally.totals(), faults: state.faults };
        permit.send(self.encode(Report::Done(done), 0)?);
        state.stop = Some(Stop::Ended);
        state.exit_code = Some(if done.faults == 0 { ExitCode::Done } else { ExitCode::DoneWithFaults });
        Ok(done)
    }

    /// Ends the job with `fatal`, after the faults that explain it. False if the job had ended before.
    pub(crate) async fn fail(&self, mut fatal: Fault) -> bool {
        let faults = self.state().news.take_remaining_faults();
        // A job that ended meanwhile, or a closed connection, is noticed below as well.
        drop(self.send_faults(faults).await);
        drop(self.send_denied().await);
        news::cut_texts(&mut fatal, self.text_limit());
        let exit_code = fatal.kind.exit_code(fatal.retry);
        let Ok(frame) = self.encode(Report::Fatal(fatal), 0) else { return false };
        let Ok(permit) = self.permit().await else { return false };
        let mut state = self.state();
        let first = state.stop.replace(Stop::Ended) != Some(Stop::Ended);
        if first {
            permit.send(frame);
            state.exit_code = Some(exit_code);
        }
        first
    }

    /// Ends the job with `fatal` at once, from outside; whatever the collector still does is ignored.
    pub(crate) fn end_from_outside(&self, mut fatal: Fault) {
        news::cut_texts(&mut fatal, self.text_limit());
        let exit_code = fatal.kind.exit_code(fatal.retry);
        let frame = self.encode(Report::Fatal(fatal), 0);
        let mut state = self.state();
        if state.stop.replace(Stop::Ended) == Some(Stop::Ended) {
            return;
        }
        state.exit_code = Some(exit_code);
        if let Ok(Err(mpsc::error::TrySendError::Full(frame))) =
            frame.map(|frame| self.shared.lane.try_send(frame))
        {
            // The writer is busy. The job is over either way, so its last message may take its time.
            let lane = self.shared.lane.clone();
            tokio::spawn(async move { lane.send(frame).await });
        }
    }

    /// Ends the queue itself, in a process that has one job: an empty frame is its end mark. Whatever still
    /// holds a clone of the output cannot keep the other end waiting.
    pub(crate) async fn close(&self) {
        self.state().stop = Some(Stop::Ended);
        // A reader that went away needs no end mark.
        drop(self.shared.lane.send(Vec::new()).await);
    }

    async fn send_faults(&self, faults: Vec<Fault>) -> Result<(), Failure> {
        for fault in faults {
            let costs = fault.costs();
            self.send(Report::Fault(fault)).await?;
            self.state().faults += u32::from(costs);
        }
        Ok(())
    }

    async fn send_denied(&self) -> Result<(), Failure> {
        let mut denied = std::mem::take(&mut self.state().denied);
        denied.iter_mut().for_each(news::cut_names);
        for some in denied.chunks(DENIED_PER_MESSAGE) {
            self.send(Report::Denied(some.to_vec())).await?;
        }
        Ok(())
    }

    /// Queues a sign of life without waiting. False if the queue is full: try again.
    pub(crate) fn try_heartbeat(&self, rss: u64) -> bool {
        let step = self.shared.step.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let work = self.shared.work.load(Ordering::Relaxed);
        let Ok(frame) = self.encode(Report::Heartbeat(Heartbeat { rss, step, work }), 0) else { return true };
        // Under the lock, so that no heartbeat follows the end of its job.
        let state = self.state();
        if state.stop == Some(Stop::Ended) {
            return true;
        }
        !matches!(self.shared.lane.try_send(frame), Err(mpsc::error::TrySendError::Full(_)))
    }
}

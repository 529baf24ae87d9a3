//! The life of one child that does tasks: one after the other, until nobody has any for it.

use std::sync::Arc;
use std::time::Instant;

use fixworker_fleet::child::state::Stage;
use fixworker_fleet::{Child, Failure, JobSpec, Limit, Outcome};
use fixworker_surface::metrics;
use serde_json::Value;
use tokio::sync::mpsc;

use super::error::Refusal;
use super::machine::{ChildId, JobEnd, TaskId};
use super::sink::AnswerSink;

/// A task for a child.
pub(super) struct TaskJob {
    pub(super) task: TaskId,
    pub(super) spec: JobSpec,
    pub(super) sink: AnswerSink,
}

/// What a child tells.
#[derive(Debug)]
pub(super) enum Note {
    /// A job has ended.
    Ended(ChildId, TaskId, JobEnd, Result<Value, String>),
    /// The process has ended; the last note of a child.
    Gone(ChildId),
}

/// Does what `jobs` brings, until that is closed or the process ends. Jobs that come too late are told as not
/// begun.
pub(super) async fn live(
    id: ChildId,
    collector: String,
    child: Arc<Child>,
    mut jobs: mpsc::UnboundedReceiver<TaskJob>,
    notes: mpsc::UnboundedSender<Note>,
) {
    let began = Instant::now();
    metrics::child_started(&collector);
    let mut outcome = "done";
    loop {
        let job = tokio::select! {
            biased;
            _ended = child.ended() => {
                outcome = "exited";
                break;
            }
            job = jobs.recv() => job,
        };
        let Some(TaskJob { task, spec, sink }) = job else { break };
        let result = child.run(spec, sink).await;
        let (end, result) = match result {
            Ok(completed) => (reusable(&child), Ok(completed.sink.into_answer())),
            Err(failure) => {
                let end = end_of(&failure, &child);
                if end != JobEnd::Reusable {
                    outcome = failure.outcome.kind();
                }
                (end, Err(words(&failure)))
            }
        };
        tell(&notes, Note::Ended(id, task, end, result));
    }
    jobs.close();
    while let Ok(TaskJob { task, .. }) = jobs.try_recv() {
        let late = Err("its child ended before it could begin".to_owned());
        tell(&notes, Note::Ended(id, task, JobEnd::NotBegun, late));
    }
    let end = child.close().await;
    match end.stage {
        Some(Stage::Asked) => metrics::child_killed("asked"),
        Some(Stage::Termed) => metrics::child_killed("term"),
        Some(Stage::Killed) => metrics::child_killed("kill"),
        None => {}
    }
    metrics::child_ended(&collector, outcome, began.elapsed());
    tell(&notes, Note::Gone(id));
}

fn tell(notes: &mpsc::UnboundedSender<Note>, note: Note) {
    if notes.send(note).is_err() {
        tracing::debug!("nobody listens to the children of tasks any more");
    }
}

fn reusable(child: &Child) -> JobEnd {
    if child.accepts_jobs() { JobEnd::Reusable } else { JobEnd::Spent }
}

/// What a failed job means for the next one.
fn end_of(failure: &Failure, child: &Child) -> JobEnd {
    match &failure.outcome {
        // The child lives: it has said that this cannot be done.
        Outcome::Fatal(_) | Outcome::Host(_) => reusable(child),
        Outcome::TimedOut(Limit::Deadline, _) | Outcome::Cancelled(_) => JobEnd::Spent,
        Outcome::SpawnFailed(_)
        | Outcome::Version(_)
        | Outcome::Violation(_)
        | Outcome::Exited(_)
        | Outcome::Signaled(_)
        | Outcome::OutOfMemory
        | Outcome::TimedOut(Limit::Handshake | Limit::Stall | Limit::NoProgress, _)
        | Outcome::Collateral(_)
        | Outcome::NoCredentials(_)
        | Outcome::Unkillable => {
            if failure.ready {
                JobEnd::Spent
            } else {
                JobEnd::NotBegun
            }
        }
    }
}

/// What the user reads. The whole story goes to the log, unless the child itself has told it.
fn words(failure: &Failure) -> String {
    let said_by_child = matches!(failure.outcome, Outcome::Fatal(_));
    if said_by_child {
        tracing::debug!("{failure}");
    } else {
        tracing::error!("{}", failure.report());
    }
    if matches!(failure.outcome, Outcome::TimedOut(Limit::Deadline, _)) {
        return Refusal::TooSlow.to_string();
    }
    let mut text = failure.message();
    if let Some(hint) = failure.hint() {
        text = format!("{text} ({hint})");
    }
    if failure.ready && !said_by_child {
        text.push_str(
            "; whether it took effect is not known: look at the resource in its cloud, or collect again",
        );
    }
    text
}

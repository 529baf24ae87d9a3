//! One attempt: a job on a child, watched for its Ready.

use std::sync::Arc;

use ipc_proto::message::{Done, Report};
use tokio::sync::mpsc;

use crate::child::outcome::Failure;
use crate::child::{Child, ChildEnd, Completed, JobSpec};
use crate::sink::{JobSink, SinkError};

/// What an attempt tells while its process is still there.
pub(super) enum Note<S> {
    Ready(usize),
    Ended(usize, Result<Completed<S>, Box<Failure>>),
}

/// Passes everything on and tells of Ready.
struct Watched<S> {
    sink: S,
    account: usize,
    notes: mpsc::UnboundedSender<Note<S>>,
}

impl<S: JobSink> JobSink for Watched<S> {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        if matches!(report, Report::Ready) {
            // The run holds the receiver as long as it has attempts.
            let _over = self.notes.send(Note::Ready(self.account));
        }
        self.sink.report(report)
    }

    fn done(&mut self, done: &Done) -> Result<(), SinkError> {
        self.sink.done(done)
    }
}

/// What an attempt leaves behind.
pub(super) enum Left {
    /// Its own process has ended so.
    Process(usize, ChildEnd),
    /// It was a job of a shared process.
    Job(usize),
    /// A shared process has ended so.
    Shared(ChildEnd),
}

/// Runs one job to its end, and with `own` the process too.
pub(super) async fn attempt<S: JobSink>(
    child: Arc<Child>,
    own: bool,
    account: usize,
    spec: JobSpec,
    sink: S,
    notes: mpsc::UnboundedSender<Note<S>>,
) -> Left {
    let watched = Watched { sink, account, notes: notes.clone() };
    let result = child.run(spec, watched).await;
    let result = result.map(|Completed { done, sink, attempt, pid, peak_rss, elapsed }| Completed {
        done,
        sink: sink.sink,
        attempt,
        pid,
        peak_rss,
        elapsed,
    });
    // The result goes out now: what comes after may wait for a process that lingers.
    let _over = notes.send(Note::Ended(account, result));
    if own { Left::Process(account, child.close().await) } else { Left::Job(account) }
}

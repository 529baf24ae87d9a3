//! Life under the supervisor, from the first job to the end of the process.
//!
//! ```text
//!  reader thread --- orders, end of socket ---> session (main thread) --- starts ---> jobs (runtime threads)
//!  writer thread <--- bounded queue of frames <--- outputs of the jobs <--- heartbeats --- heartbeat thread
//! ```
//!
//! The socket is served by threads of its own and not by the runtime: a collector that blocks every thread of
//! the runtime must neither silence the heartbeats nor hide that the supervisor is gone.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::thread;
use std::time::Duration;

use collector::Collector;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::Fault;
use ipc_proto::job::{Job, Start};
use ipc_proto::message::{Cancel, JobId, Order, ToChild};
use ipc_proto::seal::Seal;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tracing::Instrument;

use crate::handshake::Terms;
use crate::job::{self, Outcome};
use crate::output::{Lane, Output, OutputLimits, QUEUED_FRAMES};
use crate::wire::PayloadReader;
use heartbeat::Heartbeats;
use reader::Event;

mod heartbeat;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

/// How long jobs may take to let go once the supervisor is gone.
pub(crate) const DRAIN: Duration = Duration::from_secs(2);
/// Threads for collectors: two, so that one that computes does not stop the other's calls.
const WORKER_THREADS: usize = 2;

/// Ends the process when nothing else does: a collector that never yields cannot be stopped otherwise.
pub(crate) type LastResort = Box<dyn FnOnce(ExitCode) + Send>;

/// What a session needs from the handshake.
pub(crate) struct Connection<R, W> {
    pub(crate) reader: R,
    pub(crate) frames: PayloadReader,
    pub(crate) writer: W,
    pub(crate) terms: Terms,
}

/// Serves jobs until the supervisor closes the socket.
pub(crate) fn serve<R, W>(
    collectors: Vec<Box<dyn Collector>>,
    connection: Connection<R, W>,
    first: (JobId, Start),
    last_resort: LastResort,
) -> std::io::Result<ExitCode>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    let runtime = runtime()?;
    let (events_in, events) = mpsc::channel(QUEUED_FRAMES);
    let (lane, frames) = mpsc::channel(QUEUED_FRAMES);
    let Connection { reader, frames: payloads, writer, terms } = connection;
    writer::spawn(writer, frames, events_in.clone())?;
    reader::spawn(reader, payloads, events_in)?;
    let heartbeats = Heartbeats::spawn(terms.heartbeat)?;
    let session = Session {
        collectors: collectors.into(),
        lane,
        frame_cap: terms.frame_cap,
        heartbeats,
        open: BTreeMap::new(),
        tasks: JoinSet::new(),
        finished: Vec::new(),
        last_resort,
    };
    let code = runtime.block_on(session.run(first, events));
    // A collector that blocks its thread would block the drop of the runtime as well.
    runtime.shutdown_background();
    Ok(code)
}

/// The runtime of the collectors.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name("collect")
        .enable_all()
        .build()
}

/// Takes the credentials of a job out of its order.
fn unseal(start: Start) -> (Start, Option<Seal>) {
    match start.job {
        Job::Sealed(sealed) => (Start { job: sealed.job.into(), ..start }, Some(sealed.seal)),
        _ => (start, None),
    }
}

struct Session {
    collectors: Arc<[Box<dyn Collector>]>,
    lane: Lane,
    frame_cap: usize,
    heartbeats: Heartbeats,
    open: BTreeMap<JobId, OpenJob>,
    tasks: JoinSet<(JobId, Outcome)>,
    // The exit codes of the first two jobs: more are never needed.
    finished: Vec<ExitCode>,
    last_resort: LastResort,
}

struct OpenJob {
    output: Output,
    task: AbortHandle,
}

impl Session {
    async fn run(mut self, first: (JobId, Start), mut events: mpsc::Receiver<Event>) -> ExitCode {
        self.start(first.0, first.1);
        loop {
            let ended = tokio::select! {
                event = events.recv() => match event.unwrap_or(Event::Closed) {
                    Event::Order(ToChild { job, body }) => self.order(job, body),
                    Event::Closed => Some(self.closed()),
                    Event::Violation(what) => {
                        tracing::error!("the supervisor broke the protocol: {what}");
                        Some(ExitCode::Protocol)
                    }
                },
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.ended(ended);
                    None
                }
            };
            if let Some(code) = ended {
                self.let_go(code).await;
                return code;
            }
        }
    }

    /// Performs an order; the exit code if the supervisor broke the protocol.
    fn order(&mut self, job: JobId, order: Order) -> Option<ExitCode> {
        match order {
            Order::Start(start) if self.open.contains_key(&job) => {
                drop(start);
                tracing::error!(job = job.0, "the supervisor started a job twice");
                Some(ExitCode::Protocol)
            }
            Order::Start(start) if !start.environment.is_empty() => {
                tracing::error!(job = job.0, "the supervisor sent an environment after the first job");
                Some(ExitCode::Protocol)
            }
            Order::Start(start) => {
                self.start(job, *start);
                None
            }
            Order::Cancel(cancel) => {
                self.cancel(job, &cancel);
                None
            }
            Order::Renewed(seal) => self.renewed(job, Ok(*seal)),
            Order::NotRenewed(fault) => self.renewed(job, Err(*fault)),
        }
    }

    /// New credentials of a job, or why there are none. A job that is over has crossed with them.
    fn renewed(&self, job: JobId, answer: Result<Seal, Fault>) -> Option<ExitCode> {
        let OpenJob { output, .. } = self.open.get(&job)?;
        if output.renewed(answer) {
            return None;
        }
        tracing::error!(job = job.0, "the supervisor sent credentials to a job that has all");
        Some(ExitCode::Protocol)
    }

    fn start(&mut self, job: JobId, start: Start) {
        let (start, seal) = unseal(start);
        let limits =
            OutputLimits { frame_cap: self.frame_cap, max_resources: job::max_resources(&start.job) };
        let output = Output::with_seal(job, self.lane.clone(), limits, seal);
        let collectors = Arc::clone(&self.collectors);
        let its_output = output.clone();
        let span = tracing::info_span!("job", id = job.0, what = job::title(&start.job));
        let work = async move { (job, job::run(&collectors, start, &its_output).await) };
        let task = self.tasks.spawn(work.instrument(span));
        self.heartbeats.add(output.clone());
        self.open.insert(job, OpenJob { output, task });
    }

    /// Drops the job. One that is over, or never was, is no mistake of the supervisor: the two crossed.
    fn cancel(&mut self, job: JobId, cancel: &Cancel) {
        let Some(OpenJob { output, task }) = self.open.remove(&job) else { return };
        tracing::info!(job = job.0, reason = cancel.reason, "cancelled");
        self.heartbeats.remove(job);
        // Unless it has just ended by itself.
        output.end_from_outside(job::cancelled(&cancel.reason));
        self.note(output.exit_code());
        task.abort();
    }

    /// A task is over: its job sent its last message, or was cancelled, or the machinery itself panicked.
    fn ended(&mut self, ended: Result<(tokio::task::Id, (JobId, Outcome)), JoinError>) {
        match ended {
            Ok((_, (job, outcome))) => {
                // A cancelled job that was faster than its cancellation has been counted.
                if self.open.remove(&job).is_some() {
                    self.heartbeats.remove(job);
                    self.note(Some(outcome.exit_code()));
                }
            }
            Err(error) => {
                let job =
                    self.open.iter().find(|(_, open)| open.task.id() == error.id()).map(|(job, _)| *job);
                if let Some(OpenJob { output, .. }) = job.and_then(|job| self.open.remove(&job)) {
                    self.heartbeats.remove(output.job());
                    let text = error.try_into_panic().map(|panic| crate::panics::text(&*panic).to_owned());
                    let text = text.unwrap_or_else(|_| "its task was lost".to_owned());
                    output.end_from_outside(crate::panics::to_fault(&text));
                    self.note(output.exit_code());
                }
            }
        }
    }

    fn note(&mut self, code: Option<ExitCode>) {
        if self.finished.len() < 2 {
            self.finished.extend(code);
        }
    }

    /// The exit code when the supervisor closes the socket now.
    fn closed(&mut self) -> ExitCode {
        // The supervisor may have its last message before the task that sent it is over.
        let ended = self.open.extract_if(.., |_, open| open.output.exit_code().is_some());
        self.finished.extend(ended.filter_map(|(_, open)| open.output.exit_code()).take(2));
        if !self.open.is_empty() {
            tracing::warn!(open = self.open.len(), "the supervisor is gone; the jobs are dropped");
            return ExitCode::TryAgain;
        }
        match self.finished[..] {
            [only] => only,
            _ => ExitCode::Done,
        }
    }

    /// Gives the jobs a moment to undo what they must.
    async fn let_go(mut self, code: ExitCode) {
        if self.tasks.is_empty() {
            return;
        }
        // A timer of the runtime would not fire if collectors block all of its threads.
        let (_over, over) = blocking::channel::<()>();
        let last_resort = self.last_resort;
        let guard = move || {
            if over.recv_timeout(DRAIN) == Err(blocking::RecvTimeoutError::Timeout) {
                last_resort(code);
            }
        };
        match thread::Builder::new().name("guard".to_owned()).spawn(guard) {
            Ok(_) => self.tasks.shutdown().await,
            Err(error) => tracing::error!("jobs are dropped without waiting for them: {error}"),
        }
    }
}

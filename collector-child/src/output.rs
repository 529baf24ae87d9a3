//! Where a collector puts what it finds.
//!
//! One [`Output`] belongs to one job; any number of tasks may write to it at once. Entries gather in a chunk
//! of [`CHUNK_TARGET`] bytes; a full chunk is encoded once and queued for the writer. The queue is short: who
//! collects faster than the supervisor reads waits in `await`. Under the supervisor the queue ends in the
//! socket, standing alone in the writer of NDJSON lines.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use collector::fault::cut;
use collector::{BoxFuture, Credentials, Entry, Failure, FaultExt, Placed, Sink, fault};
use ipc_proto::connection::encode_frame;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::graph::{Node, Role, Selector, Tally};
use ipc_proto::limits::{CHUNK_TARGET, MAX_FRAME, MAX_ID, MAX_NODE_JSON, MAX_TEXT};
use ipc_proto::message::{Denied, JobId, Progress, Report, ToSupervisor};
use ipc_proto::seal::Seal;
use tokio::sync::mpsc;

use crate::credentials::Purse;
use buffer::{ChunkBuffer, PayloadSize, selector_text};
use news::{MAX_NAME, News};

mod answers;
mod buffer;
mod control;
mod news;
#[cfg(test)]
mod tests;

/// Frames that wait for the writer, at most.
pub(crate) const QUEUED_FRAMES: usize = 4;

/// The queue to the writer: whole frames, header included.
pub(crate) type Lane = mpsc::Sender<Vec<u8>>;

/// What the connection and the job allow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputLimits {
    /// The largest payload of a frame.
    pub(crate) frame_cap: usize,
    /// Resources that the job may have; `None` is no limit.
    pub(crate) max_resources: Option<u64>,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self { frame_cap: MAX_FRAME, max_resources: None }
    }
}

/// Why an output accepts nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The job has ended: done, failed or cancelled.
    Ended,
    /// More resources than `max_resources`.
    TooManyResources,
    /// Nobody reads any more.
    Disconnected,
}

/// The way out of a job: nodes, edges, faults, progress, signs of life. Clones share it.
#[derive(Clone)]
pub struct Output {
    shared: Arc<Shared>,
}

/// What the clones of an output share.
pub(crate) struct Shared {
    job: JobId,
    lane: Lane,
    limits: OutputLimits,
    state: Mutex<State>,
    work: AtomicU64,
    step: Mutex<String>,
    /// The credentials of the job, if it has some of its own.
    purse: Option<Arc<Purse>>,
}

#[derive(Default)]
struct State {
    chunk: ChunkBuffer,
    tally: Tally,
    resources: u64,
    news: News,
    denied: Vec<Denied>,
    faults: u32,
    stop: Option<Stop>,
    exit_code: Option<ExitCode>,
}

impl Output {
    pub(crate) fn new(job: JobId, lane: Lane, limits: OutputLimits) -> Self {
        Self::with_seal(job, lane, limits, None)
    }

    /// The same for a job with credentials of its own.
    pub(crate) fn with_seal(job: JobId, lane: Lane, limits: OutputLimits, seal: Option<Seal>) -> Self {
        let shared = Arc::new_cyclic(|shared| Shared {
            job,
            lane,
            limits,
            state: Mutex::new(State::default()),
            work: AtomicU64::new(0),
            step: Mutex::default(),
            purse: seal.map(|seal| Arc::new(Purse::new(seal, shared.clone()))),
        });
        Self { shared }
    }

    /// The output of a job, unless that is gone.
    pub(crate) fn of(shared: &Weak<Shared>) -> Option<Self> {
        Some(Self { shared: shared.upgrade()? })
    }

    /// The credentials of the job, if it has some of its own.
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        self.shared.purse.as_ref().map(|purse| Credentials::new(purse.clone()))
    }

    /// The supervisor has answered a question for new credentials; false if nobody can have asked.
    pub(crate) fn renewed(&self, answer: Result<Seal, Fault>) -> bool {
        self.shared.purse.as_ref().map(|purse| purse.answered(answer)).is_some()
    }

    /// Reports a trouble; the job goes on, and counts as done with faults.
    ///
    /// Equal faults are counted, not repeated: the first goes out within half a second, the rest as one
    /// number when the job ends. Texts longer than the protocol allows are cut.
    pub fn fault(&self, fault: Fault) {
        let limit = self.text_limit();
        self.state().news.fault(fault, limit);
    }

    /// Says what the job does now, for people who ask why it takes so long.
    pub fn step(&self, step: impl Into<String>) {
        let mut step = step.into();
        cut(&mut step, MAX_NAME);
        *self.shared.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    /// Counts work done that puts nothing out: calls answered, files read. A job whose counter stands still is
    /// taken to be stuck. Nodes and edges count by themselves.
    pub fn work(&self, amount: u64) {
        self.shared.work.fetch_add(amount, Ordering::Relaxed);
    }

    /// The fault for what cannot be sent at all.
    fn unfit(&self, entry: Entry<'_>) -> Option<Fault> {
        match entry {
            Entry::Node(node) => self.unfit_node(node).map(|reason| {
                let message = format!("a resource of kind {} was left out: {reason}", node.kind);
                fault(FaultKind::Resource, message).scope_kind(node.kind)
            }),
            Entry::Edge(edge) => {
                let reported = edge.reported.unwrap_or_default();
                let reason = unfit_ids(&[edge.from, edge.to]).or_else(|| self.unfit_json(reported));
                reason.map(|reason| fault(FaultKind::Resource, format!("an edge was left out: {reason}")))
            }
            Entry::Deferred(edge) => {
                let reason = [&edge.from, &edge.to].into_iter().find_map(|selector| match selector {
                    Selector::NodeId(id) => unfit_ids(&[id]),
                    Selector::Search(_) => self.unfit_json(selector_text(selector).as_bytes()),
                });
                let sentence = |reason| format!("a deferred edge was left out: {reason}");
                reason.map(|reason| fault(FaultKind::Resource, sentence(reason)))
            }
        }
    }

    fn place(&self, entry: Entry<'_>) -> Result<Placed, Failure> {
        let target = self.chunk_target();
        let size = payload_size(entry);
        let mut state = self.state();
        state.check()?;
        if !state.chunk.is_empty() && state.chunk.payload_size() + size > target {
            return Ok(Placed::NoRoom(size));
        }
        match entry {
            Entry::Node(node) => {
                state.count_resource(node.role, self.shared.limits.max_resources)?;
                state.chunk.add_node(node);
            }
            Entry::Edge(edge) => state.chunk.add_edge(edge),
            Entry::Deferred(edge) => state.chunk.add_deferred(edge),
        }
        Ok(if state.chunk.payload_size() >= target { Placed::YesAndFull } else { Placed::Yes })
    }

    /// Sends what has gathered, though it is less than a chunk: whoever watches a slow account sees it grow.
    pub(crate) async fn send_gathered(&self) -> Result<(), Failure> {
        self.flush_unless_room(self.chunk_target()).await
    }

    /// Sends the chunk, unless another task did so meanwhile and `room` bytes fit.
    async fn flush_unless_room(&self, room: usize) -> Result<(), Failure> {
        let permit = self.permit().await?;
        let mut state = self.state();
        state.check()?;
        if state.chunk.is_empty() || state.chunk.payload_size() + room < self.chunk_target() {
            return Ok(());
        }
        // Taken and queued under one lock: sequence numbers reach the queue in order.
        permit.send(self.take_chunk(&mut state)?);
        Ok(())
    }

    fn take_chunk(&self, state: &mut State) -> Result<Vec<u8>, Failure> {
        let State { chunk, tally, .. } = state;
        let message = chunk.chunk(tally.totals().chunks);
        tally.add(&message);
        let frame = self.encode(Report::Chunk(message), chunk.payload_size());
        chunk.clear();
        frame
    }

    fn encode(&self, body: Report<'_>, expected: usize) -> Result<Vec<u8>, Failure> {
        let mut frame = Vec::with_capacity(expected);
        let message = ToSupervisor { job: self.shared.job, body };
        match encode_frame(&message, self.shared.limits.frame_cap, &mut frame) {
            Ok(()) => Ok(frame),
            Err(error) => {
                let message = format!("a message to the supervisor cannot be sent: {error}");
                Err(fault(FaultKind::Internal, message).into())
            }
        }
    }

    async fn permit(&self) -> Result<mpsc::Permit<'_, Vec<u8>>, Failure> {
        self.shared.lane.reserve().await.map_err(|_| {
            self.state().stop.get_or_insert(Stop::Disconnected);
            Failure::Stopped
        })
    }

    fn chunk_target(&self) -> usize {
        CHUNK_TARGET.min(self.shared.limits.frame_cap / 2)
    }

    // Message and hint take half of the smallest frame.
    fn text_limit(&self) -> usize {
        MAX_TEXT.min(self.shared.limits.frame_cap / 4)
    }

    fn unfit_node(&self, node: &Node<'_>) -> Option<String> {
        unfit_ids(&[node.id, node.kind]).or_else(|| self.unfit_json(node.json))
    }

    fn unfit_json(&self, json: &[u8]) -> Option<String> {
        let cap = MAX_NODE_JSON.min(self.shared.limits.frame_cap - self.shared.limits.frame_cap / 4);
        if json.len() > cap {
            return Some(format!("it takes {} bytes, more than the {cap} allowed", json.len()));
        }
        #[expect(
            clippy::needless_bitwise_bool,
            reason = "without early exit many bytes are compared at once"
        )]
        let more = json.iter().fold(false, |found, byte| found | (*byte == b'\n'));
        more.then(|| "its JSON text has more than one line".to_owned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Output {
    fn put(&self, entry: Entry<'_>) -> Result<Placed, Failure> {
        if let Some(unfit) = self.unfit(entry) {
            Output::fault(self, unfit);
            return Ok(Placed::Yes);
        }
        let placed = self.place(entry)?;
        if !matches!(placed, Placed::NoRoom(_)) {
            Output::work(self, 1);
        }
        Ok(placed)
    }

    fn make_room(&self, bytes: usize) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.flush_unless_room(bytes))
    }

    fn fault(&self, fault: Fault) {
        Output::fault(self, fault);
    }

    fn denied(&self, calls: Vec<Denied>) {
        self.state().denied.extend(calls);
    }

    fn progress(&self, progress: Progress) {
        Output::work(self, 1);
        self.state().news.progress(progress);
    }

    fn step(&self, step: String) {
        Output::step(self, step);
    }

    fn work(&self, amount: u64) {
        Output::work(self, amount);
    }

    fn check(&self) -> Result<(), Failure> {
        self.state().check()
    }

    fn share(&self) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }
}

impl State {
    fn check(&self) -> Result<(), Failure> {
        match self.stop {
            None => Ok(()),
            Some(_) => Err(Failure::Stopped),
        }
    }

    fn count_resource(&mut self, role: Role, max: Option<u64>) -> Result<(), Failure> {
        match role {
            Role::Root | Role::Cloud | Role::Organization => Ok(()),
            Role::Account | Role::Region | Role::Resource => {
                if max.is_some_and(|max| self.resources >= max) {
                    self.stop = Some(Stop::TooManyResources);
                    return Err(Failure::Stopped);
                }
                self.resources += 1;
                Ok(())
            }
        }
    }
}

fn payload_size(entry: Entry<'_>) -> usize {
    match entry {
        Entry::Node(node) => node.payload_size(),
        Entry::Edge(edge) => edge.payload_size(),
        Entry::Deferred(edge) => edge.payload_size(),
    }
}

fn unfit_ids(ids: &[&str]) -> Option<String> {
    ids.iter().find_map(|id| match id.len() {
        0 => Some("an id is empty".to_owned()),
        len if len > MAX_ID => Some(format!("an id has {len} bytes, more than the {MAX_ID} allowed")),
        _ => None,
    })
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("job", &self.shared.job).finish_non_exhaustive()
    }
}

//! The thread that says "alive" for each open job, and does nothing else.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ipc_proto::message::JobId;

use crate::memory;
use crate::output::Output;

/// Between two attempts to queue a heartbeat behind a full queue.
const RETRY: Duration = Duration::from_millis(20);
/// The supervisor chooses the interval; outside of these bounds it would be a mistake.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_mins(10));

type Jobs = Arc<Mutex<BTreeMap<JobId, Output>>>;

/// The open jobs of the heartbeat thread, which ends with this value.
pub(super) struct Heartbeats {
    jobs: Jobs,
    _over: mpsc::Sender<()>,
}

impl Heartbeats {
    pub(super) fn spawn(interval: Duration) -> io::Result<Self> {
        let interval = interval.clamp(INTERVALS.0, INTERVALS.1);
        let jobs = Jobs::default();
        let (over_in, over) = mpsc::channel();
        let its_jobs = Arc::clone(&jobs);
        let thread = thread::Builder::new().name("heartbeat".to_owned());
        thread.spawn(move || {
            while over.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                let open: Vec<Output> = lock(&its_jobs).values().cloned().collect();
                let rss = memory::resident();
                for output in open {
                    beat(&output, rss, interval, &over);
                }
            }
        })?;
        Ok(Self { jobs, _over: over_in })
    }

    pub(super) fn add(&self, output: Output) {
        lock(&self.jobs).insert(output.job(), output);
    }

    pub(super) fn remove(&self, job: JobId) {
        lock(&self.jobs).remove(&job);
    }
}

/// Queues one heartbeat. While the queue is full frames flow, or the supervisor does not read: either way it
/// does not miss this sign of life, so it is given up when the next one is due.
fn beat(output: &Output, rss: u64, interval: Duration, over: &mpsc::Receiver<()>) {
    let mut waited = Duration::ZERO;
    while !output.try_heartbeat(rss) && waited < interval {
        if over.recv_timeout(RETRY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        waited += RETRY;
    }
}

fn lock(jobs: &Jobs) -> MutexGuard<'_, BTreeMap<JobId, Output>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Brings what was deleted to fixcore: a task of its own that lives as long as the worker.
//!
//! Entries go to the outbox on disk first, then to fixcore in batches, again and again until fixcore has answered.
//! What fixcore refuses is cut in halves until the guilty entry is alone; that one is logged and forgotten.

use std::time::Duration;

use fixworker_cleanup::Outbox;
use fixworker_cleanup::outbox::{Batch, Entry};
use fixworker_fixcore::{CancellationToken, CoreClient, CoreError};
use fixworker_graph::spool::{SpoolDir, SpoolError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::work::until;

/// Entries in one request, at most.
const BATCH: usize = 500;
/// About so many bytes in one request.
const BATCH_BYTES: usize = 1 << 20;
/// Entries gather for so long, unless somebody waits.
const LINGER: Duration = Duration::from_millis(500);
const PATCH_TIMEOUT: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// How the courier is.
#[derive(Debug, Clone, Default)]
struct Standing {
    /// Entries that were told, or given up, since it started.
    settled: u64,
    /// Entries that were ever put, those of an earlier process included.
    put: u64,
    /// Why the last request failed.
    trouble: Option<String>,
}

enum Order {
    Put(Vec<Entry>, oneshot::Sender<Result<(), SpoolError>>),
    Hurry,
}

/// Gives entries to the courier. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Courier {
    orders: mpsc::UnboundedSender<Order>,
    standing: watch::Receiver<Standing>,
}

impl Courier {
    /// Starts it; what an earlier process has left is sent at once. It ends with `stop`; what waits then is sent
    /// after the next start.
    pub fn start(client: CoreClient, spool: &SpoolDir, stop: CancellationToken) -> Result<Self, SpoolError> {
        let outbox = Outbox::open(spool)?;
        if !outbox.is_empty() {
            tracing::info!("{} changes by an earlier cleanup are still to be told to fixcore", outbox.len());
        }
        let (orders, receiver) = mpsc::unbounded_channel();
        let standing = Standing { put: outbox.len() as u64, ..Standing::default() };
        let (publish, standing) = watch::channel(standing);
        let pause = PAUSE;
        let task = Task { client, outbox, orders: receiver, publish, due: Some(Instant::now()), pause };
        tokio::spawn(task.live(stop));
        Ok(Self { orders, standing })
    }

    /// Keeps entries, and has them sent. Returns when they are on disk; if that fails, they are sent even so as
    /// long as this process lives.
    pub async fn put(&self, entries: Vec<Entry>) -> Result<(), SpoolError> {
        let (reply, kept) = oneshot::channel();
        // A courier that is gone was stopped with the worker.
        let _gone = self.orders.send(Order::Put(entries, reply));
        kept.await.unwrap_or(Ok(()))
    }

    /// Waits until everything put so far is told, at most `within`; otherwise what is in the way.
    pub async fn flush(&self, within: Duration) -> Result<(), String> {
        let _gone = self.orders.send(Order::Hurry);
        let mut standing = self.standing.clone();
        let wanted = standing.borrow_and_update().put;
        let told = async {
            while standing.borrow_and_update().settled < wanted {
                super::changed(&mut standing).await;
            }
        };
        if tokio::time::timeout(within, told).await.is_ok() {
            return Ok(());
        }
        let standing = self.standing.borrow();
        let why = standing.trouble.as_deref().unwrap_or("fixcore has not answered");
        Err(format!("{} deletions are not told to fixcore yet: {why}", standing.put - standing.settled))
    }
}

struct Task {
    client: CoreClient,
    outbox: Outbox,
    orders: mpsc::UnboundedReceiver<Order>,
    publish: watch::Sender<Standing>,
    /// When the next request is made, if anything waits.
    due: Option<Instant>,
    pause: Duration,
}

impl Task {
    async fn live(mut self, stop: CancellationToken) {
        loop {
            let due = self.due.filter(|_| !self.outbox.is_empty());
            tokio::select! {
                () = stop.cancelled() => return,
                order = self.orders.recv() => match order {
                    Some(order) => self.order(order),
                    None => return,
                },
                () = until(due.map(Instant::into_std)) => if let Some(batch) = self.outbox.batch(BATCH, BATCH_BYTES) {
                    self.send(batch, &stop).await;
                },
            }
        }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Put(entries, reply) => {
                let count = entries.len() as u64;
                let kept = self.outbox.put(entries);
                self.publish.send_modify(|standing| standing.put += count);
                self.due.get_or_insert(Instant::now() + LINGER);
                // Whoever put them may have been stopped.
                drop(reply.send(kept));
            }
            // After a trouble its pause holds.
            Order::Hurry if self.publish.borrow().trouble.is_none() => self.due = Some(Instant::now()),
            Order::Hurry => {}
        }
    }

    /// Sends a batch; parts of it that are refused are looked at one by one.
    async fn send(&mut self, batch: Batch, stop: &CancellationToken) {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let sending = self.client.patch_nodes(&part.graph, part.body().into(), PATCH_TIMEOUT);
            let sent = tokio::select! {
                sent = sending => sent,
                () = stop.cancelled() => return,
            };
            match sent {
                Ok(()) => self.settle(&part),
                Err(error) if error.is_transient() => return self.trouble(&error),
                Err(error) => self.refused(&part, &error, &mut parts),
            }
        }
        self.due = Some(Instant::now());
    }

    fn refused(&mut self, part: &Batch, error: &CoreError, parts: &mut Vec<Batch>) {
        if let Some((first, second)) = part.halves() {
            return parts.extend([second, first]);
        }
        for entry in &part.entries {
            tracing::error!("what happened to the node {} is not in fixcore: {error}", entry.id);
        }
        self.settle(part);
    }

    fn settle(&mut self, batch: &Batch) {
        if let Err(error) = self.outbox.told(&batch.numbers) {
            tracing::warn!("a restarted worker would tell fixcore again what it knows: {error}");
        }
        self.pause = PAUSE;
        let was_troubled = self.publish.borrow().trouble.is_some();
        if was_troubled {
            tracing::info!("fixcore is told again what was deleted");
        }
        let count = batch.numbers.len() as u64;
        self.publish.send_modify(|standing| {
            standing.settled += count;
            standing.trouble = None;
        });
        if self.outbox.is_empty() {
            self.due = None;
        }
    }

    fn trouble(&mut self, error: &CoreError) {
        let pause = self.pause;
        if self.publish.borrow().trouble.is_none() {
            tracing::warn!("what was deleted cannot be told to fixcore now, and waits on disk: {error}");
        }
        self.publish.send_modify(|standing| standing.trouble = Some(error.to_string()));
        self.due = Some(Instant::now() + pause);
        self.pause = (pause * 2).min(PAUSE_MAX);
    }
}

//! The websocket of tasks: `/work/queue`.
//!
//! The first message lists what we can do. Fixcore drops a connection with an empty list, so none is made for it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::{SendError, Sender};
use super::health::LinkHealth;
use super::link::{self, LinkEvent, LinkSpec};
use crate::http::client::CoreClient;
use crate::messages::{Task, TaskDefinition, task};

/// Tasks that nobody has taken yet; the next one is answered with an error.
const UNTAKEN: usize = 256;
/// Fixcore's websockets take texts below 4 MiB.
const MAX_ANSWER: usize = (4 << 20) - 1;
/// Nobody reads more than this of an error, in bytes.
const MAX_ERROR: usize = 4 << 10;

/// A task with the connection that brought it. Fixcore ignores an answer over another connection.
#[derive(Debug)]
pub struct QueuedTask {
    /// What to do.
    pub task: Task,
    /// Where to answer.
    pub reply: TaskReply,
}

/// Answers one task.
#[derive(Debug)]
pub struct TaskReply {
    task_id: String,
    connection: Sender,
}

impl TaskReply {
    /// The task worked. Err: fixcore is gone and gives the task to somebody else, or up.
    ///
    /// Fixcore cuts a connection that brings a text above its limit, and all tasks with it; so data that large
    /// become an error that says so.
    pub async fn done(self, data: &Value) -> Result<(), SendError> {
        let text = task::done(&self.task_id, data);
        if text.len() <= MAX_ANSWER {
            return self.connection.deliver(text).await;
        }
        let size = text.len();
        self.error(&format!(
            "it is done, but its result has {size} bytes, and fixcore takes at most {MAX_ANSWER}: ask for less"
        ))
        .await
    }

    /// The task failed; users see the text. Err: see [`done`](Self::done).
    pub async fn error(self, message: &str) -> Result<(), SendError> {
        self.connection.deliver(task::error(&self.task_id, &clipped(message))).await
    }

    /// Waits until the connection is gone, and with it the question.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        let connection = self.connection.clone();
        async move { connection.gone().await }
    }
}

fn clipped(message: &str) -> Cow<'_, str> {
    if message.len() <= MAX_ERROR {
        return message.into();
    }
    format!("{}...", &message[..message.floor_char_boundary(MAX_ERROR)]).into()
}

/// The websocket of tasks while it lives.
#[derive(Debug)]
pub struct WorkQueue {
    /// What to do; ends with the link.
    pub tasks: mpsc::Receiver<QueuedTask>,
    /// How the link is.
    pub health: watch::Receiver<LinkHealth>,
    /// Ends when the link is closed after `stop`.
    pub task: JoinHandle<()>,
}

/// Connects while there is something in the list, and again when the list changes, until `stop`.
pub fn start(
    client: &CoreClient,
    definitions: watch::Receiver<Vec<TaskDefinition>>,
    stop: CancellationToken,
) -> WorkQueue {
    let (health, health_watch) = watch::channel(LinkHealth::Idle);
    let (out, tasks) = mpsc::channel(UNTAKEN);
    let head = Head { client: client.clone(), health: Arc::new(health), out, stop };
    WorkQueue { tasks, health: health_watch, task: tokio::spawn(head.run(definitions)) }
}

struct Head {
    client: CoreClient,
    health: Arc<watch::Sender<LinkHealth>>,
    out: mpsc::Sender<QueuedTask>,
    stop: CancellationToken,
}

impl Head {
    async fn run(self, mut definitions: watch::Receiver<Vec<TaskDefinition>>) {
        while !self.stop.is_cancelled() {
            let list = definitions.borrow_and_update().clone();
            if list.is_empty() {
                self.health.send_replace(LinkHealth::Idle);
                tokio::select! {
                    () = self.stop.cancelled() => break,
                    changed = definitions.changed() => if changed.is_err() { self.stop.cancelled().await },
                }
            } else {
                self.offer(&list, &mut definitions).await;
            }
        }
        self.health.send_replace(LinkHealth::Stopped);
    }

    /// One link for one list; returns when the list changes or we are to stop.
    async fn offer(&self, list: &[TaskDefinition], definitions: &mut watch::Receiver<Vec<TaskDefinition>>) {
        let spec = LinkSpec {
            name: "tasks",
            client: self.client.clone(),
            segments: vec!["work".to_owned(), "queue".to_owned()],
            query: Vec::new(),
            prepare: None,
        };
        self.health.send_replace(LinkHealth::starting());
        let stop = self.stop.child_token();
        let mut link = link::start(spec, Arc::clone(&self.health), stop.clone());
        let mut connection = None;
        let mut watching = true;
        loop {
            tokio::select! {
                event = link.recv() => match event {
                    Some(event) => self.link_event(event, list, &mut connection),
                    None => return,
                },
                changed = definitions.changed(), if watching => {
                    watching = changed.is_ok() && {
                        let same = *definitions.borrow_and_update() == *list;
                        if !same {
                            stop.cancel();
                        }
                        same
                    };
                }
            }
        }
    }

    fn link_event(&self, event: LinkEvent, list: &[TaskDefinition], connection: &mut Option<Sender>) {
        match event {
            LinkEvent::Opened(sender) => {
                if let Err(error) = sender.try_send(task::definitions(list)) {
                    tracing::warn!("the tasks we can do could not be offered to fixcore: {error}");
                    sender.give_up();
                }
                *connection = Some(sender);
            }
            LinkEvent::Closed => *connection = None,
            LinkEvent::Text(text) => {
                let Some(connection) = connection else { return };
                match Task::parse(&text) {
                    Ok(task) => self.pass_on(task, connection),
                    Err(why) => refuse(&text, &why, connection),
                }
            }
        }
    }

    fn pass_on(&self, task: Task, connection: &Sender) {
        let reply = TaskReply { task_id: task.task_id.clone(), connection: connection.clone() };
        let Err(untaken) = self.out.try_send(QueuedTask { task, reply }) else { return };
        let QueuedTask { task, .. } = untaken.into_inner();
        let busy = task::error(&task.task_id, "the worker has too many tasks to do, try again later");
        // Err: the connection is gone, and with it the question.
        connection.try_send(busy).ok();
    }
}

/// Something that is no task: answered if it says at least to whom, so that nobody waits for it.
fn refuse(text: &str, why: &str, connection: &Sender) {
    let Some(id) = task::id_of(text) else {
        tracing::warn!("fixcore sent a task that is not understood; ignored: {why}");
        return;
    };
    tracing::warn!("fixcore sent task {id}, which is not understood: {why}");
    let answer = task::error(&id, &clipped(&format!("the task makes no sense: {why}")));
    // Err: the connection is gone, and with it the question.
    connection.try_send(answer).ok();
}

//! The websocket of actions: `/subscriber/{id}-collector/handle`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::{SendError, Sender};
use super::health::LinkHealth;
use super::link::{self, LinkEvent, LinkSpec};
use super::outbox::{Arrival, Outbox};
use crate::http::client::CoreClient;
use crate::http::subscribe::Subscription;
use crate::messages::{Action, ActionKey, Incoming, Level, Progress, outgoing};

/// Actions that nobody has taken yet. Fixcore sends one at a time and step.
const UNTAKEN: usize = 256;

/// What fixcore wants.
#[derive(Debug, Clone, PartialEq)]
pub enum ActionEvent {
    /// Do this. May come again while it is being done (after a reconnect): then it is a duplicate. Once its
    /// result was given, it does not come again; the result is repeated instead.
    Do(Action),
    /// Stop doing this; no answer is expected, a result that still waits is dropped.
    Abort(ActionKey),
}

/// The websocket of actions while it lives.
#[derive(Debug)]
pub struct Actions {
    /// What fixcore wants; ends with the link.
    pub events: mpsc::Receiver<ActionEvent>,
    /// Answers; clones are fine.
    pub replies: ActionReplies,
    /// How the link is.
    pub health: watch::Receiver<LinkHealth>,
    /// Ends when the link is closed after `stop`.
    pub task: JoinHandle<()>,
}

/// Answers to actions. Nothing in here waits: results are kept until they are sent, over a later connection if
/// need be; information and progress are dropped while there is no connection.
#[derive(Debug, Clone)]
pub struct ActionReplies {
    queue: mpsc::UnboundedSender<Reply>,
}

#[derive(Debug)]
enum Reply {
    Result(ActionKey, String),
    Message(String),
    TellWhenSent(oneshot::Sender<()>),
}

impl ActionReplies {
    /// The action worked.
    pub fn done(&self, action: &Action) {
        self.put(Reply::Result(action.key.clone(), outgoing::done(action)));
    }

    /// The action failed: `Failed to collect: ...`.
    pub fn error(&self, action: &Action, message: &str) {
        self.put(Reply::Result(action.key.clone(), outgoing::error(action, message)));
    }

    /// A message for the users of fixcore; long ones become several.
    pub fn info(&self, action: &Action, level: Level, context: &[String], message: &str) {
        for text in outgoing::info(action, level, context, message) {
            self.put(Reply::Message(text));
        }
    }

    /// How far the action is.
    pub fn progress(&self, action: &Action, context: &[String], progress: &Progress) {
        self.put(Reply::Message(outgoing::progress(action, context, progress, Timestamp::now())));
    }

    /// Waits until every result given so far is sent; false if that took longer than `within`, or the link is
    /// closed.
    pub async fn drained(&self, within: Duration) -> bool {
        let (tell, told) = oneshot::channel();
        self.put(Reply::TellWhenSent(tell));
        matches!(tokio::time::timeout(within, told).await, Ok(Ok(())))
    }

    fn put(&self, reply: Reply) {
        // Err: the link is closed for good, nobody waits for answers any more.
        self.queue.send(reply).ok();
    }
}

/// Connects, and keeps connected until `stop`. The subscriptions are repeated before each attempt, with the
/// values that the channel has then.
pub fn start(
    client: &CoreClient,
    subscriptions: watch::Receiver<Vec<Subscription>>,
    stop: CancellationToken,
) -> Actions {
    let subscriber = client.clone();
    let spec = LinkSpec {
        name: "actions",
        client: client.clone(),
        segments: vec!["subscriber".to_owned(), client.subscriber().of_actions(), "handle".to_owned()],
        query: Vec::new(),
        prepare: Some(Arc::new(move || {
            let (client, wanted) = (subscriber.clone(), subscriptions.borrow().clone());
            Box::pin(async move {
                for subscription in &wanted {
                    client.subscribe(subscription).await?;
                }
                Ok(())
            })
        })),
    };
    let (health, health_watch) = watch::channel(LinkHealth::starting());
    let link = link::start(spec, Arc::new(health), stop);
    let (queue, replies) = mpsc::unbounded_channel();
    let (out, events) = mpsc::channel(UNTAKEN);
    let head = Head { outbox: Outbox::default(), connection: None, delivery: None, out, waiters: Vec::new() };
    let task = tokio::spawn(head.run(link, replies));
    Actions { events, replies: ActionReplies { queue }, health: health_watch, task }
}

/// What was delivered, over which connection.
type Delivered = (ActionKey, u64, Result<(), SendError>);
type Delivery = Pin<Box<dyn Future<Output = Delivered> + Send>>;

struct Head {
    outbox: Outbox,
    connection: Option<Sender>,
    delivery: Option<Delivery>,
    out: mpsc::Sender<ActionEvent>,
    waiters: Vec<oneshot::Sender<()>>,
}

impl Head {
    async fn run(mut self, mut link: mpsc::Receiver<LinkEvent>, mut replies: mpsc::UnboundedReceiver<Reply>) {
        let mut answering = true;
        loop {
            self.deliver_next();
            tokio::select! {
                event = link.recv() => match event {
                    Some(event) => self.link_event(event),
                    None => break,
                },
                reply = replies.recv(), if answering => match reply {
                    Some(reply) => self.reply(reply),
                    None => answering = false,
                },
                (key, connection, result) = delivered(&mut self.delivery) => {
                    self.delivered(&key, connection, result);
                }
            }
        }
        if self.outbox.waiting() > 0 {
            tracing::warn!("{} results of actions were not sent to fixcore", self.outbox.waiting());
        }
    }

    fn deliver_next(&mut self) {
        if self.outbox.waiting() == 0 {
            self.waiters.drain(..).for_each(|waiter| {
                waiter.send(()).ok();
            });
        }
        if self.delivery.is_some() {
            return;
        }
        if let (Some(connection), Some((key, text))) = (&self.connection, self.outbox.next()) {
            let (connection, key, text) = (connection.clone(), key.clone(), text.clone());
            let number = self.outbox.connection();
            self.delivery = Some(Box::pin(async move { (key, number, connection.deliver(text).await) }));
        }
    }

    fn delivered(&mut self, key: &ActionKey, connection: u64, result: Result<(), SendError>) {
        self.delivery = None;
        match result {
            Ok(()) => self.outbox.sent(key, connection),
            // It waits for the next connection, unless that is here already.
            Err(_) if connection == self.outbox.connection() => self.connection = None,
            Err(_) => {}
        }
    }

    fn link_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Opened(connection) => {
                self.outbox.connected();
                self.connection = Some(connection);
            }
            LinkEvent::Closed => self.connection = None,
            LinkEvent::Text(text) => match Incoming::parse(&text) {
                Ok(Incoming::Action(action)) => match self.outbox.arrived(&action.key) {
                    Arrival::New => self.pass_on(ActionEvent::Do(action)),
                    Arrival::Answered => {
                        tracing::info!("fixcore repeats the action {}, which has its result", action.key);
                    }
                },
                Ok(Incoming::Abort(key)) => {
                    self.outbox.forget(&key);
                    self.pass_on(ActionEvent::Abort(key));
                }
                Ok(Incoming::Event { message_type, .. }) => {
                    tracing::debug!("fixcore sent the event {message_type} on the websocket of actions");
                }
                Ok(Incoming::Other { kind }) => {
                    tracing::info!("fixcore sent a message of kind {kind:?}; ignored");
                }
                Err(why) => tracing::warn!("fixcore sent a message that is not understood; ignored: {why}"),
            },
        }
    }

    fn pass_on(&self, event: ActionEvent) {
        if let (Err(mpsc::error::TrySendError::Full(_)), Some(connection)) =
            (self.out.try_send(event), &self.connection)
        {
            tracing::error!(
                "{UNTAKEN} actions wait already; reconnecting, so that fixcore sends the next one later"
            );
            connection.give_up();
        }
    }

    fn reply(&mut self, reply: Reply) {
        match reply {
            Reply::Result(key, text) => self.outbox.put(key, text),
            Reply::TellWhenSent(waiter) => self.waiters.push(waiter),
            Reply::Message(text) => {
                let sent = self.connection.as_ref().map(|connection| connection.try_send(text));
                if !matches!(sent, Some(Ok(()))) {
                    tracing::debug!("a message about an action was dropped: no connection, or a slow one");
                }
            }
        }
    }
}

async fn delivered(delivery: &mut Option<Delivery>) -> Delivered {
    match delivery {
        Some(delivery) => delivery.await,
        None => std::future::pending().await,
    }
}

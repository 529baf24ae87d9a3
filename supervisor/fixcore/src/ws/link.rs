//! Keeps one websocket connected: performs what [`state`](super::state) says.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::rand;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connect::{OpenError, open_socket};
use super::connection::{Connection, Frame, Sender};
use super::health::LinkHealth;
use super::state::{Command, Event, Failure, Link, State, Why};
use super::told::{Tell, Told};
use crate::http::client::CoreClient;

/// Between the link and its head, which always takes them at once.
const EVENTS: usize = 16;

/// What the head of a link sees.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// A new connection.
    Opened(Sender),
    /// A text on the current connection.
    Text(String),
    /// The current connection is gone.
    Closed,
}

type Prepare = Arc<dyn Fn() -> BoxFuture<Result<(), OpenError>> + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What to connect.
#[derive(Clone)]
pub(super) struct LinkSpec {
    /// For the log: `actions`.
    pub(super) name: &'static str,
    pub(super) client: CoreClient,
    pub(super) segments: Vec<String>,
    pub(super) query: Vec<(&'static str, &'static str)>,
    /// Done before each attempt.
    pub(super) prepare: Option<Prepare>,
}

/// Starts a link. `health` is kept up to date. After `stop` it says goodbye (close code 1000), then the events end.
pub(super) fn start(
    spec: LinkSpec,
    health: Arc<watch::Sender<LinkHealth>>,
    stop: CancellationToken,
) -> mpsc::Receiver<LinkEvent> {
    let (sender, events) = mpsc::channel(EVENTS);
    let runner = Runner {
        spec,
        head: sender,
        health,
        opening: None,
        connection: None,
        told: Told::default(),
        stopping: false,
    };
    tokio::spawn(runner.run(stop));
    events
}

struct Runner {
    spec: LinkSpec,
    head: mpsc::Sender<LinkEvent>,
    health: Arc<watch::Sender<LinkHealth>>,
    opening: Option<BoxFuture<Result<Connection, OpenError>>>,
    connection: Option<Connection>,
    told: Told,
    stopping: bool,
}

/// What a turn of the loop saw.
enum Seen {
    Stop,
    Tick,
    Opened(Result<Connection, OpenError>),
    Frame(Frame),
}

impl Runner {
    async fn run(mut self, stop: CancellationToken) {
        let mut link = Link::new(Instant::now());
        while link.state() != State::Stopped {
            let wake = link.wake_at();
            let seen = tokio::select! {
                () = stop.cancelled(), if !self.stopping => Seen::Stop,
                () = self.head.closed(), if !self.stopping => Seen::Stop,
                opened = ready(&mut self.opening) => Seen::Opened(opened),
                frame = next(&mut self.connection) => Seen::Frame(frame),
                () = sleep_until(wake) => Seen::Tick,
            };
            self.stopping |= matches!(seen, Seen::Stop);
            let event = self.handle(seen).await;
            let command = link.step(event, Instant::now(), jitter());
            self.perform(command, &link).await;
        }
        self.health.send_replace(LinkHealth::Stopped);
    }

    /// Takes in what was seen and says what it means.
    async fn handle(&mut self, seen: Seen) -> Event {
        match seen {
            Seen::Stop => Event::Stop,
            Seen::Tick => Event::Tick,
            Seen::Opened(Ok(connection)) => {
                self.opening = None;
                self.told.connected();
                tracing::info!("the websocket of {} is connected", self.spec.name);
                self.health.send_replace(LinkHealth::Connected { since: Timestamp::now() });
                self.tell(LinkEvent::Opened(connection.sender())).await;
                self.connection = Some(connection);
                Event::Opened
            }
            Seen::Opened(Err(error)) => {
                self.opening = None;
                let remedy = error.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                self.not_connected(format!("{error}{remedy}"), error.failure());
                Event::Failed(error.failure())
            }
            Seen::Frame(Frame::Text(text)) => {
                self.tell(LinkEvent::Text(text)).await;
                Event::Heard
            }
            Seen::Frame(Frame::Alive) => Event::Heard,
            Seen::Frame(Frame::End(why)) => {
                self.not_connected(why, Failure::Other);
                Event::Lost
            }
        }
    }

    async fn perform(&mut self, command: Option<Command>, link: &Link) {
        match command {
            None => {}
            Some(Command::Open) => self.opening = Some(Box::pin(open(self.spec.clone()))),
            Some(Command::Ping) => {
                if let Some(connection) = &self.connection {
                    connection.ping();
                }
            }
            Some(Command::Close) => {
                if let Some(connection) = &self.connection {
                    connection.close();
                }
            }
            Some(Command::Drop(why)) => {
                match why {
                    Why::Ended => {}
                    Why::Silent => {
                        self.not_connected("fixcore did not answer a ping".to_owned(), Failure::Other);
                    }
                    Why::TooSlow => self.not_connected("connecting took too long".to_owned(), Failure::Other),
                }
                self.opening = None;
                if self.connection.take().is_some() {
                    self.tell(LinkEvent::Closed).await;
                }
            }
        }
        if let (Some(Command::Drop(_)), State::Waiting { until }) = (command, link.state()) {
            let delay = until.saturating_duration_since(Instant::now());
            tracing::debug!("the websocket of {} is connected again in {delay:?}", self.spec.name);
        }
    }

    /// An end that we asked for is not told.
    fn not_connected(&mut self, why: String, failure: Failure) {
        if self.stopping {
            return;
        }
        let name = self.spec.name;
        match self.told.failed(&why, failure, Instant::now()) {
            Tell::Error => tracing::error!("the websocket of {name} is not connected: {why}"),
            Tell::Warn => tracing::warn!("the websocket of {name} is not connected: {why}"),
            Tell::Quietly => tracing::debug!("the websocket of {name} is not connected: {why}"),
        }
        self.health.send_modify(|health| *health = health.after_failure(why, Timestamp::now()));
    }

    /// Err means that the head is gone; the loop notices by itself.
    async fn tell(&mut self, event: LinkEvent) {
        self.head.send(event).await.ok();
    }
}

async fn open(spec: LinkSpec) -> Result<Connection, OpenError> {
    if let Some(prepare) = &spec.prepare {
        prepare().await?;
    }
    let segments: Vec<&str> = spec.segments.iter().map(String::as_str).collect();
    open_socket(&spec.client, &segments, &spec.query).await.map(Connection::run)
}

async fn ready<T>(future: &mut Option<BoxFuture<T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn next(connection: &mut Option<Connection>) -> Frame {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

/// A random number from 0 to 1; without randomness no jitter.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    if rand::fill(&mut bytes).is_err() {
        return 0.0;
    }
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

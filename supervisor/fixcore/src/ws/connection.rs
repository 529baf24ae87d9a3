//! One websocket connection: a task that reads, a task that writes.

use std::sync::Arc;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::connect::Socket;

/// Texts on their way to fixcore.
const OUTGOING: usize = 1024;
/// Messages between the reading task and the link.
const INCOMING: usize = 16;

/// A text was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The connection is gone.
    #[error("the connection to fixcore is gone")]
    Gone,
    /// Fixcore does not read fast enough.
    #[error("the connection to fixcore is too slow")]
    Full,
}

/// What a connection reports.
#[derive(Debug)]
pub(super) enum Frame {
    Text(String),
    /// Ping, pong, or something without meaning for us.
    Alive,
    /// The last one: why it ended.
    End(String),
}

enum Outgoing {
    Text(String, Option<oneshot::Sender<()>>),
    Ping,
    Close,
}

/// Sends on one connection, and on no later one.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    queue: mpsc::Sender<Outgoing>,
    give_up: Arc<Notify>,
}

impl Sender {
    /// Queues a text without waiting.
    pub(super) fn try_send(&self, text: String) -> Result<(), SendError> {
        self.queue.try_send(Outgoing::Text(text, None)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Gone,
        })
    }

    /// Sends a text and waits until it is handed to the network.
    pub(super) async fn deliver(&self, text: String) -> Result<(), SendError> {
        let (sent, written) = oneshot::channel();
        self.queue.send(Outgoing::Text(text, Some(sent))).await.map_err(|_| SendError::Gone)?;
        written.await.map_err(|_| SendError::Gone)
    }

    /// Waits until nothing can be sent any more.
    pub(super) async fn gone(&self) {
        self.queue.closed().await;
    }

    /// Ends the connection: its user can not keep up, fixcore shall send again later.
    pub(super) fn give_up(&self) {
        self.give_up.notify_one();
    }
}

/// A connection; dropping it ends both tasks and closes the socket.
pub(super) struct Connection {
    sender: Sender,
    frames: mpsc::Receiver<Frame>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Connection {
    /// Starts both tasks.
    pub(super) fn run(socket: Socket) -> Self {
        let (sink, stream) = socket.split();
        let (queue, outgoing) = mpsc::channel(OUTGOING);
        let (incoming, frames) = mpsc::channel(INCOMING);
        let tasks =
            [tokio::spawn(read(stream, incoming.clone())), tokio::spawn(write(sink, outgoing, incoming))];
        let give_up = Arc::new(Notify::new());
        Self { sender: Sender { queue, give_up }, frames, tasks }
    }

    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The next frame; after the end again and again the end.
    pub(super) async fn next(&mut self) -> Frame {
        tokio::select! {
            biased;
            () = self.sender.give_up.notified() => Frame::End("messages came faster than they were handled".to_owned()),
            frame = self.frames.recv() => frame.unwrap_or_else(|| Frame::End("the connection ended".to_owned())),
        }
    }

    /// A full queue drops it; then no pong comes either, which is what the connection deserves.
    pub(super) fn ping(&self) {
        self.sender.queue.try_send(Outgoing::Ping).ok();
    }

    pub(super) fn close(&self) {
        self.sender.queue.try_send(Outgoing::Close).ok();
    }
}

async fn read(mut stream: SplitStream<Socket>, frames: mpsc::Sender<Frame>) {
    loop {
        let (frame, last) = match stream.next().await {
            Some(Ok(Message::Text(text))) => (Frame::Text(text.as_str().to_owned()), false),
            Some(Ok(Message::Close(frame))) => (Frame::End(closed_by_core(frame.as_ref())), true),
            Some(Ok(_)) => (Frame::Alive, false),
            Some(Err(error)) => (Frame::End(lost(&error)), true),
            None => (Frame::End("the connection ended".to_owned()), true),
        };
        if frames.send(frame).await.is_err() || last {
            return;
        }
    }
}

fn closed_by_core(frame: Option<&CloseFrame>) -> String {
    match frame {
        Some(frame) if frame.reason.is_empty() => format!("fixcore closed it ({})", u16::from(frame.code)),
        Some(frame) => format!("fixcore closed it ({}: {})", u16::from(frame.code), frame.reason),
        None => "fixcore closed it".to_owned(),
    }
}

fn lost(error: &WsError) -> String {
    match error {
        WsError::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            format!("fixcore sent a message of {size} bytes, more than the {max_size} we take")
        }
        WsError::ConnectionClosed | WsError::AlreadyClosed => "the connection ended".to_owned(),
        WsError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection ended without a goodbye".to_owned()
        }
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the connection ended without a goodbye".to_owned()
        }
        error => error.to_string(),
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut queue: mpsc::Receiver<Outgoing>,
    frames: mpsc::Sender<Frame>,
) {
    while let Some(next) = queue.recv().await {
        let (message, sent) = match next {
            Outgoing::Text(text, sent) => (Message::text(text), sent),
            Outgoing::Ping => (Message::Ping(bytes::Bytes::from_static(b"ping")), None),
            Outgoing::Close => {
                let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                (Message::Close(Some(frame)), None)
            }
        };
        if let Err(error) = sink.send(message).await {
            // Err: the reader was faster to say so.
            frames.send(Frame::End(lost(&error))).await.ok();
            return;
        }
        if let Some(sent) = sent {
            // Err: whoever waited has left.
            sent.send(()).ok();
        }
    }
}

//! The thread that reads from the supervisor.

use std::io::{self, Read};
use std::thread;

use ipc_proto::codec;
use ipc_proto::connection::ConnectionError;
use ipc_proto::message::ToChild;
use tokio::sync::mpsc;

use crate::wire::PayloadReader;

/// What comes from the supervisor.
#[derive(Debug)]
pub(super) enum Event {
    /// A frame.
    Order(ToChild),
    /// It closed the socket, or is gone.
    Closed,
    /// It sent something that is no message.
    Violation(String),
}

/// Reads until the socket ends, or nobody wants its events any more.
pub(super) fn spawn(
    mut reader: impl Read + Send + 'static,
    mut frames: PayloadReader,
    events: mpsc::Sender<Event>,
) -> io::Result<()> {
    let thread = thread::Builder::new().name("socket-reader".to_owned());
    thread.spawn(move || {
        loop {
            let event = next(&mut reader, &mut frames);
            let last = !matches!(event, Event::Order(_));
            if events.blocking_send(event).is_err() || last {
                return;
            }
        }
    })?;
    Ok(())
}

fn next(reader: &mut impl Read, frames: &mut PayloadReader) -> Event {
    let payload = match frames.next(reader) {
        Ok(Some(payload)) => payload,
        Err(error) if error.is_violation() => return Event::Violation(error.to_string()),
        Ok(None) | Err(_) => return Event::Closed,
    };
    match codec::decode(payload) {
        Ok(order) => Event::Order(order),
        Err(error) => Event::Violation(ConnectionError::from(error).to_string()),
    }
}

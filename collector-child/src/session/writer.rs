//! The thread that writes to the supervisor.

use std::io::{self, Write};
use std::thread;

use tokio::sync::mpsc;

use super::reader::Event;

/// Writes frames until nobody makes any, or the socket breaks: then the outputs learn it by their closed queue.
pub(super) fn spawn(
    mut writer: impl Write + Send + 'static,
    mut frames: mpsc::Receiver<Vec<u8>>,
    events: mpsc::Sender<Event>,
) -> io::Result<()> {
    let thread = thread::Builder::new().name("socket-writer".to_owned());
    thread.spawn(move || {
        while let Some(frame) = frames.blocking_recv() {
            if writer.write_all(&frame).and_then(|()| writer.flush()).is_err() {
                drop(frames);
                // The reader says the same when it sees the end of the socket.
                drop(events.blocking_send(Event::Closed));
                return;
            }
        }
    })?;
    Ok(())
}

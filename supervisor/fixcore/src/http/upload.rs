//! A body that is read from a file while it is sent.
//!
//! A blocking thread reads (and compresses) chunks and hands them over through a short channel, so that a slow
//! network stops the reading and memory stays small.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use reqwest::Body;
use tokio::sync::mpsc;

const CHUNK: usize = 64 * 1024;
/// Chunks on their way: with the one being read and the one being written, half a MiB.
const CHUNKS: usize = 4;

/// What became of a body.
#[derive(Debug, Default)]
pub(super) struct Progress {
    complete: AtomicBool,
    failure: Mutex<Option<io::Error>>,
}

impl Progress {
    /// True once the last byte was handed to the network: fixcore may have all of it.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    /// The error of our own side, if reading failed.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

enum Piece {
    Data(Bytes),
    /// Without it, a reader that vanished (a panic) would look like the end of the file.
    End,
    Failed(io::Error),
}

/// Starts to read. `open` runs on the blocking thread.
pub(super) fn start<F, R>(open: F, gzip: bool) -> (Body, Arc<Progress>)
where
    F: FnOnce() -> io::Result<R> + Send + 'static,
    R: Read + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(CHUNKS);
    tokio::task::spawn_blocking(move || {
        // Err: nobody wants the rest.
        let send = |piece| sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into());
        let last = match open().and_then(|reader| pump(reader, gzip, |data| send(Piece::Data(data)))) {
            Ok(()) => Piece::End,
            Err(error) => Piece::Failed(error),
        };
        send(last).ok();
    });
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    let body = Body::wrap_stream(stream::unfold(receiver, move |mut receiver| {
        let progress = Arc::clone(&shared);
        async move {
            let failure = match receiver.recv().await {
                Some(Piece::Data(data)) => return Some((Ok(data), receiver)),
                Some(Piece::End) => {
                    progress.complete.store(true, Ordering::Release);
                    return None;
                }
                Some(Piece::Failed(error)) => error,
                None => io::Error::other("the reader of the upload vanished"),
            };
            let shown = io::Error::other("the upload cannot be read");
            *progress.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            Some((Err(shown), receiver))
        }
    }));
    (body, progress)
}

fn pump(mut reader: impl Read, gzip: bool, mut send: impl FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
    let mut encoder = gzip.then(|| GzEncoder::new(Vec::with_capacity(CHUNK), Compression::fast()));
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
        match &mut encoder {
            Some(encoder) => {
                encoder.write_all(&chunk)?;
                if encoder.get_ref().len() >= CHUNK / 2 {
                    send(std::mem::take(encoder.get_mut()).into())?;
                }
            }
            None if read > 0 => send(chunk.into())?,
            None => {}
        }
        if read < CHUNK {
            break;
        }
    }
    match encoder {
        Some(encoder) => send(encoder.finish()?.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;

    fn pumped(data: &[u8], gzip: bool) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        pump(data, gzip, |piece| {
            pieces.push(piece);
            Ok(())
        })
        .unwrap();
        pieces
    }

    #[test]
    fn all_bytes_arrive_in_small_pieces() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK] {
            let data: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let plain = pumped(&data, false);
            assert!(plain.iter().all(|piece| !piece.is_empty() && piece.len() <= CHUNK));
            assert_eq!(plain.concat(), data);
            let mut unpacked = Vec::new();
            GzDecoder::new(pumped(&data, true).concat().as_slice()).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, data);
        }
    }

    #[test]
    fn a_receiver_that_left_ends_the_reading() {
        struct Endless(usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += buffer.len();
                buffer.fill(7);
                Ok(buffer.len())
            }
        }
        let mut endless = Endless(0);
        let error = pump(&mut endless, false, |_| Err(io::ErrorKind::BrokenPipe.into())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(endless.0 <= 2 * CHUNK);
    }
}

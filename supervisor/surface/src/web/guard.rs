//! Bounds on connections, so that clients cannot hold the server by being many or slow.

use std::future::{Future, Ready, ready};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Connections at a time; more are closed at once.
pub(super) const MAX_CONNECTIONS: usize = 128;
/// How long a client may refuse to read what we write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// Admits connections up to the limit.
#[derive(Debug, Clone)]
pub(super) struct GuardedAcceptor {
    free: Arc<Semaphore>,
}

impl GuardedAcceptor {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(MAX_CONNECTIONS)) }
    }
}

impl<I, S> Accept<I, S> for GuardedAcceptor {
    type Stream = Guarded<I>;
    type Service = S;
    type Future = Ready<io::Result<(Guarded<I>, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ready(match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Ok((Guarded { stream, blocked: None, _permit: permit }, service)),
            Err(_) => Err(ErrorKind::ConnectionRefused.into()),
        })
    }
}

/// A connection that gives up when its client does not read.
#[derive(Debug)]
pub(super) struct Guarded<I> {
    stream: I,
    /// Runs while a write is blocked.
    blocked: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl<I> Guarded<I> {
    /// `result` of a write, or an error once writes were blocked for too long.
    fn limit<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.blocked = None;
            return result;
        }
        let timer = self.blocked.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Guarded<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Guarded<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limit(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.limit(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.limit(context, result)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    async fn admit(guard: &GuardedAcceptor) -> io::Result<Guarded<tokio::io::DuplexStream>> {
        let (ours, theirs) = duplex(16);
        // Nobody reads, but the other end stays open.
        std::mem::forget(theirs);
        Ok(guard.accept(ours, ()).await?.0)
    }

    #[tokio::test]
    async fn the_limit_counts_open_connections_only() {
        let guard = GuardedAcceptor::new();
        let mut open = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            open.push(admit(&guard).await.expect("room"));
        }
        assert!(admit(&guard).await.is_err());
        open.pop();
        assert!(admit(&guard).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_left() {
        let mut stream = admit(&GuardedAcceptor::new()).await.expect("room");
        let error = stream.write_all(&[0; 17]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_may_take_its_time_between_writes() {
        let (ours, mut theirs) = duplex(16);
        let (mut stream, ()) = GuardedAcceptor::new().accept(ours, ()).await.expect("room");
        let reader = tokio::spawn(async move {
            let mut got = 0;
            while got < 160 {
                tokio::time::sleep(WRITE_TIMEOUT / 2).await;
                got += theirs.read(&mut [0; 16]).await.expect("read");
            }
        });
        stream.write_all(&[0; 160]).await.expect("it reads, although slowly");
        reader.await.expect("no panic");
    }
}

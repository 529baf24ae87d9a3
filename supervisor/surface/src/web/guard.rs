//! Bounds on connections, so that clients cannot hold the server by being many or slow.

use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// Connections at a time; more are closed at once.
pub(super) const MAX_CONNECTIONS: usize = 128;
/// Of these, kept for programs on this host: whatever others do, a probe gets through.
const FOR_LOOPBACK: usize = 8;
/// Connections of one address at a time.
const MAX_PER_ADDRESS: usize = 32;
/// How long a client may refuse to read what we write.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// Admits connections up to the limits.
#[derive(Debug, Clone, Default)]
pub(super) struct GuardedAcceptor {
    open: Arc<Mutex<Open>>,
}

/// How many connections are open.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Open {
    /// Counts one more of `address`, if it may be.
    fn admit(&mut self, address: IpAddr) -> bool {
        let own = self.by_address.get(&address).copied().unwrap_or_default();
        let most = if address.is_loopback() { MAX_CONNECTIONS } else { MAX_CONNECTIONS - FOR_LOOPBACK };
        let fits = self.all < most && own < MAX_PER_ADDRESS;
        if fits {
            self.all += 1;
            self.by_address.insert(address, own + 1);
        }
        fits
    }

    fn leave(&mut self, address: IpAddr) {
        self.all = self.all.saturating_sub(1);
        if let Some(own) = self.by_address.get_mut(&address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// One connection of an address, as long as it lives.
#[derive(Debug)]
struct Permit {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.open).leave(self.address);
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who is at the other end.
pub(super) trait Peer {
    /// The address, as IPv4 if it is one.
    fn address(&self) -> io::Result<IpAddr>;
}

impl Peer for TcpStream {
    fn address(&self) -> io::Result<IpAddr> {
        Ok(self.peer_addr()?.ip().to_canonical())
    }
}

impl GuardedAcceptor {
    pub(super) fn new() -> Self {
        Self::default()
    }
}

impl<I: Peer, S> Accept<I, S> for GuardedAcceptor {
    type Stream = Guarded<I>;
    type Service = S;
    type Future = Ready<io::Result<(Guarded<I>, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ready(stream.address().and_then(|address| {
            if !lock(&self.open).admit(address) {
                return Err(ErrorKind::ConnectionRefused.into());
            }
            let permit = Permit { open: Arc::clone(&self.open), address };
            Ok((Guarded { stream, blocked: None, _permit: permit }, service))
        }))
    }
}

/// A connection that gives up when its client does not read.
#[derive(Debug)]
pub(super) struct Guarded<I> {
    stream: I,
    /// Runs while a write is blocked.
    blocked: Option<Pin<Box<Sleep>>>,
    _permit: Permit,
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

    impl Peer for tokio::io::DuplexStream {
        fn address(&self) -> io::Result<IpAddr> {
            Ok([10, 0, 0, 1].into())
        }
    }

    async fn admit(guard: &GuardedAcceptor) -> io::Result<Guarded<tokio::io::DuplexStream>> {
        let (ours, theirs) = duplex(16);
        // Nobody reads, but the other end stays open.
        std::mem::forget(theirs);
        Ok(guard.accept(ours, ()).await?.0)
    }

    #[tokio::test]
    async fn one_address_cannot_take_all_and_only_open_connections_count() {
        let guard = GuardedAcceptor::new();
        let mut open = Vec::new();
        for _ in 0..MAX_PER_ADDRESS {
            open.push(admit(&guard).await.expect("room"));
        }
        assert!(admit(&guard).await.is_err());
        open.pop();
        assert!(admit(&guard).await.is_ok());
    }

    #[test]
    fn all_others_together_leave_room_for_this_host() {
        let mut open = Open::default();
        let stranger = |number: usize| IpAddr::from([10, 0, 0, u8::try_from(number).expect("few")]);
        let admitted = (0..200).filter(|number| open.admit(stranger(number % 100))).count();
        assert_eq!(admitted, MAX_CONNECTIONS - FOR_LOOPBACK);
        let host = IpAddr::from([127, 0, 0, 1]);
        assert!((0..FOR_LOOPBACK).all(|_| open.admit(host)) && !open.admit(host));
        open.leave(host);
        assert!(!open.admit(stranger(1)) && open.admit(host));
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

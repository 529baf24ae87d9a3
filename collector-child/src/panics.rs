//! Panics of collectors, caught where they happen: they cost a job, never the process.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use collector::{BoxFuture, FaultExt, fault};
use ipc_proto::fault::{Fault, FaultKind};

thread_local! {
    static LAST_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers where the panic happened, for [`CatchPanic`] on this thread. For the panic hook.
pub(crate) fn note(panic: &PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    LAST_PLACE.with(|last| *last.borrow_mut() = Some(place.clone()));
    place
}

/// The text of a panic.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

/// The fault of a job that panicked.
pub(crate) fn to_fault(payload: &(dyn Any + Send)) -> Fault {
    let place = LAST_PLACE.with(|last| last.borrow_mut().take());
    let place = place.map_or_else(String::new, |place| format!(" at {place}"));
    fault(FaultKind::Internal, format!("the collector panicked{place}: {}", text(payload)))
        .with_hint("this is a fault of fix-collector: please report it with this text")
}

/// A future that ends with the fault when the inner one panics.
pub(crate) struct CatchPanic<'a, T>(pub(crate) BoxFuture<'a, T>);

impl<T> Future for CatchPanic<'_, T> {
    type Output = Result<T, Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The inner future is never polled again after a panic, so nobody sees its broken state. What it
        // shares with others is the output, whose locks are taken over poison.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(payload) => Poll::Ready(Err(to_fault(&*payload))),
        }
    }
}

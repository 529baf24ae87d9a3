//! Many things at once, but not too many.

use collector::{BoxFuture, Failure};
use futures_util::stream::{FuturesOrdered, FuturesUnordered, StreamExt};

/// Works on all items, `limit` at a time; what `work` makes of an item is made when its turn comes. Ends with the
/// first failure, and drops the rest.
pub async fn each<'a, I, W>(limit: usize, items: Vec<I>, work: W) -> Result<(), Failure>
where
    W: Fn(I) -> BoxFuture<'a, Result<(), Failure>>,
{
    let mut items = items.into_iter();
    let mut at_work = FuturesUnordered::new();
    loop {
        while at_work.len() < limit
            && let Some(item) = items.next()
        {
            at_work.push(work(item));
        }
        match at_work.next().await {
            Some(done) => done?,
            None => return Ok(()),
        }
    }
}

/// The same for work that gives something; the results are in the order of the items.
pub async fn gather<'a, I, T, W>(limit: usize, items: Vec<I>, work: W) -> Result<Vec<T>, Failure>
where
    W: Fn(I) -> BoxFuture<'a, Result<T, Failure>>,
{
    let mut results = Vec::with_capacity(items.len());
    let mut items = items.into_iter();
    let mut at_work = FuturesOrdered::new();
    loop {
        while at_work.len() < limit
            && let Some(item) = items.next()
        {
            at_work.push_back(work(item));
        }
        match at_work.next().await {
            Some(done) => results.push(done?),
            None => return Ok(results),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ipc_proto::fault::FaultKind;

    use super::*;
    use collector::fault;

    #[tokio::test]
    async fn no_more_than_the_limit_run_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (now, most) = (&now, &most);
        let doubled = gather(3, (0..20).collect(), |number| {
            Box::pin(async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::Relaxed);
                Ok(number * 2)
            })
        });
        assert_eq!(doubled.await.unwrap(), (0..20).map(|number| number * 2).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn the_first_failure_ends_it() {
        let begun = AtomicUsize::new(0);
        let begun = &begun;
        let ended = each(1, (0..9).collect(), |number| {
            Box::pin(async move {
                begun.fetch_add(1, Ordering::Relaxed);
                if number == 2 { Err(fault(FaultKind::Internal, "two").into()) } else { Ok(()) }
            })
        });
        assert_eq!(ended.await.unwrap_err().to_string(), "two");
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }
}

//! Which kinds are through: listed in all their places, with their children.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::context::lock;

/// Kinds that are not through yet.
#[derive(Debug)]
pub(super) struct Through<'a> {
    /// In how many places they are still to be listed.
    open: Mutex<HashMap<&'a str, usize>>,
    changed: Notify,
}

impl<'a> Through<'a> {
    /// A kind for each place where it is to be listed; any other kind is through.
    pub(super) fn new(kinds: impl Iterator<Item = &'a str>) -> Self {
        let mut open = HashMap::new();
        kinds.for_each(|kind| *open.entry(kind).or_insert(0) += 1);
        Self { open: Mutex::new(open), changed: Notify::new() }
    }

    /// A kind was listed in one of its places.
    pub(super) fn done(&self, kind: &str) {
        let mut open = lock(&self.open);
        if let Some(places) = open.get_mut(kind) {
            *places -= 1;
            if *places == 0 {
                open.remove(kind);
                self.changed.notify_waiters();
            }
        }
    }

    /// Waits until all kinds are through of which this is true.
    pub(super) async fn wait_for(&self, wanted: impl Fn(&str) -> bool) {
        loop {
            // Before the look, so that what changes meanwhile is not missed.
            let changed = self.changed.notified();
            if !lock(&self.open).keys().any(|kind| wanted(kind)) {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_kind_is_through_when_it_was_listed_everywhere() {
        let through = Through::new(["user", "volume", "volume"].into_iter());
        let is_through = |kinds: &'static [&'static str]| {
            through.wait_for(|kind| kinds.contains(&kind)).now_or_never().is_some()
        };
        assert!(is_through(&["bucket"]) && is_through(&[]) && !is_through(&["bucket", "volume"]));
        through.done("volume");
        assert!(!is_through(&["volume"]));
        let (waited, ()) = tokio::join!(through.wait_for(|_| true).map(|()| true), async {
            through.done("user");
            tokio::task::yield_now().await;
            through.done("volume");
        });
        assert!(waited && is_through(&["volume", "user"]));
    }
}

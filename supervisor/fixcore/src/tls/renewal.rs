//! Keeps our certificate valid while the process lives.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::TlsIdentity;
use crate::endpoint::IdentityFiles;

/// Files may be replaced at any time (certbot and the like): look this often.
const LOOK_AT_FILES: Duration = Duration::from_hours(1);
/// Between attempts after a failure: first this, then twice as long, up to an hour.
const FIRST_RETRY: Duration = Duration::from_mins(1);
const LAST_RETRY: Duration = Duration::from_hours(1);
/// However short-lived a certificate is, it is not renewed more often than this.
const AT_MOST_EVERY: Duration = Duration::from_mins(1);

/// Where a certificate comes from.
#[derive(Debug, Clone)]
pub(crate) enum IdentitySource {
    /// Signed by fixcore.
    Signed,
    /// Given on the command line.
    Files(IdentityFiles),
}

/// How long to wait with the renewal of a certificate: until a third of its life is left (four months for the
/// 365 days of fixcore). Zero if that is over. All in seconds since 1970.
pub fn renew_at(not_before: u64, not_after: u64, now: u64) -> Duration {
    let lifetime = not_after.saturating_sub(not_before);
    let due = not_after.saturating_sub(lifetime / 3);
    Duration::from_secs(due.saturating_sub(now))
}

/// What to do next, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    wait: Duration,
    failures: u32,
}

/// After a success or at start.
fn plan(source: &IdentitySource, identity: &TlsIdentity, now: u64) -> Plan {
    let wait = match source {
        IdentitySource::Signed => {
            renew_at(identity.not_before(), identity.not_after(), now).max(AT_MOST_EVERY)
        }
        IdentitySource::Files(_) => LOOK_AT_FILES,
    };
    Plan { wait, failures: 0 }
}

/// After a failure.
fn plan_after_failure(last: Plan) -> Plan {
    let wait = FIRST_RETRY.saturating_mul(1 << last.failures.min(10)).min(LAST_RETRY);
    Plan { wait, failures: last.failures + 1 }
}

/// Replaces the identity when it is due, and at once when the authorities changed. `renew` gets a new one.
/// Ends when `stop` is cancelled or nobody watches any more.
pub(crate) async fn keep_identity<M, F, E>(
    source: IdentitySource,
    current: watch::Sender<TlsIdentity>,
    mut authorities: watch::Receiver<u64>,
    stop: CancellationToken,
    renew: M,
) where
    M: Fn() -> F,
    F: Future<Output = Result<TlsIdentity, E>>,
    E: std::fmt::Display,
{
    let mut next = plan(&source, &current.borrow(), now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = current.closed() => return,
            () = tokio::time::sleep(next.wait) => {}
            changed = authorities.changed() => if changed.is_err() { return },
        }
        let renewed = tokio::select! {
            () = stop.cancelled() => return,
            renewed = renew() => renewed,
        };
        next = match renewed {
            Ok(identity) => {
                let next = plan(&source, &identity, now());
                current.send_if_modified(|old| {
                    let changed = *old != identity;
                    if changed {
                        tracing::info!("the certificate of the web server was renewed");
                        *old = identity;
                    }
                    changed
                });
                next
            }
            Err(error) => {
                let next = plan_after_failure(next);
                let minutes = next.wait.as_secs() / 60;
                tracing::warn!(
                    "the certificate of the web server cannot be renewed, trying again in {minutes} min: {error}"
                );
                next
            }
        };
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const DAY: u64 = 24 * 3600;

    #[test]
    fn renewal_is_due_when_a_third_is_left() {
        let (from, until) = (1_000 * DAY, 1_365 * DAY);
        let due = until - 365 * DAY / 3;
        assert_eq!(renew_at(from, until, from), Duration::from_secs(due - from));
        assert_eq!(renew_at(from, until, due - 1), Duration::from_secs(1));
        assert_eq!(renew_at(from, until, due), Duration::ZERO);
        assert_eq!(renew_at(from, until, until + DAY), Duration::ZERO);
        assert_eq!(renew_at(until, from, from), Duration::ZERO, "a certificate that was never valid");
    }

    #[test]
    fn failures_are_retried_ever_more_slowly() {
        let mut plan = Plan { wait: Duration::ZERO, failures: 0 };
        let waits = [0; 9].map(|_| {
            plan = plan_after_failure(plan);
            plan.wait.as_secs() / 60
        });
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    fn identity(cert: &'static str, key: &'static str) -> TlsIdentity {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
        let files = IdentityFiles { cert: dir.join(cert), key: dir.join(key), passphrase: None };
        super::super::load_identity(&files).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_renewal_is_repeated_and_a_new_authority_renews_at_once() {
        let (old, new) = (identity("rsa.cert.pem", "rsa.pkcs8.pem"), identity("ec.cert.pem", "ec.pkcs8.pem"));
        let (sender, mut watcher) = watch::channel(old.clone());
        let (authorities, authorities_changed) = watch::channel(0);
        let stop = CancellationToken::new();
        let calls = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&calls);
        let source = IdentitySource::Signed;
        let task =
            tokio::spawn(keep_identity(source, sender, authorities_changed, stop.clone(), move || {
                let failing = counted.fetch_add(1, Ordering::SeqCst) < 2;
                let identity = new.clone();
                async move { if failing { Err("fixcore is away") } else { Ok(identity) } }
            }));
        tokio::task::yield_now().await;
        assert_eq!(calls.load(Ordering::SeqCst), 0, "valid for decades");
        authorities.send_replace(1);
        watcher.changed().await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 3, "two failures, then a success");
        assert!(*watcher.borrow() != old);
        stop.cancel();
        task.await.unwrap();
    }
}

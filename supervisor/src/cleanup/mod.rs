//! One cleanup run: search, sort out, delete pass by pass in children, tell fixcore.
//!
//! ```text
//! search (fixcore) ---> select (pure) ---> planner (pure) <---> driver ---> one child per account
//!                                                                  |
//!                          courier: outbox on disk ---> fixcore <--+
//! ```
//!
//! What is decided is in the crate `fixworker-cleanup`; here is what touches processes and fixcore. Rules: what a
//! child has deleted is on disk before anything else happens with it, and the [`courier`] brings it to fixcore
//! however often that takes, also after a restart. When [`run`] returns, no child of the run is left.

pub mod courier;
mod driver;
mod jobs;
mod search;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use decisions::attempt::Policy;
use decisions::cleanup::Rules;
use fixworker_cleanup::report::{Counts, Ending, account_name, messages, verdict};
use fixworker_cleanup::{Scope, Work, kinds, select};
use fixworker_fixcore::CoreClient;
use fixworker_settings::Running;
use fixworker_settings::collectors::select as select_collectors;
use fixworker_surface::history::{CleanupReport, ResourceReport};
use fixworker_surface::metrics;
use fixworker_surface::scrub::scrub;
use tokio::sync::watch;

use self::courier::Courier;
use self::driver::Driver;
use crate::work::event::{Observer, RunEvent};
use crate::work::shard::is_ours;
use crate::work::{RunControl, Tools};

/// What earlier runs have left for fixcore is waited for so long before the search.
const LEFTOVERS: Duration = Duration::from_secs(30);
/// After a run was stopped, fixcore has so long to take what was deleted; the rest is sent when it can be.
const AFTER_STOP: Duration = Duration::from_secs(10);
/// The longest pause between tries of what cannot go yet, in multiples of the first one.
const LONGEST_PAUSE: u32 = 12;

/// The end of a run.
#[derive(Debug)]
pub struct CleanupEnd {
    /// Whether it worked, or what to tell fixcore.
    pub answer: Result<(), String>,
    /// One line for the log.
    pub summary: String,
    /// Nothing was called off.
    pub complete: bool,
    /// What became of what was marked.
    pub report: CleanupReport,
}

/// What a run needs.
#[derive(Debug, Clone)]
pub struct Cleanup {
    /// fixcore.
    pub client: CoreClient,
    /// Children and what is known of collectors.
    pub tools: Tools,
    /// The settings when it begins.
    pub settings: Running,
    /// Brings what was deleted to fixcore.
    pub courier: Courier,
}

/// Deletes what is marked, or lists it if `fixworker.cleanup_dry_run` is set. An error is a trouble of the run as a
/// whole.
pub async fn run(
    cleanup: &Cleanup,
    observer: Arc<dyn Observer>,
    control: &RunControl,
) -> Result<CleanupEnd, String> {
    let began = Instant::now();
    let worker = cleanup.settings.worker();
    let until = began + worker.timeout.saturating_sub(worker.send_reserve());
    let collectors = collectors(cleanup, &*observer);
    if collectors.is_empty() {
        return Ok(nothing("no configured collector has a cloud to clean"));
    }
    let work = tokio::select! {
        work = find(cleanup, &collectors, &observer, until) => work?,
        () = control.stopped() => return Err("stopped before it began".to_owned()),
    };
    if work.resources.is_empty() {
        metrics::cleanup_ended(began.elapsed());
        return Ok(nothing("nothing is marked for cleanup"));
    }
    if worker.cleanup_dry_run {
        tracing::info!("dry run (fixworker.cleanup_dry_run): nothing is deleted");
    }
    let driver = Driver::new(cleanup, work, rules(&cleanup.settings), Arc::clone(&observer));
    let (work, endings) = driver.drive(control, until).await;
    for message in messages(&endings, &work.accounts) {
        observer.event(&RunEvent::Message {
            error: message.error,
            context: message.context,
            text: message.text,
        });
    }
    let counts = Counts::of(&endings);
    let told = tell(cleanup, control, began).await;
    metrics::cleanup_ended(began.elapsed());
    let summary = counts.summary();
    observer.event(&RunEvent::Notice { error: false, message: summary.clone() });
    let answer = verdict(&endings).and(told);
    let report = report(&endings, &work, worker.cleanup_dry_run);
    Ok(CleanupEnd { answer, summary, complete: counts.unfinished == 0, report })
}

fn report(endings: &[Ending], work: &Work, dry_run: bool) -> CleanupReport {
    let account = |ending: &Ending| {
        let account = work.accounts.get(ending.account?)?;
        Some(format!("{}:{}", account.cloud, account_name(account)))
    };
    let resource = |ending: &Ending| ResourceReport {
        account: account(ending),
        resource: ending.name.clone(),
        fate: ending.fate.name().to_owned(),
        // A child, or its cloud, may repeat what stands in its settings.
        reason: ending.fate.reason().map(|reason| scrub(reason.to_owned())),
        steps: ending.steps.iter().cloned().map(scrub).collect(),
    };
    CleanupReport { dry_run, resources: endings.iter().map(resource).collect() }
}

fn nothing(summary: &str) -> CleanupEnd {
    let report = CleanupReport::default();
    CleanupEnd { answer: Ok(()), summary: summary.to_owned(), complete: true, report }
}

/// The collector of each cloud; the first one configured wins.
fn collectors(cleanup: &Cleanup, observer: &dyn Observer) -> BTreeMap<String, String> {
    let described = &cleanup.tools.described;
    let selection = select_collectors(&cleanup.settings.worker().collector, described);
    for missing in &selection.missing {
        observer.event(&RunEvent::Notice { error: true, message: missing.to_string() });
    }
    let mut collectors = BTreeMap::new();
    for collector in selection.active {
        for cloud in cleanup.tools.describe(&collector).into_iter().flat_map(|one| &one.clouds) {
            collectors.entry(cloud.clone()).or_insert_with(|| collector.clone());
        }
    }
    collectors
}

async fn find(
    cleanup: &Cleanup,
    collectors: &BTreeMap<String, String>,
    observer: &Arc<dyn Observer>,
    until: Instant,
) -> Result<Work, String> {
    // Otherwise the search would find what is deleted already.
    if let Err(problem) = cleanup.courier.flush(LEFTOVERS).await {
        tracing::warn!("{problem}");
    }
    let graph = &cleanup.settings.worker().graph;
    let searched = search::search(&cleanup.client, graph, collectors, until).await?;
    if searched.unusable > 0 {
        let message = format!(
            "{} lines of fixcore's answer cannot be used, see the log: what they are about is not deleted",
            searched.unusable
        );
        observer.event(&RunEvent::Notice { error: true, message });
    }
    let lists = cleanup.tools.described.iter().map(|one| one.kinds_json.as_str());
    let kinds = kinds::read(lists).map_err(|error| format!("the kinds cannot be read: {error}"))?;
    let shard = cleanup.settings.supervisor().shard;
    let ours = move |cloud: &str, account: &str| is_ours(shard, cloud, account);
    Ok(select(searched.found, Scope { collectors, kinds: &kinds, is_ours: &ours }))
}

fn rules(settings: &Running) -> Rules {
    let (worker, supervisor) = (settings.worker(), settings.supervisor());
    let pool = worker.cleanup_pool_size.max(1);
    Rules {
        pool: supervisor.max_children.map_or(pool, |most| pool.min(most.max(1))),
        policy: Policy {
            max_attempts: supervisor.max_attempts,
            backoff_initial: supervisor.backoff_initial,
            backoff_max: supervisor.backoff_max,
        },
        pause: supervisor.cleanup_pause,
        pause_max: supervisor.cleanup_pause.saturating_mul(LONGEST_PAUSE),
        patience: supervisor.cleanup_patience,
        // fixcore waits for the end of the run, and nobody looks at what holds it.
        give_up_held: true,
        dry_run: worker.cleanup_dry_run,
    }
}

/// Waits until fixcore knows what was deleted; or what it does not know yet.
async fn tell(cleanup: &Cleanup, control: &RunControl, began: Instant) -> Result<(), String> {
    let worker = cleanup.settings.worker();
    let left = (began + worker.timeout).saturating_duration_since(Instant::now());
    let flushed = tokio::select! {
        flushed = cleanup.courier.flush(left) => flushed,
        () = async { control.stopped().await; tokio::time::sleep(AFTER_STOP).await } => {
            Err("the run was stopped before fixcore knew everything that was deleted".to_owned())
        }
        () = control.killed() => Err("the run was killed before fixcore knew what was deleted".to_owned()),
    };
    flushed.map_err(|problem| format!("{problem}; it is told as soon as that works, also after a restart"))
}

/// Waits for something that may never come.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A random factor in (0.5, 1], so that accounts do not come back at the same moment.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    // The keys of a new hasher are random; chance is all that is wanted.
    let random = RandomState::new().hash_one(0_u8);
    #[expect(clippy::cast_precision_loss, reason = "some digits of chance are enough")]
    let part = (random >> 12) as f64 / (1_u64 << 52) as f64;
    1.0 - part / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_more_than_a_half_and_at_most_one() {
        let factors: Vec<f64> = (0..1000).map(|_| jitter()).collect();
        assert!(factors.iter().all(|factor| *factor > 0.5 && *factor <= 1.0));
        assert!(factors.iter().any(|factor| *factor < 0.7) && factors.iter().any(|factor| *factor > 0.8));
    }
}

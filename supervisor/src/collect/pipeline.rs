//! The loop of a run: fleet events in, accounts to the target, outcomes into the ledger.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fixworker_fleet::{Completed, FleetEvent, JobStatus, NotCompleted, RunSpec, SinkError, TaskEnd};
use fixworker_graph::account::AccountKey;
use fixworker_graph::journal::Journal;
use fixworker_graph::merge::{CloudRun, StagedAccount};
use fixworker_graph::owners::Owners;
use fixworker_graph::staging::{Staging, StagingLimits};
use fixworker_graph::timings::Timings;
use fixworker_graph::upload::Outcome;
use fixworker_surface::metrics;
use tokio::sync::mpsc;

use super::ledger::{Ledger, Standing};
use super::listing;
use super::sink::CollectSink;
use super::target::{Outcomes, Target};
use super::wanted::{Listing, Targets, by_right, sort_out};
use super::{RunPlan, jobs, opening, trouble};
use crate::work::attempt::failed_attempt;
use crate::work::event::{CollectorAccount, Observer, RunEvent, Trouble};
use crate::work::fault_log::FaultLog;
use crate::work::{RunControl, Tools, until};

/// Why children are stopped when the run has to end.
const NEARLY_OVER: &str = "the time of the run is nearly over (fixworker.timeout)";

/// Collects everything that `plan` asks for and delivers it to `target`.
///
/// An error is a trouble of the run as a whole (the output file cannot be written); troubles of accounts are in
/// the ledger.
pub async fn collect(
    tools: &Tools,
    plan: RunPlan,
    target: Target,
    journal: Option<&mut Journal>,
    observer: Arc<dyn Observer>,
    control: &RunControl,
) -> (Ledger, Result<(), String>) {
    let mut ledger = Ledger::default();
    for missing in &plan.selection.missing {
        observer.event(&RunEvent::Notice { error: true, message: missing.to_string() });
    }
    let (listings, out_of_time) = list_in_time(tools, &plan, &observer, control).await;
    let shard = plan.settings.supervisor().shard;
    let has_own = |collector: &str| tools.has_own_clouds(collector);
    let targets = sort_out(has_own, &listings, &plan.only, &plan.delivered_before, shard);
    let mut owners = Owners::new();
    // Also of accounts that others collect: their ids are theirs.
    owners.reserve(by_right(has_own, &listings).map(|(_, account)| account));
    opening::report(&listings, &targets, &mut ledger, &*observer);
    let pipeline = Pipeline {
        tools,
        plan: &plan,
        clouds: opening::clouds(tools, &plan, &listings, &targets),
        names: targets.collect.iter().map(|target| target.name.clone()).collect(),
        faults: targets.collect.iter().map(|_| FaultLog::default()).collect(),
        open: opening::count_by_collector(&targets),
        owners,
        held: Vec::new(),
        timings: Timings::load(&tools.spool),
        ledger,
        target,
        journal,
        observer,
        control,
        out_of_time,
        abandoned: false,
    };
    let ended = pipeline.run(targets).await;
    tools.brokers.closed().await;
    ended
}

/// Lists the accounts, and says whether the time of the run was over before all collectors had answered.
async fn list_in_time(
    tools: &Tools,
    plan: &RunPlan,
    observer: &Arc<dyn Observer>,
    control: &RunControl,
) -> (Vec<Listing>, bool) {
    let listing = listing::list(tools, plan, observer, &control.token);
    tokio::pin!(listing);
    let out_of_time = tokio::select! {
        listings = &mut listing => return (listings, false),
        () = until(plan.collect_until.filter(|_| !control.token.is_stopped())) => true,
    };
    control.children.stop(NEARLY_OVER);
    let mut listings = listing.await;
    // The run has failed here; nobody called it off.
    for one in &mut listings {
        one.cancelled = false;
    }
    (listings, out_of_time)
}

struct Pipeline<'a> {
    tools: &'a Tools,
    plan: &'a RunPlan,
    clouds: BTreeMap<String, CloudRun>,
    names: Vec<CollectorAccount>,
    faults: Vec<FaultLog>,
    /// Accounts of each collector that have not ended.
    open: HashMap<String, usize>,
    owners: Owners,
    /// Graphs with ids that another account may claim as well: they wait until all accounts have ended.
    held: Vec<Arc<StagedAccount>>,
    timings: Timings,
    ledger: Ledger,
    target: Target,
    journal: Option<&'a mut Journal>,
    observer: Arc<dyn Observer>,
    control: &'a RunControl,
    /// The children were stopped because the run has to end.
    out_of_time: bool,
    /// Nothing is sent any more.
    abandoned: bool,
}

impl Pipeline<'_> {
    async fn run(mut self, targets: Targets) -> (Ledger, Result<(), String>) {
        let mut events = match self.start_fleet(targets) {
            Ok(events) => events,
            Err(error) => return (self.ledger, Err(error)),
        };
        let mut collecting = true;
        while collecting || self.target.is_busy() {
            let due = self.target.next_due();
            let end = self.plan.collect_until.filter(|_| collecting && !self.control.token.is_stopped());
            tokio::select! {
                event = events.recv(), if collecting => if let Some(event) = event {
                    self.event(event);
                } else {
                    collecting = false;
                    if let Err(error) = self.all_collected().await {
                        return (self.ledger, Err(error));
                    }
                },
                outcomes = self.target.outcomes(), if self.target.is_busy() => self.delivered(outcomes),
                () = until(due) => self.target.due(),
                () = until(end) => {
                    self.out_of_time = true;
                    self.control.children.stop(NEARLY_OVER);
                }
                () = self.control.discard.cancelled(), if !self.abandoned => self.abandon(),
            }
        }
        self.close_book();
        if let Err(error) = self.timings.save(&self.tools.spool) {
            tracing::warn!("the durations of the accounts are not kept for the next run: {error}");
        }
        (self.ledger, Ok(()))
    }

    fn abandon(&mut self) {
        self.abandoned = true;
        self.target.abandon();
    }

    fn start_fleet(
        &self,
        targets: Targets,
    ) -> Result<mpsc::UnboundedReceiver<FleetEvent<CollectSink>>, String> {
        let settings = &self.plan.settings;
        let pools = self.tools.described.iter();
        let spec = RunSpec {
            pool_size: settings.worker().pool_size.max(1),
            collector_pools: pools.map(|d| (d.collector.clone(), settings.account_pool_size(d))).collect(),
            fork: settings.worker().fork_process,
        };
        // One task for each target: the fleet speaks of both by their number.
        let task = |target| jobs::collect(self.tools, self.plan, target, &self.timings);
        let tasks = targets.collect.iter().map(task).collect::<Result<Vec<_>, String>>()?;
        let (tools, observer, faults) = (self.tools.clone(), Arc::clone(&self.observer), self.faults.clone());
        let make_sink = move |index: usize, _attempt: u32| {
            let target = targets.collect.get(index).zip(faults.get(index));
            let (target, faults) =
                target.ok_or_else(|| SinkError::Host(format!("there is no account with number {index}")))?;
            let kinds = tools.kinds_for(&target.name.collector);
            let staging =
                Staging::new(&tools.spool, kinds, &target.account, StagingLimits::default()).numbered(index);
            Ok(CollectSink::new(target.name.clone(), staging, faults.clone(), Arc::clone(&observer)))
        };
        let (sender, events) = mpsc::unbounded_channel();
        let (fleet, stop) = (self.tools.fleet.clone(), self.control.token.clone());
        tokio::spawn(async move {
            let summary = fleet.run(spec, tasks, make_sink, sender, stop).await;
            tracing::debug!("all children of the run are gone: {summary:?}");
        });
        Ok(events)
    }

    fn event(&mut self, event: FleetEvent<CollectSink>) {
        match event {
            FleetEvent::Started { index, attempt } => {
                let Some(account) = self.names.get(index).cloned() else { return };
                self.ledger.record(&account).attempts = attempt;
                metrics::child_started(&account.collector);
            }
            FleetEvent::Ready { index } => {
                let Some(account) = self.names.get(index).cloned() else { return };
                let (attempt, pid) = (self.ledger.record(&account).attempts, self.pid_of(&account));
                self.observer.event(&RunEvent::AccountStarted { account, attempt, pid });
            }
            FleetEvent::Retrying { index, failure, after } => {
                let Some(account) = self.names.get(index).cloned() else { return };
                failed_attempt(&account.collector, &failure);
                let record = self.ledger.record(&account);
                record.peak_rss = record.peak_rss.max(failure.peak_rss.unwrap_or_default());
                self.observer.event(&RunEvent::AttemptFailed {
                    account,
                    attempt: failure.attempt,
                    message: failure.message(),
                    retry_in: after,
                });
            }
            FleetEvent::Ended(end) => self.ended(end),
            FleetEvent::BreakerOpened { message } => {
                self.observer.event(&RunEvent::Notice { error: true, message });
            }
            FleetEvent::BreakerClosed => {
                let message = "children start again; collecting goes on".to_owned();
                self.observer.event(&RunEvent::Notice { error: false, message });
            }
        }
    }

    fn pid_of(&self, account: &CollectorAccount) -> Option<u32> {
        let serves = |job: &JobStatus| {
            job.subject.collector.as_deref() == Some(&account.collector)
                && job.subject.account.as_ref().is_some_and(|served| *served == account.account)
        };
        let child = self.tools.fleet.running().into_iter().find(|child| child.jobs.iter().any(serves))?;
        child.pid.and_then(|pid| u32::try_from(pid).ok())
    }

    fn ended(&mut self, end: TaskEnd<CollectSink>) {
        let Some(account) = self.names.get(end.index).cloned() else { return };
        let faults = self.faults.get(end.index).map_or(0, FaultLog::close);
        let record = self.ledger.record(&account);
        record.attempts = end.attempts;
        record.faults = faults;
        let result = match end.result {
            Ok(completed) => self.completed(&account, completed),
            Err(not_completed) => Err(self.not_completed(&account, &not_completed)),
        };
        match result {
            // Nothing is sent any more; the account stays undelivered in the ledger.
            Ok(_) if self.control.discard.is_cancelled() => {}
            Ok(staged) if staged.is_certain() => self.target.add(staged),
            Ok(staged) => self.held.push(staged),
            Err(trouble) => self.failed(account.clone(), trouble),
        }
        self.collector_may_be_done(&account.collector);
    }

    fn completed(
        &mut self,
        account: &CollectorAccount,
        completed: Completed<CollectSink>,
    ) -> Result<Arc<StagedAccount>, Trouble> {
        metrics::child_ended(&account.collector, "done", completed.elapsed);
        self.timings.record(&AccountKey::from(&account.account), completed.elapsed);
        let record = self.ledger.record(account);
        record.duration = completed.elapsed;
        record.peak_rss = record.peak_rss.max(completed.peak_rss.unwrap_or_default());
        let checked = completed.sink.into_result().ok_or_else(trouble::no_graph)?;
        let staged =
            checked.and_then(|checked| checked.claim(&mut self.owners)).map_err(|e| trouble::refused(&e))?;
        for fault in staged.findings().faults() {
            self.ledger.record(account).faults += 1;
            let (account, collector) = (Some(account.clone()), account.collector.clone());
            self.observer.event(&RunEvent::Fault { account, collector, fault });
        }
        let counts = staged.counts();
        metrics::account_committed(counts.nodes, counts.edges);
        let record = self.ledger.record(account);
        (record.nodes, record.edges) = (counts.nodes, counts.edges);
        record.standing = Standing::Collected;
        let faults = record.faults;
        self.observer.event(&RunEvent::AccountCollected {
            account: account.clone(),
            nodes: counts.nodes,
            edges: counts.edges,
            faults,
            duration: completed.elapsed,
        });
        Ok(staged)
    }

    fn not_completed(&mut self, account: &CollectorAccount, end: &NotCompleted) -> Trouble {
        let record = self.ledger.record(account);
        if let Some(last) = &end.last {
            failed_attempt(&account.collector, last);
            record.duration = last.elapsed;
            record.peak_rss = record.peak_rss.max(last.peak_rss.unwrap_or_default());
        }
        trouble::of_end(end, self.out_of_time)
    }

    fn failed(&mut self, account: CollectorAccount, trouble: Trouble) {
        metrics::account_ended(&account.collector, if trouble.cancelled { "cancelled" } else { "failed" });
        self.ledger.record(&account).standing = Standing::Failed(trouble.clone());
        self.observer.event(&RunEvent::AccountFailed { account, trouble });
    }

    fn collector_may_be_done(&mut self, collector: &str) {
        let Some(open) = self.open.get_mut(collector) else { return };
        *open = open.saturating_sub(1);
        if *open == 0 {
            self.open.remove(collector);
            self.observer.event(&RunEvent::CollectorFinished { collector: collector.to_owned() });
        }
    }

    /// Every account has an end, also one that was given up or whose task broke.
    fn close_book(&mut self) {
        let cancelled = self.control.discard.is_cancelled();
        for (account, standing) in self.ledger.undecided() {
            self.failed(account, trouble::left_over(&standing, cancelled));
        }
    }

    async fn all_collected(&mut self) -> Result<(), String> {
        if self.control.discard.is_cancelled() {
            self.abandon();
            return Ok(());
        }
        self.let_go().await;
        if self.control.discard.is_cancelled() {
            self.abandon();
            return Ok(());
        }
        let (notices, outcomes) = self.target.finish(&self.clouds).await?;
        for message in notices {
            self.observer.event(&RunEvent::Notice { error: false, message });
        }
        self.delivered(outcomes);
        Ok(())
    }

    /// All claims are known: what nobody else has claimed, in this run or before it, is sent.
    async fn let_go(&mut self) {
        let mut uncontested = Vec::new();
        for staged in std::mem::take(&mut self.held) {
            match self.owners.contest(staged.account()).map(trouble::contested) {
                Some(trouble) => self.refused(&staged, trouble),
                None => uncontested.push(staged),
            }
        }
        let ours = tokio::select! {
            ours = self.target.ours(&uncontested) => ours,
            () = self.control.discard.cancelled() => return,
        };
        for (staged, ours) in uncontested.into_iter().zip(ours) {
            match ours {
                Ok(()) => self.target.add(staged),
                Err(why) => self.refused(&staged, trouble::not_ours(&why)),
            }
        }
    }

    fn refused(&mut self, staged: &StagedAccount, trouble: Trouble) {
        if let Some(account) = self.names.get(staged.number()).cloned() {
            self.failed(account, trouble);
        }
    }

    fn delivered(&mut self, outcomes: Outcomes) {
        let landed: Vec<AccountKey> = outcomes
            .iter()
            .filter(|(_, outcome)| outcome.has_landed())
            .map(|(account, _)| AccountKey::from(account.account()))
            .collect();
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.merged(&landed)
        {
            tracing::error!(
                "what fixcore has merged cannot be noted; a restart would collect it again: {error}"
            );
        }
        let mut told: Vec<String> = Vec::new();
        for (staged, outcome) in outcomes {
            let Some(account) = self.names.get(staged.number()).cloned() else { continue };
            match outcome {
                Outcome::Landed(_) => self.landed(&account, Standing::Landed),
                Outcome::Queued => {
                    let message = format!("{account}: {outcome}");
                    self.landed(&account, Standing::Queued);
                    self.observer.event(&RunEvent::Notice { error: false, message });
                }
                Outcome::Rejected(_) | Outcome::Conflict { .. } | Outcome::Expired { .. } => {
                    self.not_delivered(account, &outcome, &mut told);
                }
            }
        }
    }

    fn landed(&mut self, account: &CollectorAccount, standing: Standing) {
        metrics::account_ended(&account.collector, "done");
        self.ledger.record(account).standing = standing;
        self.observer.event(&RunEvent::AccountLanded { account: account.clone() });
    }

    /// The same sentence for many accounts is told in full once.
    fn not_delivered(&mut self, account: CollectorAccount, outcome: &Outcome, told: &mut Vec<String>) {
        let sentence = outcome.to_string();
        let message = if told.contains(&sentence) {
            "not delivered, for the reason told above".to_owned()
        } else {
            sentence.clone()
        };
        told.push(sentence);
        let kind = if matches!(outcome, Outcome::Rejected(_)) { "rejected" } else { "not_delivered" };
        let kind = kind.to_owned();
        self.failed(account, Trouble { kind, message, hint: None, cancelled: false });
    }
}

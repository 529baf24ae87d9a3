//! One collection of one account.
//!
//! ```text
//! regions x kinds --list, batches--> documents --calls, hook, mapping--> nodes (lines) + wishes for edges
//!                                        |                                  |
//!                                     children        metrics, hooks complete and connect, wishes granted, hierarchy
//!                                                                           |
//!                                                        unused regions and cycles removed, sent
//! ```
//!
//! Everything runs in one task; what waits are calls, and their number is bounded by the budgets of the client.
//! Kinds are worked on [`KINDS_AT_ONCE`] at a time, region by region for each, so that no region waits for
//! another one that is slow.

mod ask;
pub(crate) mod bounded;
mod check;
mod context;
mod follow;
mod item;
mod list;
mod odd;
mod partial;
mod progress;
mod reach;
mod scope;
mod split;
mod through;
mod trouble;

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use collector::{Failure, FaultExt, Sink, fault};
use futures_util::future::{Either, select};
use ipc_proto::fault::{Fault, FaultKind};
use tables::plan::{KindPlan, KindScope};
use tokio::sync::watch;

use crate::cloud::{Client, Wanted};
use crate::facts::{Check, CloudFacts};
use crate::faults::ErrorLog;
use crate::graph::{EdgeType, Graph};
use crate::hooks::Hooks;
use crate::metrics;
use crate::plans::{Plans, is_global, is_regional};
use crate::regions::{RegionIndex, Regions, ZoneIndex};
use crate::top::Top;

pub use ask::{Ask, Pages};
pub(crate) use check::reach;
pub use context::{AccountFacts, Context, lock};
pub use follow::calls_at_once;
pub use item::Draft;
pub(crate) use item::key;

use context::Job;
use odd::OddLog;
use progress::RegionsAtWork;
use reach::Reach;
use through::Through;

/// Pairs of kind and region that are worked on at once. Twice the budget for calls: some wait for a service that has
/// enough calls under way. More would only cost memory.
const KINDS_AT_ONCE: usize = 128;

/// [`Hook::begin`](crate::hooks::Hook::begin) of all hooks, among the kinds that are not through yet.
const BEGUN: &str = "";

/// What a collection is about.
pub struct Assignment {
    /// What is the same for all accounts of the cloud.
    pub facts: &'static CloudFacts,
    /// The account.
    pub account: AccountFacts,
    /// What is wanted of it.
    pub wanted: Box<dyn Wanted>,
    /// Its regions.
    pub regions: Regions,
    /// The graph so far.
    pub top: Top,
    /// The compiled tables.
    pub plans: &'static Plans,
    /// What tables cannot say.
    pub hooks: &'static Hooks,
    /// How long ago the last run started, if there was one.
    pub last_run_started_ago: Option<Duration>,
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Collects an account and sends its graph.
pub async fn collect(
    assignment: Assignment,
    client: Box<dyn Client>,
    sink: &dyn Sink,
) -> Result<(), Failure> {
    let Assignment { facts, account, wanted, regions, top, plans, hooks, last_run_started_ago } = assignment;
    let reach = Mutex::new(Reach::new(&regions));
    let job = Job {
        facts,
        account,
        wanted,
        regions,
        plans,
        hooks,
        client,
        sink,
        graph: Mutex::new(top.graph),
        errors: Mutex::new(ErrorLog::new(facts)),
        odd: Mutex::new(OddLog::default()),
        reach,
        measures: Mutex::default(),
        shared: Mutex::new(HashMap::new()),
        last_run_started_ago,
        authenticated: watch::Sender::new(false),
        account_node: top.account,
        region_nodes: top.regions,
    };
    sink.step("checking the credentials".to_owned());
    let ended = authenticated(&job).await?;
    // Told in any case: they may be why it failed.
    let errors = std::mem::replace(&mut *lock(&job.errors), ErrorLog::new(facts));
    sink.denied(errors.denied());
    let misshapen = job.client.left_out().into_iter().map(|left_out| {
        let (service, operation) = (left_out.service.clone(), left_out.operation.clone());
        odd::misshapen(left_out, plans.calling(&service, &operation))
    });
    for trouble in errors.into_faults().into_iter().chain(misshapen) {
        sink.fault(trouble);
    }
    if ended.is_ok() {
        check::nameless(&job).await;
    }
    ended.inspect_err(|_| lock(&job.odd).take().into_iter().for_each(|trouble| sink.fault(trouble)))?;
    if let Some(unread) = lock(&job.reach).verdict(facts, &job.regions, job.wanted.names_regions()) {
        return Err(unread.into());
    }
    sink.step("sending the graph".to_owned());
    let Job { graph, odd, regions, wanted, .. } = job;
    let mut graph = graph.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut odd = odd.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    for trouble in
        left_out(&mut graph, &mut odd, &regions, wanted.empty_regions()).into_iter().chain(odd.take())
    {
        sink.fault(trouble);
    }
    graph.send(sink).await
}

/// How all stages up to the complete graph ended, if the credentials are those of the account. Where they are not, what
/// calls with them were told does not matter.
async fn authenticated(job: &Job<'_>) -> Result<Result<(), Failure>, Failure> {
    let check = async {
        check::authenticate(job).await?;
        job.authenticated.send_replace(true);
        Ok::<(), Failure>(())
    };
    if job.facts.check == Check::First {
        check.await?;
        return Ok(gather(job).await);
    }
    let (check, stages) = (pin!(check), pin!(gather(job)));
    match select(check, stages).await {
        Either::Left((checked, stages)) => {
            checked?;
            Ok(stages.await)
        }
        Either::Right((ended, check)) => {
            check.await?;
            Ok(ended)
        }
    }
}

/// All stages up to the complete graph.
async fn gather(job: &Job<'_>) -> Result<(), Failure> {
    let context = Context::new(job, RegionIndex::GLOBAL);
    let (at_work, tasks) = (&RegionsAtWork::begin(job), tasks(job));
    let through = &Through::new(tasks.iter().map(|(plan, ..)| plan.kind.as_str()).chain([BEGUN]));
    let settings = async {
        futures_util::future::try_join_all(job.hooks.iter().map(|hook| hook.begin(context))).await?;
        through.done(BEGUN);
        at_work.done(job, RegionIndex::GLOBAL);
        Ok::<(), Failure>(())
    };
    let kinds = bounded::each(KINDS_AT_ONCE, tasks, |(plan, region, zone)| {
        Box::pin(async move {
            let context = Context::new(job, region).in_zone(zone).listing();
            job.sink.step(format!("{} in {}", plan.kind, context.region().name));
            list::collect_kind(context, plan).await?;
            through.done(&plan.kind);
            at_work.done(job, region);
            Ok(())
        })
    });
    let ahead = futures_util::future::try_join_all(job.hooks.iter().map(|hook| hook.ahead(context)));
    let complete = futures_util::future::try_join_all(job.hooks.iter().map(|hook| async {
        match hook.completes() {
            Some(kinds) => through.wait_for(|open| kinds.contains(&open) || open == BEGUN).await,
            None => through.wait_for(|_| true).await,
        }
        hook.complete(context).await
    }));
    futures_util::future::try_join4(settings, kinds, ahead, complete).await?;
    job.sink.step("usage metrics".to_owned());
    metrics::collect(context).await?;
    job.sink.step("connecting".to_owned());
    for hook in job.hooks.iter() {
        hook.connect(context).await?;
    }
    context.graph(|graph| {
        graph.connect_wishes();
        graph.connect_hierarchy(job.account_node, &job.region_nodes);
    });
    Ok(())
}

/// What is to be done, as kind, region and zone: the global ones first, then kind by kind, those of the services that
/// need longest first. Each region has the account itself besides, which counts as global.
pub(super) fn tasks(job: &Job<'_>) -> Vec<(&'static KindPlan, RegionIndex, Option<ZoneIndex>)> {
    let plans: &'static Plans = job.plans;
    // Places are known before.
    let wanted = || plans.roots().filter(|plan| plan.places.is_none() && job.wanted.collects(&plan.kind));
    let global = wanted().filter(|plan| is_global(plan)).map(|plan| (plan, RegionIndex::GLOBAL, None));
    let zonal = wanted()
        .filter(|plan| plan.scope == KindScope::Zone)
        .flat_map(|plan| job.regions.zones().map(move |(zone, of)| (plan, of.region, Some(zone))));
    let regional = wanted().filter(|plan| is_regional(plan)).collect();
    let regional = longest_first(regional, |service| job.wanted.calls_at_once(service))
        .into_iter()
        .flat_map(|plan| job.regions.regional().map(move |(region, _)| (plan, region, None)));
    global.chain(regional).chain(zonal).collect()
}

/// The kinds of services with many kinds for few calls at once come first: begun last, they would go on when all others
/// are done. Otherwise as they were.
pub fn longest_first(
    mut plans: Vec<&'static KindPlan>,
    at_once: impl Fn(&str) -> u32,
) -> Vec<&'static KindPlan> {
    let mut calls: HashMap<&str, usize> = HashMap::new();
    for plan in &plans {
        *calls.entry(plan.service.as_str()).or_default() += 1 + plan.calls.len();
    }
    let rounds = |service: &str| {
        let at_once = usize::try_from(at_once(service)).unwrap_or(usize::MAX).max(1);
        calls.get(service).copied().unwrap_or_default().div_ceil(at_once)
    };
    plans.sort_by_key(|plan| std::cmp::Reverse(rounds(&plan.service)));
    plans
}

/// Removes what is not worth keeping and what fixcore would refuse.
fn left_out(graph: &mut Graph, odd: &mut OddLog, regions: &Regions, keep_regions: bool) -> Vec<Fault> {
    let facts = graph.facts();
    let left_out = graph.finish(keep_regions);
    left_out.misfits.iter().for_each(|misfit| odd.misfit(misfit));
    let unused = left_out.regions.iter().filter(|region| **region != RegionIndex::GLOBAL);
    let names: Vec<&str> = unused.map(|region| regions.get(*region).name.as_str()).collect();
    let remark = (!names.is_empty()).then(|| {
        let what =
            format!("left out, because there is nothing in them but what {} makes by itself", facts.name);
        let message =
            format!("{} without resources of your own: {}; {what}", counted(names.len()), names.join(", "));
        let setting = facts.region_setting;
        let hint = (!setting.is_empty()).then(|| format!("name them in {setting} to keep them"));
        Fault { hint, ..fault(FaultKind::Resource, message).info() }
    });
    let cycles = left_out.cycles.iter().map(|(from, to, edge_type)| {
        let words = match edge_type {
            EdgeType::Delete => "a delete edge",
            EdgeType::Default | EdgeType::Iam => "an edge",
        };
        let message = format!("{words} from {from} to {to} was left out: it closes a cycle");
        fault(FaultKind::Resource, message).info()
    });
    remark.into_iter().chain(cycles).collect()
}

fn counted(regions: usize) -> String {
    if regions == 1 { "1 region".to_owned() } else { format!("{regions} regions") }
}

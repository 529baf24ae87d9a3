//! The credentials of each collector and the accounts that they get into: the listing of a run, and for each account the
//! question that a collection begins with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use fixworker_fleet::StopToken;
use fixworker_settings::Running;
use fixworker_settings::collectors::Selection;
use fixworker_surface::scrub::scrub;
use ipc_proto::fault::Fault;

use super::finding::{Area, Finding, State};
use crate::collect::RunPlan;
use crate::collect::identity::{Reached, identify};
use crate::collect::listing;
use crate::collect::wanted::{Listing, Targets, sort_out};
use crate::work::Tools;
use crate::work::event::{Observer, RunEvent};

/// So many accounts are named for a collector.
const NAMED: usize = 3;

/// Looks at all collectors and their accounts.
pub(super) async fn look(
    tools: &Tools,
    settings: &Running,
    selection: Selection,
    stop: &StopToken,
) -> Vec<Finding> {
    let plan = RunPlan {
        settings: settings.clone(),
        selection,
        only: Vec::new(),
        delivered_before: std::collections::BTreeSet::new(),
        last_run_started_ago: None,
        collect_until: None,
    };
    let faults = Arc::new(Faults::default());
    let observer: Arc<dyn Observer> = faults.clone();
    let listings = listing::list(tools, &plan, &observer, stop).await;
    let has_own = |collector: &str| tools.has_own_clouds(collector);
    let nothing = std::collections::BTreeSet::new();
    let shard = settings.supervisor().shard;
    let targets = sort_out(has_own, &listings, &[], &nothing, shard);
    let reached = identify(tools, &plan, &targets.collect, settings.worker().pool_size, stop).await;
    tools.brokers.closed().await;
    let faults = faults.take();
    let mut findings: Vec<Finding> =
        listings.iter().flat_map(|one| of_listing(one, &targets, faults.get(&one.collector))).collect();
    findings.extend(targets.duplicates.iter().map(|(name, first)| {
        let said = format!("collector {} lists it as well; it is collected by {first}", name.collector);
        Finding::note(Area::Account, &name.to_string(), said)
    }));
    findings.extend(reached.iter().map(of_account));
    findings
}

/// Troubles of listings, by collector.
#[derive(Default)]
struct Faults(Mutex<BTreeMap<String, Vec<Fault>>>);

impl Faults {
    fn take(&self) -> BTreeMap<String, Vec<Fault>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Faults {
    fn event(&self, event: &RunEvent) {
        if let RunEvent::Fault { collector, fault, .. } = event {
            let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            faults.entry(collector.clone()).or_default().push(fault.clone());
        }
    }
}

fn of_listing(one: &Listing, targets: &Targets, faults: Option<&Vec<Fault>>) -> Vec<Finding> {
    let name = one.collector.as_str();
    let mut findings: Vec<Finding> =
        faults.into_iter().flatten().map(|fault| of_fault(name, fault)).collect();
    if let Some(why) = &one.failure {
        let said = format!("cannot list its accounts: {}", scrub(why.clone()));
        findings.push(
            Finding::failed(Area::Collector, name, said)
                .todo(format!("look at the credentials and settings of {name}")),
        );
        return findings;
    }
    let own: Vec<String> = targets
        .collect
        .iter()
        .filter(|target| target.name.collector == name)
        .map(|target| target.name.to_string())
        .collect();
    findings.push(if one.accounts.is_empty() {
        let said = "its credentials get into no account";
        Finding::note(Area::Collector, name, said)
            .todo(format!("look at the credentials and settings of {name}"))
    } else {
        Finding::ok(Area::Collector, name, accounts(&own, one.accounts.len() - own.len()))
    });
    findings
}

fn accounts(own: &[String], others: usize) -> String {
    let named = own.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match own.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let rest = match others {
        0 => String::new(),
        others => format!("; {others} that others collect"),
    };
    match own.len() {
        0 => format!("no account is left to it{rest}"),
        1 => format!("1 account: {named}{rest}"),
        count => format!("{count} accounts: {named}{more}{rest}"),
    }
}

fn of_fault(collector: &str, fault: &Fault) -> Finding {
    let said = scrub(fault.message.clone());
    let state = if fault.costs() { State::Failed } else { State::Note };
    let finding = Finding::new(Area::Collector, collector, state, said);
    match &fault.hint {
        Some(hint) => finding.todo(scrub(hint.clone())),
        None => finding,
    }
}

fn of_account((name, trouble): &Reached) -> Finding {
    let subject = name.to_string();
    match trouble {
        None => Finding::ok(Area::Account, &subject, format!("{} gets into it", name.collector)),
        Some(trouble) if trouble.cancelled => {
            Finding::skipped(Area::Account, &subject, trouble.message.clone())
        }
        Some(trouble) => {
            let said = format!("[{}] {}", trouble.kind, scrub(trouble.message.clone()));
            let todo = trouble
                .hint
                .clone()
                .map_or_else(|| format!("look at the credentials and settings of {}", name.collector), scrub);
            Finding::failed(Area::Account, &subject, said).todo(todo)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_accounts_are_named() {
        let own = |count: usize| (0..count).map(|n| format!("aws:{n}")).collect::<Vec<_>>();
        assert_eq!(accounts(&own(1), 0), "1 account: aws:0");
        assert_eq!(accounts(&own(5), 0), "5 accounts: aws:0, aws:1, aws:2 and 2 more");
        assert_eq!(accounts(&own(2), 3), "2 accounts: aws:0, aws:1; 3 that others collect");
        assert_eq!(accounts(&[], 2), "no account is left to it; 2 that others collect");
    }
}

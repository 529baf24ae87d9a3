//! What is known, and told, once the accounts are listed and before the first child collects.

use std::collections::{BTreeMap, HashMap};

use fixworker_graph::merge::CloudRun;
use fixworker_settings::suggest::Close;
use fixworker_surface::metrics;
use ipc_proto::account::AccountName;

use super::RunPlan;
use super::ledger::{Ledger, Standing};
use super::wanted::{Listing, Targets};
use crate::work::Tools;
use crate::work::event::{CollectorAccount, Observer, RunEvent, Trouble};

/// How many accounts of each collector are to be collected.
pub(super) fn count_by_collector(targets: &Targets) -> HashMap<String, usize> {
    let mut open = HashMap::new();
    for target in &targets.collect {
        *open.entry(target.name.collector.clone()).or_default() += 1;
    }
    open
}

/// What is known about each cloud before its graphs are there.
pub(super) fn clouds(
    tools: &Tools,
    plan: &RunPlan,
    listings: &[Listing],
    targets: &Targets,
) -> BTreeMap<String, CloudRun> {
    let may_serve = |collector: &str, cloud: &str| tools.may_serve(collector, cloud);
    let missing: Vec<_> = plan.selection.missing.iter().map(|missing| missing.name.as_str()).collect();
    let sharded = plan.settings.supervisor().shard.is_some();
    judge(may_serve, &missing, sharded, listings, &targets.listed)
}

/// `may_serve` says whether a collector may have accounts of a cloud; `missing` are collectors that we lack.
fn judge(
    may_serve: impl Fn(&str, &str) -> bool,
    missing: &[&str],
    sharded: bool,
    listings: &[Listing],
    listed: &BTreeMap<String, usize>,
) -> BTreeMap<String, CloudRun> {
    let clouds = listed.iter().map(|(cloud, count)| {
        let faulty = listings.iter().filter(|one| one.faulty && may_serve(&one.collector, cloud)).count();
        // A collector that we lack may have accounts of the cloud that bears its name.
        let missing = missing.iter().filter(|name| **name == cloud).count();
        let faulty_listings = faulty + missing;
        (cloud.clone(), CloudRun { sharded, faulty_listings, listed: *count, ..CloudRun::default() })
    });
    clouds.collect()
}

/// Opens the book, and tells what the listings have brought.
pub(super) fn report(listings: &[Listing], targets: &Targets, ledger: &mut Ledger, observer: &dyn Observer) {
    for one in listings {
        report_listing(one, ledger, observer);
        let own = targets.collect.iter().filter(|target| target.name.collector == one.collector);
        let accounts: Vec<_> = own.map(|target| target.name.clone()).collect();
        let done = accounts.is_empty();
        for account in &accounts {
            ledger.open(account.clone());
        }
        observer.event(&RunEvent::AccountsListed { collector: one.collector.clone(), accounts });
        if done {
            observer.event(&RunEvent::CollectorFinished { collector: one.collector.clone() });
        }
    }
    ledger.resumed(targets.resumed);
    for (name, first) in &targets.duplicates {
        let message = format!(
            "{name} of collector {} is left out: collector {first} lists the same account",
            name.collector
        );
        observer.event(&RunEvent::Notice { error: true, message });
    }
    for (id, close) in &targets.unknown {
        report_unknown(id, close, ledger, observer);
    }
}

fn report_listing(one: &Listing, ledger: &mut Ledger, observer: &dyn Observer) {
    let Some(failure) = &one.failure else { return };
    ledger.listing_failed(&one.collector, one.kind, failure);
    let collector = one.collector.clone();
    if one.cancelled {
        ledger.cut();
        let message = format!("collector {collector}: the accounts were not listed: {failure}");
        return observer.event(&RunEvent::Notice { error: false, message });
    }
    metrics::collector_failed(&collector);
    observer.event(&RunEvent::ListingFailed { collector, message: failure.clone() });
}

fn report_unknown(id: &str, close: &Close, ledger: &mut Ledger, observer: &dyn Observer) {
    let account = CollectorAccount {
        collector: String::new(),
        account: AccountName { cloud: "unknown".to_owned(), id: id.to_owned(), name: id.to_owned() },
    };
    let trouble = Trouble {
        kind: "config".to_owned(),
        message: format!("no collector lists an account with this id{close}"),
        hint: Some("fix-collector accounts --collector NAME shows which there are".to_owned()),
        cancelled: false,
    };
    ledger.record(&account).standing = Standing::Failed(trouble.clone());
    observer.event(&RunEvent::AccountFailed { account, trouble });
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn listing(collector: &str, faulty: bool) -> Listing {
        let failure = faulty.then(|| "no".to_owned());
        Listing {
            collector: collector.into(),
            accounts: Vec::new(),
            faulty,
            failure,
            kind: "listing",
            cancelled: false,
        }
    }

    fn faults(listings: &[Listing], missing: &[&str]) -> (usize, usize) {
        let may_serve = |collector: &str, cloud: &str| collector == "file" || collector == cloud;
        let listed = BTreeMap::from([("aws".to_owned(), 3), ("gcp".to_owned(), 1)]);
        let clouds = judge(may_serve, missing, false, listings, &listed);
        assert_eq!((clouds["aws"].listed, clouds["gcp"].listed), (3, 1));
        (clouds["aws"].faulty_listings, clouds["gcp"].faulty_listings)
    }

    #[test]
    fn a_faulty_listing_counts_for_each_cloud_that_the_collector_may_serve() {
        assert_eq!(faults(&[listing("aws", false), listing("gcp", false)], &[]), (0, 0));
        assert_eq!(faults(&[listing("aws", true), listing("gcp", false)], &[]), (1, 0));
        assert_eq!(faults(&[listing("file", true)], &[]), (1, 1), "its files may be of any cloud");
        assert_eq!(faults(&[], &["gcp", "azure"]), (0, 1), "somebody else has accounts of this cloud");
    }

    #[derive(Default)]
    struct Events(Mutex<Vec<RunEvent>>);

    impl Observer for Events {
        fn event(&self, event: &RunEvent) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    fn told(listing: Listing) -> (Vec<RunEvent>, Ledger) {
        let (events, mut ledger) = (Events::default(), Ledger::default());
        report(&[listing], &Targets::default(), &mut ledger, &events);
        (events.0.into_inner().unwrap(), ledger)
    }

    #[test]
    fn a_listing_that_was_stopped_is_no_error_but_the_run_is_not_fine() {
        let (events, ledger) = told(Listing { cancelled: true, ..listing("aws", true) });
        assert!(matches!(events[0], RunEvent::Notice { error: false, .. }), "{events:?}");
        assert_eq!(ledger.failed_listings().len(), 1);
        let (events, _) = told(listing("aws", true));
        assert!(matches!(events[0], RunEvent::ListingFailed { .. }), "{events:?}");
        assert!(matches!(events.last(), Some(RunEvent::CollectorFinished { .. })), "{events:?}");
    }
}

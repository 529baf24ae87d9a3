use fixworker_fleet::{JobSink, Settings, SinkError};
use ipc_proto::graph::Totals;
use ipc_proto::limits::MAX_SEAL;
use ipc_proto::message::{Done, Report};
use ipc_proto::seal::Seal;

use super::*;

fn brokers() -> Brokers {
    let brokering = Brokering {
        collector: "aws".to_owned(),
        environment: Vec::new(),
        paths: Vec::new(),
        secrets: Vec::new(),
    };
    let fleet = Fleet::new(Settings::new("/nowhere"));
    let brokering = Arc::new(BTreeMap::from([("aws".to_owned(), brokering)]));
    Brokers::new(fleet, Collectors { described: Vec::new().into(), brokering })
}

#[test]
fn info_says_which_accounts_share_their_credentials() {
    let brokers = brokers();
    assert!(brokers.describe("random", false).starts_with("shared ("));
    assert_eq!(brokers.describe("aws", false), "brokered");
    brokers.0.note("aws", "1", None);
    assert_eq!(brokers.describe("aws", false), "brokered");
    brokers.0.note("aws", "2", Some("is reached with keys"));
    assert!(brokers.describe("aws", true).starts_with("shared (fixworker.fork_process"));
    let one = "brokered, but for one account: shared (account 2 is reached with keys)";
    assert_eq!(brokers.describe("aws", false), one);
    brokers.0.note("aws", "3", Some("is reached with keys"));
    assert!(brokers.describe("aws", false).starts_with("brokered, but for 2 accounts: shared (account 2 "));
    // A role was set in the meantime.
    brokers.0.note("aws", "3", None);
    assert_eq!(brokers.describe("aws", false), one);
    for account in 0..2 * MAX_SHARED {
        brokers.0.note("aws", &format!("x{account}"), Some("is reached with keys"));
    }
    assert!(brokers.describe("aws", false).contains(&format!("for {MAX_SHARED} accounts")));
}

#[test]
fn one_broker_for_a_collector_as_long_as_somebody_holds_it() {
    let brokers = brokers();
    assert!(brokers.broker("random", Vec::new).is_none());
    let one = brokers.broker("aws", Vec::new).unwrap();
    assert!(Arc::ptr_eq(&one, &brokers.broker("aws", Vec::new).unwrap()));
    let weak = Arc::downgrade(&one);
    drop(one);
    assert!(weak.upgrade().is_none());
    assert!(brokers.broker("aws", Vec::new).is_some());
}

#[test]
fn a_broker_answers_once_and_no_more_than_it_may() {
    let seal = |size: usize| {
        Report::Sealed(Box::new(Seal { bytes: vec![7; size].into(), remaining: None, shared: None }))
    };
    let refused = |result: Result<(), SinkError>| matches!(result, Err(SinkError::Violation(_)));
    let done = Done { totals: Totals::default(), faults: 0 };
    let mut sink = SealSink::default();
    assert!(refused(sink.done(&done)), "nothing was made");
    assert!(refused(sink.report(&seal(MAX_SEAL + 1))));
    sink.report(&seal(MAX_SEAL)).unwrap();
    sink.done(&done).unwrap();
    assert!(refused(sink.report(&seal(1))), "twice");
    assert!(refused(sink.report(&Report::Renew)));
    assert!(!format!("{sink:?}").contains('7'), "{sink:?}");
    assert_eq!(sink.into_seal().bytes.expose().len(), MAX_SEAL);
}

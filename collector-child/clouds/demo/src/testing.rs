//! Runs a collector in a test and keeps what it puts out.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};

use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Entry, Failure, Placed, Sink};
use ipc_proto::fault::Fault;
use ipc_proto::graph::{EdgeType, Role, Selector};
use ipc_proto::job::Account;
use ipc_proto::message::{Denied, Progress};
use serde_json::Value;

/// A node as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SentNode {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) role: Role,
    pub(super) json: String,
}

/// What a job sent.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sent {
    pub(super) nodes: Vec<SentNode>,
    pub(super) edges: Vec<(String, String, EdgeType, Option<String>)>,
    pub(super) deferred: Vec<String>,
    pub(super) faults: Vec<Fault>,
    pub(super) progress: Vec<Progress>,
}

impl Sent {
    /// Nodes, edges and deferred edges as lines for fixcore, but for what the supervisor adds.
    pub(super) fn lines(&self) -> Vec<String> {
        let edges = self.edges.iter().map(|(from, to, edge_type, reported)| {
            let mut line = format!("{{\"from\": \"{from}\", \"to\": \"{to}\"");
            if *edge_type != EdgeType::Default {
                write!(line, ", \"edge_type\": \"{}\"", edge_type.name()).unwrap();
            }
            if let Some(reported) = reported {
                write!(line, ", \"reported\": {reported}").unwrap();
            }
            line + "}"
        });
        self.nodes
            .iter()
            .map(|node| node.json.clone())
            .chain(edges)
            .chain(self.deferred.iter().cloned())
            .collect()
    }

    /// A node of this kind.
    pub(super) fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a SentNode> {
        self.nodes.iter().filter(move |node| node.kind == kind)
    }
}

/// Remembers what it gets.
#[derive(Default, Clone)]
struct Recorder(Arc<Mutex<Sent>>);

impl Recorder {
    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap()
    }
}

impl Sink for Recorder {
    fn put(&self, entry: Entry<'_>) -> Result<Placed, Failure> {
        let mut sent = self.sent();
        match entry {
            Entry::Node(node) => sent.nodes.push(SentNode {
                id: node.id.to_owned(),
                kind: node.kind.to_owned(),
                role: node.role,
                json: String::from_utf8(node.json.to_vec()).unwrap(),
            }),
            Entry::Edge(edge) => {
                let reported = edge.reported.map(|json| String::from_utf8(json.to_vec()).unwrap());
                sent.edges.push((edge.from.to_owned(), edge.to.to_owned(), edge.edge_type, reported));
            }
            Entry::Deferred(edge) => {
                let [from, to] = [&edge.from, &edge.to].map(selector);
                let edge_type = edge.edge_type.name();
                sent.deferred.push(format!(
                    "{{\"from_selector\": {from}, \"to_selector\": {to}, \"edge_type\": \"{edge_type}\"}}"
                ));
            }
        }
        Ok(Placed::Yes)
    }

    fn make_room(&self, _bytes: usize) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn fault(&self, fault: Fault) {
        self.sent().faults.push(fault);
    }

    fn denied(&self, _calls: Vec<Denied>) {}

    fn progress(&self, progress: Progress) {
        self.sent().progress.push(progress);
    }

    fn step(&self, _step: String) {}

    fn work(&self, _amount: u64) {}

    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn share(&self) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }
}

fn selector(selector: &Selector<'_>) -> String {
    match selector {
        Selector::NodeId(id) => format!("{{\"node_id\": {}}}", serde_json::to_string(id).unwrap()),
        Selector::Search(query) => {
            format!("{{\"search_criteria\": {}}}", serde_json::to_string(query).unwrap())
        }
    }
}

fn section(collector: &dyn Collector, config: &Value) -> ConfigSection {
    ConfigSection::parse(&collector.describe().collector, &config.to_string()).unwrap()
}

/// A sink that nobody looks into.
pub(super) fn sink() -> Arc<dyn Sink> {
    Arc::new(Recorder::default())
}

/// The accounts of a collector, and the faults on the way.
pub(super) async fn list(
    collector: &dyn Collector,
    config: Value,
) -> (Result<Vec<Account>, Failure>, Vec<Fault>) {
    let config = section(collector, &config);
    let recorder = Recorder::default();
    let accounts = collector.accounts(&config, &recorder).await;
    (accounts, std::mem::take(&mut recorder.sent().faults))
}

/// The account of a collector that has one.
pub(super) async fn only_account(collector: &dyn Collector, config: Value) -> Account {
    let (accounts, faults) = list(collector, config).await;
    assert!(faults.is_empty(), "{faults:?}");
    let [account] = <[Account; 1]>::try_from(accounts.unwrap()).unwrap();
    account
}

/// Collects an account.
pub(super) async fn collect_account(
    collector: &dyn Collector,
    config: Value,
    account: Account,
) -> Result<Sent, Failure> {
    let request = CollectRequest {
        config: section(collector, &config),
        account,
        last_run_started_ago: None,
        remaining: None,
    };
    let recorder = Recorder::default();
    let result = collector.collect(&request, &recorder).await;
    result.map(|()| std::mem::take(&mut *recorder.sent()))
}

/// The sentence of a failure.
pub(super) fn sentence(failure: &Failure) -> String {
    match failure {
        Failure::Fault(fault) => fault.message.clone(),
        Failure::Stopped => "stopped".to_owned(),
    }
}

//! Runs a collector in a test and keeps what it puts out.

use std::fmt::Write as _;

use ipc_proto::codec;
use ipc_proto::fault::Fault;
use ipc_proto::frame::HEADER_LEN;
use ipc_proto::graph::{EdgeType, Role, Selector};
use ipc_proto::job::Account;
use ipc_proto::message::{JobId, Progress, Report, ToSupervisor};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::collector::{CollectRequest, Collector, ConfigSection, Failure};
use crate::output::{Output, OutputLimits};

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

    fn take(&mut self, frame: &[u8]) {
        let message: ToSupervisor<'_> = codec::decode(&frame[HEADER_LEN..]).unwrap();
        match message.body {
            Report::Chunk(chunk) => {
                self.nodes.extend(chunk.nodes.iter().map(|node| SentNode {
                    id: node.id.to_owned(),
                    kind: node.kind.to_owned(),
                    role: node.role,
                    json: String::from_utf8(node.json.to_vec()).unwrap(),
                }));
                self.edges.extend(chunk.edges.iter().map(|edge| {
                    let reported = edge.reported.map(|json| String::from_utf8(json.to_vec()).unwrap());
                    (edge.from.to_owned(), edge.to.to_owned(), edge.edge_type, reported)
                }));
                self.deferred.extend(chunk.deferred.iter().map(|edge| {
                    let [from, to] = [&edge.from, &edge.to].map(selector);
                    let edge_type = edge.edge_type.name();
                    format!(
                        "{{\"from_selector\": {from}, \"to_selector\": {to}, \"edge_type\": \"{edge_type}\"}}"
                    )
                }));
            }
            Report::Fault(fault) => self.faults.push(fault),
            Report::Progress(lines) => self.progress.extend(lines),
            _ => {}
        }
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

/// Runs `work` with an output, and returns its result with what it sent.
async fn gather<T>(work: impl AsyncFnOnce(Output) -> T) -> (T, Sent) {
    let (lane, mut frames) = mpsc::channel(4);
    let output = Output::new(JobId(1), lane, OutputLimits::default());
    let finish = output.clone();
    let work = async move {
        let result = work(output).await;
        let _done = finish.finish().await;
        drop(finish);
        result
    };
    let read = async {
        let mut sent = Sent::default();
        while let Some(frame) = frames.recv().await {
            sent.take(&frame);
        }
        sent
    };
    tokio::join!(work, read)
}

/// The accounts of a collector, and the faults on the way.
pub(super) async fn list(
    collector: &dyn Collector,
    config: Value,
) -> (Result<Vec<Account>, Failure>, Vec<Fault>) {
    let config = section(collector, &config);
    let (accounts, sent) = gather(async |output| collector.accounts(&config, &output).await).await;
    (accounts, sent.faults)
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
    let (result, sent) = gather(async |output| collector.collect(&request, &output).await).await;
    result.map(|()| sent)
}

/// The sentence of a failure.
pub(super) fn sentence(failure: &Failure) -> String {
    match failure {
        Failure::Fault(fault) => fault.message.clone(),
        Failure::Stopped => "stopped".to_owned(),
    }
}

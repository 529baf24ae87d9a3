//! The collector `example`: a small graph with one of everything (regions, a network, an instance and a volume
//! each, delete edges, a deferred edge), the same on every run but for one time.

use std::borrow::Cow;

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, TagRequest};
use collector::identity::{Errand, Identity};
use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure, Kinds, Sink, SinkExt};
use inventory::{Ancestors, Draft, NodeId, NodeKey, Value};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::graph::{DeferredEdge, EdgeType, Selector};
use ipc_proto::job::{Account, Described};
use ipc_proto::secret::Secret;
use jiff::Timestamp;

use crate::graph::Nodes;
use crate::imaginary;

/// What the kinds that can be changed have in common.
const BASE: &str = "example_resource";
const CLOUD: &str = "example";
const ACCOUNT: &str = "Example Account";

/// The collector `example`.
#[derive(Debug)]
pub struct Example {
    kinds: Kinds,
}

impl Default for Example {
    fn default() -> Self {
        Self { kinds: Kinds::of(&["base", "example"]) }
    }
}

impl Collector for Example {
    fn name(&self) -> Cow<'static, str> {
        CLOUD.into()
    }

    fn describe(&self) -> Described {
        Described {
            collector: CLOUD.to_owned(),
            clouds: vec![CLOUD.to_owned()],
            account_noun: "account".to_owned(),
            kinds_json: self.kinds.model(),
            section: None,
            pool_setting: None,
            tasks_json: serde_json::json!([collector::changes::tag_handler(CLOUD)]).to_string(),
            environment: Vec::new(),
            paths: self.paths(),
            auto_enable: Vec::new(),
            account_kinds: vec!["example_account".to_owned()],
        }
    }

    fn accounts<'a>(
        &'a self,
        _config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async {
            Ok(vec![Account {
                cloud: CLOUD.to_owned(),
                id: ACCOUNT.to_owned(),
                name: ACCOUNT.to_owned(),
                node_id: NodeKey::of("example_account", Some(CLOUD), Some(ACCOUNT), None, None, ACCOUNT)
                    .id()
                    .to_string(),
                scope: Secret::new(Vec::new()),
            }])
        })
    }

    fn identity<'a>(
        &'a self,
        _errand: &'a Errand<'a>,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async { Ok(Identity::NoCredentials) })
    }

    fn collect<'a>(
        &'a self,
        _request: &'a CollectRequest,
        output: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(
            async move { collect(Nodes::new(self.kinds.table()?, output), output, Timestamp::now()).await },
        )
    }

    fn ability(&self, _change: Change, kind: &str) -> Ability {
        imaginary::ability(&self.kinds, BASE, kind)
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        Box::pin(async { Ok(imaginary::clean(request, target, log)) })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, _sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async {
            imaginary::tag(request);
            Ok(())
        })
    }
}

/// One of the two halves of the graph.
struct Half {
    region: (&'static str, &'static str),
    network: (&'static str, &'static str),
    instance: (&'static str, &'static [(&'static str, &'static str)], &'static str),
    volume: (&'static str, &'static str, &'static str),
}

const HALVES: [Half; 2] = [
    Half {
        region: ("us-west", "US West"),
        network: ("someNetwork1", "Example Network 1"),
        instance: (
            "someInstance1",
            &[("Name", "Example Instance 1"), ("expiration", "2d"), ("owner", "lukas")],
            "running",
        ),
        volume: ("someVolume1", "Example Volume 1", "in-use"),
    },
    Half {
        region: ("us-east", "US East"),
        network: ("someNetwork2", "Example Network 2"),
        instance: (
            "someInstance2",
            &[
                ("Name", "Example Instance 2"),
                ("expiration", "36h"),
                (inventory::CTIME_TAG, "2019-09-05T10:40:11+00:00"),
            ],
            "stopped",
        ),
        volume: ("someVolume2", "Example Volume 2", "available"),
    },
];

/// The nodes of a half.
struct Made {
    region: NodeId,
    network: NodeId,
    instance: NodeId,
    volume: NodeId,
}

async fn collect(mut sink: Nodes<'_>, output: &dyn Sink, now: Timestamp) -> Result<(), Failure> {
    let cloud = sink.top(CLOUD).await?;
    let above = Ancestors { cloud: Some(CLOUD), ..Ancestors::default() };
    let account = sink.node("example_account", ACCOUNT, &above, |_| {}).await?;
    sink.edge(cloud, account, EdgeType::Default).await?;
    let [west, east] = [
        half(&mut sink, &HALVES[0], |instance| {
            // Whole numbers in properties that are floating point: the Python worker writes them like this.
            instance.set("instance_cores", 4).set("instance_memory", 32);
            for time in ["ctime", "mtime", "atime"] {
                instance.set(time, now);
            }
        })
        .await?,
        half(&mut sink, &HALVES[1], |_| {}).await?,
    ];
    let custom = sink
        .node("example_custom_resource", "someExampleResource", &below(&HALVES[0]), |node| {
            node.set("custom_optional_float_attribute", 10.0);
            node.set("custom_list_attribute", Value::Texts(&["foo", "bar"]));
        })
        .await?;
    for made in [&west, &east] {
        sink.edge(account, made.region, EdgeType::Default).await?;
        for resource in [made.network, made.instance, made.volume] {
            sink.edge(made.region, resource, EdgeType::Default).await?;
        }
        sink.edge(made.network, made.instance, EdgeType::Default).await?;
        sink.edge(made.network, made.instance, EdgeType::Delete).await?;
        sink.edge(made.instance, made.volume, EdgeType::Default).await?;
        sink.edge(made.volume, made.instance, EdgeType::Delete).await?;
    }
    sink.edge(west.region, custom, EdgeType::Default).await?;
    let search = format!("is(instance) and reported.id = {}", HALVES[1].instance.0);
    output
        .deferred_edge(DeferredEdge {
            from: Selector::NodeId(west.instance.as_str()),
            to: Selector::Search(&search),
            edge_type: EdgeType::Default,
        })
        .await
}

fn below(half: &Half) -> Ancestors<'static> {
    Ancestors { cloud: Some(CLOUD), account: Some(ACCOUNT), region: Some(half.region.0), zone: None }
}

async fn half(
    sink: &mut Nodes<'_>,
    half: &Half,
    more: impl FnOnce(&mut Draft<'_, '_>),
) -> Result<Made, Failure> {
    let above = below(half);
    let (id, name) = half.region;
    let region = sink
        .node("example_region", id, &above, |node| {
            node.name(name).tag("Some Tag", "Some Value");
        })
        .await?;
    let (id, name) = half.network;
    let network = sink
        .node("example_network", id, &above, |node| {
            node.tag("Name", name);
        })
        .await?;
    let (id, tags, status) = half.instance;
    let instance = sink
        .node("example_instance", id, &above, |node| {
            node.verbatim();
            for (key, value) in tags {
                node.tag(key, *value);
            }
            more(node.set("instance_status", status));
        })
        .await?;
    let (id, name, status) = half.volume;
    let volume = sink
        .node("example_volume", id, &above, |node| {
            node.tag("Name", name).set("volume_status", status);
        })
        .await?;
    Ok(Made { region, network, instance, volume })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::{collect_account, only_account};

    const CAPTURE: &str = include_str!("testing/example-merge.ndjson");

    /// A line without what the supervisor adds, and with a word for the time of the run: only one node has an
    /// `mtime`, which is that time.
    fn normal(line: &str) -> String {
        const TIME: &str = "\"mtime\": ";
        let exported = line.find(", \"replace\": true").map(|at| (at, line.len() - "}}".len()));
        let line =
            exported.map_or_else(|| line.to_owned(), |(from, to)| line[..from].to_owned() + &line[to..]);
        let now = line.find(TIME).map(|at| line[at + TIME.len()..][..22].to_owned());
        now.map_or_else(|| line.clone(), |now| line.replace(&now, "\"NOW\""))
    }

    #[tokio::test]
    async fn the_graph_is_the_one_of_the_python_worker() {
        let collector = Example::default();
        let account = only_account(&collector, serde_json::json!({})).await;
        let graph = collect_account(&collector, serde_json::json!({}), account).await.unwrap();
        assert!(graph.faults.is_empty(), "{:?}", graph.faults);
        let ours: BTreeSet<String> = graph.lines().iter().map(|line| normal(line)).collect();
        let peers: BTreeSet<String> = CAPTURE.lines().map(normal).collect();
        assert_eq!(ours, peers);
    }
}

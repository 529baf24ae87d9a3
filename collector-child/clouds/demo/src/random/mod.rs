//! The collector `random`: an estate made up from a seed. The same settings make the same estate on every machine,
//! and each account by itself, so that accounts can be collected in any order, or alone.

mod config;
mod pace;
mod plan;
mod rng;

use std::borrow::Cow;
use std::time::Duration;

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, TagRequest};
use collector::identity::{Errand, Identity};
use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure, Kinds, Sink, fault};
use inventory::{Ancestors, DigestSize, NodeId, NodeKey, hex_digest};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use ipc_proto::graph::EdgeType;
use ipc_proto::job::{Account, Described};
use ipc_proto::message::Progress;
use ipc_proto::secret::Secret;

use crate::graph::Nodes;
use crate::imaginary;
use config::RandomConfig;
use pace::Pace;
use plan::{NetworkPlan, RegionPlan};

/// What the kinds that can be changed have in common.
const BASE: &str = "random_resource";
const CLOUD: &str = "random";

/// The collector `random`.
#[derive(Debug)]
pub struct Random {
    kinds: Kinds,
}

impl Default for Random {
    fn default() -> Self {
        Self { kinds: Kinds::of(&["base", "random"]) }
    }
}

impl Collector for Random {
    fn name(&self) -> Cow<'static, str> {
        CLOUD.into()
    }

    fn describe(&self) -> Described {
        Described {
            collector: CLOUD.to_owned(),
            clouds: vec![CLOUD.to_owned()],
            account_noun: "account".to_owned(),
            kinds_json: self.kinds.model(),
            section: Some(RandomConfig::describe()),
            pool_setting: None,
            tasks_json: serde_json::json!([collector::changes::tag_handler(CLOUD)]).to_string(),
            environment: Vec::new(),
            paths: self.paths(),
            auto_enable: Vec::new(),
            account_kinds: vec!["random_account".to_owned()],
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async { Ok((0..RandomConfig::read(config)?.estate().accounts()).map(account).collect()) })
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
        request: &'a CollectRequest,
        output: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let config = RandomConfig::read(&request.config)?;
            let index = index_of(&request.account)?;
            let plan = config.estate().account(index);
            let duration = Duration::from_secs_f64(config.seconds_per_account);
            let mut collection = Collection {
                sink: Nodes::new(self.kinds.table()?, output),
                output,
                account: &request.account,
                pace: Pace::new(duration, plan.nodes()),
            };
            collection.run(&plan.regions).await
        })
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

/// The account with this index. Its id does not depend on the seed, and is the one that the Python worker gives it.
fn account(index: u32) -> Account {
    let digest = hex_digest(&format!("account_{index}"), DigestSize::Six);
    let id = u64::from_str_radix(&digest, 16).unwrap_or_default().to_string();
    Account {
        cloud: CLOUD.to_owned(),
        name: format!("Random Account {index}"),
        node_id: NodeKey::of("random_account", Some(CLOUD), Some(&id), None, None, &id).id().to_string(),
        id,
        scope: Secret::new(index.to_le_bytes().to_vec()),
    }
}

fn index_of(account: &Account) -> Result<u32, Failure> {
    let index = account.scope.expose().as_slice().try_into().map(u32::from_le_bytes);
    index.map_err(|_| fault(FaultKind::Internal, "the scope of a random account is not its index").into())
}

/// One account that is being made.
struct Collection<'a> {
    sink: Nodes<'a>,
    output: &'a dyn Sink,
    account: &'a Account,
    pace: Pace,
}

/// Where the resources of a region belong.
#[derive(Clone, Copy)]
struct Home<'a> {
    ancestors: Ancestors<'a>,
    region: NodeId,
}

impl Collection<'_> {
    async fn run(&mut self, regions: &[RegionPlan]) -> Result<(), Failure> {
        let cloud = self.sink.top(CLOUD).await?;
        let account = self.account;
        let above = Ancestors { cloud: Some(CLOUD), account: Some(&account.id), ..Ancestors::default() };
        let node = self
            .sink
            .node("random_account", &account.id, &above, |node| {
                node.name(&account.name);
            })
            .await?;
        self.sink.edge(cloud, node, EdgeType::Default).await?;
        for region in regions {
            self.progress(region, 0);
            self.region(node, &above, region).await?;
            self.progress(region, 1);
        }
        self.pace.end(self.output).await
    }

    fn progress(&self, region: &RegionPlan, current: u32) {
        let account = format!("{} ({})", self.account.name, self.account.id);
        self.output.step(format!("region {}", region.id));
        self.output.progress(Progress {
            path: vec![CLOUD.to_owned(), account],
            name: region.id.clone(),
            current,
            total: 1,
        });
    }

    async fn region(
        &mut self,
        account: NodeId,
        above: &Ancestors<'_>,
        region: &RegionPlan,
    ) -> Result<(), Failure> {
        self.pace.step(self.output).await?;
        let ancestors = Ancestors { region: Some(&region.id), ..*above };
        let node = self
            .sink
            .node("random_region", &region.id, &ancestors, |node| {
                node.name(&region.name);
            })
            .await?;
        self.sink.edge(account, node, EdgeType::Default).await?;
        let home = Home { ancestors, region: node };
        for (number, network) in region.networks.iter().enumerate() {
            let path = format!("{}/{}/rndnet-{number}", self.account.id, region.id);
            self.network(home, network, number, &path).await?;
        }
        Ok(())
    }

    async fn network(
        &mut self,
        home: Home<'_>,
        plan: &NetworkPlan,
        number: usize,
        path: &str,
    ) -> Result<(), Failure> {
        self.pace.step(self.output).await?;
        let id = resource_id("rndnet-", path);
        let name = format!("Network {number}");
        let network = self
            .sink
            .node("random_network", &id, &home.ancestors, |node| {
                node.name(&name);
            })
            .await?;
        self.sink.edge(home.region, network, EdgeType::Default).await?;
        let mut parents = vec![network, home.region];
        if plan.load_balancer {
            let balancer = self.load_balancer(home, plan, path).await?;
            for parent in &parents {
                self.sink.edge(*parent, balancer, EdgeType::Default).await?;
            }
            parents.push(balancer);
        }
        for (number, volumes) in plan.instances.iter().enumerate() {
            let path = format!("{path}/rndi-{number}");
            let instance = self.instance(home, plan, number, &path).await?;
            for parent in &parents {
                self.sink.edge(*parent, instance, EdgeType::Default).await?;
            }
            for number in 0..*volumes {
                let volume = self.volume(home, plan, number, &path).await?;
                for parent in [instance, home.region] {
                    self.sink.edge(parent, volume, EdgeType::Default).await?;
                }
            }
        }
        Ok(())
    }

    async fn load_balancer(
        &mut self,
        home: Home<'_>,
        plan: &NetworkPlan,
        path: &str,
    ) -> Result<NodeId, Failure> {
        self.pace.step(self.output).await?;
        let id = resource_id("rndlb-", &format!("{path}/lb"));
        self.sink
            .node("random_load_balancer", &id, &home.ancestors, |node| {
                node.name("LoadBalancer").tag("costCenter", plan.cost_center).tag("owner", plan.owner);
            })
            .await
    }

    async fn instance(
        &mut self,
        home: Home<'_>,
        plan: &NetworkPlan,
        number: usize,
        path: &str,
    ) -> Result<NodeId, Failure> {
        self.pace.step(self.output).await?;
        let name = format!("{} {number}", plan.prefix);
        let (instance_type, cores, memory) = plan.instance_type;
        self.sink
            .node("random_instance", &resource_id("rndi-", path), &home.ancestors, |node| {
                // The Python worker writes whole numbers into properties that are floating point.
                node.verbatim().name(&name);
                node.tag("costCenter", plan.cost_center).tag("owner", plan.owner);
                node.set("instance_cores", cores).set("instance_memory", memory);
                node.set("instance_type", instance_type).set("instance_status", plan.instance_status);
            })
            .await
    }

    async fn volume(
        &mut self,
        home: Home<'_>,
        plan: &NetworkPlan,
        number: u64,
        path: &str,
    ) -> Result<NodeId, Failure> {
        self.pace.step(self.output).await?;
        let id = resource_id("rndvol-", &format!("{path}/rndvol-{number}"));
        let name = format!("Volume {number}");
        self.sink
            .node("random_volume", &id, &home.ancestors, |node| {
                node.name(&name).tag("costCenter", plan.cost_center).tag("owner", plan.owner);
                node.set("volume_size", plan.volume_size).set("volume_type", "ssd");
                node.set("volume_status", plan.volume_status);
            })
            .await
    }
}

/// The id of the resource at `path`, the way the Python worker makes it.
fn resource_id(prefix: &str, path: &str) -> String {
    // Twice as fast as format!, and every node needs one.
    [prefix, &hex_digest(path, DigestSize::Ten)].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Sent, collect_account, list};

    async fn collect(config: Value, index: usize) -> Sent {
        let collector = Random::default();
        let account = list(&collector, config.clone()).await.0.unwrap().swap_remove(index);
        let sent = collect_account(&collector, config, account).await.unwrap();
        assert!(sent.faults.is_empty(), "{:?}", sent.faults);
        sent
    }

    #[tokio::test]
    async fn accounts_have_the_ids_of_the_python_worker() {
        let (accounts, _) = list(&Random::default(), json!({"accounts": 2})).await;
        let accounts = accounts.unwrap();
        assert_eq!(accounts.len(), 2);
        assert_eq!(
            (accounts[0].id.as_str(), accounts[0].name.as_str()),
            ("276222570313970", "Random Account 0")
        );
        assert_eq!(accounts[0].node_id, "0dKG2-zRMSo-howjQEtPSw");
    }

    #[tokio::test]
    async fn the_graph_is_a_whole() {
        let config = json!({"accounts": 3, "resources_per_account": 500});
        let sent = collect(config, 1).await;
        assert_eq!(sent.nodes.len(), 3 + 500);
        let ids: HashSet<&str> = sent.nodes.iter().map(|node| node.id.as_str()).collect();
        assert_eq!(ids.len(), sent.nodes.len());
        let mut parents: HashMap<&str, u32> = HashMap::new();
        for (from, to, edge_type, _) in &sent.edges {
            assert!(ids.contains(from.as_str()) && ids.contains(to.as_str()));
            assert_eq!(*edge_type, EdgeType::Default);
            *parents.entry(to).or_default() += 1;
        }
        // All but the root hang below something, and instances and volumes below two things or more.
        assert_eq!(parents.len(), sent.nodes.len() - 1);
        for kind in ["random_instance", "random_volume"] {
            assert!(
                sent.of_kind(kind).count() > 0
                    && sent.of_kind(kind).all(|node| parents[node.id.as_str()] >= 2)
            );
        }
        assert_eq!(sent.of_kind("random_region").count(), 8);
        assert!(!sent.progress.is_empty());
    }

    #[tokio::test]
    async fn an_account_does_not_depend_on_the_others() {
        let few = collect(json!({"accounts": 2, "seed": 7}), 1).await;
        let many = collect(json!({"accounts": 9, "seed": 7}), 1).await;
        let other = collect(json!({"accounts": 9, "seed": 8}), 1).await;
        assert_eq!(few.lines(), many.lines());
        assert_ne!(few.lines(), other.lines());
    }

    #[tokio::test]
    async fn an_empty_account_is_an_account() {
        let sent = collect(json!({"accounts": 1, "resources_per_account": 0}), 0).await;
        let kinds: Vec<_> = sent.nodes.iter().map(|node| node.kind.as_str()).collect();
        assert_eq!(kinds, ["graph_root", "cloud", "random_account"]);
        assert_eq!(sent.edges.len(), 2);
    }

    #[tokio::test]
    async fn a_slow_account_takes_its_time() {
        let start = tokio::time::Instant::now();
        let slow = json!({"accounts": 1, "resources_per_account": 50, "seconds_per_account": 0.25});
        collect(slow, 0).await;
        assert!(start.elapsed() >= Duration::from_millis(250));
    }
}

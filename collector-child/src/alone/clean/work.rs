//! What is to be deleted: the nodes that were chosen, where they are, and what keeps them. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use collector::node::{Ancestor, NodeError, StoredNode};
use decisions::cleanup::hold::{Hold, Standing, holds};
use decisions::cleanup::plan::{Answer, Effect, Event, Item, PassEnd};
use decisions::cleanup::{Fate, Planner, Rules};
use ipc_proto::clean::CleanResource;
use ipc_proto::graph::EdgeType;
use ipc_proto::job::Account;

use super::input::{Graph, Head, Levels};

/// One resource to delete.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) node: StoredNode,
    /// As a job carries it.
    pub(super) carried: CleanResource,
    /// Its account, by number; there is one unless its fate is decided.
    pub(super) account: Option<usize>,
    /// Decided about itself.
    fate: Option<Fate>,
    /// What keeps it.
    hold: Hold,
}

/// All resources of a run.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) resources: Vec<Resource>,
    pub(super) accounts: Vec<Account>,
    /// The nodes that others are below.
    pub(super) ancestors: Vec<String>,
}

/// Says why resources of a kind cannot be deleted.
pub(super) type Refusal<'a> = &'a dyn Fn(&StoredNode) -> Option<String>;

impl Work {
    /// The nodes `chosen` of a graph; `cloud` is that of nodes that do not name one.
    pub(super) fn new(
        graph: &Graph,
        chosen: &[usize],
        levels: &Levels,
        cloud: &str,
        refusal: Refusal<'_>,
    ) -> Result<Self, NodeError> {
        let ancestors = graph.upper(levels);
        let upper: Vec<StoredNode> =
            ancestors.iter().filter_map(|json| StoredNode::parse(json).ok()).collect();
        let mut work = Self { resources: Vec::with_capacity(chosen.len()), accounts: Vec::new(), ancestors };
        for (one, hold) in chosen.iter().zip(kept(graph, chosen, levels)) {
            let resource = graph
                .resource(*one, chosen, levels)
                .map_err(|error| NodeError::Malformed(error.to_string()))?;
            let node = StoredNode::parse(&resource.node_json)?;
            let fate = refusal(&node).map(Fate::Refused);
            let account = if fate.is_none() { account_of(&node, cloud, &upper) } else { None };
            let account = account.map(|account| work.number_of(account));
            work.resources.push(Resource { node, carried: resource, account, fate, hold });
        }
        Ok(work)
    }

    fn number_of(&mut self, account: Account) -> usize {
        let known = self.accounts.iter().position(|known| known.id == account.id);
        known.unwrap_or_else(|| {
            self.accounts.push(account);
            self.accounts.len() - 1
        })
    }

    /// The resource whose node has this id.
    pub(super) fn numbered(&self, node_id: &str) -> Option<usize> {
        self.resources.iter().position(|one| one.node.id == node_id)
    }

    /// The resources as the planner knows them.
    pub(super) fn items(&self) -> Vec<Item> {
        let item =
            |one: &Resource| Item::new(one.node.title(), one.account, one.fate.clone(), one.hold.clone());
        self.resources.iter().map(item).collect()
    }

    /// The order in which everything would go if every deletion succeeded.
    pub(super) fn sequence(&self, rules: Rules) -> Vec<usize> {
        let mut planner = Planner::new(self.items(), self.accounts.len(), rules);
        let mut events = VecDeque::from([Event::Tick]);
        let (mut sequence, now) = (Vec::new(), Instant::now());
        while let Some(event) = events.pop_front() {
            for effect in planner.step(event, now) {
                match effect {
                    Effect::Start { account, items, .. } => {
                        events
                            .extend(items.iter().map(|&item| Event::Answered { item, answer: Answer::Gone }));
                        events.push_back(Event::PassEnded { account, end: PassEnd::Complete });
                        sequence.extend(items);
                    }
                    Effect::Close { account } => events.push_back(Event::Closed { account }),
                    Effect::Interrupt { .. } | Effect::Ended { .. } | Effect::Finished => {}
                }
            }
        }
        sequence
    }

    /// Remarks for a dry run: resources of which the input cannot tell what holds them.
    pub(super) fn unknown_holders(&self, graph: &Graph, chosen: &[usize], levels: &Levels) -> Vec<String> {
        let unknown = chosen.iter().zip(&self.resources).filter_map(|(node, one)| {
            let kinds = levels.holders(&one.node.kind);
            (!graph.knows_what_holds(*node, kinds)).then(|| {
                let few = kinds.iter().take(3).map(String::as_str).collect::<Vec<_>>();
                let more = if kinds.len() > few.len() { ", ..." } else { "" };
                format!(
                    "{}: whether it can be deleted cannot be known, because the input has nothing of what may have to go \
                     first ({}{more})",
                    one.node.title(),
                    few.join(", ")
                )
            })
        });
        unknown.collect()
    }
}

fn kept(graph: &Graph, chosen: &[usize], levels: &Levels) -> Vec<Hold> {
    let standing = |head: &Head| Standing {
        cleaned: head.cleaned,
        phantom: levels.kinds.is_phantom(&head.kind),
        stays: head.protected.then_some(Standing::PROTECTED),
    };
    let nodes: Vec<Standing> = graph.heads.iter().map(standing).collect();
    let edges = graph.edges.iter().filter(|(_, _, edge)| *edge == EdgeType::Delete);
    holds(chosen, &nodes, edges.map(|(from, to, _)| (*from, *to)), &|node| graph.heads[node].title.clone())
}

/// The account of a node, as a job names it; `nodes` are the accounts of the graph.
fn account_of(node: &StoredNode, cloud: &str, nodes: &[StoredNode]) -> Option<Account> {
    let account = node.ancestors.account.as_ref()?;
    let known = || nodes.iter().find(|other| other.cloud_id() == account.id()).map(|other| other.id.clone());
    Some(Account {
        cloud: node.ancestors.cloud.as_ref().map_or(cloud, Ancestor::id).to_owned(),
        id: account.id().to_owned(),
        name: account.name().to_owned(),
        node_id: account.node_id.clone().or_else(known).unwrap_or_default(),
        scope: Vec::new().into(),
    })
}

//! What is to be deleted, in which order, and what became of it. Pure: whoever asks the collector tells it.

use std::collections::{BTreeMap, HashMap, HashSet};

use collector::node::{Ancestor, NodeError, StoredNode};
use ipc_proto::clean::{CleanEvent, CleanOutcome, CleanResource, Cleaned};
use ipc_proto::job::Account;

use super::input::{Graph, Hold, Levels};
use super::order::Order;

/// One resource to delete.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) node: StoredNode,
    pub(super) resource: CleanResource,
    pub(super) answer: Option<Answer>,
}

/// What became of a resource.
#[derive(Debug)]
pub(super) struct Answer {
    /// The pass, from 1; 0 if it was not tried.
    pub(super) pass: u32,
    pub(super) outcome: CleanOutcome,
    pub(super) log: Vec<CleanEvent>,
}

/// All resources of a run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) items: Vec<Item>,
    order: Order,
    pass: u32,
    /// What the last answer of those was that have to be tried again.
    waiting: BTreeMap<usize, Answer>,
    /// What goes with another one, with that one and what was said of it; it ends as the other one does.
    joined: BTreeMap<usize, (usize, Vec<CleanEvent>)>,
}

/// Says why resources of a kind cannot be deleted.
pub(super) type Refusal<'a> = &'a dyn Fn(&StoredNode) -> Option<String>;

impl Plan {
    /// A plan for the nodes `chosen` of a graph.
    pub(super) fn new(
        graph: &Graph,
        chosen: &[usize],
        levels: &Levels,
        refusal: Refusal<'_>,
    ) -> Result<Self, NodeError> {
        let mut items = Vec::with_capacity(chosen.len());
        for one in chosen {
            let resource = graph
                .resource(*one, chosen, levels)
                .map_err(|error| NodeError::Malformed(error.to_string()))?;
            let node = StoredNode::parse(&resource.node_json)?;
            items.push(Item { node, resource, answer: None });
        }
        let holds = holds(graph, chosen, levels);
        let order = order(chosen, &holds);
        let mut plan = Self { items, order, pass: 0, waiting: BTreeMap::new(), joined: BTreeMap::new() };
        plan.refuse_cycles();
        for (one, hold) in holds.into_iter().enumerate() {
            if let Some(reason) = hold.stays {
                plan.stays(one, CleanOutcome::Refused { reason }, Vec::new());
            }
        }
        for one in 0..plan.items.len() {
            if let Some(reason) = refusal(&plan.items[one].node) {
                plan.stays(one, CleanOutcome::Refused { reason }, Vec::new());
            }
        }
        Ok(plan)
    }

    /// Remarks for a dry run: resources of which the input cannot tell what holds them.
    pub(super) fn unknown_holders(&self, graph: &Graph, chosen: &[usize], levels: &Levels) -> Vec<String> {
        let unknown = chosen.iter().zip(&self.items).filter_map(|(node, item)| {
            let kinds = levels.holders(&item.node.kind);
            (!graph.knows_what_holds(*node, &kinds)).then(|| {
                let few: Vec<&str> = kinds.iter().take(3).copied().collect();
                let more = if kinds.len() > few.len() { ", ..." } else { "" };
                format!(
                    "{}: whether it can be deleted cannot be known, because the input has nothing of what may have to go \
                     first ({}{more})",
                    item.node.title(),
                    few.join(", ")
                )
            })
        });
        unknown.collect()
    }

    fn refuse_cycles(&mut self) {
        while let Some(cycle) = self.order.cycle() {
            let titles: Vec<_> =
                cycle.iter().chain(cycle.first()).map(|one| self.items[*one].node.title()).collect();
            let reason = format!("each waits for the next to go first: {}", titles.join(" -> "));
            for one in &cycle {
                self.items[*one].answer = Some(Answer {
                    pass: 0,
                    outcome: CleanOutcome::Refused { reason: reason.clone() },
                    log: Vec::new(),
                });
            }
            for one in cycle {
                self.block_behind(one);
            }
        }
    }

    /// Begins a pass: the resources whose turn it is; none if all is done that can be.
    pub(super) fn next_pass(&mut self) -> Vec<usize> {
        self.pass += 1;
        self.order.ready()
    }

    /// The order in which everything would go if every deletion succeeded.
    pub(super) fn sequence(&self) -> Vec<usize> {
        let mut order = self.order.clone();
        let mut sequence = Vec::new();
        loop {
            let ready = order.ready();
            if ready.is_empty() {
                return sequence;
            }
            for one in &ready {
                order.gone(*one);
            }
            sequence.extend(ready);
        }
    }

    /// Takes an answer. True if that is progress: something went, or would go.
    pub(super) fn settle(&mut self, cleaned: Cleaned) -> bool {
        let Some(one) = self.items.iter().position(|item| item.node.id == cleaned.node_id) else {
            return false;
        };
        self.waiting.remove(&one);
        match cleaned.outcome {
            CleanOutcome::Gone | CleanOutcome::Planned => {
                self.order.gone(one);
                self.answer(one, cleaned.outcome, cleaned.log);
                true
            }
            CleanOutcome::Later { .. } => {
                let answer = Answer { pass: self.pass, outcome: cleaned.outcome, log: cleaned.log };
                self.waiting.insert(one, answer);
                false
            }
            CleanOutcome::Failed { .. } | CleanOutcome::Refused { .. } => {
                self.stays(one, cleaned.outcome, cleaned.log);
                false
            }
            CleanOutcome::GoesWith { node_id } => self.join(one, &node_id, cleaned.log),
        }
    }

    /// Something goes with another one: it makes room for it, and waits for its end.
    fn join(&mut self, one: usize, owner: &str, log: Vec<CleanEvent>) -> bool {
        let Some(owner) = self.items.iter().position(|item| item.node.id == owner) else {
            let reason = format!("it goes with {owner}, which is not to be deleted");
            self.stays(one, CleanOutcome::Refused { reason }, log);
            return false;
        };
        self.order.gone(one);
        self.joined.insert(one, (owner, log));
        self.end_joined(owner);
        true
    }

    /// What goes with `owner` ends as it did.
    fn end_joined(&mut self, owner: usize) {
        let Some(answer) = &self.items[owner].answer else { return };
        let outcome = match &answer.outcome {
            gone @ (CleanOutcome::Gone | CleanOutcome::Planned) => gone.clone(),
            _ => CleanOutcome::Refused {
                reason: format!("it goes with {}, which stays", self.items[owner].node.title()),
            },
        };
        let of_owner = |(_, (of, _)): &(&usize, &(usize, _))| *of == owner;
        let joined: Vec<usize> = self.joined.iter().filter(of_owner).map(|(one, _)| *one).collect();
        for one in joined {
            if let Some((_, log)) = self.joined.remove(&one) {
                self.answer(one, outcome.clone(), log);
            }
        }
    }

    /// Ends a pass: what was asked for in it has to have an answer.
    pub(super) fn end_pass(&mut self, asked: &[usize]) {
        for one in asked {
            let is_open = !self.waiting.contains_key(one) && !self.joined.contains_key(one);
            if self.items[*one].answer.is_none() && is_open {
                let reason = "the collector did not say what became of it".to_owned();
                self.stays(*one, CleanOutcome::Failed { reason }, Vec::new());
            }
        }
    }

    /// Something has to be tried again.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Nothing more is expected of those that have to be tried again.
    pub(super) fn give_up_waiting(&mut self) {
        for (one, answer) in std::mem::take(&mut self.waiting) {
            if self.items[one].answer.is_none() {
                self.stays(one, answer.outcome, answer.log);
            }
        }
    }

    /// The run was stopped: what has to be tried again shows why it waits.
    pub(super) fn keep_reasons(&mut self) {
        for (one, answer) in std::mem::take(&mut self.waiting) {
            self.items[one].answer.get_or_insert(answer);
        }
    }

    /// Nothing more can be done in an account.
    pub(super) fn give_up_account(&mut self, account: &str, reason: &str) {
        for one in 0..self.items.len() {
            let item = &self.items[one];
            let is_open = item.answer.is_none() && !self.joined.contains_key(&one);
            if is_open && item.node.ancestors.account_id() == Some(account) {
                self.stays(one, CleanOutcome::Failed { reason: reason.to_owned() }, Vec::new());
            }
        }
    }

    /// Everything that was to go is gone, or would be.
    pub(super) fn is_complete(&self) -> bool {
        self.items.iter().all(|item| {
            item.answer
                .as_ref()
                .is_some_and(|answer| matches!(answer.outcome, CleanOutcome::Gone | CleanOutcome::Planned))
        })
    }

    fn stays(&mut self, one: usize, outcome: CleanOutcome, log: Vec<CleanEvent>) {
        self.answer(one, outcome, log);
        self.block_behind(one);
    }

    fn block_behind(&mut self, one: usize) {
        for (other, first) in self.order.stays(one) {
            let reason = format!("{} has to go first, and stays", self.items[first].node.title());
            self.answer(other, CleanOutcome::Refused { reason }, Vec::new());
        }
    }

    /// The first answer counts.
    fn answer(&mut self, one: usize, outcome: CleanOutcome, log: Vec<CleanEvent>) {
        let answer = Answer { pass: self.pass, outcome, log };
        self.items[one].answer.get_or_insert(answer);
        self.end_joined(one);
    }
}

fn holds(graph: &Graph, chosen: &[usize], levels: &Levels) -> Vec<Hold> {
    let (below, all) = (graph.below(), chosen.iter().copied().collect::<HashSet<usize>>());
    chosen.iter().map(|one| graph.hold(*one, &below, &all, levels)).collect()
}

/// Who waits for whom. What is behind nodes that are not to be deleted counts unless that would close a circle.
fn order(chosen: &[usize], holds: &[Hold]) -> Order {
    let places: HashMap<usize, usize> = chosen.iter().enumerate().map(|(at, one)| (*one, at)).collect();
    let edges = |of: fn(&Hold) -> &Vec<usize>| {
        let all =
            holds.iter().enumerate().flat_map(move |(at, hold)| of(hold).iter().map(move |to| (at, *to)));
        all.filter_map(|(at, to)| Some((at, *places.get(&to)?))).collect::<Vec<_>>()
    };
    let mut order = Order::new(chosen.len(), edges(|hold| &hold.direct));
    for (from, to) in edges(|hold| &hold.behind) {
        order.wait(from, to);
    }
    order
}

/// The account of a node, as a job names it; `nodes` are the accounts of the graph.
pub(super) fn account_of(node: &StoredNode, cloud: &str, nodes: &[StoredNode]) -> Option<Account> {
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

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

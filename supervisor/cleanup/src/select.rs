//! From what was found to what is to be deleted: resources, their order, and those that stay from the start.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use decisions::cleanup::hold::{Hold, Standing, holds};
use decisions::cleanup::plan::Item;
use decisions::cleanup::{Fate, Kinds};
use ipc_proto::clean::{CleanJob, CleanResource, Related};
use ipc_proto::graph::EdgeType;
use ipc_proto::job::Account;
use ipc_proto::secret::Secret;

use crate::found::{Found, Node, Place};

/// What this worker may delete.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The collector of each cloud that it serves.
    pub collectors: &'a BTreeMap<String, String>,
    /// The kinds of all collectors.
    pub kinds: &'a Kinds,
    /// Whether an account (cloud and id) falls to this worker, if several share the accounts.
    pub is_ours: &'a dyn Fn(&str, &str) -> bool,
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("collectors", self.collectors).finish_non_exhaustive()
    }
}

/// A resource that is marked for cleanup.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its node, by number.
    pub node: usize,
    /// Its account, by number in [`Work::accounts`]; there is one unless its fate is decided.
    pub account: Option<usize>,
    /// Decided about itself before anything is tried.
    pub fate: Option<Fate>,
    /// What keeps it.
    pub hold: Hold,
}

/// An account with something to delete.
#[derive(Debug, Clone)]
pub struct AccountWork {
    /// The collector of its cloud.
    pub collector: String,
    /// Its cloud.
    pub cloud: String,
    /// Its id in the cloud.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its node, by number.
    pub node: usize,
}

/// Everything that one run has to do.
#[derive(Debug, Default)]
pub struct Work {
    found: Found,
    /// What is to be deleted.
    pub resources: Vec<Resource>,
    /// Where.
    pub accounts: Vec<AccountWork>,
    /// The places of each account, for the lookup of ancestors.
    places: HashMap<(String, String), Vec<usize>>,
}

/// Sorts out what is to be deleted.
pub fn select(found: Found, scope: Scope<'_>) -> Work {
    let mut work = Work { places: places(&found, scope.kinds), found, ..Work::default() };
    for node in 0..work.found.nodes().len() {
        if is_candidate(&work.found.nodes()[node], scope) {
            let (account, fate) = work.place(node, scope);
            work.resources.push(Resource { node, account, fate, hold: Hold::default() });
        }
    }
    work.keep(scope);
    work
}

fn is_marked(node: &Node) -> bool {
    node.clean && !node.cleaned
}

/// Marked, and of a cloud and an account that are ours.
fn is_candidate(node: &Node, scope: Scope<'_>) -> bool {
    let Some(cloud) = &node.cloud else { return false };
    let is_ours = |account: &Place| (scope.is_ours)(cloud, &account.id);
    is_marked(node) && scope.collectors.contains_key(cloud) && node.account.as_ref().is_none_or(is_ours)
}

fn places(found: &Found, kinds: &Kinds) -> HashMap<(String, String), Vec<usize>> {
    let mut places: HashMap<_, Vec<usize>> = HashMap::new();
    for (number, node) in found.nodes().iter().enumerate() {
        if let (Some(cloud), Some(account), true) = (&node.cloud, &node.account, kinds.is_place(&node.kind)) {
            places.entry((cloud.clone(), account.id.clone())).or_default().push(number);
        }
    }
    places
}

impl Work {
    /// The node of a resource.
    pub fn node(&self, resource: usize) -> &Node {
        &self.found.nodes()[self.resources[resource].node]
    }

    /// The resource whose node has this id.
    pub fn numbered(&self, node_id: &str) -> Option<usize> {
        (0..self.resources.len()).find(|resource| self.node(*resource).id == node_id)
    }

    /// The resources as the planner knows them.
    pub fn items(&self) -> Vec<Item> {
        let item = |(number, resource): (usize, &Resource)| {
            Item::new(self.name(number), resource.account, resource.fate.clone(), resource.hold.clone())
        };
        self.resources.iter().enumerate().map(item).collect()
    }

    /// The name of a resource for people.
    pub fn name(&self, resource: usize) -> String {
        self.node(resource).display_name()
    }

    /// What the user can do about a resource that the cloud does not let go.
    pub fn hint(&self, resource: usize) -> Option<String> {
        const NAMED: usize = 3;
        let unmarked = &self.resources[resource].hold.unmarked;
        let names = unmarked.iter().take(NAMED).map(|node| self.found.nodes()[*node].display_name());
        let names = names.collect::<Vec<_>>().join(", ");
        let more = unmarked.len().saturating_sub(NAMED);
        match (unmarked.len(), more) {
            (0, _) => None,
            (_, 0) => Some(format!("not marked for cleanup, but depending on it: {names}")),
            (_, more) => {
                Some(format!("not marked for cleanup, but depending on it: {names} and {more} more"))
            }
        }
    }

    /// The job that deletes `resources` of `account`, `parallel` at once.
    pub fn job(
        &self,
        account: usize,
        resources: &[usize],
        config: Secret<String>,
        dry_run: bool,
        parallel: u32,
    ) -> CleanJob {
        let AccountWork { collector, cloud, id, name, node } = &self.accounts[account];
        CleanJob {
            collector: collector.clone(),
            config,
            account: Account {
                cloud: cloud.clone(),
                id: id.clone(),
                name: name.clone(),
                node_id: self.found.nodes()[*node].id.clone(),
                scope: Secret::new(Vec::new()),
            },
            ancestors_json: self.ancestors(account, resources),
            resources: self.with_neighbours(resources),
            dry_run,
            parallel,
        }
    }

    /// The account and the regions and zones of `resources`, each once.
    fn ancestors(&self, account: usize, resources: &[usize]) -> Vec<String> {
        let account = &self.accounts[account];
        let mut wanted = BTreeSet::from([account.node]);
        let key = (account.cloud.clone(), account.id.clone());
        let places = self.places.get(&key).map_or(&[][..], Vec::as_slice);
        for resource in resources {
            let node = self.node(*resource);
            let same = |place: &Node, wanted: &Option<Place>| {
                wanted.as_ref().is_some_and(|it| it.id == place.cloud_id && it.name == place.name)
            };
            let of_it = |place: &&usize| {
                let place = &self.found.nodes()[**place];
                same(place, &node.region) || same(place, &node.zone)
            };
            wanted.extend(places.iter().filter(of_it));
        }
        wanted.iter().map(|node| String::from(&*self.found.nodes()[*node].json)).collect()
    }

    /// The neighbours of all `resources` in one go over the edges. Places are among the ancestors already.
    fn with_neighbours(&self, resources: &[usize]) -> Vec<CleanResource> {
        let at: HashMap<usize, usize> =
            resources.iter().enumerate().map(|(at, resource)| (self.resources[*resource].node, at)).collect();
        let json = |node: usize| String::from(&*self.found.nodes()[node].json);
        let resource = |resource: &usize| CleanResource {
            node_json: json(self.resources[*resource].node),
            related_json: Vec::new(),
            related_cut: false,
        };
        let mut all: Vec<CleanResource> = resources.iter().map(resource).collect();
        let places: HashSet<usize> = self.places.values().flatten().copied().collect();
        for link in self.found.links() {
            for (own, other, outgoing) in [(link.from, link.to, true), (link.to, link.from, false)] {
                let Some(at) = at.get(&own) else { continue };
                let is_above = self.found.nodes()[other].cloud.is_none();
                if !is_above && !places.contains(&other) {
                    let related = Related { edge: link.edge, outgoing, node_json: json(other) };
                    all[*at].related_json.push(related);
                }
            }
        }
        all
    }

    /// The account of a marked node, or why it stays.
    fn place(&mut self, number: usize, scope: Scope<'_>) -> (Option<usize>, Option<Fate>) {
        let node = &self.found.nodes()[number];
        let refused = |reason: String| Some(Fate::Refused(reason));
        if scope.kinds.is_phantom(&node.kind) {
            return (None, refused(format!("a resource of kind {} cannot be deleted", node.kind)));
        }
        let (Some(cloud), Some(place)) = (node.cloud.clone(), node.account.clone()) else {
            return (None, refused("fixcore does not say in which account it is".to_owned()));
        };
        let fate = node.protected.then(|| Fate::Refused("it is protected".to_owned()));
        let known = |account: &AccountWork| account.cloud == cloud && account.id == place.id;
        if let Some(account) = self.accounts.iter().position(known) {
            return (Some(account), fate);
        }
        let collector = scope.collectors.get(&cloud).cloned().unwrap_or_default();
        let places = self.places.get(&(cloud.clone(), place.id.clone())).into_iter().flatten();
        let is_account = |node: &&usize| {
            let node = &self.found.nodes()[**node];
            scope.kinds.is_account(&node.kind) && node.cloud_id == place.id
        };
        let Some(node) = places.copied().find(|node| is_account(&node)) else {
            let reason = format!("fixcore did not send the node of its account {}", place.id);
            return (None, refused(reason));
        };
        self.accounts.push(AccountWork { collector, cloud, id: place.id, name: place.name, node });
        (Some(self.accounts.len() - 1), fate)
    }

    /// What keeps each resource.
    fn keep(&mut self, scope: Scope<'_>) {
        let standing = |node: &Node| {
            let phantom = scope.kinds.is_phantom(&node.kind);
            let elsewhere = (node.clean && !phantom).then_some("is for another worker to delete");
            let stays = node.protected.then_some(Standing::PROTECTED).or(elsewhere);
            Standing { cleaned: node.cleaned, phantom, stays }
        };
        let nodes: Vec<Standing> = self.found.nodes().iter().map(standing).collect();
        let resources: Vec<usize> = self.resources.iter().map(|one| one.node).collect();
        let links = self.found.links().iter().filter(|link| link.edge == EdgeType::Delete);
        let edges = links.map(|link| (link.from, link.to));
        let holds = holds(&resources, &nodes, edges, &|node| self.found.nodes()[node].display_name());
        for (resource, hold) in self.resources.iter_mut().zip(holds) {
            resource.hold = hold;
        }
    }
}

#[cfg(test)]
mod tests;

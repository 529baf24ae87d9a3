//! From what was found to what is to be deleted: resources, their order, and those that stay from the start.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use ipc_proto::clean::{CleanJob, CleanResource, Related};
use ipc_proto::graph::EdgeType;
use ipc_proto::job::Account;
use ipc_proto::secret::Secret;

use crate::circle::circles;
use crate::fate::Fate;
use crate::found::{Found, Node, Place};
use crate::kinds::Kinds;

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
    /// The resources (by number) that depend on it, directly or behind nodes that are not marked: they have to be gone
    /// before.
    pub dependents: Vec<usize>,
    /// Nodes that depend on it and are not marked for cleanup. They do not hold it back, but the cloud may.
    pub unmarked: Vec<usize>,
    /// Nodes that depend on it stay, as far as this run goes: they are not marked, and nothing that is goes before them.
    pub held: bool,
    /// Decided before anything is tried.
    pub fate: Option<Fate>,
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

/// What keeps a resource.
#[derive(Debug, Default)]
struct Hold {
    /// Resources (by number) that depend on it.
    direct: Vec<usize>,
    /// Resources (by number) behind nodes that depend on it and are not marked.
    behind: Vec<usize>,
    /// Nodes that depend on it and are not marked.
    unmarked: Vec<usize>,
    /// Something stays for certain.
    fate: Option<Fate>,
}

impl Hold {
    fn stays(&mut self, reason: String) {
        self.fate.get_or_insert(Fate::Skipped(reason));
    }
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
    let mut number = HashMap::new();
    for node in 0..work.found.nodes().len() {
        if is_candidate(&work.found.nodes()[node], scope) {
            number.insert(node, work.resources.len());
            let (account, fate) = work.place(node, scope);
            let (dependents, unmarked) = (Vec::new(), Vec::new());
            work.resources.push(Resource { node, account, dependents, unmarked, held: false, fate });
        }
    }
    work.order(&number, scope);
    work.cut_circles();
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

    /// The name of a resource for people.
    pub fn name(&self, resource: usize) -> String {
        self.node(resource).display_name()
    }

    /// What the user can do about a resource that the cloud does not let go.
    pub fn hint(&self, resource: usize) -> Option<String> {
        const NAMED: usize = 3;
        let unmarked = &self.resources[resource].unmarked;
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

    /// Who has to go before whom, also behind what nobody marked: that goes, if at all, with what is behind it.
    fn order(&mut self, number: &HashMap<usize, usize>, scope: Scope<'_>) {
        let mut below: HashMap<usize, Vec<usize>> = HashMap::new();
        for link in self.found.links().iter().filter(|link| link.edge == EdgeType::Delete) {
            below.entry(link.from).or_default().push(link.to);
        }
        let mut all_behind = Vec::with_capacity(self.resources.len());
        for one in 0..self.resources.len() {
            let hold = self.hold(self.resources[one].node, &below, number, scope);
            let resource = &mut self.resources[one];
            resource.held = hold.direct.is_empty() && hold.behind.is_empty() && !hold.unmarked.is_empty();
            (resource.dependents, resource.unmarked) = (hold.direct, hold.unmarked);
            all_behind.push(hold.behind);
            if let Some(fate) = hold.fate {
                resource.fate.get_or_insert(fate);
            }
        }
        self.join(all_behind);
    }

    /// What keeps a node, directly and behind what nobody marked.
    fn hold(
        &self,
        node: usize,
        below: &HashMap<usize, Vec<usize>>,
        number: &HashMap<usize, usize>,
        scope: Scope<'_>,
    ) -> Hold {
        let mut hold = Hold::default();
        let mut seen = HashSet::from([node]);
        // Each with what nobody marked between it and the node.
        let direct = |below: &Vec<usize>| below.iter().map(|one| (*one, None)).collect::<VecDeque<_>>();
        let mut open = below.get(&node).map(direct).unwrap_or_default();
        while let Some((one, via)) = open.pop_front() {
            if let Some(dependent) = number.get(&one) {
                let all = if via.is_none() { &mut hold.direct } else { &mut hold.behind };
                // A node that depends on itself is a circle, told as such.
                if (via.is_none() || one != node) && !all.contains(dependent) {
                    all.push(*dependent);
                }
                continue;
            }
            if !seen.insert(one) {
                continue;
            }
            let dependent = &self.found.nodes()[one];
            let phantom = scope.kinds.is_phantom(&dependent.kind);
            if dependent.cleaned || (phantom && via.is_some()) {
                continue;
            }
            if dependent.protected {
                hold.stays(self.reason(one, via, "is protected"));
            } else if dependent.clean && !phantom {
                hold.stays(self.reason(one, via, "is for another worker to delete"));
            } else {
                if via.is_none() {
                    hold.unmarked.push(one);
                }
                if !phantom {
                    let further = below.get(&one).into_iter().flatten();
                    open.extend(further.map(|next| (*next, Some(one))));
                }
            }
        }
        hold
    }

    fn reason(&self, one: usize, via: Option<usize>, what: &str) -> String {
        let name = |node: usize| self.found.nodes()[node].display_name();
        match via {
            None => format!("{} depends on it and {what}", name(one)),
            Some(via) => format!("{} holds {}, which depends on it, and {what}", name(one), name(via)),
        }
    }

    /// Adds what is behind unmarked nodes to the dependents, unless that would close a circle: such an order is no rule
    /// of the cloud, only what was seen at the last collect.
    fn join(&mut self, behind: Vec<Vec<usize>>) {
        let all = self.resources.iter().zip(&behind);
        let all: Vec<Vec<usize>> = all.map(|(one, behind)| [&one.dependents[..], behind].concat()).collect();
        let mut group = vec![None; all.len()];
        for (name, circle) in circles(&all).into_iter().enumerate() {
            for member in circle.members {
                group[member] = Some(name);
            }
        }
        for (one, behind) in behind.into_iter().enumerate() {
            let dependents = &mut self.resources[one].dependents;
            let in_circle = |other: usize| group[one].is_some() && group[one] == group[other];
            for other in behind.into_iter().filter(|other| !in_circle(*other)) {
                if !dependents.contains(&other) {
                    dependents.push(other);
                }
            }
        }
    }

    fn cut_circles(&mut self) {
        let edges: Vec<Vec<usize>> = self.resources.iter().map(|one| one.dependents.clone()).collect();
        for circle in circles(&edges) {
            let names: Vec<String> = circle.path.iter().map(|member| self.name(*member)).collect();
            let reason = format!("it depends on itself in a circle of delete edges: {}", names.join(" -> "));
            for member in circle.members {
                self.resources[member].fate.get_or_insert(Fate::Skipped(reason.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests;

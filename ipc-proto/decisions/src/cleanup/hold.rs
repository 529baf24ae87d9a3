//! What keeps a resource: which others have to go before it, and whether it stays for certain. Over plain data: nodes by
//! number, and the delete edges between them.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Fate;
use super::circle::circles;

/// A node, as far as it may hold others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// Deleted by an earlier run: it holds nothing, and nothing behind it matters.
    pub cleaned: bool,
    /// Nothing that a cloud could delete ([`Kinds::is_phantom`](super::Kinds::is_phantom)): nothing goes with it.
    pub phantom: bool,
    /// Why it is there after the run whatever happens, if that is so; fits behind its name.
    pub stays: Option<&'static str>,
}

impl Standing {
    /// What [`Self::stays`] says of a node that nothing may change.
    pub const PROTECTED: &str = "is protected";
}

/// What keeps a resource.
#[derive(Debug, Clone, Default)]
pub struct Hold {
    /// The resources (by number) that depend on it, directly or behind nodes that are not to be deleted: they have to be
    /// gone before.
    pub dependents: Vec<usize>,
    /// Nodes that depend on it and are not to be deleted. They do not hold it back, but the cloud may.
    pub unmarked: Vec<usize>,
    /// Nodes that depend on it stay, as far as this run goes: they are not to be deleted, and nothing that is goes before
    /// them.
    pub held: bool,
    /// It stays for certain.
    pub fate: Option<Fate>,
}

/// What keeps each of `resources` (numbers of nodes). Of a delete edge the first node depends on the second one to be
/// gone.
pub fn holds(
    resources: &[usize],
    nodes: &[Standing],
    delete_edges: impl IntoIterator<Item = (usize, usize)>,
    name: &dyn Fn(usize) -> String,
) -> Vec<Hold> {
    let mut below: HashMap<usize, Vec<usize>> = HashMap::new();
    for (from, to) in delete_edges {
        below.entry(from).or_default().push(to);
    }
    let number = resources.iter().enumerate().map(|(number, node)| (*node, number)).collect();
    let search = Search { nodes, below, number, name };
    let (mut holds, behind): (Vec<Hold>, Vec<_>) = resources.iter().map(|node| search.hold(*node)).unzip();
    join(&mut holds, behind);
    cut_circles(&mut holds, &|resource| name(resources[resource]));
    holds
}

struct Search<'a> {
    nodes: &'a [Standing],
    /// What depends on a node.
    below: HashMap<usize, Vec<usize>>,
    /// Resources by their nodes.
    number: HashMap<usize, usize>,
    name: &'a dyn Fn(usize) -> String,
}

impl Search<'_> {
    /// What keeps a node directly, and the resources behind nodes that are not to be deleted: those go, if at all, with
    /// what is behind them.
    fn hold(&self, node: usize) -> (Hold, Vec<usize>) {
        let (mut hold, mut behind) = (Hold::default(), Vec::new());
        let mut seen = HashSet::from([node]);
        // Each with what is not to be deleted between it and the node.
        let direct = self.below(node).map(|one| (one, None));
        let mut open: VecDeque<(usize, Option<usize>)> = direct.collect();
        while let Some((one, via)) = open.pop_front() {
            if let Some(dependent) = self.number.get(&one) {
                let all = if via.is_none() { &mut hold.dependents } else { &mut behind };
                // A node that depends on itself is a circle, told as such.
                if (via.is_none() || one != node) && !all.contains(dependent) {
                    all.push(*dependent);
                }
                continue;
            }
            let Standing { cleaned, phantom, stays } = self.nodes[one];
            if !seen.insert(one) || cleaned || (phantom && via.is_some()) {
                continue;
            }
            if let Some(why) = stays {
                hold.fate.get_or_insert_with(|| Fate::Skipped(self.reason(one, via, why)));
                continue;
            }
            if via.is_none() {
                hold.unmarked.push(one);
            }
            if !phantom {
                open.extend(self.below(one).map(|next| (next, Some(one))));
            }
        }
        hold.held = hold.dependents.is_empty() && behind.is_empty() && !hold.unmarked.is_empty();
        (hold, behind)
    }

    fn below(&self, node: usize) -> impl Iterator<Item = usize> {
        self.below.get(&node).into_iter().flatten().copied()
    }

    fn reason(&self, one: usize, via: Option<usize>, what: &str) -> String {
        let name = self.name;
        match via {
            None => format!("{} depends on it and {what}", name(one)),
            Some(via) => format!("{} holds {}, which depends on it, and {what}", name(one), name(via)),
        }
    }
}

/// Adds what is behind others to the dependents, unless that would close a circle: such an order is no rule of the
/// cloud, only what was seen at the last collect.
fn join(holds: &mut [Hold], behind: Vec<Vec<usize>>) {
    let all = holds.iter().zip(&behind);
    let all: Vec<Vec<usize>> = all.map(|(hold, behind)| [&hold.dependents[..], behind].concat()).collect();
    let mut group = vec![None; all.len()];
    for (name, circle) in circles(&all).into_iter().enumerate() {
        for member in circle.members {
            group[member] = Some(name);
        }
    }
    for (one, behind) in behind.into_iter().enumerate() {
        let dependents = &mut holds[one].dependents;
        let in_circle = |other: usize| group[one].is_some() && group[one] == group[other];
        for other in behind.into_iter().filter(|other| !in_circle(*other)) {
            if !dependents.contains(&other) {
                dependents.push(other);
            }
        }
    }
}

/// None of what waits for each other could ever be the first.
fn cut_circles(holds: &mut [Hold], name: &dyn Fn(usize) -> String) {
    let edges: Vec<Vec<usize>> = holds.iter().map(|hold| hold.dependents.clone()).collect();
    for circle in circles(&edges) {
        let names: Vec<String> = circle.path.iter().map(|member| name(*member)).collect();
        let reason = format!("it depends on itself in a circle of delete edges: {}", names.join(" -> "));
        for member in circle.members {
            holds[member].fate.get_or_insert(Fate::Skipped(reason.clone()));
        }
    }
}

#[cfg(test)]
mod tests;

//! Finding nodes by id, arn, name or another property, without looking at each.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use inventory::KindTable;
use tables::plan::Lookup;

use super::lines::Lines;
use super::{Change, Node, NodeIndex, edit};
use crate::facts::CloudFacts;
use crate::regions::RegionIndex;

/// What kind of node is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Of this kind, or of a kind that has it among its bases.
    Kind(&'a str),
    /// Any resource of the cloud.
    Any,
}

/// One index for each pair of target and property that was asked for, made when it is. Nodes that come later are
/// added when it is asked again.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    hasher: RandomState,
    indexes: HashMap<(Option<String>, String, bool), Index, RandomState>,
}

/// All nodes, with what is known about each.
#[derive(Clone, Copy)]
pub(super) struct All<'g> {
    pub(super) nodes: &'g [Node],
    pub(super) lines: &'g Lines,
    pub(super) changes: &'g HashMap<NodeIndex, Change>,
}

/// Hashes of values with the nodes that have them.
#[derive(Debug, Default)]
struct Index {
    /// How many nodes of the graph were looked at.
    seen: usize,
    nodes: HashMap<u64, Vec<NodeIndex>, RandomState>,
    /// Whether nodes of a kind are looked for.
    wanted: HashMap<&'static str, bool, RandomState>,
}

impl Indexes {
    /// All nodes of `target` whose property is `value`.
    pub(super) fn find(
        &mut self,
        all: All<'_>,
        (table, facts): (&KindTable, &CloudFacts),
        target: Target<'_>,
        by: &Lookup,
        (value, fold): (&str, bool),
    ) -> Vec<NodeIndex> {
        let value = &*spelled(value, fold);
        let kind = match target {
            Target::Kind(kind) => Some(kind.to_owned()),
            Target::Any => None,
        };
        let Self { hasher, indexes } = self;
        let All { nodes, lines, changes } = all;
        let index = indexes.entry((kind, by.property().to_owned(), fold)).or_default();
        let base = match target {
            Target::Kind(kind) => kind,
            Target::Any => facts.resource_kind,
        };
        for (number, node) in nodes.iter().enumerate().skip(index.seen) {
            if *index.wanted.entry(node.kind).or_insert_with(|| table.is_a(node.kind, base)) {
                with_value(node, lines, changes.get(&number), by, |value| {
                    index.nodes.entry(hash(hasher, &spelled(value, fold))).or_default().push(number);
                });
            }
        }
        index.seen = nodes.len();
        let same_hash = index.nodes.get(&hash(hasher, value));
        let mut found: Vec<NodeIndex> = same_hash.into_iter().flatten().copied().collect();
        found.retain(|number| {
            let mut equal = false;
            with_value(&nodes[*number], lines, changes.get(number), by, |own| {
                equal = spelled(own, fold) == value;
            });
            equal
        });
        found
    }
}

/// The value as it is compared.
fn spelled(value: &str, fold: bool) -> Cow<'_, str> {
    if fold { value.to_lowercase().into() } else { value.into() }
}

fn hash(hasher: &RandomState, value: &str) -> u64 {
    hasher.hash_one(value)
}

/// Calls `with` with the value of a property that is a text or a number.
fn with_value(node: &Node, lines: &Lines, change: Option<&Change>, by: &Lookup, mut with: impl FnMut(&str)) {
    match by {
        Lookup::Id => with(&node.id),
        Lookup::Name => with(&node.name),
        Lookup::Arn => node.arn.as_deref().into_iter().for_each(with),
        Lookup::Property(name) => match edit::property(&lines.get(node.line), change, name) {
            Some(serde_json::Value::String(text)) => with(&text),
            Some(serde_json::Value::Number(number)) => with(&number.to_string()),
            _ => {}
        },
    }
}

/// One of the nodes found: near before global before elsewhere. Of several that are equally near, the one with
/// the smallest id, so that it is the same in every run.
pub(super) fn choose(
    nodes: &[Node],
    found: &[NodeIndex],
    near: Option<RegionIndex>,
    any_region: bool,
) -> Option<NodeIndex> {
    let distance = |node: NodeIndex| match (nodes[node].home.region(), near) {
        (Some(region), Some(near)) if region == near => 0,
        (Some(RegionIndex::GLOBAL) | None, _) => 1,
        (Some(_), _) => 2,
    };
    let reachable = |distance: &u8| any_region || near.is_none() || *distance < 2;
    found
        .iter()
        .map(|node| (distance(*node), nodes[*node].node_id, *node))
        .filter(|(distance, _, _)| reachable(distance))
        .min()
        .map(|(_, _, node)| node)
}

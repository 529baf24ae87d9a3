//! Edges as the rules of kind tables want them.

use inventory::TypeShape;
use serde_json::Value;
use tables::plan::{DeleteEdge, Direction, EdgeType as RuleType, Other};

use super::{Deferred, EdgeType, End, Graph, NodeIndex, Target, Wish};

impl Graph {
    /// Makes the edges of a wish, as far as the other nodes exist.
    pub(super) fn grant(&mut self, wish: &Wish) {
        let Wish { node, rule, values } = wish;
        if rule.deferred {
            for value in values.iter() {
                self.defer(*node, rule, value);
            }
            return;
        }
        let target = match &rule.other {
            Other::Kind(kind) => Target::Kind(kind),
            Other::Any => Target::Any,
            // Wishes for the parent and the place are granted when the node is made.
            Other::Parent | Other::Place => return,
        };
        let near = self.region_of(*node);
        for value in values.iter() {
            let value = (value, rule.fold);
            if let Some(other) = self.find_folded(target, &rule.by, value, near, rule.any_region) {
                self.join(*node, other, rule);
            }
        }
    }

    /// Makes the edges of a rule between a node and the other one.
    pub(crate) fn join(&mut self, node: NodeIndex, other: NodeIndex, rule: &tables::plan::EdgeRule) {
        let (from, to) = match rule.direction {
            Direction::To => (node, other),
            Direction::From => (other, node),
        };
        match rule.edge {
            RuleType::Default => self.edge(from, to, EdgeType::Default),
            RuleType::Delete => self.edge(from, to, EdgeType::Delete),
            RuleType::None => {}
        }
        for (own, theirs) in &rule.copy {
            if let Some(value) = self.property(other, theirs)
                && self.property(node, own).is_none_or(|value| is_nothing(&value))
            {
                self.set(node, own, value);
            }
        }
        if let Some(property) = &rule.count {
            self.count(other, property);
        }
        match rule.delete {
            Some(DeleteEdge::Reverse) => self.edge(to, from, EdgeType::Delete),
            Some(DeleteEdge::Same) => self.edge(from, to, EdgeType::Delete),
            None => {}
        }
    }

    /// Counts one more in a property of a node; a truth value becomes true.
    fn count(&mut self, node: NodeIndex, property: &str) {
        let kind = self.table().kind(self.nodes[node].kind).ok();
        let field = kind.and_then(|kind| kind.fields().iter().find(|field| field.name == property));
        let is_flag = field.is_some_and(|field| field.property_type.shape == TypeShape::Bool);
        let known = self.property(node, property).and_then(|value| value.as_u64()).unwrap_or_default();
        self.set(node, property, if is_flag { true.into() } else { (known + 1).into() });
    }

    fn defer(&mut self, node: NodeIndex, rule: &tables::plan::EdgeRule, value: &str) {
        let other = End::Search(rule.criteria(value, self.facts.resource_kind));
        let (from, to) = match rule.direction {
            Direction::To => (End::Node(node), other),
            Direction::From => (other, End::Node(node)),
        };
        let edge_type = match rule.edge {
            RuleType::Default => Some(EdgeType::Default),
            RuleType::Delete => Some(EdgeType::Delete),
            RuleType::None => None,
        };
        if let Some(edge_type) = edge_type {
            self.deferred_edge(Deferred { from, to, edge_type });
        }
    }
}

/// What a property holds that every node of the kind has, where nothing is known of it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

//! A model too large for one request.
//!
//! Fixcore takes at most 5 MiB at once, and each request has to make sense by itself: every base, every kind of a
//! property and every successor kind has to be in the request or in the model already (tried on fixcore 4.2:
//! `KeyError`, `Property kind is not known`, `is not a known kind`). A model that fits goes as it is. Else it goes
//! in two rounds: first without successor kinds, bases and property kinds before their users (kinds that need
//! each other in one part), then the kinds with successors again, complete.

use std::collections::HashMap;

use serde_json::Value;
use thiserror::Error;

/// Largest part, in bytes; fixcore's limit is 5 MiB by default.
pub const PART_LIMIT: usize = 4 * 1024 * 1024 - 1;

/// A model that can not be sent.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ModelError {
    /// An element without a name.
    #[error("the model holds a kind without fqn")]
    NoName,
    /// Kinds that need each other are larger than a request may be.
    #[error(
        "the kind {fqn} and those it cannot be without have {size} bytes, more than the {limit} of a request"
    )]
    TooLarge {
        /// One of them.
        fqn: String,
        /// Together, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Splits a model into bodies (JSON lists) of at most `limit` bytes, in the order in which they have to be sent.
pub fn split_model(kinds: &[Value], limit: usize) -> Result<Vec<Vec<u8>>, ModelError> {
    let whole = [b"[", list(kinds).as_slice(), b"]"].concat();
    if whole.len() <= limit {
        return Ok(vec![whole]);
    }
    let groups = groups(kinds)?;
    let first = groups.iter().map(|group| group.iter().map(|at| without_successors(&kinds[*at])).collect());
    let second = kinds.iter().filter(|kind| kind.get(SUCCESSORS).is_some_and(|s| !s.is_null()));
    let mut bodies = pack(first.collect(), limit)?;
    bodies.extend(pack(second.map(|kind| vec![kind.clone()]).collect(), limit)?);
    Ok(bodies)
}

const SUCCESSORS: &str = "successor_kinds";

/// Fills bodies one after the other; a group stays together.
fn pack(groups: Vec<Vec<Value>>, limit: usize) -> Result<Vec<Vec<u8>>, ModelError> {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for group in groups {
        let text = list(&group);
        let size = text.len() + 2;
        if size > limit {
            let fqn = group.first().map(fqn).transpose()?.unwrap_or_default().to_owned();
            return Err(ModelError::TooLarge { fqn, size, limit });
        }
        match bodies.last_mut() {
            // A body has its opening bracket already; the comma takes the place of the other.
            Some(body) if body.len() + size <= limit => {
                body.push(b',');
                body.extend_from_slice(&text);
            }
            _ => bodies.push([b"[", text.as_slice()].concat()),
        }
    }
    for body in &mut bodies {
        body.push(b']');
    }
    Ok(bodies)
}

/// The elements with commas between.
fn list(kinds: &[Value]) -> Vec<u8> {
    kinds.iter().map(Value::to_string).collect::<Vec<_>>().join(",").into_bytes()
}

fn fqn(kind: &Value) -> Result<&str, ModelError> {
    kind.get("fqn").and_then(Value::as_str).ok_or(ModelError::NoName)
}

fn without_successors(kind: &Value) -> Value {
    let mut kind = kind.clone();
    if let Some(successors) = kind.get_mut(SUCCESSORS) {
        *successors = Value::Null;
    }
    kind
}

/// Indices of kinds that need each other, needed groups first. Kinds that are not in the model (simple ones,
/// those that fixcore has) need nothing.
fn groups(kinds: &[Value]) -> Result<Vec<Vec<usize>>, ModelError> {
    let names: HashMap<&str, usize> =
        kinds.iter().enumerate().map(|(at, kind)| Ok((fqn(kind)?, at))).collect::<Result<_, _>>()?;
    let needs: Vec<Vec<usize>> = kinds
        .iter()
        .map(|kind| needed(kind).into_iter().filter_map(|name| names.get(name).copied()).collect())
        .collect();
    Ok(Components::of(&needs))
}

/// Names of bases and property kinds.
fn needed(kind: &Value) -> Vec<&str> {
    let list = |key: &str| kind.get(key).and_then(Value::as_array).into_iter().flatten();
    let bases = list("bases").filter_map(Value::as_str);
    let properties = list("properties").filter_map(|p| p.get("kind")?.as_str());
    bases.chain(properties.flat_map(names_in)).collect()
}

/// The names in `name`, `name[]` or `dictionary[name, name]`.
fn names_in(kind: &str) -> impl Iterator<Item = &str> {
    kind.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .filter(|word| !word.is_empty() && *word != "dictionary")
}

/// Strongly connected components (Tarjan), without recursion: chains of kinds may be long.
struct Components<'a> {
    needs: &'a [Vec<usize>],
    /// Order of discovery, from 1; 0 is not seen yet.
    order: Vec<usize>,
    lowest: Vec<usize>,
    open: Vec<usize>,
    is_open: Vec<bool>,
    found: Vec<Vec<usize>>,
    seen: usize,
}

impl<'a> Components<'a> {
    fn of(needs: &'a [Vec<usize>]) -> Vec<Vec<usize>> {
        let zeros = vec![0; needs.len()];
        let mut c = Components {
            needs,
            order: zeros.clone(),
            lowest: zeros,
            open: Vec::new(),
            is_open: vec![false; needs.len()],
            found: Vec::new(),
            seen: 0,
        };
        for start in 0..needs.len() {
            if c.order[start] == 0 {
                c.visit(start);
            }
        }
        c.found
    }

    fn visit(&mut self, start: usize) {
        let mut path = vec![(start, 0)];
        self.enter(start);
        while let Some((node, edge)) = path.pop() {
            if let Some(&next) = self.needs[node].get(edge) {
                path.push((node, edge + 1));
                if self.order[next] == 0 {
                    self.enter(next);
                    path.push((next, 0));
                } else if self.is_open[next] {
                    self.lowest[node] = self.lowest[node].min(self.order[next]);
                }
                continue;
            }
            if let Some(&(parent, _)) = path.last() {
                self.lowest[parent] = self.lowest[parent].min(self.lowest[node]);
            }
            if self.lowest[node] == self.order[node] {
                self.close(node);
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.seen += 1;
        self.order[node] = self.seen;
        self.lowest[node] = self.seen;
        self.open.push(node);
        self.is_open[node] = true;
    }

    fn close(&mut self, root: usize) {
        let at = self.open.iter().rposition(|node| *node == root).unwrap_or(0);
        let mut component = self.open.split_off(at);
        component.sort_unstable();
        for node in &component {
            self.is_open[*node] = false;
        }
        self.found.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::HashSet;

    fn kind(fqn: &str, bases: &[&str], properties: &[&str], successors: &[&str]) -> Value {
        let properties: Vec<_> =
            properties.iter().map(|kind| json!({"name": "p", "kind": kind, "required": false})).collect();
        let successors = if successors.is_empty() { Value::Null } else { json!({"default": successors}) };
        json!({"fqn": fqn, "bases": bases, "properties": properties, "successor_kinds": successors})
    }

    /// What fixcore does with the parts: every name has to be known, and the last version of a kind stays.
    fn apply(parts: &[Vec<u8>], outside: &[&str]) -> HashMap<String, Value> {
        let mut known: HashMap<String, Value> = HashMap::new();
        for part in parts {
            let kinds: Vec<Value> = serde_json::from_slice(part).unwrap();
            let inside: HashSet<&str> = kinds.iter().map(|k| fqn(k).unwrap()).collect();
            for kind in &kinds {
                let successors = kind["successor_kinds"]["default"].as_array().into_iter().flatten();
                let successors = successors.filter_map(Value::as_str);
                for name in needed(kind).into_iter().chain(successors) {
                    let ok = known.contains_key(name) || inside.contains(name) || outside.contains(&name);
                    assert!(ok, "{name} of {} is not known", kind["fqn"]);
                }
            }
            for kind in kinds {
                known.insert(fqn(&kind).unwrap().to_owned(), kind);
            }
        }
        known
    }

    fn sample() -> Vec<Value> {
        vec![
            kind("leaf", &["resource"], &["string", "part[]", "dictionary[string, other[]]"], &["resource"]),
            kind("resource", &[], &["string"], &["leaf", "resource"]),
            kind("part", &[], &["other"], &[]),
            kind("other", &[], &["part"], &[]),
        ]
    }

    #[test]
    fn a_model_that_fits_is_not_touched() {
        let parts = split_model(&sample(), PART_LIMIT).unwrap();
        assert_eq!(serde_json::from_slice::<Vec<Value>>(&parts[0]).unwrap(), sample());
        assert_eq!(parts.len(), 1);
        assert_eq!(split_model(&[], 10).unwrap(), [b"[]"]);
    }

    #[test]
    fn what_needs_each_other_stays_together_and_what_is_needed_goes_first() {
        let groups = groups(&sample()).unwrap();
        assert_eq!(groups, [vec![1], vec![2, 3], vec![0]]);
    }

    #[test]
    fn parts_are_accepted_in_their_order_and_complete_at_the_end() {
        let model = sample();
        let known = apply(&split_model(&model, 400).unwrap(), &["string"]);
        for kind in &model {
            assert_eq!(&known[fqn(kind).unwrap()], kind);
        }
    }

    #[test]
    fn what_can_not_be_split_is_named() {
        let error = split_model(&sample(), 150).unwrap_err();
        assert!(matches!(&error, ModelError::TooLarge { fqn, limit: 150, .. } if fqn == "part"), "{error}");
        assert_eq!(split_model(&[json!({"x": 1}), json!({})], 4).unwrap_err(), ModelError::NoName);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let model: Vec<Value> = (0..50_000)
            .map(|i| kind(&format!("k{i}"), &[format!("k{}", i + 1).as_str()], &[], &[]))
            .collect();
        let groups = groups(&model).unwrap();
        assert_eq!(groups.len(), 50_000);
        assert_eq!(groups[0], [49_999]);
    }

    proptest! {
        #[test]
        fn any_model_survives_the_split(
            edges in proptest::collection::vec((0_usize..12, 0_usize..12, 0_u8..3), 0..40),
            limit in 1_500_usize..4_000,
        ) {
            let names: Vec<String> = (0..12).map(|i| format!("kind_{i}")).collect();
            let model: Vec<Value> = (0..12).map(|from| {
                let of = |which| edges.iter().filter(move |(f, _, w)| *f == from && *w == which)
                    .map(|(_, to, _)| names[*to].as_str()).collect::<Vec<_>>();
                kind(&names[from], &of(0), &of(1), &of(2))
            }).collect();
            // Limits that a group does not fit into are another test.
            if let Ok(parts) = split_model(&model, limit) {
                prop_assert!(parts.iter().all(|part| part.len() <= limit));
                let known = apply(&parts, &[]);
                for kind in &model {
                    prop_assert_eq!(&known[fqn(kind).unwrap()], kind);
                }
            }
        }
    }
}

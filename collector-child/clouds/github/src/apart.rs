//! What would have the id of something else is kept apart by the full name of its repository.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// Keeps of each thing one document, as its number `id` tells: two names may be of the same repository, and a listing tells
/// about the same thing again where something was added before it meanwhile.
pub(crate) fn once(documents: &mut Vec<Value>) {
    let mut numbers = HashSet::new();
    documents.retain(|one| one["id"].as_u64().is_none_or(|number| numbers.insert(number)));
}

/// Gives those documents a member `apart` with the full name that have the same `id` as others. All of them: which comes
/// first is chance.
pub(crate) fn keep_apart(
    documents: &mut [Value],
    id: impl Fn(&Value) -> Option<String>,
    full_name: impl Fn(&Value) -> Value,
) {
    let mut times: HashMap<String, usize> = HashMap::new();
    let ids: Vec<Option<String>> = documents.iter().map(id).collect();
    for id in ids.iter().flatten() {
        *times.entry(id.clone()).or_default() += 1;
    }
    for (document, id) in documents.iter_mut().zip(ids) {
        let several = id.is_some_and(|id| times.get(&id).is_some_and(|times| *times > 1));
        if several && document.is_object() {
            document["apart"] = full_name(document);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_told_twice_is_there_once() {
        let mut documents = vec![json!({"id": 1}), json!({"id": 2}), json!({"id": 1}), json!({}), json!({})];
        once(&mut documents);
        assert_eq!(documents, [json!({"id": 1}), json!({"id": 2}), json!({}), json!({})]);
    }

    #[test]
    fn only_what_would_collide_is_kept_apart() {
        let mut documents = [
            json!({"id": 1, "in": "a/x"}),
            json!({"id": 2, "in": "a/x"}),
            json!({"id": 1, "in": "b/x"}),
            json!(null),
        ];
        keep_apart(&mut documents, |one| Some(one["id"].as_u64()?.to_string()), |one| one["in"].clone());
        let apart: Vec<&Value> = documents.iter().map(|one| &one["apart"]).collect();
        assert_eq!(apart, [&json!("a/x"), &Value::Null, &json!("b/x"), &Value::Null]);
    }
}

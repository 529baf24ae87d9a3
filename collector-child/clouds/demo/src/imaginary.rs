//! What the collectors without a cloud do with changes: there is nothing to change, so everything succeeds.

use collector::Kinds;
use collector::changes::{Ability, CleanLog, CleanRequest, CleanTarget, TagRequest};
use ipc_proto::clean::CleanOutcome;

/// What can be done with `kind`: everything with those that have `base` among their bases, as in the Python
/// worker.
pub(super) fn ability(kinds: &Kinds, base: &str, kind: &str) -> Ability {
    let Ok(table) = kinds.table() else { return Ability::Unknown };
    match table.kind(kind) {
        Err(_) => Ability::Unknown,
        Ok(_) if table.is_a(kind, "phantom_resource") => Ability::Phantom,
        Ok(found) if found.python_type().is_some() && table.is_a(kind, base) => Ability::Yes,
        Ok(_) => Ability::No,
    }
}

/// Deletes a resource that exists nowhere.
pub(super) fn clean(request: &CleanRequest, target: &CleanTarget, log: &CleanLog) -> CleanOutcome {
    let region = target.node.ancestors.region_id().unwrap_or("no region");
    if request.dry_run {
        log.done(format!("would be deleted in {region}"));
        CleanOutcome::Planned
    } else {
        log.done(format!("deleted in {region}"));
        CleanOutcome::Gone
    }
}

/// Changes tags that exist nowhere.
pub(super) fn tag(request: &TagRequest) {
    let TagRequest { node, change, .. } = request;
    for name in &change.remove {
        tracing::info!(tag = name, "removed a tag of {}", node.title());
    }
    for (name, _) in &change.set {
        tracing::info!(tag = name, "set a tag of {}", node.title());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use collector::Collector;
    use collector::changes::Change;

    fn able(collector: &dyn Collector, kinds: &Kinds) -> Vec<&'static str> {
        let table = kinds.table().unwrap();
        let able = |change, kind: &str| collector.ability(change, kind) == Ability::Yes;
        let names = || table.names().filter(|kind| table.kind(kind).unwrap().python_type().is_some());
        let cleaned: Vec<_> = names().filter(|kind| able(Change::Clean, kind)).collect();
        assert_eq!(cleaned, names().filter(|kind| able(Change::Tag, kind)).collect::<Vec<_>>());
        cleaned
    }

    /// The classes of the Python worker that have `delete`, `update_tag` and `delete_tag`. (Its accounts and
    /// regions answer NotImplemented, which it takes for success.)
    #[test]
    fn what_the_python_worker_can_change_we_can() {
        let example = crate::example::Example::default();
        assert_eq!(
            able(&example, &Kinds::of(&["base", "example"])),
            ["example_custom_resource", "example_instance", "example_network", "example_volume"]
        );
        let random = crate::random::Random::default();
        assert_eq!(
            able(&random, &Kinds::of(&["base", "random"])),
            ["random_instance", "random_load_balancer", "random_network", "random_volume"]
        );
        for (kind, ability) in [
            ("example_region", Ability::Phantom),
            ("cloud", Ability::Phantom),
            ("instance_quota", Ability::Phantom),
            ("example_account", Ability::No),
            ("instance", Ability::No),
            ("random_instance", Ability::Unknown),
        ] {
            assert_eq!(example.ability(Change::Clean, kind), ability, "{kind}");
        }
    }

    #[test]
    fn the_handler_is_registered_like_the_one_of_the_python_worker() {
        // From the capture of a worker that starts; the two texts are ours.
        let peer = r#"{"name": "tag", "info": "x", "description": "x", "filter": {"cloud": ["example"]},
            "expect_node_result": true, "args_description": {}, "allowed_on_kind": null}"#;
        let mut expected: Value = serde_json::from_str(peer).unwrap();
        let described = crate::example::Example::default().describe();
        let tasks: Value = serde_json::from_str(&described.tasks_json).unwrap();
        for text in ["info", "description"] {
            assert!(tasks[0][text].is_string());
            expected[text] = tasks[0][text].clone();
        }
        assert_eq!(tasks, json!([expected]));
    }
}

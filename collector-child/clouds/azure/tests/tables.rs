//! The tables as a whole: what is there, and what is missing.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};

use azure_collector::{about, without_table};
use inventory::KindTable;
use tables::plan::{KindPlan, PlaceKind, Source};

fn by_name() -> BTreeMap<String, KindPlan> {
    about().unwrap().1.all().map(|plan| (plan.kind.clone(), plan.clone())).collect()
}

#[test]
fn every_kind_of_the_model_has_a_table_or_a_reason() {
    let kinds = KindTable::load(&["base", "azure"]).unwrap();
    let of_cloud = |name: &&str| {
        let source = kinds.kind(name).unwrap();
        source.python_type().is_some_and(|class| class.starts_with("fix_plugin_azure."))
    };
    let wanted: BTreeSet<&str> = kinds.names().filter(of_cloud).collect();
    let plans = by_name();
    let missing: BTreeSet<&str> = without_table().map(|(kind, _)| kind).collect();
    let there: BTreeSet<&str> = plans.keys().map(String::as_str).chain(missing.iter().copied()).collect();
    assert_eq!(there, wanted);
    assert_eq!(plans.len() + missing.len(), there.len(), "a kind has a table and a reason to have none");
}

#[test]
fn every_call_says_its_version() {
    let plans = by_name();
    assert_eq!(plans["azure_location"].places, Some(PlaceKind::Region));
    for plan in plans.values() {
        let lists = match &plan.source {
            Source::List { calls, .. } => calls.as_slice(),
            _ => &[],
        };
        for call in lists.iter().map(|list| &list.call).chain(plan.calls.iter().map(|follow| &follow.call)) {
            if call.service == "graph" {
                assert!(call.operation.starts_with("GET /v1.0/") || call.operation.starts_with("GET /beta/"));
                continue;
            }
            assert_eq!(call.service, "arm", "{}", plan.kind);
            assert!(
                call.operation.starts_with("GET ") || call.operation.ends_with("/listNodes"),
                "{}",
                plan.kind
            );
            let arguments = serde_json::to_value(&call.arguments).unwrap();
            assert!(arguments["query"]["api-version"].is_string(), "{}: {}", plan.kind, call.operation);
        }
    }
}

/// What the API answers for whoever may read it does not belong into the graph if it opens a door.
#[test]
fn no_secret_is_mapped() {
    const ENDS: [&str; 8] = [
        "password",
        "_secret",
        "shared_key",
        "access_key",
        "connection_string",
        "sas_token",
        "authorization_key",
        "validation_key",
    ];
    for plan in by_name().values() {
        let objects = plan.mapping.objects.iter().flat_map(|object| &object.properties);
        for property in plan.mapping.properties.iter().chain(objects) {
            let name = property.name.as_str();
            assert!(!ENDS.iter().any(|end| name.ends_with(end)), "{}: {name}", plan.kind);
        }
    }
}

#[test]
fn kinds_are_changed_by_one_base_table() {
    let plans = by_name();
    let tagged = plans.values().filter(|plan| plan.tag.is_some()).count();
    let deleted: Vec<&KindPlan> = plans.values().filter(|plan| plan.delete.is_some()).collect();
    assert_eq!((tagged, deleted.len()), (99, 173));
    for plan in deleted {
        let calls = plan.changes().filter(|call| call.operation == "DELETE {+id}");
        let versions: BTreeSet<String> =
            calls.map(|call| serde_json::to_value(&call.arguments).unwrap().to_string()).collect();
        assert!(versions.len() == 1 && !versions.first().unwrap().contains("{$kind"), "{}", plan.kind);
    }
}

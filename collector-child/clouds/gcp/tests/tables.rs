//! The tables as a whole: what is there, what is missing, what can be changed.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};

use gcp_collector::{about, without_table};
use gcp_shapes::CATALOG;
use inventory::KindTable;
use tables::plan::{HomePlan, KindPlan, KindScope, PlaceKind};

fn by_name() -> BTreeMap<String, KindPlan> {
    about().unwrap().1.all().map(|plan| (plan.kind.clone(), plan.clone())).collect()
}

#[test]
fn every_kind_of_the_model_has_a_table_or_a_reason() {
    let kinds = KindTable::load(&["base", "gcp"]).unwrap();
    let is_resource = |name: &&str| {
        let mut bases = kinds.kind(name).unwrap().model().bases.clone();
        let mut of_cloud = *name == "gcp_resource";
        while let Some(base) = bases.pop() {
            of_cloud |= base == "gcp_resource";
            bases.extend(kinds.kind(base).unwrap().model().bases.clone());
        }
        of_cloud
    };
    let wanted: BTreeSet<&str> = kinds.names().filter(is_resource).collect();
    let plans = by_name();
    let missing: BTreeSet<&str> = without_table().map(|(kind, _)| kind).collect();
    let there: BTreeSet<&str> = plans.keys().map(String::as_str).chain(missing.iter().copied()).collect();
    assert_eq!(there, wanted);
    assert_eq!(plans.len() + missing.len(), there.len(), "a kind has a table and a reason to have none");
}

#[test]
fn services_are_where_their_tables_say() {
    for service in &about().unwrap().0.services {
        let table = CATALOG.service(service.shapes.as_deref().unwrap()).unwrap();
        let base = service.base.to_string().replace("{$place.region}-", "");
        assert_eq!(base, table.endpoint_prefix, "{}", service.name);
    }
    let known: Vec<&str> = about().unwrap().0.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(
        known.iter().collect::<BTreeSet<_>>(),
        CATALOG.services().collect::<Vec<_>>().iter().collect()
    );
}

#[test]
fn places_come_from_their_own_kinds_and_the_rest_hangs_in_them() {
    let plans = by_name();
    assert_eq!(plans["gcp_region"].places, Some(PlaceKind::Region));
    assert_eq!(plans["gcp_zone"].places, Some(PlaceKind::Zone));
    assert!(matches!(plans["gcp_disk"].home, HomePlan::Named { .. }), "{:?}", plans["gcp_disk"].home);
    assert_eq!(plans["gcp_vertex_ai_model"].scope, KindScope::Region);
    for plan in plans.values() {
        assert_eq!(plan.key.parts.len(), 1 + usize::from(plan.kind == "gcp_sql_user"), "{}", plan.kind);
    }
}

/// Whoever adds a kind sees here whether it can be deleted and labelled.
#[test]
fn what_cannot_be_deleted_or_labelled_is_known() {
    let names = |without: fn(&KindPlan) -> bool| -> BTreeSet<String> {
        by_name().into_values().filter(without).map(|plan| plan.kind).collect()
    };
    let without_delete: BTreeSet<String> = [
        // Not the user's, or there is no operation for it.
        "gcp_accelerator_type",
        "gcp_billing_account",
        "gcp_commitment",
        "gcp_container_operation",
        "gcp_disk_type",
        "gcp_interconnect_location",
        "gcp_machine_type",
        "gcp_project_billing_info",
        "gcp_region",
        "gcp_region_quota",
        "gcp_sql_operation",
        "gcp_vertex_ai_model_evaluation",
        "gcp_vertex_ai_tuning_job",
        "gcp_zone",
        // Of Google's price list.
        "gcp_service",
        "gcp_sku",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    assert_eq!(names(|plan| plan.delete.is_none()), without_delete);
    let labelled = names(|plan| plan.tag.is_some());
    assert_eq!(labelled.len(), 34, "{labelled:?}");
}

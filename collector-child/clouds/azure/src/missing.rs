//! Kinds of the data model that no table makes.

/// Kinds that are not collected, each with the reason.
pub fn without_table() -> impl Iterator<Item = (&'static str, &'static str)> {
    MISSING.into_iter()
}

const PRICED: &str = "has to be made of prices and offers, which are not collected yet";
const BASE: &str = "is a base of kinds";
const NEVER: &str = "is not listed by subscription; the Python worker has none either";

const MISSING: [(&str, &str); 10] = [
    ("azure_compute_disk_type", PRICED),
    ("azure_compute_disk_type_pricing", PRICED),
    ("azure_compute_virtual_machine_base", BASE),
    ("azure_machine_learning_environment_version_base", BASE),
    ("azure_machine_learning_quota", NEVER),
    ("azure_machine_learning_virtual_machine_size", PRICED),
    ("azure_network_express_route_cross_connection", NEVER),
    ("azure_usage", BASE),
    ("microsoft_graph_entity", BASE),
    ("microsoft_resource", BASE),
];

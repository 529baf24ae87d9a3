//! Kinds of the data model that no table makes.

/// Kinds that are not collected, each with the reason.
pub fn without_table() -> impl Iterator<Item = (&'static str, &'static str)> {
    MISSING.into_iter()
}

const TYPES: &str = "is asked for by name, zone by zone, for what uses it: needs a hook";
const PRICES: &str = "is only good for prices, which need a hook";

const MISSING: [(&str, &str); 11] = [
    ("gcp_disk_type", TYPES),
    (
        "gcp_firestore_document",
        "collections of documents have to be found first; the Python worker has none either",
    ),
    ("gcp_firewall_policy", "is listed by organizations and folders; the Python worker has none either"),
    ("gcp_machine_type", TYPES),
    ("gcp_node_type", "nothing refers to it; the Python worker has none either"),
    ("gcp_object", "objects of buckets are no resources of their own; the Python worker has none either"),
    ("gcp_project", "is the account"),
    ("gcp_region_quota", "is made of the region and has maps that no table can make: needs a hook"),
    ("gcp_resource", "is the base of all kinds"),
    ("gcp_service", PRICES),
    ("gcp_sku", PRICES),
];

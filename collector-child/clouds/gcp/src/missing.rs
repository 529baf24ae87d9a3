//! Kinds of the data model that no table makes.

/// Kinds that are not collected, each with the reason.
pub fn without_table() -> impl Iterator<Item = (&'static str, &'static str)> {
    MISSING.into_iter()
}

const MISSING: [(&str, &str); 6] = [
    (
        "gcp_firestore_document",
        "collections of documents have to be found first; the Python worker has none either",
    ),
    ("gcp_firewall_policy", "is listed by organizations and folders; the Python worker has none either"),
    ("gcp_node_type", "nothing refers to it; the Python worker has none either"),
    ("gcp_object", "objects of buckets are no resources of their own; the Python worker has none either"),
    ("gcp_project", "is the account"),
    ("gcp_resource", "is the base of all kinds"),
];

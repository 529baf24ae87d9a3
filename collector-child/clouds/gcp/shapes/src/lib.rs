//! The operations of Google Cloud as data, in the packed format of the crate `shapes`.
//!
//! The tables in `data/` are written by `scripts/discovery.py` from the discovery documents that Google publishes;
//! `data/MANIFEST.json` says from which version. Operations are named as there, without the API: `instances.aggregatedList`,
//! `projects.locations.clusters.list`. Parameters of path and query and the members of the body are arguments on one level; a
//! parameter hides a member of its name. Whole numbers of 64 bits and bytes are text, as they travel: ids and fingerprints are
//! among them. Addresses of the services, with the version, are in the tables (`endpoint`).

use shapes::Catalog;

/// The services of Google Cloud. Names are those of the APIs: `compute`, `sqladmin`.
pub static CATALOG: Catalog =
    Catalog::new("gcp", "names are those of the APIs, such as compute or sqladmin", &SERVICES);

static SERVICES: [(&str, &[u8]); 13] = [
    ("aiplatform", include_bytes!("../data/aiplatform.gz")),
    ("cloudbilling", include_bytes!("../data/cloudbilling.gz")),
    ("cloudfunctions", include_bytes!("../data/cloudfunctions.gz")),
    ("cloudresourcemanager", include_bytes!("../data/cloudresourcemanager.gz")),
    ("compute", include_bytes!("../data/compute.gz")),
    ("container", include_bytes!("../data/container.gz")),
    ("file", include_bytes!("../data/file.gz")),
    ("firestore", include_bytes!("../data/firestore.gz")),
    ("monitoring", include_bytes!("../data/monitoring.gz")),
    ("pubsub", include_bytes!("../data/pubsub.gz")),
    ("securitycenter", include_bytes!("../data/securitycenter.gz")),
    ("sqladmin", include_bytes!("../data/sqladmin.gz")),
    ("storage", include_bytes!("../data/storage.gz")),
];

//! Google Cloud.
//!
//! Its kinds are tables (`kinds/`), checked against the operations of its APIs (`gcp-shapes`) and the data model when this is
//! built. What is not here yet is told by [`without_table`]. Who asks is in [`auth`], what there is to be collected in [`projects`].

use std::sync::LazyLock;

use tables::plan::{CloudPlan, FilePlan, KindPlan};

pub mod auth;
mod missing;
pub mod projects;

pub use missing::without_table;

/// What `cloud.toml` says.
///
/// # Errors
///
/// The build is broken: it was written by another version of the compiler.
pub fn cloud() -> Result<&'static CloudPlan, &'static str> {
    static CLOUD: LazyLock<Result<CloudPlan, String>> = LazyLock::new(|| {
        let text = include_str!(concat!(env!("OUT_DIR"), "/cloud.json"));
        serde_json::from_str(text).map_err(|error| format!("cloud.toml of this build is broken: {error}"))
    });
    CLOUD.as_ref().map_err(String::as_str)
}

/// The plans of all kinds, in the order of the files.
///
/// # Errors
///
/// The build is broken, as above.
pub fn plans() -> Result<Vec<KindPlan>, String> {
    static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/plans.rs"));
    let read = |(name, text): &(&str, &str)| {
        let file = serde_json::from_str::<FilePlan>(text);
        file.map_err(|error| format!("the plan {name} of this build is broken: {error}"))
    };
    let files = FILES.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(files.into_iter().flat_map(|file| file.kinds).collect())
}

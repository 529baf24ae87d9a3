//! The settings.

use collector::settings::{self, Setting};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::json;

/// The section `dockerhub`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct DockerHubConfig {
    namespaces: Vec<String>,
}

impl DockerHubConfig {
    /// The namespaces, each once.
    pub(crate) fn namespaces(&self) -> Vec<&str> {
        settings::names(&self.namespaces)
    }
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let namespaces = "Namespaces (users and organizations) whose public repositories are collected";
    settings::section(
        "dockerhub",
        &[Setting::new("namespaces", "string[]", json!([]), namespaces)],
        Vec::new(),
    )
}

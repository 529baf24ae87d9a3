//! The section `gcp`: names, types and defaults are those of the Python worker, so that both can share a fixcore.

use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::{Value, json};

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct GcpConfig {
    pub(crate) service_account: Vec<String>,
    pub(crate) project: Vec<String>,
    pub(crate) collect: Vec<String>,
    pub(crate) no_collect: Vec<String>,
    pub(crate) project_pool_size: u32,
    pub(crate) fork_process: bool,
    pub(crate) discard_account_on_resource_error: bool,
    pub(crate) collect_usage_metrics: Option<bool>,
}

impl Default for GcpConfig {
    fn default() -> Self {
        Self {
            service_account: Vec::new(),
            project: Vec::new(),
            collect: Vec::new(),
            no_collect: Vec::new(),
            project_pool_size: 64,
            fork_process: true,
            discard_account_on_resource_error: false,
            collect_usage_metrics: Some(true),
        }
    }
}

impl GcpConfig {
    /// Whether a kind is wanted. Kinds are named exactly; `no_collect` counts only without `collect`.
    pub(crate) fn should_collect(&self, kind: &str) -> bool {
        let names = |list: &[String]| list.iter().any(|name| name == kind);
        if self.collect.is_empty() { !names(&self.no_collect) } else { names(&self.collect) }
    }

    /// Whether a project is wanted.
    pub(crate) fn wants(&self, project: &str) -> bool {
        self.project.is_empty() || self.project.iter().any(|name| name.trim() == project)
    }
}

/// Names, types and what they mean.
const SETTINGS: [(&str, &str, &str); 8] = [
    (
        "service_account",
        "string[]",
        "Credential files: keys of service accounts, or any other that google-auth reads. An empty text means the application default credentials",
    ),
    ("project", "string[]", "Ids of the projects to collect; all that the credentials may see if empty"),
    ("collect", "string[]", "Kinds to collect; all if empty"),
    ("no_collect", "string[]", "Kinds not to collect; not looked at if `collect` names some"),
    ("project_pool_size", "int64", "Projects that are collected at once"),
    ("fork_process", "boolean", "Without effect: every project has a process of its own"),
    (
        "discard_account_on_resource_error",
        "boolean",
        "A resource that cannot be collected costs the whole project; else it is left out and told",
    ),
    (
        "collect_usage_metrics",
        "boolean",
        "Asks Cloud Monitoring for the usage of instances, disks, databases, functions and forwarding rules",
    ),
];

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let setting = |(name, kind, description): (&str, &str, &str)| json!({"name": name, "kind": kind, "required": false, "description": description});
    let properties: Vec<Value> = SETTINGS.into_iter().map(setting).collect();
    let kinds = json!([{
        "fqn": "gcp",
        "bases": [],
        "properties": properties,
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": true,
        "metadata": {"source": "gcp"},
    }]);
    let GcpConfig {
        service_account,
        project,
        collect,
        no_collect,
        project_pool_size,
        fork_process,
        discard_account_on_resource_error,
        collect_usage_metrics,
    } = GcpConfig::default();
    let defaults = json!({
        "service_account": service_account,
        "project": project,
        "collect": collect,
        "no_collect": no_collect,
        "project_pool_size": project_pool_size,
        "fork_process": fork_process,
        "discard_account_on_resource_error": discard_account_on_resource_error,
        "collect_usage_metrics": collect_usage_metrics,
    });
    Section { name: "gcp".to_owned(), kinds_json: kinds.to_string(), defaults_json: defaults.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_described_and_has_its_default() {
        let section = section();
        let defaults: Value = serde_json::from_str(&section.defaults_json).unwrap();
        let names: Vec<&str> = defaults.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, SETTINGS.map(|(name, ..)| name));
        assert_eq!(serde_json::from_value::<GcpConfig>(defaults).unwrap(), GcpConfig::default());
    }

    #[test]
    fn kinds_are_named_exactly() {
        let of = |collect: &[&str], no_collect: &[&str]| {
            let texts = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
            GcpConfig { collect: texts(collect), no_collect: texts(no_collect), ..GcpConfig::default() }
        };
        assert!(of(&[], &[]).should_collect("gcp_disk"));
        assert!(!of(&[], &["gcp_disk"]).should_collect("gcp_disk"));
        assert!(of(&["gcp_disk"], &["gcp_disk"]).should_collect("gcp_disk"));
        assert!(!of(&["gcp_*"], &[]).should_collect("gcp_disk"));
    }
}

//! The config section `file`.

use collector::{ConfigSection, Failure};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::json;

/// The settings.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct FileConfig {
    /// Files, and directories that stand for all `*.ndjson` files in them.
    pub(super) paths: Vec<String>,
}

impl FileConfig {
    pub(super) fn read(section: &ConfigSection) -> Result<Self, Failure> {
        section.to()
    }

    /// The section as fixcore's config model takes it.
    pub(super) fn describe() -> Section {
        let kinds = json!([{
            "fqn": "file",
            "bases": [],
            "properties": [{
                "name": "paths",
                "kind": "string[]",
                "required": true,
                "description": "Exports of accounts, one NDJSON file each. A directory stands for all *.ndjson files in it",
            }],
            "allow_unknown_props": false,
            "successor_kinds": null,
            "aggregate_root": true,
            "metadata": {"source": "file"},
        }]);
        Section {
            name: "file".to_owned(),
            kinds_json: kinds.to_string(),
            defaults_json: json!({"paths": Self::default().paths}).to_string(),
        }
    }
}

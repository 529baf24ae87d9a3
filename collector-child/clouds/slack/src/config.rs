//! The settings.

use std::fmt;

use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::json;

/// The section `slack`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct SlackConfig {
    bot_token: Option<String>,
    pub(crate) include_archived: bool,
    pub(crate) do_not_verify_ssl: bool,
}

impl SlackConfig {
    /// The token, if there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.bot_token.as_deref().map(str::trim).filter(|token| !token.is_empty())
    }
}

impl fmt::Debug for SlackConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackConfig")
            .field("include_archived", &self.include_archived)
            .field("do_not_verify_ssl", &self.do_not_verify_ssl)
            .finish_non_exhaustive()
    }
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let setting = |name: &str, kind: &str, description: &str| json!({"name": name, "kind": kind, "required": false, "description": description});
    let kinds = json!([{
        "fqn": "slack",
        "bases": [],
        "properties": [
            setting("bot_token", "string", "Bot token of the team (xoxb-...)"),
            setting("include_archived", "boolean", "Include archived channels"),
            setting(
                "do_not_verify_ssl",
                "boolean",
                "Without effect: certificates are always verified, by the authorities that the machine trusts",
            ),
        ],
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": true,
        "metadata": {"source": "slack"},
    }]);
    Section {
        name: "slack".to_owned(),
        kinds_json: kinds.to_string(),
        defaults_json: json!({"bot_token": null, "include_archived": false, "do_not_verify_ssl": false})
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let config: SlackConfig = serde_json::from_value(json!({"bot_token": " xoxb-1 "})).unwrap();
        assert_eq!(config.token(), Some("xoxb-1"));
        assert!(!format!("{config:?}").contains("xoxb"));
        assert_eq!(SlackConfig::default().token(), None);
    }
}

//! The settings.

use std::fmt;

use collector::settings::{self, Setting};
use collector::{Failure, config_fault};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::json;

/// Where PostHog is unless a setting says otherwise.
const URL: &str = "https://app.posthog.com";

/// The section `posthog`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct PostHogConfig {
    api_key: Option<String>,
    url: Option<String>,
    projects: Vec<String>,
}

impl Default for PostHogConfig {
    fn default() -> Self {
        Self { api_key: None, url: Some(URL.to_owned()), projects: Vec::new() }
    }
}

impl PostHogConfig {
    /// The key, if there is one.
    pub(crate) fn key(&self) -> Option<&str> {
        settings::set(self.api_key.as_ref())
    }

    /// The address: http or https, a host, and perhaps a path.
    pub(crate) fn url(&self) -> Result<&str, Failure> {
        let url = settings::set(self.url.as_ref()).unwrap_or(URL).trim_end_matches('/');
        let behind = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match behind {
            Some(host) if !host.is_empty() && !host.contains(['?', '#', '@', ' ']) => Ok(url),
            _ => {
                let message = "posthog.url is no address";
                Err(config_fault(message, "write it like https://eu.posthog.com").into())
            }
        }
    }

    /// The names of the projects, each once.
    pub(crate) fn projects(&self) -> Vec<&str> {
        settings::names(&self.projects)
    }
}

impl fmt::Debug for PostHogConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostHogConfig").field("projects", &self.projects).finish_non_exhaustive()
    }
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    settings::section(
        "posthog",
        &[
            Setting::new(
                "api_key",
                "string",
                json!(""),
                "Personal API key that may read projects, event definitions and insights",
            ),
            Setting::new(
                "url",
                "string",
                json!(URL),
                "Address of PostHog, for example https://eu.posthog.com",
            ),
            Setting::new("projects", "string[]", json!([]), "Names of the projects"),
        ],
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: serde_json::Value) -> PostHogConfig {
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn an_address_is_one() {
        assert_eq!(
            config(json!({"url": " https://eu.posthog.com/ "})).url().unwrap(),
            "https://eu.posthog.com"
        );
        assert_eq!(config(json!({"url": null})).url().unwrap(), URL);
        assert!(config(json!({"url": "eu.posthog.com"})).url().is_err());
        assert!(config(json!({"url": "https://me:secret@host"})).url().is_err());
    }

    #[test]
    fn a_key_is_not_shown() {
        let config = config(json!({"api_key": " phx_1 "}));
        assert_eq!(config.key(), Some("phx_1"));
        assert!(!format!("{config:?}").contains("phx"));
    }
}

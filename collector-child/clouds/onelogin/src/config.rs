//! The settings.

use std::fmt;

use collector::{Failure, config_fault};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::json;

/// The section `onelogin`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct OneLoginConfig {
    region: String,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl Default for OneLoginConfig {
    fn default() -> Self {
        Self { region: "us".to_owned(), client_id: None, client_secret: None }
    }
}

/// Name and secret of an API client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ApiClient<'c> {
    pub(crate) id: &'c str,
    pub(crate) secret: &'c str,
}

impl OneLoginConfig {
    /// The API client, if there is one. One half of it is a mistake: without an account nothing would be told.
    pub(crate) fn client(&self) -> Result<Option<ApiClient<'_>>, Failure> {
        let half = |there: &str, missing: &str| {
            let message = format!("onelogin.{there} is set, but not onelogin.{missing}");
            config_fault(message, "an API client has both; they are shown when it is made").into()
        };
        match (set(self.client_id.as_ref()), set(self.client_secret.as_ref())) {
            (Some(id), Some(secret)) => Ok(Some(ApiClient { id, secret })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(half("client_id", "client_secret")),
            (None, Some(_)) => Err(half("client_secret", "client_id")),
        }
    }

    /// The region: the part of the address of the API that tells it.
    pub(crate) fn region(&self) -> Result<&str, Failure> {
        let region = self.region.trim();
        if region.is_empty() || !region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            let message = format!("onelogin.region is {:?}, which is no region", self.region);
            return Err(config_fault(message, "regions are us and eu").into());
        }
        Ok(region)
    }
}

fn set(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

impl fmt::Debug for OneLoginConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneLoginConfig")
            .field("region", &self.region)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let setting = |name: &str, description: &str| json!({"name": name, "kind": "string", "required": false, "description": description});
    let kinds = json!([{
        "fqn": "onelogin",
        "bases": [],
        "properties": [
            setting("region", "Region of the account: us or eu"),
            setting("client_id", "Id of an API client that may read users"),
            setting("client_secret", "Secret of the API client"),
        ],
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": true,
        "metadata": {"source": "onelogin"},
    }]);
    Section {
        name: "onelogin".to_owned(),
        kinds_json: kinds.to_string(),
        defaults_json: json!({"region": "us", "client_id": null, "client_secret": null}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_part_of_a_name() {
        let config = |region: &str| OneLoginConfig { region: region.to_owned(), ..OneLoginConfig::default() };
        assert_eq!(config("eu").region().unwrap(), "eu");
        assert!(config("evil.example/").region().is_err());
        assert!(config("").region().is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let config: OneLoginConfig =
            serde_json::from_value(json!({"client_id": "id", "client_secret": "s3cret"})).unwrap();
        assert_eq!(config.client().unwrap().unwrap().secret, "s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
        assert!(OneLoginConfig::default().client().unwrap().is_none());
        let half: OneLoginConfig = serde_json::from_value(json!({"client_secret": "s3cret"})).unwrap();
        let Err(Failure::Fault(fault)) = half.client() else { panic!("half a client") };
        assert_eq!(fault.message, "onelogin.client_secret is set, but not onelogin.client_id");
    }
}

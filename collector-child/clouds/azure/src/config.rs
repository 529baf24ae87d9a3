//! The section `azure`: names, types and defaults are those of the Python worker, so that both can share a fixcore.

use std::collections::BTreeMap;
use std::fmt;

use collector::settings::{self, Setting};
use engine::glob::matches;
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct AzureConfig {
    pub(crate) accounts: Option<BTreeMap<String, AccountConfig>>,
    pub(crate) discard_account_on_resource_error: bool,
    pub(crate) collect: Vec<String>,
    pub(crate) no_collect: Vec<String>,
    pub(crate) subscription_pool_size: u32,
    pub(crate) resource_pool_size: u32,
    pub(crate) collect_usage_metrics: Option<bool>,
}

impl Default for AzureConfig {
    fn default() -> Self {
        Self {
            accounts: Some(BTreeMap::from([("default".to_owned(), AccountConfig::default())])),
            discard_account_on_resource_error: false,
            collect: Vec::new(),
            no_collect: Vec::new(),
            subscription_pool_size: 4,
            resource_pool_size: 64,
            collect_usage_metrics: Some(true),
        }
    }
}

/// Credentials, and which of the subscriptions that they may see are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct AccountConfig {
    pub(crate) client_secret: Option<ClientSecret>,
    pub(crate) subscriptions: Option<Vec<String>>,
    pub(crate) exclude_subscriptions: Option<Vec<String>>,
    pub(crate) collect_microsoft_graph: Option<bool>,
}

impl Default for AccountConfig {
    fn default() -> Self {
        Self {
            client_secret: None,
            subscriptions: None,
            exclude_subscriptions: None,
            collect_microsoft_graph: Some(true),
        }
    }
}

/// The secret of an application.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ClientSecret {
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    #[serde(rename = "client_secret")]
    pub(crate) secret: Zeroizing<String>,
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecret")
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl AzureConfig {
    /// All credentials, by the name that the settings give them. Without any, those of the environment are `default`.
    pub(crate) fn all(&self) -> BTreeMap<String, AccountConfig> {
        match &self.accounts {
            Some(accounts) if !accounts.is_empty() => accounts.clone(),
            _ => BTreeMap::from([("default".to_owned(), AccountConfig::default())]),
        }
    }

    /// Whether a kind is wanted. `no_collect` counts more than `collect`.
    pub(crate) fn should_collect(&self, kind: &str) -> bool {
        let names = |list: &[String]| list.iter().any(|pattern| matches(pattern, kind));
        !names(&self.no_collect) && (self.collect.is_empty() || names(&self.collect))
    }
}

impl AccountConfig {
    /// Whether a subscription is wanted. Ids are the same in any case.
    pub(crate) fn wants(&self, subscription: &str) -> bool {
        let names = |list: &Vec<String>| list.iter().any(|id| id.trim().eq_ignore_ascii_case(subscription));
        match (&self.subscriptions, &self.exclude_subscriptions) {
            (Some(wanted), _) => names(wanted),
            (None, Some(excluded)) => !names(excluded),
            (None, None) => true,
        }
    }
}

/// A kind beside the section: its name and its properties.
fn kind(name: &str, properties: &[(&str, &str, bool, &str)]) -> Value {
    let property = |(name, kind, required, description): &(&str, &str, bool, &str)| json!({"name": name, "kind": kind, "required": required, "description": description});
    json!({
        "fqn": name,
        "bases": [],
        "properties": properties.iter().map(property).collect::<Vec<_>>(),
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": false,
        "metadata": {"source": "azure"},
    })
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let secret = kind(
        "azure_client_secret",
        &[
            ("tenant_id", "string", true, "Id of the tenant (directory)"),
            ("client_id", "string", true, "Id of the application (client)"),
            ("client_secret", "string", true, "A secret of the application: its value, not its id"),
        ],
    );
    let account = kind(
        "azure_account",
        &[
            (
                "client_secret",
                "azure_client_secret",
                false,
                "An application and its secret. Null: the credentials of the environment (AZURE_CLIENT_SECRET, \
                 AZURE_CLIENT_CERTIFICATE_PATH, AZURE_FEDERATED_TOKEN_FILE), those of az login, or the managed identity",
            ),
            (
                "subscriptions",
                "string[]",
                false,
                "Ids of the subscriptions to collect. Null: all that are found",
            ),
            (
                "exclude_subscriptions",
                "string[]",
                false,
                "Ids of subscriptions to leave out; not looked at if `subscriptions` names some",
            ),
            (
                "collect_microsoft_graph",
                "boolean",
                false,
                "Collect the organization of the tenant, with its users, groups, devices, applications, roles and policies",
            ),
        ],
    );
    let AzureConfig { subscription_pool_size, resource_pool_size, collect_usage_metrics, .. } =
        AzureConfig::default();
    let graph = AccountConfig::default().collect_microsoft_graph;
    let account_default = json!({"client_secret": null, "subscriptions": null, "exclude_subscriptions": null, "collect_microsoft_graph": graph});
    let settings = [
        Setting::new(
            "subscription_pool_size",
            "int64",
            json!(subscription_pool_size),
            "Subscriptions that are collected at once",
        ),
        Setting::new(
            "resource_pool_size",
            "int64",
            json!(resource_pool_size),
            "Without effect: how many calls are under way at once is known for each service",
        ),
        Setting::new(
            "accounts",
            "dictionary[string, azure_account]",
            json!({"default": account_default}),
            "Credentials by a name of your choice, each with the subscriptions to collect with them",
        ),
        Setting::new(
            "discard_account_on_resource_error",
            "boolean",
            json!(false),
            "A resource that cannot be collected costs the whole subscription; else it is left out and told",
        ),
        Setting::new(
            "collect_usage_metrics",
            "boolean",
            json!(collect_usage_metrics),
            "Asks Azure Monitor for the usage of virtual machines, disks and storage accounts",
        ),
        Setting::new(
            "collect",
            "string[]",
            json!([]),
            "Kinds to collect; all if empty. The wildcards * and ? are allowed",
        ),
        Setting::new(
            "no_collect",
            "string[]",
            json!([]),
            "Kinds not to collect, whatever the list above says. The wildcards * and ? are allowed",
        ),
    ];
    settings::section("azure", &settings, vec![secret, account])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(document: Value) -> AzureConfig {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn kinds_are_named_by_patterns() {
        let wants = |document, kind| config(document).should_collect(kind);
        assert!(wants(json!({}), "azure_compute_disk"));
        assert!(wants(json!({"collect": ["azure_compute_*"]}), "azure_compute_disk"));
        assert!(!wants(json!({"collect": ["azure_compute_*"]}), "azure_web_app"));
        let both = json!({"collect": ["azure_compute_*"], "no_collect": ["*disk"]});
        assert!(!wants(both, "azure_compute_disk"));
    }

    #[test]
    fn subscriptions_are_chosen_or_left_out() {
        let of = |document| serde_json::from_value::<AccountConfig>(document).unwrap();
        assert!(of(json!({})).wants("a"));
        assert!(of(json!({"subscriptions": ["A"]})).wants("a"));
        assert!(!of(json!({"subscriptions": []})).wants("a"));
        assert!(!of(json!({"exclude_subscriptions": ["a"]})).wants("A"));
        let both = of(json!({"subscriptions": ["a"], "exclude_subscriptions": ["a"]}));
        assert!(both.wants("a"), "those that are named count more");
    }

    #[test]
    fn without_accounts_the_environment_counts() {
        for document in [json!({}), json!({"accounts": null}), json!({"accounts": {}})] {
            let all = config(document).all();
            assert_eq!(all.keys().collect::<Vec<_>>(), ["default"]);
            assert_eq!(all["default"].client_secret, None);
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = json!({"tenant_id": "t", "client_id": "c", "client_secret": "s3cret"});
        let shown = format!("{:?}", config(json!({"accounts": {"a": {"client_secret": secret}}})));
        assert!(shown.contains("client_id") && !shown.contains("s3cret"), "{shown}");
    }
}

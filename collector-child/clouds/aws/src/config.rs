//! The config section `aws`.

mod describe;
pub(crate) mod names;
mod wanted;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_client::Given;
use collector::{Failure, FaultExt, config_fault};
use ipc_proto::fault::Fault;
use serde::{Deserialize, Deserializer};

use crate::change::command::allowed::READING;
pub(crate) use describe::section;
use engine::glob::matches;

/// The settings, those of the Python worker.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "the settings are what they are")]
pub(crate) struct AwsConfig {
    /// Id of an access key; without one, credentials come from the environment.
    pub access_key_id: Option<String>,
    /// The secret of that access key.
    pub secret_access_key: Option<String>,
    /// Name of the role to assume in each account.
    pub role: Option<String>,
    /// `role` also replaces the role that a node came with.
    pub role_override: bool,
    /// What the trust policies of the roles ask for, that of the organization included.
    pub role_external_id: Option<String>,
    /// Profiles to use, one after the other.
    pub profiles: Option<Vec<String>>,
    /// Ids of the accounts to collect with `role`.
    #[serde(deserialize_with = "account_ids")]
    pub account: Option<Vec<String>>,
    /// Regions to collect; all that are enabled if not given.
    pub region: Option<Vec<String>>,
    /// Collect all accounts of the organization, with `role`.
    pub scrape_org: bool,
    /// ARN of the role that may list the organization.
    pub scrape_org_role_arn: Option<String>,
    /// The alias of an account is its name rather than what the organization calls it.
    pub prefer_account_alias_as_name: bool,
    /// The profile is the name of the account.
    pub prefer_profile_as_account_name: bool,
    /// Without meaning here: each account has its own process, see `fixworker.fork_process`.
    pub fork_process: bool,
    /// Accounts of the organization to leave out.
    #[serde(deserialize_with = "account_ids_or_none")]
    pub scrape_exclude_account: Vec<String>,
    /// Assume `role` also in the account that the credentials belong to.
    pub assume_current: bool,
    /// Leave out the account that the credentials belong to.
    pub do_not_scrape_current: bool,
    /// Accounts at once. The supervisor obeys it.
    pub account_pool_size: u32,
    /// Calls at once in one account.
    pub resource_pool_size: u32,
    /// Calls at once in one region and service.
    pub resource_pool_tasks_per_service_default: u32,
    /// The same for single services.
    pub resource_pool_tasks_per_service: Option<BTreeMap<String, u32>>,
    /// Patterns of kinds to collect; all if empty.
    pub collect: Vec<String>,
    /// Patterns of kinds to leave out, whatever `collect` says.
    pub no_collect: Vec<String>,
    /// How far back to look for the last use of volumes and databases.
    pub cloudwatch_metrics_for_atime_mtime_period: String,
    /// How exactly to tell the last use.
    pub cloudwatch_metrics_for_atime_mtime_granularity: String,
    /// A resource that cannot be read costs the account.
    pub discard_account_on_resource_error: bool,
    /// Collect usage metrics.
    pub collect_usage_metrics: Option<bool>,
    /// Without meaning here: access edges are not made.
    pub collect_access_edges: Option<bool>,
    /// Patterns of operations that the command may call. Not a setting of the Python worker, which allows all.
    pub command_operations: Vec<String>,
    /// No setting: the credentials of one account, if this process has no others.
    #[serde(skip)]
    pub given: Option<Given>,
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            access_key_id: None,
            secret_access_key: None,
            role: None,
            role_override: false,
            role_external_id: None,
            profiles: None,
            account: None,
            region: None,
            scrape_org: false,
            scrape_org_role_arn: None,
            prefer_account_alias_as_name: true,
            prefer_profile_as_account_name: false,
            fork_process: true,
            scrape_exclude_account: Vec::new(),
            assume_current: false,
            do_not_scrape_current: false,
            account_pool_size: usable_cores(),
            resource_pool_size: 64,
            resource_pool_tasks_per_service_default: 20,
            resource_pool_tasks_per_service: Some(BTreeMap::from([
                ("elb".to_owned(), 6),
                ("sagemaker".to_owned(), 6),
            ])),
            collect: Vec::new(),
            no_collect: Vec::new(),
            cloudwatch_metrics_for_atime_mtime_period: "60d".to_owned(),
            cloudwatch_metrics_for_atime_mtime_granularity: "1h".to_owned(),
            discard_account_on_resource_error: false,
            collect_usage_metrics: Some(true),
            collect_access_edges: Some(true),
            command_operations: READING.map(str::to_owned).to_vec(),
            given: None,
        }
    }
}

/// The cores this process may use, at least two.
fn usable_cores() -> u32 {
    std::thread::available_parallelism()
        .map_or(2, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
        .max(2)
}

impl AwsConfig {
    /// Refuses settings that contradict each other; the first one found is reported.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let wrong = |message: &str, hint: &str| Err(config_fault(message, hint).into());
        if self.assume_current && !self.do_not_scrape_current {
            return wrong(
                "aws.assume_current is set without aws.do_not_scrape_current, so the current account would be collected twice",
                "set aws.do_not_scrape_current to true, or aws.assume_current to false",
            );
        }
        if self.profiles.as_ref().is_some_and(|profiles| profiles.len() > 1) && given(self.account.as_ref()) {
            return wrong(
                "aws.account lists accounts and aws.profiles more than one profile, so each account would be collected once for each profile",
                "name one profile, or leave aws.account empty",
            );
        }
        let half = match (filled(self.access_key_id.as_ref()), filled(self.secret_access_key.as_ref())) {
            (Some(_), None) => Some("aws.access_key_id is set, but aws.secret_access_key is missing"),
            (None, Some(_)) => Some("aws.secret_access_key is set, but aws.access_key_id is missing"),
            (Some(_), Some(_)) | (None, None) => None,
        };
        if let Some(message) = half {
            return wrong(message, "set both, or none to take the credentials of the environment");
        }
        for (name, text) in [
            ("cloudwatch_metrics_for_atime_mtime_period", &self.cloudwatch_metrics_for_atime_mtime_period),
            (
                "cloudwatch_metrics_for_atime_mtime_granularity",
                &self.cloudwatch_metrics_for_atime_mtime_granularity,
            ),
        ] {
            if positive_duration(text).is_none() {
                return wrong(
                    &format!("aws.{name} is `{text}`, which is no length of time"),
                    "write it like 60d or 1h30min",
                );
            }
        }
        self.check_names()
    }

    /// The id of the configured access key and its secret, if both are there.
    pub(crate) fn keys(&self) -> Option<(&str, &str)> {
        Some((filled(self.access_key_id.as_ref())?, filled(self.secret_access_key.as_ref())?))
    }

    /// What the user should know about settings that do nothing, or not what one would think.
    pub(crate) fn remarks(&self) -> Vec<Fault> {
        let mut remarks = Vec::new();
        let mut remark = |message: &str, hint: &str| remarks.push(config_fault(message, hint).info());
        if !self.fork_process {
            remark(
                "aws.fork_process has no effect",
                "fixworker.fork_process decides whether each account has its own process",
            );
        }
        if given(self.account.as_ref()) && self.role.is_none() {
            remark(
                "aws.account has no effect without aws.role: the account of the credentials is collected",
                "set aws.role to the role to assume in the listed accounts",
            );
        }
        if self.scrape_org && self.role.is_none() {
            remark(
                "aws.scrape_org has no effect without aws.role: the account of the credentials is collected",
                "set aws.role to the role to assume in the accounts of the organization",
            );
        }
        if self.prefer_profile_as_account_name && self.scrape_org {
            remark(
                "aws.prefer_profile_as_account_name gives all accounts of the organization the same name",
                "set aws.prefer_profile_as_account_name to false",
            );
        }
        remarks
    }

    /// Whether resources of this kind are wanted.
    pub(crate) fn should_collect(&self, kind: &str) -> bool {
        if self.no_collect.iter().any(|pattern| matches(pattern, kind)) {
            return false;
        }
        self.collect.is_empty() || self.collect.iter().any(|pattern| matches(pattern, kind))
    }

    /// Whether a kind is wanted that is collected with another one, which is.
    pub(crate) fn should_collect_child(&self, kind: &str) -> bool {
        !self.no_collect.iter().any(|pattern| matches(pattern, kind))
    }

    /// Whether the settings name regions or kinds, so that what is there is wanted even if it is little.
    pub(crate) fn narrows(&self) -> bool {
        self.names_regions() || !self.collect.is_empty()
    }

    /// The settings name the regions.
    pub(crate) fn names_regions(&self) -> bool {
        given(self.region.as_ref())
    }

    /// Calls at once in one region and service: at least one, and never more than the default.
    pub(crate) fn tasks_of(&self, service: &str) -> u32 {
        let own = self.resource_pool_tasks_per_service.as_ref().and_then(|tasks| tasks.get(service));
        let default = self.resource_pool_tasks_per_service_default;
        own.copied().filter(|own| *own > 0).unwrap_or(default).min(default).max(1)
    }

    /// `scrape_org_role_arn`, unless it is blank.
    pub(crate) fn organization_role(&self) -> Option<&str> {
        self.scrape_org_role_arn.as_deref().map(str::trim).filter(|arn| !arn.is_empty())
    }

    /// `role_external_id`, unless it is blank.
    pub(crate) fn external_id(&self) -> Option<String> {
        self.role_external_id.as_deref().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned)
    }

    /// `cloudwatch_metrics_for_atime_mtime_period`.
    pub(crate) fn atime_period(&self) -> Duration {
        positive_duration(&self.cloudwatch_metrics_for_atime_mtime_period)
            .unwrap_or(Duration::from_hours(60 * 24))
    }

    /// `cloudwatch_metrics_for_atime_mtime_granularity`.
    pub(crate) fn atime_granularity(&self) -> Duration {
        positive_duration(&self.cloudwatch_metrics_for_atime_mtime_granularity)
            .unwrap_or(Duration::from_hours(1))
    }
}

/// A text that is not blank.
fn filled(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn given(list: Option<&Vec<String>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn positive_duration(text: &str) -> Option<Duration> {
    Duration::try_from(inventory::duration::parse(text)?).ok().filter(|duration| !duration.is_zero())
}

/// An account id; YAML takes one without quotes for a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum AccountId {
    Text(String),
    Number(u64),
}

fn account_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let ids: Option<Vec<AccountId>> = Option::deserialize(deserializer)?;
    Ok(ids.map(|ids| ids.into_iter().map(AccountId::text).collect()))
}

fn account_ids_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    account_ids(deserializer).map(Option::unwrap_or_default)
}

impl AccountId {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => format!("{number:012}"),
        }
    }
}

impl fmt::Debug for AwsConfig {
    // Keys stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsConfig")
            .field("role", &self.role)
            .field("profiles", &self.profiles)
            .field("account", &self.account)
            .field("region", &self.region)
            .field("collect", &self.collect)
            .field("no_collect", &self.no_collect)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

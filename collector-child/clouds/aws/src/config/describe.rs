//! The config section as fixcore's config model takes it.

use ipc_proto::job::Section;
use serde_json::{Value, json};

use super::AwsConfig;

/// Name, type and meaning of each setting, in the order of the document. Names and types are those of the Python
/// worker, so that both can share a fixcore; it ignores the one for commands.
const SETTINGS: [(&str, &str, &str); 28] = [
    ("access_key_id", "string", "Id of an access key. Null (recommended): credentials of the environment"),
    (
        "secret_access_key",
        "string",
        "Secret of the access key. Null (recommended): credentials of the environment",
    ),
    ("role", "string", "Name of the IAM role to assume in every account"),
    (
        "role_override",
        "boolean",
        "Use the role above also for resources that were collected with another one",
    ),
    (
        "role_external_id",
        "string",
        "The external id that the trust policies of the roles ask for, that of scrape_org_role_arn included. Null: none",
    ),
    (
        "profiles",
        "string[]",
        "AWS profiles to collect with. Null: all profiles of the shared files, if there are no other credentials",
    ),
    ("account", "string[]", "Ids of the accounts to collect. Needs a role"),
    ("region", "string[]", "Regions to collect. Null: all regions that are enabled"),
    ("scrape_org", "boolean", "Collect all accounts of the AWS organization. Needs a role"),
    (
        "scrape_org_role_arn",
        "string",
        "ARN of the role that may list the organization. Null: the credentials themselves may",
    ),
    (
        "prefer_account_alias_as_name",
        "boolean",
        "Name accounts by their alias. False: by their name in the organization. The other one is used where the first is missing",
    ),
    ("prefer_profile_as_account_name", "boolean", "Name accounts by the profile they are collected with"),
    (
        "fork_process",
        "boolean",
        "No effect: fixworker.fork_process decides whether each account has its own process",
    ),
    ("scrape_exclude_account", "string[]", "Ids of accounts of the organization to leave out"),
    (
        "assume_current",
        "boolean",
        "Assume the role also in the account that the credentials belong to. Needs do_not_scrape_current",
    ),
    ("do_not_scrape_current", "boolean", "Leave out the account that the credentials belong to"),
    ("account_pool_size", "int64", "How many accounts are collected at once"),
    ("resource_pool_size", "int64", "How many calls are under way at once, for each account"),
    (
        "resource_pool_tasks_per_service_default",
        "int64",
        "How many of these calls may go to one service in one region",
    ),
    (
        "resource_pool_tasks_per_service",
        "dictionary[string, int64]",
        "The same for single services, where it should be less. Example: {\"rds\": 5}",
    ),
    (
        "collect",
        "string[]",
        "Kinds to collect, for example aws_ec2_*. The wildcards * and ? are allowed. Empty: all",
    ),
    (
        "no_collect",
        "string[]",
        "Kinds to leave out, whatever the list above says. The wildcards * and ? are allowed",
    ),
    (
        "cloudwatch_metrics_for_atime_mtime_period",
        "duration",
        "How far to look back for the last use of volumes and databases",
    ),
    (
        "cloudwatch_metrics_for_atime_mtime_granularity",
        "duration",
        "How exactly to tell the last use. The finer, the more data is fetched",
    ),
    (
        "discard_account_on_resource_error",
        "boolean",
        "Give up an account when any of its resources cannot be read. False: leave out the resource and say so",
    ),
    ("collect_usage_metrics", "boolean", "Collect usage metrics of resources from CloudWatch"),
    ("collect_access_edges", "boolean", "No effect: edges for access rights are not made"),
    (
        "command_operations",
        "string[]",
        "Operations that the aws command may call, as OPERATION or SERVICE:OPERATION. The wildcards * and ? are allowed, \
         but an operation that gives out credentials has to be named without",
    ),
];

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let properties: Vec<Value> = SETTINGS
        .iter()
        .map(|(name, kind, description)| {
            json!({"name": name, "kind": kind, "required": false, "description": description})
        })
        .collect();
    let kinds = json!([{
        "fqn": "aws",
        "bases": [],
        "properties": properties,
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": true,
        "metadata": {"source": "aws"},
    }]);
    Section {
        name: "aws".to_owned(),
        kinds_json: kinds.to_string(),
        defaults_json: defaults(&AwsConfig::default()).to_string(),
    }
}

fn defaults(config: &AwsConfig) -> Value {
    let AwsConfig {
        access_key_id,
        secret_access_key,
        role,
        role_override,
        role_external_id,
        profiles,
        account,
        region,
        scrape_org,
        scrape_org_role_arn,
        prefer_account_alias_as_name,
        prefer_profile_as_account_name,
        fork_process,
        scrape_exclude_account,
        assume_current,
        do_not_scrape_current,
        account_pool_size,
        resource_pool_size,
        resource_pool_tasks_per_service_default,
        resource_pool_tasks_per_service,
        collect,
        no_collect,
        cloudwatch_metrics_for_atime_mtime_period,
        cloudwatch_metrics_for_atime_mtime_granularity,
        discard_account_on_resource_error,
        collect_usage_metrics,
        collect_access_edges,
        command_operations,
        given: _,
    } = config;
    json!({
        "access_key_id": access_key_id,
        "secret_access_key": secret_access_key,
        "role": role,
        "role_override": role_override,
        "role_external_id": role_external_id,
        "profiles": profiles,
        "account": account,
        "region": region,
        "scrape_org": scrape_org,
        "scrape_org_role_arn": scrape_org_role_arn,
        "prefer_account_alias_as_name": prefer_account_alias_as_name,
        "prefer_profile_as_account_name": prefer_profile_as_account_name,
        "fork_process": fork_process,
        "scrape_exclude_account": scrape_exclude_account,
        "assume_current": assume_current,
        "do_not_scrape_current": do_not_scrape_current,
        "account_pool_size": account_pool_size,
        "resource_pool_size": resource_pool_size,
        "resource_pool_tasks_per_service_default": resource_pool_tasks_per_service_default,
        "resource_pool_tasks_per_service": resource_pool_tasks_per_service,
        "collect": collect,
        "no_collect": no_collect,
        "cloudwatch_metrics_for_atime_mtime_period": cloudwatch_metrics_for_atime_mtime_period,
        "cloudwatch_metrics_for_atime_mtime_granularity": cloudwatch_metrics_for_atime_mtime_granularity,
        "discard_account_on_resource_error": discard_account_on_resource_error,
        "collect_usage_metrics": collect_usage_metrics,
        "collect_access_edges": collect_access_edges,
        "command_operations": command_operations,
    })
}

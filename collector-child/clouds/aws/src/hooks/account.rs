//! The account itself: what IAM counts in it, the rules for passwords, the organization it is in.

use super::prelude::*;

/// Property and what it is in the summary of IAM.
const COUNTS: [(&str, &str); 11] = [
    ("users", "Users"),
    ("groups", "Groups"),
    ("account_mfa_enabled", "AccountMFAEnabled"),
    ("account_access_keys_present", "AccountAccessKeysPresent"),
    ("account_signing_certificates_present", "AccountSigningCertificatesPresent"),
    ("mfa_devices", "MFADevices"),
    ("mfa_devices_in_use", "MFADevicesInUse"),
    ("policies", "Policies"),
    ("policy_versions_in_use", "PolicyVersionsInUse"),
    ("global_endpoint_token_version", "GlobalEndpointTokenVersion"),
    ("server_certificates", "ServerCertificates"),
];

/// Property of a number and what it is in the rules for passwords.
const NUMBERS: [(&str, &str); 3] = [
    ("minimum_password_length", "MinimumPasswordLength"),
    ("max_password_age", "MaxPasswordAge"),
    ("password_reuse_prevention", "PasswordReusePrevention"),
];

/// Property of a truth value and what it is in the rules for passwords.
const FLAGS: [(&str, &str); 7] = [
    ("require_symbols", "RequireSymbols"),
    ("require_numbers", "RequireNumbers"),
    ("require_uppercase_characters", "RequireUppercaseCharacters"),
    ("require_lowercase_characters", "RequireLowercaseCharacters"),
    ("allow_users_to_change_password", "AllowUsersToChangePassword"),
    ("expire_passwords", "ExpirePasswords"),
    ("hard_expiry", "HardExpiry"),
];

/// The account itself.
pub(super) struct Account;

impl Hook for Account {
    fn name(&self) -> &'static str {
        "account"
    }

    fn begin<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(complete(context))
    }
}

/// Asks for everything and sets the properties of the account.
async fn complete(context: Context<'_>) -> Result<(), Failure> {
    let context = context.global();
    let summary = async { context.ask("iam", "GetAccountSummary").one("SummaryMap").await };
    let passwords = async {
        let ask = context.ask("iam", "GetAccountPasswordPolicy").expecting(&["NoSuchEntity"]);
        ask.one("PasswordPolicy").await
    };
    let organization = async {
        let ask = context.ask("organizations", "DescribeOrganization");
        ask.expecting(&["AWSOrganizationsNotInUseException"]).one("Organization").await
    };
    let (summary, passwords, organization) =
        futures_util::future::try_join3(summary, passwords, organization).await?;
    let mut found = Vec::new();
    if let Some(summary) = &summary {
        found.extend(numbers(&COUNTS, summary));
    }
    if let Some(passwords) = &passwords {
        found.extend(numbers(&NUMBERS, passwords));
        found.extend(FLAGS.iter().map(|(property, name)| (*property, Value::Bool(passwords[*name] == true))));
    }
    let master =
        organization.as_ref().map(|organization| organization["MasterAccountId"] == *context.account().id);
    if let Some(organization) = organization {
        found.push(("is_organization_member", Value::Bool(true)));
        found.push(("is_organization_master", Value::Bool(master == Some(true))));
        found.push(("organization_id", organization["Id"].clone()));
        found.push(("organization_arn", organization["Arn"].clone()));
    }
    context.graph(|graph| {
        for (property, value) in found {
            graph.set(context.account_node(), property, value);
        }
    });
    if master == Some(true) { super::organization::collect(context).await } else { Ok(()) }
}

/// What is not told is zero.
fn numbers(names: &[(&'static str, &str)], of: &Value) -> Vec<(&'static str, Value)> {
    names.iter().map(|(property, name)| (*property, json!(of[*name].as_i64().unwrap_or(0)))).collect()
}

//! Roles to assume.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use http_client::{CallError, CallPlace, Class, CredentialsTrouble};
use serde_json::{Value, json};

/// The code of STS where the account of the caller has switched it off in a region.
pub(crate) const STS_INACTIVE: &str = "RegionDisabledException";
/// What AWS allows for roles that are assumed with the credentials of a role.
const LIFE: u32 = 3600;

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The name of the session, as it shows in CloudTrail; 2 to 64 characters of `A-Za-z0-9_+=,.@-`.
    pub session_name: String,
    /// What the role's trust policy may ask for.
    pub external_id: Option<String>,
    /// The account that errors are about.
    pub account: String,
    /// The region whose STS is asked: one that the account of the caller has enabled.
    pub region: String,
    /// How long the credentials are to live, in seconds; the role may allow less.
    pub seconds: u32,
}

/// The account of a role by its ARN.
pub fn account_of_role(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

impl Role {
    /// The role called `name` (with its path, if it has one) in an account, to be assumed through `region`.
    /// The session is called after the account and `unique`.
    pub fn of_account(partition: &str, account: &str, name: &str, region: &str, unique: &str) -> Self {
        Self {
            arn: format!("arn:{partition}:iam::{account}:role/{}", name.trim_start_matches('/')),
            session_name: format!("{account}-{unique}"),
            external_id: None,
            account: account.to_owned(),
            region: region.to_owned(),
            seconds: LIFE,
        }
    }

    /// The role with this ARN, to be assumed through `region`.
    pub fn of_arn(arn: &str, region: &str, unique: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            session_name: format!("fix-collector-{unique}"),
            external_id: None,
            account: arn.split(':').nth(4).unwrap_or_default().to_owned(),
            region: region.to_owned(),
            seconds: LIFE,
        }
    }

    pub(super) fn parameters(&self) -> Value {
        let mut parameters = json!({
            "RoleArn": self.arn,
            "RoleSessionName": self.session_name,
            "DurationSeconds": self.seconds,
        });
        if let Some(external_id) = &self.external_id {
            parameters["ExternalId"] = json!(external_id);
        }
        parameters
    }

    /// The credentials of STS's answer.
    pub(super) fn credentials(&self, answer: &Value) -> Result<Credentials, CallError> {
        let told = &answer["Credentials"];
        let text = |name: &str| told[name].as_str().filter(|text| !text.is_empty());
        let (Some(id), Some(secret), Some(token)) =
            (text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken"))
        else {
            let place = CallPlace {
                account: &self.account,
                region: &self.region,
                service: "sts",
                operation: "AssumeRole",
                ..crate::PLACE
            };
            return Err(CallError::new(Class::Garbage, place, "there are no credentials in it"));
        };
        let ends = text("Expiration").and_then(|ends| ends.parse::<jiff::Timestamp>().ok());
        let ends = ends.map_or_else(
            || SystemTime::now() + Duration::from_secs(u64::from(self.seconds)),
            SystemTime::from,
        );
        Ok(Credentials::new(id, secret, Some(token.to_owned()), Some(ends), "AssumeRole"))
    }

    /// Says of a failed attempt to assume the role what it means for the account.
    pub(super) fn refused(&self, error: CallError) -> CallError {
        let class = match error.class {
            // The caller is known, the role is not or does not trust him.
            Class::AccessDenied { .. } | Class::Service | Class::RegionDisabled => {
                Class::Credentials(CredentialsTrouble::Role)
            }
            class => class,
        };
        let inactive = error.has_code(&[STS_INACTIVE]).then(|| {
            let region = &error.region;
            format!(
                "activate STS of {region} for the account of the credentials (IAM, account settings), or name another \
                 region by AWS_REGION"
            )
        });
        error.change(|trouble| {
            trouble.class = class;
            trouble.account.clone_from(&self.account);
            trouble.advice = inactive.or(trouble.advice.take());
            if class == Class::Credentials(CredentialsTrouble::Role) && !trouble.message.contains(&self.arn) {
                trouble.message = format!("{}: {}", self.arn, trouble.message);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> Role {
        Role::of_account("aws-cn", "123456789012", "/audit/fix", "cn-north-1", "x1")
    }

    #[test]
    fn a_role_of_an_account_is_named_as_aws_names_it() {
        let role = role();
        assert_eq!(role.arn, "arn:aws-cn:iam::123456789012:role/audit/fix");
        let parameters = role.parameters();
        assert_eq!(parameters["RoleSessionName"], "123456789012-x1");
        assert_eq!(parameters["DurationSeconds"], 3600);
        assert_eq!(parameters.get("ExternalId"), None);
        let with_id = Role { external_id: Some("id-7".to_owned()), ..role };
        assert_eq!(with_id.parameters()["ExternalId"], "id-7");
    }

    #[test]
    fn credentials_are_read_with_their_end() {
        let answer = json!({"Credentials": {
            "AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2026-11-22T12:00:00Z"}});
        let credentials = role().credentials(&answer).unwrap();
        let ends: jiff::Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        assert_eq!(credentials.expiry(), Some(SystemTime::from(ends)));
        assert_eq!(role().credentials(&json!({})).unwrap_err().class, Class::Garbage);
        assert!(!format!("{credentials:?}").contains("\"s\""));
    }

    #[test]
    fn a_role_that_does_not_trust_us_is_a_trouble_with_credentials() {
        let (service, operation) = ("sts", "AssumeRole");
        let place = CallPlace { account: "1", region: "cn-north-1", service, operation, ..crate::PLACE };
        let denied = CallError::new(Class::AccessDenied { by_organization: false }, place, "no");
        let told = role().refused(denied);
        assert_eq!(told.class, Class::Credentials(CredentialsTrouble::Role));
        assert_eq!(told.account, "123456789012");
        assert_eq!(told.message, "arn:aws-cn:iam::123456789012:role/audit/fix: no");
        let inactive = CallError::new(Class::RegionDisabled, place, "STS is not activated")
            .change(|trouble| trouble.code = Some(STS_INACTIVE.to_owned()));
        let told = role().refused(inactive);
        assert_eq!(told.class, Class::Credentials(CredentialsTrouble::Role));
        let hint = told.hint().unwrap();
        assert!(hint.contains("activate STS of cn-north-1") && hint.contains("AWS_REGION"), "{hint}");
        let network = role().refused(CallError::new(Class::Network, place, "gone"));
        assert_eq!((network.class, network.message.as_str()), (Class::Network, "gone"));
    }
}

//! What to do about a trouble.

use http_client::{Advisor, Class, CredentialsTrouble, Trouble};

/// Knows what to do about troubles with AWS.
pub(crate) const ADVISOR: Advisor = Advisor(hint);

/// What to do, for people; `None` where nothing is known to help.
fn hint(trouble: &Trouble) -> Option<String> {
    let region = &trouble.region;
    let hint = match trouble.class {
        Class::AccessDenied { by_organization: true } => format!(
            "a service control policy of the organization denies {}: allow it there, or leave {region} out with aws.region",
            permission(trouble)
        ),
        Class::AccessDenied { by_organization: false } => {
            format!("allow {} to the user or role that collects", permission(trouble))
        }
        Class::Credentials(credentials) => of_credentials(credentials, trouble),
        Class::Throttled => format!(
            "lower aws.resource_pool_tasks_per_service for {}, or ask AWS for a higher limit",
            trouble.service
        ),
        Class::RegionDisabled => format!(
            "enable {region} for the account (or sign up for {}), or leave it out with aws.region",
            trouble.service
        ),
        Class::RegionRefuses => {
            "enable the region for the account, which takes some minutes (a session token has to be of a regional endpoint of \
             STS, or of version 2)"
                .to_owned()
        }
        Class::Network => match trouble.code.as_deref() {
            Some("DnsFailure") => {
                format!("check the name servers of this machine, AWS_ENDPOINT_URL, and that {region} exists")
            }
            Some("TlsFailure") => "a proxy that opens TLS needs its CA in AWS_CA_BUNDLE".to_owned(),
            Some("ProxyFailure") => "check HTTPS_PROXY and NO_PROXY, and what the proxy allows".to_owned(),
            _ => "check the network, HTTPS_PROXY, NO_PROXY and the firewall".to_owned(),
        },
        Class::Garbage => {
            "look for a proxy, a captive portal or a wrong AWS_ENDPOINT_URL between here and AWS".to_owned()
        }
        Class::RepeatedToken | Class::NoToken | Class::EndlessPages => {
            "what was listed until then is kept; if it happens again, report it to AWS with the request id"
                .to_owned()
        }
        Class::Unavailable => "it may work again in the next run; see health.aws.amazon.com".to_owned(),
        Class::Config => "check aws.region, AWS_ENDPOINT_URL and AWS_CA_BUNDLE".to_owned(),
        Class::Deadline => "give the account more time with supervisor.account_timeout".to_owned(),
        Class::Expected | Class::NoEndpoint | Class::Service | Class::Input => return None,
    };
    Some(hint)
}

fn of_credentials(credentials: CredentialsTrouble, trouble: &Trouble) -> String {
    match credentials {
        CredentialsTrouble::Missing => {
            "set aws.access_key_id and aws.secret_access_key, aws.profiles, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY in the environment; or run where a role is attached"
        }
        CredentialsTrouble::Broken => "check the profile in ~/.aws/config and what it refers to",
        CredentialsTrouble::Expired => {
            "renew them: aws sso login for a profile with single sign-on, else new keys or a new session token"
        }
        CredentialsTrouble::Invalid => {
            "check the access key id and its secret: they may have been deleted, deactivated, mistyped, or \
             belong to another partition (China, GovCloud, EU Sovereign Cloud): its region is named by AWS_REGION"
        }
        CredentialsTrouble::Clock => "set the clock of this machine, or start its time service",
        CredentialsTrouble::Role if trouble.code.as_deref() == Some("AccessDenied") => {
            "check that the role exists, that its trust policy names the caller (and the external id), and \
             that the caller may sts:AssumeRole it"
        }
        CredentialsTrouble::Role => "check aws.role and the account number",
        CredentialsTrouble::NotRenewed => {
            "see in the log what is wrong with the child that makes the credentials; the next attempt gets new ones"
        }
        CredentialsTrouble::OtherAccount => {
            "let whatever gives the credentials (a profile, a program, a role) give those of this account, and collect again"
        }
    }
    .to_owned()
}

/// The permission that is missing: as AWS names it in the message, else by the usual rule.
fn permission(trouble: &Trouble) -> String {
    if let Some((_, told)) = trouble.message.split_once("to perform: ") {
        let action: &str = told.split([' ', ',']).next().unwrap_or_default().trim_end_matches('.');
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '*');
        if action.contains(':') && action.chars().all(allowed) {
            return action.to_owned();
        }
    }
    let operation = match (trouble.service.as_str(), trouble.operation.as_str()) {
        ("s3", "ListBuckets") => "ListAllMyBuckets",
        ("s3", "HeadBucket" | "ListObjectsV2" | "ListObjects") => "ListBucket",
        (_, operation) => operation,
    };
    format!("{}:{operation}", iam_prefix(&trouble.service))
}

/// What IAM calls the service that boto3 calls `service`, where they differ.
fn iam_prefix(service: &str) -> &str {
    match service {
        "apigatewayv2" => "apigateway",
        "bedrock-agent" | "bedrock-runtime" => "bedrock",
        "efs" => "elasticfilesystem",
        "elb" | "elbv2" => "elasticloadbalancing",
        "opensearch" => "es",
        "s3control" => "s3",
        "service-quotas" => "servicequotas",
        service => service,
    }
}

#[cfg(test)]
mod tests {
    use http_client::{CallError, CallPlace};

    use super::*;

    fn hint_of(class: Class, service: &str, operation: &str, message: &str) -> Option<String> {
        let place = CallPlace { account: "1", region: "eu-west-1", service, operation, advisor: ADVISOR };
        CallError::new(class, place, message).hint()
    }

    const DENIED: Class = Class::AccessDenied { by_organization: false };

    #[test]
    fn the_missing_permission_is_named() {
        for (service, operation, message, permission) in [
            ("ec2", "DescribeVpcs", "", "ec2:DescribeVpcs"),
            ("elbv2", "DescribeLoadBalancers", "", "elasticloadbalancing:DescribeLoadBalancers"),
            ("s3", "ListBuckets", "", "s3:ListAllMyBuckets"),
            (
                "s3",
                "GetBucketEncryption",
                "User: arn:aws:iam::1:user/x is not authorized to perform: s3:GetEncryptionConfiguration on \
                 resource: y",
                "s3:GetEncryptionConfiguration",
            ),
            ("rds", "DescribeDBInstances", "unable to perform: it.", "rds:DescribeDBInstances"),
        ] {
            let hint = hint_of(DENIED, service, operation, message).unwrap();
            assert_eq!(hint, format!("allow {permission} to the user or role that collects"));
        }
    }

    #[test]
    fn a_policy_of_the_organization_is_not_the_accounts_to_change() {
        let hint = hint_of(Class::AccessDenied { by_organization: true }, "ec2", "DescribeVpcs", "").unwrap();
        assert!(hint.contains("service control policy") && hint.contains("ec2:DescribeVpcs"), "{hint}");
    }

    #[test]
    fn every_trouble_with_credentials_has_its_own_hint() {
        use CredentialsTrouble::{Broken, Clock, Expired, Invalid, Missing, NotRenewed, OtherAccount, Role};
        let mut hints: Vec<String> =
            [Broken, Clock, Expired, Invalid, Missing, NotRenewed, OtherAccount, Role]
                .into_iter()
                .filter_map(|trouble| hint_of(Class::Credentials(trouble), "sts", "GetCallerIdentity", ""))
                .collect();
        hints.sort();
        hints.dedup();
        assert_eq!(hints.len(), 8);
    }
}

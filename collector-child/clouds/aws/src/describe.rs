//! What the collector is, for Describe.

use ipc_proto::job::{AutoEnable, Described, PathAccess, PathGrant};
use ipc_proto::seal::Brokering;

use crate::built_in;
use crate::cloud::CLOUD;
use crate::config::section;

/// Environment variables that the collector or the SDK's credential chain reads.
const ENVIRONMENT: [&str; 4] = ["AWS_*", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// Files that credentials may come from. Token files of web identities and containers are where their variable
/// says, and programs named by `credential_process` may be anywhere.
const PATHS: [(&str, PathAccess); 11] = [
    ("~/.aws", PathAccess::Read),
    ("~/.aws/config", PathAccess::Programs),
    ("~/.aws/credentials", PathAccess::Programs),
    ("$AWS_CONFIG_FILE", PathAccess::Programs),
    ("$AWS_SHARED_CREDENTIALS_FILE", PathAccess::Programs),
    // Tokens of single sign-on are renewed here.
    ("~/.aws/sso/cache", PathAccess::Write),
    ("/var/run/secrets", PathAccess::Read),
    ("$AWS_WEB_IDENTITY_TOKEN_FILE", PathAccess::Read),
    ("$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", PathAccess::Read),
    ("$AWS_CA_BUNDLE", PathAccess::Read),
    ("$REQUESTS_CA_BUNDLE", PathAccess::Read),
];

/// The collector, as far as supervisor and fixcore need to know, but for its tasks. No I/O.
pub(crate) fn describe() -> Described {
    let variable = |name: &str| AutoEnable::Variable(name.to_owned());
    let file = |path: &str| AutoEnable::File(path.to_owned());
    Described {
        collector: CLOUD.to_owned(),
        clouds: vec![CLOUD.to_owned()],
        account_noun: "account".to_owned(),
        kinds_json: built_in::model(),
        section: Some(section()),
        pool_setting: Some("account_pool_size".to_owned()),
        tasks_json: "[]".to_owned(),
        environment: ENVIRONMENT.map(str::to_owned).to_vec(),
        paths: paths(),
        auto_enable: vec![
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_PROFILE"),
            variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
            variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            file("~/.aws/credentials"),
            file("~/.aws/config"),
        ],
        account_kinds: vec!["aws_account".to_owned()],
    }
}

/// Variables that are no credentials and lead to none. A proxy may be named with a password, which is no credential of
/// the cloud.
const OPEN_ENVIRONMENT: [&str; 12] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_*",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];
/// Paths with nothing secret behind them.
const OPEN_PATHS: [&str; 2] = ["$AWS_CA_BUNDLE", "$REQUESTS_CA_BUNDLE"];

/// What a child still needs that has the credentials of its account. No I/O.
pub(crate) fn brokering() -> Brokering {
    let open = |grant: &PathGrant| OPEN_PATHS.contains(&grant.path.as_str());
    Brokering {
        collector: CLOUD.to_owned(),
        environment: OPEN_ENVIRONMENT.map(str::to_owned).to_vec(),
        paths: paths().into_iter().filter(open).collect(),
        secrets: ["access_key_id", "secret_access_key"].map(str::to_owned).to_vec(),
    }
}

/// The paths that the collector must reach.
pub(crate) fn paths() -> Vec<PathGrant> {
    PATHS.map(|(path, access)| PathGrant { path: path.to_owned(), access }).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describe_names_what_the_supervisor_needs() {
        let described = describe();
        assert_eq!(described.pool_setting.as_deref(), Some("account_pool_size"));
        assert!(
            described.kinds_json.contains("\"aws_ec2_instance\"")
                && described.kinds_json.contains("\"resource\"")
        );
        assert!(described.environment.contains(&"AWS_*".to_owned()));
    }
}

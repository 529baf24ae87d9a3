//! What the collector is, for Describe.

use ipc_proto::job::{AutoEnable, Described, PathAccess, PathGrant};

use crate::config::section;
use crate::graph::CLOUD;
use crate::tables;

/// Environment variables that the collector or the SDK's credential chain reads.
const ENVIRONMENT: [&str; 4] = ["AWS_*", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// Files that credentials may come from. Programs named by `credential_process` may be anywhere, and token files
/// of web identities and containers are where their variable says.
const PATHS: [(&str, PathAccess); 5] = [
    ("~/.aws", PathAccess::Read),
    // Tokens of single sign-on are renewed here.
    ("~/.aws/sso/cache", PathAccess::Write),
    ("/var/run/secrets", PathAccess::Read),
    ("/usr", PathAccess::Execute),
    ("/opt", PathAccess::Execute),
];

/// Variables whose value is the path of a file to read.
const PATH_VARIABLES: [&str; 6] = [
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
];

/// The collector, as far as supervisor and fixcore need to know, but for its tasks. No I/O.
pub fn describe() -> Described {
    let variable = |name: &str| AutoEnable::Variable(name.to_owned());
    let file = |path: &str| AutoEnable::File(path.to_owned());
    Described {
        collector: CLOUD.to_owned(),
        cloud: Some(CLOUD.to_owned()),
        account_noun: "account".to_owned(),
        kinds_json: tables::model(),
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

fn paths() -> Vec<PathGrant> {
    let fixed = PATHS.iter().map(|(path, access)| PathGrant { path: (*path).to_owned(), access: *access });
    let named = PATH_VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
    let named =
        named.filter(|path| !path.is_empty()).map(|path| PathGrant { path, access: PathAccess::Read });
    fixed.chain(named).collect()
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

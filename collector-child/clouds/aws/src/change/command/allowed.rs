//! Which operations the command may call: by default those that read, and none that gives out credentials. Whoever
//! may run commands in fixcore would have the rights of the worker otherwise. Pure.

use super::Wrong;
use engine::glob::matches;

/// What `aws.command_operations` is by default.
pub(crate) const READING: [&str; 7] =
    ["describe-*", "list-*", "get-*", "batch-get-*", "head-*", "lookup-*", "search-*"];

/// Words in the name of an operation that gets something, and gives out credentials with it.
const CREDENTIALS: [&str; 10] = [
    "credentials",
    "token",
    "secret",
    "password",
    "login",
    "parameter",
    "parameters",
    "connection",
    "connections",
    "key",
];
/// The same, where no such word says it.
const MORE: [(&str, &str); 3] = [
    ("apigateway", "get-api-keys"),
    ("lightsail", "get-instance-access-details"),
    ("sts", "get-web-identity-token"),
];
/// Those that have such a word and give nothing out.
const HARMLESS: [(&str, &str); 5] = [
    ("iam", "get-access-key-last-used"),
    ("iam", "get-ssh-public-key"),
    ("kms", "get-key-policy"),
    ("kms", "get-key-rotation-status"),
    ("kms", "get-public-key"),
];

/// Refuses an operation that no pattern allows. A pattern is `OPERATION` or `SERVICE:OPERATION`, with wildcards; one that
/// gives out credentials has to be named without any.
pub(super) fn check(patterns: &[String], service: &str, operation: &str) -> Result<(), Wrong> {
    let named = format!("{service}:{operation}");
    if patterns.contains(&named) {
        return Ok(());
    }
    let fits = |pattern: &String| {
        if pattern.contains(':') { matches(pattern, &named) } else { matches(pattern, operation) }
    };
    let refuse = |why: &str| {
        Err(Wrong::new(format!(
            "{service} {operation} is not allowed: {why}; add {named:?} to aws.command_operations to allow it"
        )))
    };
    if !patterns.iter().any(fits) {
        return refuse("the command calls only operations that aws.command_operations names");
    }
    if gives_credentials(service, operation) { refuse("its answer may hold credentials") } else { Ok(()) }
}

/// Whether an operation only reads, as its name says.
pub(super) fn reads(operation: &str) -> bool {
    READING.iter().any(|pattern| matches(pattern, operation))
}

fn gives_credentials(service: &str, operation: &str) -> bool {
    let this = (service, operation);
    let mut words = operation.split('-');
    let gets = words.clone().any(|word| word == "get");
    let assumes =
        service == "sts" && !["get-caller-identity", "decode-authorization-message"].contains(&operation);
    assumes
        || MORE.contains(&this)
        || gets && words.any(|word| CREDENTIALS.contains(&word)) && !HARMLESS.contains(&this)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(patterns: &[&str], line: &str) -> bool {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let (service, operation) = line.split_once(' ').unwrap();
        check(&patterns, service, operation).is_ok()
    }

    #[test]
    fn by_default_the_command_reads_and_gives_out_no_credentials() {
        for line in [
            "ec2 describe-volumes",
            "s3 list-object-versions",
            "iam get-role",
            "iam get-credential-report",
            "sts get-caller-identity",
            "ecr batch-get-image",
            "s3 head-bucket",
            "cloudtrail lookup-events",
            "kms get-key-policy",
            "secretsmanager list-secrets",
            "ssm describe-parameters",
        ] {
            assert!(allowed(&READING, line), "{line}");
        }
        for line in [
            "ec2 terminate-instances",
            "iam create-access-key",
            "sts assume-role",
            "sts get-session-token",
            "secretsmanager get-secret-value",
            "secretsmanager batch-get-secret-value",
            "ecr get-authorization-token",
            "ec2 get-password-data",
            "ssm get-parameters-by-path",
            "redshift get-cluster-credentials",
            "glue get-connections",
            "apigateway get-api-keys",
            "kms decrypt",
        ] {
            assert!(!allowed(&READING, line), "{line}");
        }
    }

    #[test]
    fn more_is_allowed_by_name() {
        assert!(allowed(&["ec2:*"], "ec2 start-instances") && !allowed(&["ec2:*"], "rds start-db-instance"));
        assert!(allowed(&["*"], "iam create-user"));
        assert!(!allowed(&["*"], "sts assume-role"), "credentials have to be named");
        assert!(allowed(&["sts:assume-role"], "sts assume-role"));
        assert!(!allowed(&[], "ec2 describe-volumes"));
        let why = check(&[], "ec2", "stop-instances").unwrap_err().to_string();
        assert!(why.contains("add \"ec2:stop-instances\" to aws.command_operations"), "{why}");
    }
}

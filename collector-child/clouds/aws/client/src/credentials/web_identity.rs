//! Credentials for a token of somebody who vouches for us, a Kubernetes cluster mostly.

use aws_credential_types::Credentials;
use http_client::{CallError, Class, CredentialsTrouble};
use serde_json::json;

use super::role::Role;
use crate::client::{Client, Target};
use crate::credentials::Session;
use crate::environment::Environment;

use super::chain::Trouble;

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";

/// A token and the role that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebIdentity {
    /// The file that holds the token, which is renewed by others.
    pub(super) token_file: String,
    /// The setting that names the file.
    pub(super) named_by: String,
    pub(super) role: Role,
}

impl WebIdentity {
    /// What the variables say, if they do; `region` is where STS is asked for a role, and `unique` is for the name of the
    /// session.
    pub(super) fn of_variables(
        environment: &Environment,
        region: impl Fn(&str) -> String,
        unique: &str,
    ) -> Result<Option<Self>, Trouble> {
        let Some(token_file) = environment.variable(TOKEN_FILE) else { return Ok(None) };
        let Some(arn) = environment.variable(ROLE) else {
            let message = format!("{TOKEN_FILE} is set, but {ROLE} is missing");
            return Err(Trouble::new(CredentialsTrouble::Broken, message).advising(format!(
                "set {ROLE} to the arn of the role that the token stands for, or unset {TOKEN_FILE}"
            )));
        };
        let mut role = Role::of_arn(arn.trim(), &region(arn.trim()), unique);
        if let Some(name) = environment.variable("AWS_ROLE_SESSION_NAME") {
            role.session_name = name;
        }
        Ok(Some(Self { token_file, named_by: TOKEN_FILE.to_owned(), role }))
    }

    fn token(&self) -> Result<String, Trouble> {
        let Self { token_file, named_by, .. } = self;
        let broken = |why: String| {
            Trouble::new(CredentialsTrouble::Broken, format!("the token file {token_file} of {named_by} {why}"))
                .advising("check that the token is mounted (a service account with a role, in Kubernetes) and may be read")
        };
        let text = std::fs::read_to_string(token_file)
            .map_err(|error| broken(format!("cannot be read: {error}")))?;
        let token = text.trim();
        if token.is_empty() { Err(broken("is empty".to_owned())) } else { Ok(token.to_owned()) }
    }

    /// Asks STS. `nobody` is a session whose environment says where that is; the call is not signed.
    pub(super) async fn exchange(&self, client: &Client, nobody: &Session) -> Result<Credentials, CallError> {
        let Self { token_file, named_by, role } = self;
        let parameters = json!({
            "RoleArn": role.arn,
            "RoleSessionName": role.session_name,
            "WebIdentityToken": self.token().map_err(Trouble::error)?,
        });
        let target = Target { session: nobody, region: &role.region, account: &role.account, deadline: None };
        let call = Box::pin(client.call_apart(&target, "sts", "AssumeRoleWithWebIdentity", parameters));
        let answer = call.await.map_err(|error| {
            role.refused(error).change(|trouble| {
                if matches!(trouble.class, Class::Credentials(_)) {
                    trouble.message = format!("{} (token file {token_file} of {named_by})", trouble.message);
                    trouble.advice = Some(
                        "check the trust policy of the role, the identity provider of IAM, and that the token is renewed"
                            .to_owned(),
                    );
                }
            })
        })?;
        role.credentials(&answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(variables: &[(&str, &str)]) -> Result<Option<WebIdentity>, Trouble> {
        let environment = Environment::of_test(variables, "", None).await.unwrap();
        WebIdentity::of_variables(&environment, |arn| environment.sts_region(arn, &[]), "unique")
    }

    #[tokio::test]
    async fn both_variables_are_needed() {
        assert_eq!(of(&[(ROLE, "arn:aws:iam::1:role/x")]).await.unwrap(), None);
        let told = of(&[(TOKEN_FILE, "/t")]).await.unwrap_err();
        assert_eq!(told.message, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is missing");
        let advice = told.advice.unwrap();
        assert!(advice.contains("AWS_ROLE_ARN") && !advice.contains("profile"), "{advice}");
        let set = [(TOKEN_FILE, "/t"), (ROLE, "arn:aws-cn:iam::123456789012:role/x")];
        let found = of(&set).await.unwrap().unwrap();
        assert_eq!(
            (found.role.region.as_str(), found.role.account.as_str()),
            ("cn-northwest-1", "123456789012")
        );
        assert_eq!(found.role.session_name, "fix-collector-unique");
    }

    #[tokio::test]
    async fn a_token_that_is_not_there_is_named_with_its_variable() {
        let found =
            of(&[(TOKEN_FILE, "/nowhere/token"), (ROLE, "arn:aws:iam::1:role/x")]).await.unwrap().unwrap();
        let told = found.token().unwrap_err().message;
        assert!(
            told.starts_with("the token file /nowhere/token of AWS_WEB_IDENTITY_TOKEN_FILE cannot be read"),
            "{told}"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = WebIdentity { token_file: file.path().display().to_string(), ..found };
        assert!(empty.token().unwrap_err().message.ends_with("is empty"));
    }
}

//! Credential files of Google Cloud: what is in them.
//!
//! The forms are those of AIP-4110 and the files that `gcloud` writes: the key of a service account, what a person has
//! authorized, federation of a workload, and the impersonation of a service account by one of these.

use std::fmt;
use std::sync::Arc;

use rest_client::Handed;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::address::checked;

/// The scope of all tokens.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where tokens come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The key of a service account.
    ServiceAccount(ServiceAccount),
    /// What a person has authorized.
    User(User),
    /// A token of somebody else, whom Google Cloud trusts.
    Federated(Federated),
    /// A service account whose tokens another source may have.
    Impersonated(Impersonated),
    /// The metadata server of the machine.
    Metadata,
    /// A recording: no tokens are got, and the others of it are not in there.
    Recorded(Known),
    /// Another process gets the tokens for this one.
    Handed(Arc<Handed>, Known),
}

/// What a recording keeps of credentials, and what another process is told of them: nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) project: Option<String>,
    pub(crate) quota_project: Option<String>,
    pub(crate) identity: String,
}

impl Known {
    /// What is no secret of these.
    pub(crate) fn of(source: &Source) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (project, quota_project) = (owned(source.project()), owned(source.quota_project()));
        Self { project, quota_project, identity: source.identity() }
    }
}

/// The key of a service account.
#[derive(Clone)]
pub(crate) struct ServiceAccount {
    pub(crate) email: String,
    pub(crate) key_id: Option<String>,
    /// PEM, PKCS #8.
    pub(crate) private_key: Zeroizing<String>,
    pub(crate) token_uri: String,
    pub(crate) project: Option<String>,
}

/// What a person has authorized a program to do.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) client_id: String,
    pub(crate) client_secret: Zeroizing<String>,
    pub(crate) refresh_token: Zeroizing<String>,
    pub(crate) token_uri: String,
    pub(crate) project: Option<String>,
}

/// Federation of a workload: a token of an identity provider becomes one of Google Cloud.
#[derive(Debug, Clone)]
pub(crate) struct Federated {
    pub(crate) audience: String,
    pub(crate) subject_token_type: String,
    pub(crate) token_uri: String,
    pub(crate) subject: Subject,
}

/// Where the token of the identity provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// In a file, which is read each time as it changes.
    File { path: String, member: Option<String> },
    /// At an address.
    Address { address: String, headers: Vec<(String, String)>, member: Option<String> },
}

/// A service account whose tokens another source may have.
#[derive(Debug, Clone)]
pub(crate) struct Impersonated {
    /// `.../serviceAccounts/EMAIL:generateAccessToken`
    pub(crate) address: String,
    pub(crate) delegates: Vec<String>,
    pub(crate) base: Box<Source>,
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Source {
    /// Reads a credential file. What is wrong with it, in words that hold nothing of its content but names of members.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| {
            // The message of serde may quote values.
            format!("it is no JSON with the members of a credential file (line {})", error.line())
        })?;
        file.source()
    }

    /// The project that the credentials name as their own.
    pub(crate) fn project(&self) -> Option<&str> {
        match self {
            Self::ServiceAccount(account) => account.project.as_deref(),
            Self::User(user) => user.project.as_deref(),
            Self::Impersonated(impersonated) => impersonated.base.project(),
            Self::Recorded(known) | Self::Handed(_, known) => known.project.as_deref(),
            Self::Federated(_) | Self::Metadata => None,
        }
    }

    /// The project whose quotas and enabled APIs count for calls, where that is not the one of the credentials themselves.
    pub(crate) fn quota_project(&self) -> Option<&str> {
        match self {
            Self::User(user) => user.project.as_deref(),
            Self::Impersonated(impersonated) => impersonated.base.quota_project(),
            Self::Recorded(known) | Self::Handed(_, known) => known.quota_project.as_deref(),
            Self::ServiceAccount(_) | Self::Federated(_) | Self::Metadata => None,
        }
    }

    /// Whose tokens they are, for people.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::ServiceAccount(account) => account.email.clone(),
            Self::User(_) => "the person who has logged in with gcloud".to_owned(),
            Self::Federated(federated) => format!("the workload of {}", federated.audience),
            Self::Impersonated(impersonated) => account_of(&impersonated.address).to_owned(),
            Self::Metadata => "the service account of this machine".to_owned(),
            Self::Recorded(known) | Self::Handed(_, known) => known.identity.clone(),
        }
    }
}

/// The service account in an address of `generateAccessToken`.
fn account_of(address: &str) -> &str {
    let name = address.rsplit('/').next().unwrap_or(address);
    name.split(':').next().unwrap_or(name)
}

/// The members of all kinds of files.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct File {
    r#type: String,
    project_id: Option<String>,
    quota_project_id: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<Zeroizing<String>>,
    client_email: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    refresh_token: Option<Zeroizing<String>>,
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    credential_source: Option<CredentialSource>,
    service_account_impersonation_url: Option<String>,
    delegates: Vec<String>,
    source_credentials: Option<Box<File>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CredentialSource {
    file: Option<String>,
    url: Option<String>,
    headers: std::collections::BTreeMap<String, String>,
    format: Option<Format>,
    executable: Option<serde::de::IgnoredAny>,
    environment_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Format {
    r#type: String,
    subject_token_field_name: Option<String>,
}

const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

impl File {
    fn source(self) -> Result<Source, String> {
        match self.r#type.as_str() {
            "service_account" => self.service_account(),
            "authorized_user" => self.user(),
            "external_account" => self.federated(),
            "impersonated_service_account" => self.impersonated(),
            "" => Err("its member type is missing, which says what kind of credentials these are".to_owned()),
            other => Err(format!(
                "credentials of type {other:?} cannot be used here; there are service_account, authorized_user, \
                 external_account and impersonated_service_account"
            )),
        }
    }

    fn service_account(self) -> Result<Source, String> {
        Ok(Source::ServiceAccount(ServiceAccount {
            email: need(self.client_email, "client_email")?,
            key_id: self.private_key_id,
            private_key: need(self.private_key, "private_key")?,
            token_uri: address(self.token_uri.as_deref(), TOKEN_URI, "token_uri")?,
            project: self.project_id,
        }))
    }

    fn user(self) -> Result<Source, String> {
        Ok(Source::User(User {
            client_id: need(self.client_id, "client_id")?,
            client_secret: need(self.client_secret, "client_secret")?,
            refresh_token: need(self.refresh_token, "refresh_token")?,
            token_uri: address(self.token_uri.as_deref(), TOKEN_URI, "token_uri")?,
            project: self.quota_project_id,
        }))
    }

    fn federated(self) -> Result<Source, String> {
        let source = need(self.credential_source, "credential_source")?;
        let federated = Source::Federated(Federated {
            audience: need(self.audience, "audience")?,
            subject_token_type: need(self.subject_token_type, "subject_token_type")?,
            token_uri: address(
                self.token_url.as_deref(),
                "https://sts.googleapis.com/v1/token",
                "token_url",
            )?,
            subject: source.subject()?,
        });
        match self.service_account_impersonation_url {
            None => Ok(federated),
            Some(url) => Ok(Source::Impersonated(Impersonated {
                address: checked(&url, "service_account_impersonation_url")?,
                delegates: Vec::new(),
                base: Box::new(federated),
            })),
        }
    }

    fn impersonated(self) -> Result<Source, String> {
        let url = need(self.service_account_impersonation_url, "service_account_impersonation_url")?;
        let base = need(self.source_credentials, "source_credentials")?.source()?;
        Ok(Source::Impersonated(Impersonated {
            address: checked(&url, "service_account_impersonation_url")?,
            delegates: self.delegates,
            base: Box::new(base),
        }))
    }
}

impl CredentialSource {
    fn subject(self) -> Result<Subject, String> {
        if self.executable.is_some() || self.environment_id.is_some() {
            let which = if self.executable.is_some() { "a program" } else { "AWS" };
            return Err(format!(
                "its credential_source takes tokens from {which}, which is not supported; a file or url is"
            ));
        }
        let member = match self.format {
            Some(format) if format.r#type == "json" => Some(need(
                format.subject_token_field_name,
                "credential_source.format.subject_token_field_name",
            )?),
            _ => None,
        };
        match (self.file, self.url) {
            (Some(path), _) => Ok(Subject::File { path, member }),
            (None, Some(url)) => Ok(Subject::Address {
                address: checked(&url, "credential_source.url")?,
                headers: self.headers.into_iter().collect(),
                member,
            }),
            (None, None) => Err("its credential_source has neither file nor url".to_owned()),
        }
    }
}

fn need<T>(member: Option<T>, name: &str) -> Result<T, String> {
    member.ok_or_else(|| format!("its member {name} is missing"))
}

fn address(given: Option<&str>, otherwise: &str, name: &str) -> Result<String, String> {
    checked(given.unwrap_or(otherwise), name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wrong(file: &Value) -> String {
        Source::parse(&file.to_string()).expect_err("it is wrong")
    }

    #[test]
    fn keys_and_users_are_read() {
        let key = json!({
            "type": "service_account", "project_id": "p", "private_key_id": "k", "private_key": "PEM",
            "client_email": "a@p.iam.gserviceaccount.com", "universe_domain": "googleapis.com",
        });
        let source = Source::parse(&key.to_string()).unwrap();
        assert_eq!(
            (source.project(), source.identity().as_str()),
            (Some("p"), "a@p.iam.gserviceaccount.com")
        );
        let Source::ServiceAccount(account) = source else { panic!("a key") };
        assert_eq!(account.token_uri, TOKEN_URI);
        let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r",
            "quota_project_id": "q"});
        assert_eq!(Source::parse(&user.to_string()).unwrap().project(), Some("q"));
    }

    #[test]
    fn federation_may_end_in_impersonation() {
        let url =
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam:generateAccessToken";
        let file = json!({
            "type": "external_account", "audience": "//iam/x", "subject_token_type": "jwt",
            "credential_source": {"file": "/t", "format": {"type": "json", "subject_token_field_name": "id"}},
            "service_account_impersonation_url": url,
        });
        let source = Source::parse(&file.to_string()).unwrap();
        assert_eq!(source.identity(), "a@p.iam");
        let Source::Impersonated(Impersonated { base, .. }) = source else { panic!("impersonation") };
        let Source::Federated(federated) = *base else { panic!("federation") };
        assert_eq!(federated.subject, Subject::File { path: "/t".to_owned(), member: Some("id".to_owned()) });
    }

    #[test]
    fn what_is_wrong_is_told_without_secrets() {
        let key = |token_uri: &str| json!({"type": "service_account", "client_email": "a", "private_key": "s3cret", "token_uri": token_uri});
        for (file, told) in [
            (
                json!({"type": "service_account", "private_key": "s3cret"}),
                "its member client_email is missing",
            ),
            (json!({"client_email": "s3cret"}), "its member type is missing"),
            (json!({"type": "gdch_service_account"}), "\"gdch_service_account\" cannot be used here"),
            (key("http://evil.example/token"), "token_uri is http://evil.example/token: without TLS"),
            (key("nowhere"), "token_uri is \"nowhere\", which is no http or https address"),
            (
                json!({"type": "external_account", "audience": "a", "subject_token_type": "t",
                    "credential_source": {"executable": {"command": "s3cret"}}}),
                "takes tokens from a program, which is not supported",
            ),
        ] {
            let message = wrong(&file);
            assert!(message.contains(told) && !message.contains("s3cret"), "{message}");
        }
        let broken = Source::parse("{\"type\": s3cret}").expect_err("no JSON");
        assert!(!broken.contains("s3cret"), "{broken}");
        let shown = format!("{:?}", Source::parse(&key("https://a/b").to_string()).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

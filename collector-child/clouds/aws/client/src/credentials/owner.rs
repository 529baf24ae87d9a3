//! Whose credentials are that may be replaced while they are used.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use http_client::{CallError, Class, CredentialsTrouble};
use serde_json::json;

use super::session::{Session, Source};
use super::whose::expect_account;
use crate::client::{Client, Target};
use crate::environment::Environment;

/// The account that credentials belong to, and where STS says whose those are that replace them.
pub(super) struct Owner {
    account: String,
    region: String,
    /// The key that was last found to be the account's.
    key: Mutex<Arc<str>>,
}

impl Owner {
    pub(super) fn new(account: &str, key: &Arc<str>, region: &str) -> Self {
        let key = Mutex::new(Arc::clone(key));
        Self { account: account.to_owned(), region: region.to_owned(), key }
    }

    /// These were found to be the account's.
    pub(super) fn knows(&self, key: &str) -> bool {
        **self.key.lock().unwrap_or_else(PoisonError::into_inner) == *key
    }

    /// An error unless these are the account's, too.
    pub(super) async fn check(
        &self,
        client: &Client,
        environment: &Arc<Environment>,
        credentials: &Credentials,
    ) -> Result<(), CallError> {
        if self.knows(credentials.access_key_id()) {
            return Ok(());
        }
        let session = Session::new(Source::Keys(credentials.clone()), environment.clone());
        let target =
            Target { session: &session, region: &self.region, account: &self.account, deadline: None };
        let answer = client.call_apart(&target, "sts", "GetCallerIdentity", json!({})).await?;
        expect_account(&answer, &self.account, &self.region, false).map_err(replaced)?;
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = credentials.access_key_id().into();
        Ok(())
    }
}

/// What that means for whoever used the old ones.
fn replaced(error: CallError) -> CallError {
    if error.class != Class::Credentials(CredentialsTrouble::OtherAccount) {
        return error;
    }
    error.change(|trouble| {
        trouble.message = format!("they were replaced by others in the meantime: {}", trouble.message);
    })
}

//! Credentials and calls that all changes of the process share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_client::{CallError, Client, Pages, Session, Target};
use collector::{BoxFuture, Failure, Sink};
use engine::change::{Access, Calls};
use serde_json::{Map, Value};

use super::Resource;
use super::doors::Doors;
use crate::accounts::{Identity, Scope};
use crate::config::AwsConfig;
use crate::job::{self, Credentials};

/// Changes AWS. One for the process: it keeps connections and credentials from one change to the next.
#[derive(Debug, Default)]
pub(crate) struct Changer(tokio::sync::Mutex<Option<Arc<Doors>>>);

/// Calls of one change.
struct AwsCalls {
    client: Client,
    session: Session,
    account: String,
    region: String,
    deadline: Option<Instant>,
}

impl Changer {
    /// Whose credentials a change of this resource would be made with. STS is asked once for each of them.
    pub(crate) async fn identity(
        &self,
        config: &AwsConfig,
        resource: &Resource,
    ) -> Result<Identity, Failure> {
        resource.check_region()?;
        self.identity_in(config, resource.account()?, &resource.scope(config)).await
    }

    /// The same for an account.
    pub(super) async fn identity_in(
        &self,
        config: &AwsConfig,
        account: &str,
        scope: &Scope,
    ) -> Result<Identity, Failure> {
        let doors = self.doors(config).await?;
        doors.enter(account, scope).await.map(|(_, identity)| identity)
    }

    /// The credentials for a change of this resource; `again` replaces those that this process has.
    pub(crate) async fn credentials(
        &self,
        config: &AwsConfig,
        resource: &Resource,
        again: bool,
    ) -> Result<Credentials, Failure> {
        resource.check_region()?;
        self.credentials_in(config, resource.account()?, &resource.scope(config), again).await
    }

    /// The same for an account; `account` may be empty for that of the credentials.
    pub(super) async fn credentials_in(
        &self,
        config: &AwsConfig,
        account: &str,
        scope: &Scope,
        again: bool,
    ) -> Result<Credentials, Failure> {
        let session = self.doors(config).await?.enter_to_change(account, scope).await?;
        let credentials = Credentials::of(&session, config, scope, again).await;
        credentials.map_err(|error| error.to_fault().into())
    }

    /// Access to an account in a region, with credentials that belong to it; `account` may be empty for that of the
    /// credentials. `remaining` is the time that is left for the change.
    pub(super) async fn access<'a>(
        &self,
        config: &AwsConfig,
        account: &str,
        scope: &Scope,
        region: &str,
        remaining: Option<Duration>,
        sink: &'a dyn Sink,
    ) -> Result<Access<'a>, Failure> {
        let doors = self.doors(config).await?;
        let session = doors.enter_to_change(account, scope).await?;
        let deadline = remaining.and_then(|remaining| Instant::now().checked_add(remaining));
        let (client, account, region) = (doors.client.clone(), account.to_owned(), region.to_owned());
        Ok(Access::new(AwsCalls { client, session, account, region, deadline }, deadline, sink))
    }

    /// Access to the account of a resource, in its region.
    pub(super) async fn access_to<'a>(
        &self,
        config: &AwsConfig,
        resource: &Resource,
        remaining: Option<Duration>,
        sink: &'a dyn Sink,
    ) -> Result<Access<'a>, Failure> {
        resource.check_region()?;
        let reached = resource.scope(config);
        self.access(config, resource.account()?, &reached, resource.region(), remaining, sink).await
    }

    /// The configuration may change while the process lives; old credentials must not outlive it.
    async fn doors(&self, config: &AwsConfig) -> Result<Arc<Doors>, Failure> {
        let mut current = self.0.lock().await;
        if let Some(doors) = current.as_ref().filter(|doors| doors.config == *config) {
            return Ok(Arc::clone(doors));
        }
        config.check()?;
        let client = job::client(config).await?;
        let doors = Arc::new(Doors::new(config.clone(), client));
        *current = Some(Arc::clone(&doors));
        Ok(doors)
    }

    /// With this client, whatever the environment says.
    #[cfg(test)]
    pub(super) fn with_client(config: &AwsConfig, client: Client) -> Self {
        Self(tokio::sync::Mutex::new(Some(Arc::new(Doors::new(config.clone(), client)))))
    }

    /// The account of these keys is known already.
    #[cfg(test)]
    pub(super) async fn knowing(self, key: &str, account: &str) -> Self {
        if let Some(doors) = &*self.0.lock().await {
            doors.know(key, account).await;
        }
        self
    }
}

impl AwsCalls {
    fn target(&self) -> Target<'_> {
        Target {
            session: &self.session,
            region: &self.region,
            account: &self.account,
            deadline: self.deadline,
        }
    }
}

impl Calls for AwsCalls {
    fn call<'a>(
        &'a self,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(
            async move { self.client.call(&self.target(), service, operation, Value::Object(params)).await },
        )
    }

    fn pages<'a>(&'a self, service: &'a str, operation: &'a str, params: Map<String, Value>) -> Pages<'a> {
        self.client.pages(&self.target(), service, operation, Value::Object(params))
    }
}

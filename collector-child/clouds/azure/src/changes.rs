//! Deletes and tags resources, with the first credentials of the settings that may see the subscription.

use collector::identity::Identity;
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, fault};
use engine::Plans;
use inventory::KindTable;
use ipc_proto::fault::FaultKind;
use ipc_proto::seal::Seal;
use rest_client::{Door, Rest, TableChanger, TableChanges};
use serde_json::Value;

use crate::access::{ARM, Access, access, handed_access, plans};
use crate::cloud::{CLOUD, kinds};
use crate::config::AzureConfig;
use crate::entrance::identity;

/// Changes of Microsoft Azure.
pub(crate) type AzureChanges = TableChanges<AzureDoor>;

/// The way to a resource.
#[derive(Debug, Default)]
pub(crate) struct AzureDoor;

/// The first credentials that may see the subscription of a node, and whose they are.
async fn entrance(config: &ConfigSection, node: &StoredNode) -> Result<(Access, Identity), Failure> {
    let subscription = node.account_id("subscription")?;
    if let Some(given) = config.credentials() {
        let access = handed_access(given, subscription)?;
        let (identity, _) = identity(&access, subscription).await?;
        return Ok((access, identity));
    }
    let config: AzureConfig = config.to()?;
    let mut refused = None;
    for (setting, account) in config.all().into_iter().filter(|(_, account)| account.wants(subscription)) {
        let access = access(&setting, &account, subscription)?;
        match identity(&access, subscription).await {
            Ok((identity, _)) => return Ok((access, identity)),
            Err(failure) => refused = Some(failure),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let message = format!("azure.accounts has no credentials for the subscription {subscription}");
        let hint = "add some, or leave the subscription to a worker that has them";
        fault(FaultKind::WrongAccount, message).with_hint(hint).into()
    }))
}

/// The address of a resource begins with its subscription: a node whose id leads elsewhere is nobody's.
fn in_its_subscription(id: &str, subscription: &str) -> bool {
    let mut parts = id.split('/');
    let begins = (parts.next(), parts.next().map(str::to_ascii_lowercase), parts.next());
    begins.0 == Some("")
        && begins.1.as_deref() == Some("subscriptions")
        && begins.2.is_some_and(|told| told.eq_ignore_ascii_case(subscription))
        && !id.contains(['?', '#', '%', '\\'])
        && id.split('/').all(|part| !matches!(part, "." | ".."))
}

impl Door for AzureDoor {
    fn cloud(&self) -> &'static str {
        CLOUD
    }

    fn tables(&self) -> Result<(&'static KindTable, &'static Plans), Failure> {
        Ok((kinds().table()?, plans()?))
    }

    fn enter<'a>(
        &'a self,
        config: &'a ConfigSection,
        node: &'a StoredNode,
    ) -> BoxFuture<'a, Result<(Rest, Identity), Failure>> {
        Box::pin(async { entrance(config, node).await.map(|(access, identity)| (access.rest, identity)) })
    }

    fn seal<'a>(
        &'a self,
        config: &'a ConfigSection,
        node: &'a StoredNode,
    ) -> BoxFuture<'a, Result<Seal, Failure>> {
        Box::pin(async {
            let (access, _) = entrance(config, node).await?;
            access.credentials.hand_over(ARM, node.account_id("subscription")?, "subscription").await
        })
    }

    fn prove<'a>(
        &'a self,
        _changer: &'a TableChanger<'a>,
        nodes: &'a [&'a StoredNode],
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some(node) = nodes.first() else { return Ok(()) };
            let subscription = node.account_id("subscription")?;
            let id = node.reported.get("id").and_then(Value::as_str).unwrap_or_default();
            if in_its_subscription(id, subscription) {
                return Ok(());
            }
            let message =
                format!("{id} is no address in the subscription {subscription}, so nothing is changed");
            Err(fault(FaultKind::Resource, message).with_hint("collect the subscription again").into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::in_its_subscription;

    #[test]
    fn ids_lead_into_their_own_subscription_only() {
        let of = |id| in_its_subscription(id, "aaa");
        assert!(of("/subscriptions/AAA/resourceGroups/g/providers/Microsoft.Compute/disks/d"));
        assert!(of("/Subscriptions/aaa"));
        for id in [
            "/subscriptions/bbb/resourceGroups/g",
            "https://elsewhere/subscriptions/aaa",
            "subscriptions/aaa",
            "/subscriptions/aaa/../bbb",
            "/subscriptions/aaa?x=/",
            "",
        ] {
            assert!(!of(id), "{id}");
        }
    }
}

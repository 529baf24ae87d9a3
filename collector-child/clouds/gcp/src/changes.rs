//! Deletes and labels resources, with the first credentials of the settings that may see the project.

use collector::identity::Identity;
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, fault};
use engine::Plans;
use inventory::KindTable;
use ipc_proto::fault::FaultKind;
use ipc_proto::seal::Seal;
use rest_client::{Door, Rest, TableChanges};
use serde_json::Value;
use tables::plan::Place;

use crate::access::{Access, access, handed_access, plans};
use crate::cloud::{CLOUD, kinds};
use crate::config::GcpConfig;
use crate::entrance::identity;

/// Changes of Google Cloud.
pub(crate) type GcpChanges = TableChanges<GcpDoor>;

/// The way to a resource.
#[derive(Debug, Default)]
pub(crate) struct GcpDoor;

/// The first credentials that may see the project of a node, and whose they are.
async fn entrance(config: &ConfigSection, node: &StoredNode) -> Result<(Access, Identity), Failure> {
    let project = node.account_id("project")?;
    if let Some(given) = config.credentials() {
        let access = handed_access(given, project)?;
        let identity = identity(&access, project).await?;
        return Ok((access, identity));
    }
    let config: GcpConfig = config.to()?;
    let mut refused = None;
    for setting in &config.service_account {
        let access = access(setting, project)?;
        match identity(&access, project).await {
            Ok(identity) => return Ok((access, identity)),
            Err(failure) => refused = Some(failure),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let message = format!("there are no credentials for the project {project}");
        fault(FaultKind::Credentials, message).with_hint("name some in gcp.service_account").into()
    }))
}

impl Door for GcpDoor {
    fn cloud(&self) -> &'static str {
        CLOUD
    }

    fn tables(&self) -> Result<(&'static KindTable, &'static Plans), Failure> {
        Ok((kinds().table()?, plans()?))
    }

    /// With the name that the link has: some nodes tell another one.
    fn place(&self, node: &StoredNode, place: Place) -> Place {
        let link = node.reported.get("link").and_then(Value::as_str);
        let name = link.and_then(|link| link.rsplit('/').next()).filter(|name| !name.is_empty());
        place.with("link_name", name.map(Value::from).unwrap_or_default())
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
            access.credentials.hand_over(node.account_id("project")?).await
        })
    }
}

//! Deletes and labels resources.
//!
//! The API does not tell the project of a token. What is not found may as well be of another project, whose token stands at
//! the wrong place in the settings. So a token is believed to be that of a project only when it knows one of its resources,
//! by the number that no other resource has: the one that is to be changed, or a neighbour of it. Until then nothing is
//! changed, and nothing is taken for gone.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use collector::identity::Identity;
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, fault};
use engine::Plans;
use inventory::KindTable;
use ipc_proto::fault::FaultKind;
use rest_client::{Door, Rest, TableChanger, TableChanges};
use serde_json::Value;

use crate::cloud::{CLOUD, kinds, of_project, owner, plans};
use crate::config::HetznerConfig;

/// Changes of Hetzner Cloud.
pub(crate) type HetznerChanges = TableChanges<HetznerDoor>;

/// The way to a resource.
#[derive(Debug, Default)]
pub(crate) struct HetznerDoor {
    /// Projects whose token knows one of their resources.
    proven: Mutex<HashSet<String>>,
}

impl HetznerDoor {
    fn proven<T>(&self, with: impl FnOnce(&mut HashSet<String>) -> T) -> T {
        with(&mut self.proven.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn client(config: &ConfigSection, node: &StoredNode) -> Result<(Rest, Identity), Failure> {
    let config: HetznerConfig = config.to()?;
    let project = node.account_id("project")?;
    Ok((of_project(&config, project)?, owner(project)))
}

/// Makes sure that the token knows one of these resources; the error is for people.
async fn one_is_known(
    changer: &TableChanger<'_>,
    project: &str,
    nodes: &[&StoredNode],
) -> Result<(), Failure> {
    for node in nodes.iter().filter(|node| node.reported.get("hcloud_id").is_some_and(Value::is_number)) {
        if changer.is_there(node).await? == Some(true) {
            return Ok(());
        }
    }
    let message = format!(
        "the token of the project {project} knows neither the resource nor its neighbours: they are gone, or it is the token of another project"
    );
    let hint = "look whether names and tokens in the section hetzner are in the same order; the next collect shows what is still there";
    Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into())
}

impl Door for HetznerDoor {
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
        Box::pin(async move { client(config, node) })
    }

    fn prove<'a>(
        &'a self,
        changer: &'a TableChanger<'a>,
        nodes: &'a [&'a StoredNode],
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some(node) = nodes.first() else { return Ok(()) };
            let project = node.account_id("project")?;
            if self.proven(|proven| !proven.contains(project)) {
                one_is_known(changer, project, nodes).await?;
                self.proven(|proven| proven.insert(project.to_owned()));
            }
            Ok(())
        })
    }
}

//! Deletes and annotates objects.
//!
//! A context may lead to another cluster than the one that was collected under its name. So a cluster is believed to be that one
//! only when it knows one of its objects by the uid, which no other object anywhere has: the one that is to be changed, its
//! namespace, or a neighbour. Until then nothing is changed, and nothing is taken for gone. Every change names the uid besides,
//! so that an object that has taken the place of another one of its name is left alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use collector::identity::Identity;
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, fault};
use engine::{Plans, lock};
use http_client::Class;
use inventory::KindTable;
use ipc_proto::fault::{Fault, FaultKind};
use rest_client::{Door, Rest, TableChanger, TableChanges};
use serde_json::Value;
use tables::plan::Place;

use crate::access::{client, cluster, plans};
use crate::cloud::{CLOUD, kinds};
use crate::config::K8sConfig;
use crate::discovery::{Apis, api_kind};
use crate::entrance::{get, owner, served};
use crate::kubeconfig::Target;

/// Changes of Kubernetes.
pub(crate) type K8sChanges = TableChanges<K8sDoor>;

/// A cluster that is being changed.
#[derive(Debug)]
struct Session {
    target: Target,
    rest: Rest,
    apis: Apis,
    /// Why it is not known what all groups serve.
    untold: Option<Fault>,
    /// It knows one of the objects that were collected under its name.
    proven: AtomicBool,
}

/// The way to an object.
#[derive(Debug, Default)]
pub(crate) struct K8sDoor {
    /// By the name of the context.
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

impl K8sDoor {
    fn known(&self, name: &str) -> Option<Arc<Session>> {
        lock(&self.sessions).get(name).cloned()
    }

    async fn session(&self, config: &ConfigSection, name: &str) -> Result<Arc<Session>, Failure> {
        let target = cluster(&config.to::<K8sConfig>()?, name)?;
        if let Some(known) = self.known(name).filter(|known| known.target == target && known.untold.is_none())
        {
            return Ok(known);
        }
        let rest = client(&target).await?;
        let untold = Mutex::new(None);
        let apis = served(&rest, &|fault: Fault| *lock(&untold) = Some(fault)).await?;
        let untold = untold.into_inner().unwrap_or_else(PoisonError::into_inner);
        let session = Arc::new(Session { target, rest, apis, untold, proven: AtomicBool::new(false) });
        lock(&self.sessions).insert(name.to_owned(), session.clone());
        Ok(session)
    }
}

impl Session {
    /// Whether an object is there, by its uid, or the namespace that it is in.
    async fn knows(&self, node: &StoredNode) -> Result<bool, Failure> {
        let own = self.path(node).map(|path| (path, node.text("id").map(str::to_owned)));
        let namespace = node.ancestors.region.as_ref().and_then(|region| {
            let path = self.apis.get("Namespace")?.object(None, region.name())?;
            Some((path, Some(region.id().to_owned())))
        });
        for (path, uid) in own.into_iter().chain(namespace) {
            match get(&self.rest, &path).await {
                Ok(object) => {
                    let found = object.pointer("/metadata/uid").and_then(Value::as_str);
                    if found.is_some() && found == uid.as_deref() {
                        return Ok(true);
                    }
                }
                Err(error) if matches!(error.class, Class::Service | Class::AccessDenied { .. }) => {}
                Err(error) => return Err(error.to_fault().into()),
            }
        }
        Ok(false)
    }

    /// Where an object is, below the server; `None` if the cluster does not serve its kind.
    fn path(&self, node: &StoredNode) -> Option<String> {
        let served = self.apis.get(&api_kind(&node.kind)?)?;
        served.object(node.text("namespace"), node.text("name")?)
    }

    /// Without a path nothing can be called, and nothing is known of whether the object is there.
    fn reach(&self, node: &StoredNode) -> Result<(), Failure> {
        if self.path(node).is_some() {
            return Ok(());
        }
        if let Some(untold) = &self.untold {
            return Err(untold.clone().into());
        }
        let message = format!(
            "the cluster of the context {} does not serve {} as it was collected",
            self.target.name, node.kind
        );
        let hint = "collect again: what a cluster does not serve any more is not in the graph then";
        Err(fault(FaultKind::Resource, message).with_hint(hint).into())
    }

    async fn prove(&self, nodes: &[&StoredNode]) -> Result<(), Failure> {
        for node in nodes {
            if self.knows(node).await? {
                self.proven.store(true, Ordering::Relaxed);
                return Ok(());
            }
        }
        let message = format!(
            "the cluster of the context {} knows neither the resource nor its namespace or neighbours: they are gone, or it is another cluster",
            self.target.name
        );
        let hint = "look whether the context still leads to the cluster that was collected; the next collect shows what is still there";
        Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into())
    }
}

impl Door for K8sDoor {
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
        Box::pin(async move {
            let name = node.account_id("cluster")?;
            Ok((self.session(config, name).await?.rest.clone(), owner(name)))
        })
    }

    fn place(&self, node: &StoredNode, place: Place) -> Place {
        let session = node.ancestors.account.as_ref().and_then(|cluster| self.known(cluster.id()));
        match session.and_then(|session| session.path(node)) {
            Some(path) => place.with("object", path),
            None => place,
        }
    }

    fn prove<'a>(
        &'a self,
        _changer: &'a TableChanger<'a>,
        nodes: &'a [&'a StoredNode],
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Some(node) = nodes.first() else { return Ok(()) };
            let Some(session) = self.known(node.account_id("cluster")?) else { return Ok(()) };
            session.reach(node)?;
            if session.proven.load(Ordering::Relaxed) { Ok(()) } else { session.prove(nodes).await }
        })
    }
}

//! Deletes and annotates objects.
//!
//! A context may lead to another cluster than the one that was collected under its name. So a cluster is believed to be that one
//! only when it knows one of its objects by the uid, which no other object anywhere has: the one that is to be changed, its
//! namespace, or a neighbour. Until then nothing is changed, and nothing is taken for gone. Every change names the uid besides,
//! so that an object that has taken the place of another one of its name is left alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest};
use collector::identity::{Errand, Identity};
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Sink, fault};
use engine::change::ability;
use engine::{Changes, no_change};
use http_client::Class;
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use rest_client::{Changed, Rest};
use serde_json::Value;

use crate::access::{client, cluster, plans};
use crate::cloud::{CLOUD, kinds};
use crate::config::K8sConfig;
use crate::discovery::{Apis, api_kind};
use crate::entrance::{get, owner, served};
use crate::object::APPLIED;

/// A cluster that is being changed.
#[derive(Debug)]
struct Session {
    rest: Rest,
    apis: Apis,
}

/// Changes of Kubernetes.
#[derive(Default)]
pub(crate) struct K8sChanges {
    /// Clusters that know one of the objects that were collected under their name.
    proven: Mutex<HashMap<String, Arc<Session>>>,
}

impl fmt::Debug for K8sChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("K8sChanges")
    }
}

impl K8sChanges {
    /// The cluster, if it is the one of these objects; the error is for people.
    async fn session<'n>(
        &self,
        config: &ConfigSection,
        name: &str,
        nodes: impl Iterator<Item = &'n StoredNode>,
        sink: &dyn Sink,
    ) -> Result<Arc<Session>, Failure> {
        let known =
            |name: &str| self.proven.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(session) = known(name) {
            return Ok(session);
        }
        let target = cluster(&config.to::<K8sConfig>()?, name)?;
        let rest = client(&target).await?;
        let apis = served(&rest, sink).await?;
        let session = Arc::new(Session { rest, apis });
        for node in nodes {
            if session.knows(node).await? {
                let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
                proven.insert(name.to_owned(), session.clone());
                return Ok(session);
            }
        }
        let message = format!(
            "the cluster of the context {name} knows neither the resource nor its namespace or neighbours: they are gone, or it is another cluster"
        );
        let hint = "look whether the context still leads to the cluster that was collected; the next collect shows what is still there";
        Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into())
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

    fn changed(&self, node: &StoredNode) -> Result<Changed, Failure> {
        let Some(path) = self.path(node) else {
            let message = format!("the cluster serves no {}, or it is not told where this one is", node.kind);
            return Err(fault(FaultKind::Resource, message).into());
        };
        Ok(Changed::new(self.rest.clone(), node).with("object", &path))
    }
}

fn cluster_of(node: &StoredNode) -> Result<&str, Failure> {
    node.account_id("cluster")
}

impl Changes for K8sChanges {
    fn identity<'a>(&'a self, errand: &'a Errand<'a>) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            match *errand {
                Errand::Collect(_) => Err(no_change()),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => {
                    let name = cluster_of(node)?;
                    cluster(&config.to::<K8sConfig>()?, name)?;
                    Ok(owner(name))
                }
                Errand::Command(_) => Ok(Identity::AnyAccount),
            }
        })
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        let (Ok(kinds), Ok(plans)) = (kinds().table(), plans()) else { return Ability::Unknown };
        ability(kinds, plans, change, kind)
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        Box::pin(async move {
            let node = &target.node;
            let nodes = std::iter::once(node).chain(target.related.iter().map(|related| &related.node));
            let session = self.session(&request.config, cluster_of(node)?, nodes, sink).await?;
            session.changed(node)?.delete(plans()?, log, request.dry_run).await
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let TagRequest { config, node, change, .. } = request;
            let set = change.set.iter().map(|(name, _)| name);
            if set.chain(&change.remove).any(|name| name == APPLIED) {
                let message = format!("{APPLIED} is what kubectl remembers, and no tag");
                return Err(fault(FaultKind::Config, message).into());
            }
            let session = self.session(config, cluster_of(node)?, std::iter::once(node), sink).await?;
            session.changed(node)?.tag(plans()?, &change.remove, &change.set).await
        })
    }

    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async { Err(request.unknown_to(CLOUD).into()) })
    }
}

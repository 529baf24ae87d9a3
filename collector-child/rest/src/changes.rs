//! Changes of a cloud that is changed as its tables say: what is left to it is the way into an account.

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest};
use collector::identity::{Errand, Identity};
use collector::node::StoredNode;
use collector::{BoxFuture, ConfigSection, Failure, Sink};
use engine::change::{Manner, Memory, ability};
use engine::{Changes, Plans, no_change, no_seal};
use inventory::KindTable;
use ipc_proto::clean::CleanOutcome;
use ipc_proto::seal::Seal;
use serde_json::Value;
use tables::plan::Place;

use crate::change::TableChanger;
use crate::rest::Rest;

/// The way of a cloud to its resources.
pub trait Door: Send + Sync {
    /// The name of the cloud.
    fn cloud(&self) -> &'static str;

    /// Its kinds and their tables.
    fn tables(&self) -> Result<(&'static KindTable, &'static Plans), Failure>;

    /// What tables cannot say.
    fn manner(&self) -> Manner {
        Manner::BY_TABLES
    }

    /// Where a node is, with whatever else tables find at `$place`.
    fn place(&self, node: &StoredNode, place: Place) -> Place {
        let _ = node;
        place
    }

    /// A client for the account of a node, and whose its credentials are.
    fn enter<'a>(
        &'a self,
        config: &'a ConfigSection,
        node: &'a StoredNode,
    ) -> BoxFuture<'a, Result<(Rest, Identity), Failure>>;

    /// The credentials for another process that changes a node, as [`collector::Collector::seal`].
    fn seal<'a>(
        &'a self,
        config: &'a ConfigSection,
        node: &'a StoredNode,
    ) -> BoxFuture<'a, Result<Seal, Failure>> {
        let _ = (config, node);
        Box::pin(async { Err(no_seal()) })
    }

    /// Makes sure that the credentials are of the account of these nodes, the resource first, then its neighbours: for
    /// clouds that do not say whose credentials are. Nothing is changed before.
    fn prove<'a>(
        &'a self,
        changer: &'a TableChanger<'a>,
        nodes: &'a [&'a StoredNode],
    ) -> BoxFuture<'a, Result<(), Failure>> {
        let _ = (changer, nodes);
        Box::pin(async { Ok(()) })
    }
}

/// Changes of the cloud that this is the door of. One for the process.
#[derive(Debug, Default)]
pub struct TableChanges<D> {
    door: D,
    /// What cleanups have done so far.
    memory: Memory,
}

impl<D: Door> Changes for TableChanges<D> {
    fn identity<'a>(&'a self, errand: &'a Errand<'a>) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            match *errand {
                Errand::Collect(_) => Err(no_change()),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => {
                    self.door.enter(config, node).await.map(|(_, identity)| identity)
                }
                Errand::Command(_) => Ok(Identity::AnyAccount),
            }
        })
    }

    /// Those that are at hand may be good no more, so that new ones are made each time.
    fn seal<'a>(&'a self, errand: &'a Errand<'a>, _again: bool) -> BoxFuture<'a, Result<Seal, Failure>> {
        Box::pin(async move {
            match *errand {
                Errand::Collect(_) => Err(no_change()),
                Errand::Clean(CleanRequest { config, .. }, node)
                | Errand::Tag(TagRequest { config, node, .. }) => self.door.seal(config, node).await,
                // It is refused, so there is nothing to reach.
                Errand::Command(_) => Ok(Seal { bytes: Vec::new().into(), remaining: None, shared: None }),
            }
        })
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        let Ok((kinds, plans)) = self.door.tables() else { return Ability::Unknown };
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
            let (rest, _) = self.door.enter(&request.config, &target.node).await?;
            let plans = self.door.tables()?.1;
            let changer = TableChanger::new(&self.door, rest, plans, request.remaining, sink);
            let related = target.related.iter().map(|related| &related.node);
            let nodes: Vec<&StoredNode> = std::iter::once(&target.node).chain(related).collect();
            self.door.prove(&changer, &nodes).await?;
            changer.clean(request, target, log, &self.memory).await
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let (rest, _) = self.door.enter(&request.config, &request.node).await?;
            let plans = self.door.tables()?.1;
            let changer = TableChanger::new(&self.door, rest, plans, request.remaining, sink);
            self.door.prove(&changer, &[&request.node]).await?;
            changer.tag(request).await
        })
    }

    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async { Err(request.unknown_to(self.door.cloud()).into()) })
    }
}

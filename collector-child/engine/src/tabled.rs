//! A collector of any cloud that has tables.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

use collector::changes::{
    Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest, refused,
};
use collector::identity::{Errand, Identity};
use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure, Sink, fault};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described, PathGrant};
use ipc_proto::seal::{Brokering, Seal};
use serde_json::Value;

use crate::cloud::{Changes, Cloud, Entered, Way};
use crate::collect::{self, AccountFacts, Assignment, lock};
use crate::top::Top;

/// The collector of a cloud.
pub struct Tabled {
    cloud: Box<dyn Cloud>,
    /// Into accounts that are to be collected, from the question whose the credentials are to the collection with them.
    ways: Mutex<HashMap<WayKey, Box<dyn Way>>>,
}

/// The id of an account and how it is reached.
type WayKey = (String, Vec<u8>);

fn key_of(account: &Account) -> WayKey {
    (account.id.clone(), account.scope.expose().clone())
}

impl Tabled {
    /// A collector of this cloud.
    pub fn new(cloud: impl Cloud + 'static) -> Self {
        Self { cloud: Box::new(cloud), ways: Mutex::default() }
    }

    fn id(&self) -> &'static str {
        self.cloud.facts().cloud
    }

    fn changes(&self) -> Result<&dyn Changes, Failure> {
        self.cloud.changes().ok_or_else(|| {
            let message = format!("the collector {} cannot change anything", self.id());
            refused(message).into()
        })
    }

    async fn enter(&self, account: &Account, sink: &dyn Sink) -> Result<Entered, Failure> {
        let way = lock(&self.ways).remove(&key_of(account));
        match way {
            Some(way) => way.enter(sink).await,
            None => Err(fault(FaultKind::Internal, "nobody asked whose the credentials are").into()),
        }
    }

    async fn collect_by(&self, request: &CollectRequest, sink: &dyn Sink) -> Result<(), Failure> {
        let CollectRequest { account, last_run_started_ago, .. } = request;
        let Entered { client, regions, account: node, region_nodes, zone_nodes, wanted } =
            self.enter(account, sink).await?;
        let facts = self.cloud.facts_of(account);
        let table = self.cloud.kinds().table()?;
        let assignment = Assignment {
            top: Top::new(table, facts, &node, &regions, &region_nodes, &zone_nodes)?,
            facts,
            account: AccountFacts { id: account.id.clone(), name: account.name.clone() },
            wanted,
            regions,
            plans: self.cloud.plans()?,
            hooks: self.cloud.hooks(),
            last_run_started_ago: *last_run_started_ago,
        };
        Box::pin(collect::collect(assignment, client, sink)).await
    }
}

impl fmt::Debug for Tabled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tabled").field(&self.id()).finish()
    }
}

impl Collector for Tabled {
    fn name(&self) -> Cow<'static, str> {
        self.id().into()
    }

    fn paths(&self) -> Vec<PathGrant> {
        self.cloud.paths()
    }

    fn describe(&self) -> Described {
        self.cloud.describe()
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        self.cloud.accounts(config, sink)
    }

    fn identity<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            let Errand::Collect(request) = errand else { return self.changes()?.identity(errand).await };
            let way = self.cloud.open(&request.config, &request.account).await?;
            let identity = way.identity().await?;
            lock(&self.ways).insert(key_of(&request.account), way);
            Ok(identity)
        })
    }

    fn brokering(&self) -> Option<Brokering> {
        self.cloud.brokering()
    }

    fn seal<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        again: bool,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Seal, Failure>> {
        Box::pin(async move {
            let Errand::Collect(request) = errand else { return self.changes()?.seal(errand, again).await };
            let way = lock(&self.ways).remove(&key_of(&request.account));
            match way {
                Some(way) => way.seal().await,
                None => Err(fault(FaultKind::Internal, "nobody asked whose the credentials are").into()),
            }
        })
    }

    fn reach<'a>(
        &'a self,
        request: &'a CollectRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let entered = self.enter(&request.account, sink).await?;
            collect::reach(&*entered.client, sink).await
        })
    }

    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.collect_by(request, sink))
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        self.cloud.changes().map_or(Ability::Unsupported, |changes| changes.ability(change, kind))
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        Box::pin(async move { self.changes()?.clean(request, target, log, sink).await })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.changes()?.tag(request, sink).await })
    }

    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let Some(changes) = self.cloud.changes() else {
                return Err(request.unknown_to(self.id()).into());
            };
            changes.command(request, sink).await
        })
    }
}

//! What a cloud is.

use std::any::Any;
use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest};
use collector::identity::{Errand, Identity};
use collector::{BoxFuture, ConfigSection, Failure, Kinds, Sink, fault};
use http_client::{CallError, LeftOut, Pages};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described, PathGrant};
use ipc_proto::seal::{Brokering, Seal};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tables::plan::Place;

use crate::collect::Context;
use crate::facts::CloudFacts;
use crate::hooks::Hooks;
use crate::metrics::Query;
use crate::plans::Plans;
use crate::regions::{Region, Regions};
use crate::top::TopNode;

/// A cloud whose accounts are collected by tables. [`Tabled`](crate::Tabled) makes a collector of it.
///
/// One value serves all jobs of the process.
pub trait Cloud: Send + Sync {
    /// What is the same for all accounts.
    fn facts(&self) -> &'static CloudFacts;

    /// What is the same for all accounts like this one: of a cloud that has several kinds of accounts.
    fn facts_of(&self, account: &Account) -> &'static CloudFacts {
        let _ = account;
        self.facts()
    }

    /// Its data model.
    fn kinds(&self) -> &'static Kinds;

    /// Its compiled kind tables.
    fn plans(&self) -> Result<&'static Plans, Failure>;

    /// What tables cannot say.
    fn hooks(&self) -> &'static Hooks {
        static NONE: LazyLock<Hooks> = LazyLock::new(|| Hooks::new(Vec::new()));
        &NONE
    }

    /// Name, kinds, config section, environment, as [`collector::Collector::describe`]. No I/O.
    fn describe(&self) -> Described;

    /// Paths it must reach.
    fn paths(&self) -> Vec<PathGrant> {
        Vec::new()
    }

    /// The accounts that `config` gives access to.
    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>>;

    /// The way into an account that [`Self::accounts`] listed: credentials, not used for anything yet.
    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>>;

    /// What a process still needs that has the credentials of one account, as [`collector::Collector::brokering`]. No I/O.
    fn brokering(&self) -> Option<Brokering> {
        None
    }

    /// How it is changed, if it can be.
    fn changes(&self) -> Option<&dyn Changes> {
        None
    }
}

/// Of a cloud that says nothing about brokering, nobody asks this.
pub fn no_seal() -> Failure {
    fault(FaultKind::Internal, "this cloud makes no credentials of accounts").into()
}

/// The way into one account.
pub trait Way: Send + Sync {
    /// Whose account the credentials are; asked of the cloud.
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>>;

    /// The credentials for another process that collects it, as [`collector::Collector::seal`].
    fn seal(&self) -> BoxFuture<'_, Result<Seal, Failure>> {
        Box::pin(async { Err(no_seal()) })
    }

    /// Begins to collect it: asks for its regions and what else has to be known before.
    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>>;
}

/// An account that is to be collected.
pub struct Entered {
    /// Calls with the credentials of the account.
    pub client: Box<dyn Client>,
    /// Its regions.
    pub regions: Regions,
    /// What is known about the account before anything is asked about its resources.
    pub account: TopNode,
    /// The same of its regions, in their order. Without a node of the global one, if the cloud has no such region.
    pub region_nodes: Vec<TopNode>,
    /// The same of its zones.
    pub zone_nodes: Vec<TopNode>,
    /// What is wanted of it.
    pub wanted: Box<dyn Wanted>,
}

impl Entered {
    /// An account of a cloud without regions, of which everything is wanted. `noun` is what the cloud calls an account.
    pub fn without_regions(client: Box<dyn Client>, place: Place, noun: &str, account: TopNode) -> Self {
        let whole = Region { id: String::new(), name: noun.to_owned(), place };
        Self {
            client,
            regions: Regions::new(whole, []),
            account,
            region_nodes: Vec::new(),
            zone_nodes: Vec::new(),
            wanted: Box::new(Everything),
        }
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("account", &self.account.id).finish_non_exhaustive()
    }
}

/// Calls to a cloud with the credentials of one account.
pub trait Client: Send + Sync {
    /// One call; the first page of an answer that has many.
    fn call<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>>;

    /// Page after page.
    fn pages<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> Pages<'a>;

    /// Asks whether the credentials work: before anything else and whenever a call doubts it.
    fn still_valid(&self) -> BoxFuture<'_, Result<(), CallError>>;

    /// Whether a region is there, as the cloud says. Asked where none of its hosts was found that were asked for, all of
    /// [`CloudFacts::without_host`].
    fn is_there<'a>(&'a self, region: &'a Region) -> BoxFuture<'a, bool> {
        let _ = region;
        Box::pin(async { false })
    }

    /// Values that were left out of answers since this was asked last, because they had another form than their shape.
    fn left_out(&self) -> Vec<LeftOut> {
        Vec::new()
    }

    /// The values of metrics in the time before `now`, the latest first; for each query a list.
    /// [`CloudFacts::measuring`] says how many there are at most.
    fn measure<'a>(
        &'a self,
        context: Context<'a>,
        now: Timestamp,
        length: Duration,
        queries: &'a [Query<'a>],
    ) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>> {
        let _ = (context, now, length);
        Box::pin(async { Ok(queries.iter().map(|_| Vec::new()).collect()) })
    }
}

/// What is wanted of an account: the settings of the cloud, as the engine asks for them. Hooks get the cloud's own type
/// back by [`Context::own`].
pub trait Wanted: Any + Send + Sync {
    /// Whether resources of this kind are wanted.
    fn collects(&self, kind: &str) -> bool;

    /// Whether a kind is wanted that is collected with another one, which is.
    fn collects_child(&self, kind: &str) -> bool {
        self.collects(kind)
    }

    /// How many calls one service of one region takes at once: kinds of services with many kinds for few calls begin
    /// first.
    fn calls_at_once(&self, service: &str) -> u32 {
        let _ = service;
        u32::MAX
    }

    /// An account with holes is not wanted: a resource or call that fails costs all of it.
    fn without_holes(&self) -> bool {
        false
    }

    /// Usage metrics are wanted.
    fn usage_metrics(&self) -> bool {
        false
    }

    /// Regions in which nobody made anything are wanted, too.
    fn empty_regions(&self) -> bool {
        false
    }

    /// The settings name the regions: one that cannot be read is missed, also where the account has not signed up for it.
    fn names_regions(&self) -> bool {
        false
    }
}

/// Everything is wanted, empty regions too: a cloud without settings that say otherwise.
#[derive(Debug)]
pub struct Everything;

impl Wanted for Everything {
    fn collects(&self, _kind: &str) -> bool {
        true
    }

    fn empty_regions(&self) -> bool {
        true
    }
}

/// Nobody asks changes about a collection: see [`Way::identity`] and [`Way::seal`].
pub fn no_change() -> Failure {
    fault(FaultKind::Internal, "a collection has a way of its own").into()
}

/// How a cloud is changed; see the methods of the same names of [`collector::Collector`].
pub trait Changes: Send + Sync {
    /// Whose account the credentials are that a change would be made with.
    fn identity<'a>(&'a self, errand: &'a Errand<'a>) -> BoxFuture<'a, Result<Identity, Failure>>;

    /// The credentials for another process that makes the change, as [`collector::Collector::seal`].
    fn seal<'a>(&'a self, errand: &'a Errand<'a>, again: bool) -> BoxFuture<'a, Result<Seal, Failure>> {
        let _ = (errand, again);
        Box::pin(async { Err(no_seal()) })
    }

    /// Whether a change can be made to resources of `kind`. No I/O.
    fn ability(&self, change: Change, kind: &str) -> Ability;

    /// Deletes one resource.
    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>>;

    /// Changes tags.
    fn tag<'a>(&'a self, request: &'a TagRequest, sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>>;

    /// Executes a command.
    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>>;
}

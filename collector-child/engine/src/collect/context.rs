//! What the engine and hooks see of a collection: where they are, the cloud, the graph.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collector::Sink;
use tables::plan::Place;
use tokio::sync::watch;

use super::odd::OddLog;
use super::reach::Reach;
use crate::cloud::{Client, Wanted};
use crate::facts::CloudFacts;
use crate::faults::ErrorLog;
use crate::graph::{Graph, Home, NodeIndex};
use crate::hooks::Hooks;
use crate::metrics::Measure;
use crate::plans::Plans;
use crate::regions::{Region, RegionIndex, Regions, ZoneIndex};
use crate::top::CLOUD_NODE;

/// The account that is collected.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountFacts {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One collection of one account: everything that its parts share.
pub(crate) struct Job<'s> {
    pub(crate) facts: &'static CloudFacts,
    pub(crate) account: AccountFacts,
    pub(crate) wanted: Box<dyn Wanted>,
    pub(crate) regions: Regions,
    pub(crate) plans: &'static Plans,
    pub(crate) hooks: &'static Hooks,
    pub(crate) client: Box<dyn Client>,
    pub(crate) sink: &'s dyn Sink,
    pub(crate) graph: Mutex<Graph>,
    pub(crate) errors: Mutex<ErrorLog>,
    pub(crate) odd: Mutex<OddLog>,
    pub(crate) reach: Mutex<Reach>,
    pub(crate) measures: Mutex<Vec<Measure>>,
    pub(crate) shared: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    pub(crate) last_run_started_ago: Option<Duration>,
    /// The credentials were found to be the account's.
    pub(crate) authenticated: watch::Sender<bool>,
    /// Nodes of the account and of its regions, the latter by position.
    pub(crate) account_node: NodeIndex,
    pub(crate) region_nodes: Vec<NodeIndex>,
}

/// What a hook sees of a collection, at one region. It is a reference: copy it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub(crate) job: &'a Job<'a>,
    pub(super) region: RegionIndex,
    zone: Option<ZoneIndex>,
    /// Whether calls show that a region can be read: those that list its resources.
    pub(super) listing: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(job: &'a Job<'a>, region: RegionIndex) -> Self {
        Self { job, region, zone: None, listing: false }
    }

    /// The same in a zone of the region.
    #[must_use]
    pub(crate) fn in_zone(self, zone: Option<ZoneIndex>) -> Self {
        Self { zone, ..self }
    }

    /// The zone where this happens, if it is for one.
    pub fn zone(self) -> Option<ZoneIndex> {
        self.zone
    }

    /// The node of a place.
    pub(crate) fn node_of(self, home: Home) -> Option<NodeIndex> {
        match home {
            Home::Region(region) => self.job.region_nodes.get(region.position()).copied(),
            Home::Zone { zone, .. } => self.graph(|graph| graph.zone_nodes.get(zone.position()).copied()),
            Home::Top | Home::Cloud | Home::Account => None,
        }
    }

    /// The same for calls that list resources.
    #[must_use]
    pub(crate) fn listing(self) -> Self {
        Self { listing: true, ..self }
    }

    /// A call was answered.
    pub(crate) fn answered(self) {
        if self.listing {
            lock(&self.job.reach).read(self.region);
        }
    }

    /// Waits until the credentials are found to be the account's: for a call that makes something there, and not only reads. If they
    /// are not, the collection ends meanwhile.
    pub async fn authenticated(self) {
        let mut authenticated = self.job.authenticated.subscribe();
        // The other end lives as long as the collection.
        drop(authenticated.wait_for(|done| *done).await);
    }

    /// The account.
    pub fn account(self) -> &'a AccountFacts {
        &self.job.account
    }

    /// The node of the account.
    pub fn account_node(self) -> NodeIndex {
        self.job.account_node
    }

    /// The node of the cloud.
    pub fn cloud_node(self) -> NodeIndex {
        CLOUD_NODE
    }

    /// The node of a region.
    pub fn region_node(self, region: RegionIndex) -> NodeIndex {
        self.job.region_nodes[region.position()]
    }

    /// What is the same for all accounts of the cloud.
    pub fn facts(self) -> &'static CloudFacts {
        self.job.facts
    }

    /// What is wanted of the account.
    pub fn wanted(self) -> &'a dyn Wanted {
        &*self.job.wanted
    }

    /// The same as the cloud's own type; `None` if it is another one.
    pub fn own<T: Wanted>(self) -> Option<&'a T> {
        let wanted: &dyn Any = &*self.job.wanted;
        wanted.downcast_ref()
    }

    /// The tables of all kinds.
    pub fn plans(self) -> &'static Plans {
        self.job.plans
    }

    /// The region where this happens: calls go there, nodes are made there.
    pub fn region(self) -> &'a Region {
        self.job.regions.get(self.region)
    }

    /// Names that region.
    pub fn region_index(self) -> RegionIndex {
        self.region
    }

    /// Account, region and so on for templates and mappings.
    pub fn place(self) -> &'a Place {
        match self.zone {
            Some(zone) => &self.job.regions.zone(zone).place,
            None => &self.region().place,
        }
    }

    /// All regions of the account.
    pub fn regions(self) -> &'a Regions {
        &self.job.regions
    }

    /// The same at another region.
    #[must_use]
    pub fn at(self, region: RegionIndex) -> Self {
        Self { region, zone: None, ..self }
    }

    /// The same where what belongs to no region is.
    #[must_use]
    pub fn global(self) -> Self {
        self.at(RegionIndex::GLOBAL)
    }

    /// How long ago the last run started, if there was one.
    pub fn last_run_started_ago(self) -> Option<Duration> {
        self.job.last_run_started_ago
    }

    /// Looks at the graph, or changes it. Not for long: everybody else waits.
    pub fn graph<T>(self, work: impl FnOnce(&mut Graph) -> T) -> T {
        work(&mut lock(&self.job.graph))
    }

    /// Something that all hooks of this account share, made when first asked for: a cache, say.
    pub fn shared<T: Default + Send + Sync + 'static>(self) -> Arc<T> {
        let mut shared = lock(&self.job.shared);
        let entry = shared.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        // The key is the type, so this is never another one.
        entry.clone().downcast().unwrap_or_default()
    }
}

/// Locks, whoever panicked before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Region { name, .. } = self.region();
        f.debug_struct("Context").field("account", &self.job.account.id).field("region", name).finish()
    }
}

impl fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("account", &self.account.id).finish_non_exhaustive()
    }
}

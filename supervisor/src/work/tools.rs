//! What children are made with.

use std::sync::Arc;

use fixworker_fleet::Fleet;
use fixworker_graph::kinds::KindTable;
use fixworker_graph::spool::SpoolDir;
use fixworker_settings::Environment;
use ipc_proto::job::Described;

use crate::broker::Brokers;

/// What children are made with; lives as long as the worker.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Starts children.
    pub fleet: Fleet,
    /// Where graphs wait.
    pub spool: SpoolDir,
    /// All collectors that the child has.
    pub described: Arc<[Described]>,
    /// Where the kinds of all collectors belong in the hierarchy.
    pub kinds: Arc<KindTable>,
    /// The same for collectors whose input decides on the kinds (`Described::clouds` names none).
    pub trusting_kinds: Arc<KindTable>,
    /// Variables that collectors may see.
    pub environment: Arc<Environment>,
    /// Make credentials of single accounts.
    pub brokers: Brokers,
}

impl Tools {
    /// The table that nodes of a collector are checked with.
    pub fn kinds_for(&self, collector: &str) -> Arc<KindTable> {
        Arc::clone(if self.has_own_clouds(collector) { &self.kinds } else { &self.trusting_kinds })
    }

    /// Whether a collector may have accounts of a cloud, as far as it is known.
    pub fn may_serve(&self, collector: &str, cloud: &str) -> bool {
        self.describe(collector).is_none_or(|described| described.may_serve(cloud))
    }

    /// Whether a collector collects clouds of its own, and not what others have exported.
    pub fn has_own_clouds(&self, collector: &str) -> bool {
        self.describe(collector).is_some_and(Described::has_own_clouds)
    }

    /// The description of a collector.
    pub fn describe(&self, collector: &str) -> Option<&Described> {
        self.described.iter().find(|described| described.collector == collector)
    }
}

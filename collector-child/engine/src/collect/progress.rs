//! How far each region is.

use std::sync::atomic::{AtomicUsize, Ordering};

use ipc_proto::message::Progress;

use super::context::Job;
use super::tasks;
use crate::regions::RegionIndex;

/// What is still to be done in each region.
#[derive(Debug)]
pub(super) struct RegionsAtWork(Vec<AtomicUsize>);

impl RegionsAtWork {
    /// Counts what is to be done and shows all regions as open. The settings of the account are one task of the
    /// global region.
    pub(super) fn begin(job: &Job<'_>) -> Self {
        let mut open = vec![0_usize; job.regions.len()];
        open[RegionIndex::GLOBAL.position()] += 1;
        for (_, region, _) in tasks(job) {
            open[region.position()] += 1;
        }
        for (region, _) in job.regions.all() {
            // A region where nothing is wanted is done.
            show(job, region, open[region.position()] == 0);
        }
        Self(open.into_iter().map(AtomicUsize::new).collect())
    }

    /// Something is done in a region. When that was all, people see it.
    pub(super) fn done(&self, job: &Job<'_>, region: RegionIndex) {
        if self.0[region.position()].fetch_sub(1, Ordering::Relaxed) == 1 {
            show(job, region, true);
        }
    }
}

fn show(job: &Job<'_>, region: RegionIndex, done: bool) {
    let name = job.regions.get(region).name.clone();
    job.sink.progress(Progress { path: Vec::new(), name, current: u32::from(done), total: 1 });
}

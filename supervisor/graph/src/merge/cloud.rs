//! Merge kind `cloud`: when the cloud node itself may be the replace node.

use std::fmt;

use super::Replace;

/// The setting `fixworker.graph_merge_kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeKind {
    /// Each account replaces itself; a batch is sent as soon as it is full.
    Account,
    /// The cloud is replaced as a whole, at the end of the run, if nothing is missing.
    Cloud,
}

/// What is known about one cloud at the end of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CloudRun {
    /// The worker collects only its share of the accounts.
    pub sharded: bool,
    /// Collectors of the cloud whose list of accounts failed or came with a fault.
    pub faulty_listings: usize,
    /// Accounts that were listed.
    pub listed: usize,
    /// Accounts whose graph is committed and waits in this process.
    pub committed: usize,
    /// Different cloud nodes among the committed graphs.
    pub cloud_nodes: usize,
    /// Committed graphs that hold an organization.
    pub organizations: usize,
}

/// Why a cloud is not replaced as a whole, although the setting asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepReason {
    /// Other workers have the rest of the accounts.
    Sharded,
    /// There may be accounts that nobody has listed.
    Listing,
    /// Some accounts failed, or were merged before this process started.
    Missing(usize),
    /// The graphs do not agree on the cloud.
    CloudNodes,
    /// fixcore takes one organization per upload.
    Organizations,
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the accounts are replaced one by one, because ")?;
        match self {
            Self::Sharded => f.write_str("this worker collects only its share of the cloud"),
            Self::Listing => f.write_str("the list of accounts is not complete"),
            Self::Missing(1) => f.write_str("1 account of the cloud is missing"),
            Self::Missing(count) => write!(f, "{count} accounts of the cloud are missing"),
            Self::CloudNodes => f.write_str("the graphs do not agree on the node of the cloud"),
            Self::Organizations => f.write_str("more than one account has the organization"),
        }
    }
}

/// Whether the cloud may be the replace node. Whatever is missing from such an upload is deleted in fixcore, so
/// any doubt keeps it.
pub fn decide_replace(run: &CloudRun) -> Result<Replace, KeepReason> {
    if run.sharded {
        Err(KeepReason::Sharded)
    } else if run.faulty_listings > 0 || run.listed == 0 {
        Err(KeepReason::Listing)
    } else if run.committed < run.listed {
        Err(KeepReason::Missing(run.listed - run.committed))
    } else if run.cloud_nodes != 1 {
        Err(KeepReason::CloudNodes)
    } else if run.organizations > 1 {
        Err(KeepReason::Organizations)
    } else {
        Ok(Replace::Cloud)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: CloudRun = CloudRun {
        sharded: false,
        faulty_listings: 0,
        listed: 3,
        committed: 3,
        cloud_nodes: 1,
        organizations: 1,
    };

    #[test]
    fn only_a_complete_cloud_is_replaced() {
        assert_eq!(decide_replace(&GOOD), Ok(Replace::Cloud));
        for (run, reason) in [
            (CloudRun { sharded: true, ..GOOD }, KeepReason::Sharded),
            (CloudRun { faulty_listings: 1, ..GOOD }, KeepReason::Listing),
            (CloudRun { listed: 0, committed: 0, ..GOOD }, KeepReason::Listing),
            (CloudRun { committed: 2, ..GOOD }, KeepReason::Missing(1)),
            (CloudRun { cloud_nodes: 2, ..GOOD }, KeepReason::CloudNodes),
            (CloudRun { organizations: 2, ..GOOD }, KeepReason::Organizations),
        ] {
            assert_eq!(decide_replace(&run), Err(reason), "{reason}");
        }
    }
}

//! What the runs of the daemon were: each leaves a record, and the last ones are kept.

mod id;
mod record;
mod store;
mod table;
#[cfg(test)]
mod tests;

pub use self::id::{NoRunId, RunId};
pub use self::record::{
    AccountRun, CleanupReport, ResourceReport, RunKind, RunOutcome, RunRecord, RunSummary,
};
pub use self::store::{Bounds, FOLDER, History, HistoryError, read_all};
pub use self::table::{account_table, runs_table};

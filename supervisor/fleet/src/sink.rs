//! Where the reports of a job go. The fleet knows neither graphs nor fixcore.

use ipc_proto::message::{Done, Report};
use thiserror::Error;

/// Takes what a child says about one job. One sink serves one attempt.
///
/// Calls are synchronous and should be quick; writing to a spool file is fine. While a call runs, nothing is
/// read from the child and its timers stand still. Reports arrive in the order of the wire: Ready comes before
/// anything that carries data, nothing comes after Done, Fatal is never passed on (it is the failure of the
/// attempt). Sequence numbers and contents of chunks are the sink's to check.
pub trait JobSink: Send + 'static {
    /// Ready, Described, Accounts, Chunk, Progress, Fault or Heartbeat.
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError>;

    /// The job is complete: compare the totals with what arrived. An error fails the attempt.
    fn done(&mut self, done: &Done) -> Result<(), SinkError>;
}

/// Why a sink refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SinkError {
    /// The child sent what it must not send: the process is stopped and the attempt fails as a violation.
    #[error("{0}")]
    Violation(String),
    /// Our own trouble (a full disk): the attempt fails, and the child is not to blame.
    #[error("{0}")]
    Host(String),
}

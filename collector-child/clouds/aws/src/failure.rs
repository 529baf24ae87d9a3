//! Why a job ends without success, and faults with what is usual for their kind.

use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use thiserror::Error;

/// Why a job ends without success.
#[derive(Debug, Error)]
pub enum Failure {
    /// Nobody wants the rest: the job was cancelled, or reached a limit.
    #[error("the job was stopped")]
    Stopped,
    /// A trouble that costs the whole account.
    #[error("{}", .0.message)]
    Fault(Box<Fault>),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

/// A fault with source and retry as usual for its kind. `message` is one lower-case sentence for people, without
/// secrets and without the account's name, which the supervisor adds.
pub fn fault(kind: FaultKind, message: impl Into<String>) -> Fault {
    let (source, retry) = match kind {
        FaultKind::Config
        | FaultKind::Credentials
        | FaultKind::AccessDenied
        | FaultKind::Input
        | FaultKind::Limit
        | FaultKind::WrongAccount => (FaultSource::User, Retry::Never),
        FaultKind::Throttled | FaultKind::Unavailable => (FaultSource::Cloud, Retry::Later),
        FaultKind::InvalidAnswer => (FaultSource::Cloud, Retry::Never),
        FaultKind::Property | FaultKind::Resource | FaultKind::Internal => {
            (FaultSource::Collector, Retry::Never)
        }
    };
    Fault {
        scope: FaultScope::default(),
        kind,
        source,
        retry,
        level: Level::Error,
        message: message.into(),
        hint: None,
        count: 1,
    }
}

/// A fault of the configuration, with what to do about it.
pub(crate) fn config_fault(message: impl Into<String>, hint: impl Into<String>) -> Fault {
    Fault { hint: Some(hint.into()), ..fault(FaultKind::Config, message) }
}

/// The same, only worth knowing.
pub(crate) fn info(fault: Fault) -> Fault {
    Fault { level: Level::Info, ..fault }
}

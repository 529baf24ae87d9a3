//! Troubles that a child reports: what went wrong, where, whose fault, and what to do.

use bincode::{Decode, Encode};

use crate::exit_code::ExitCode;

/// One trouble. As `Fault` message the collection goes on; as `Fatal` it ends the job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Fault {
    /// Where it happened.
    pub scope: FaultScope,
    /// What kind of trouble.
    pub kind: FaultKind,
    /// Whose fault it is.
    pub source: FaultSource,
    /// Whether trying again makes sense.
    pub retry: Retry,
    /// How loudly the user is told.
    pub level: Level,
    /// One sentence for people, without secrets.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How often this same trouble occurred.
    pub count: u32,
}

impl Fault {
    /// Whether something is missing from the result because of it. A denial is told as information, because roles are
    /// often meant so, and costs something all the same.
    pub fn costs(&self) -> bool {
        self.level == Level::Error || self.kind == FaultKind::AccessDenied
    }
}

/// Where a trouble happened; empty parts do not apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub struct FaultScope {
    /// The region.
    pub region: Option<String>,
    /// The service of the cloud, or the file.
    pub service: Option<String>,
    /// The call, or the line.
    pub action: Option<String>,
    /// The kind of the resource.
    pub kind: Option<String>,
}

/// Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum FaultKind {
    /// The configuration is wrong.
    Config,
    /// Credentials are missing, wrong or expired.
    Credentials,
    /// A call was refused for lack of permission.
    AccessDenied,
    /// The cloud asks to slow down.
    Throttled,
    /// The cloud could not be reached, or answered with a server error.
    Unavailable,
    /// An answer that makes no sense.
    InvalidAnswer,
    /// A property that the model does not know, or of the wrong type. The property is left out.
    Property,
    /// A resource that cannot be represented. The resource is left out.
    Resource,
    /// An input file is wrong at a line.
    Input,
    /// A limit of the worker was reached.
    Limit,
    /// A fault of the collector itself.
    Internal,
    /// The credentials belong to another account than the one in question, or do not get into it: nothing was
    /// done there. A worker with other credentials may.
    WrongAccount,
}

impl FaultKind {
    /// All kinds, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::Config,
        Self::Credentials,
        Self::AccessDenied,
        Self::Throttled,
        Self::Unavailable,
        Self::InvalidAnswer,
        Self::Property,
        Self::Resource,
        Self::Input,
        Self::Limit,
        Self::Internal,
        Self::WrongAccount,
    ];

    /// The name used in reports, stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::InvalidAnswer => "invalid_answer",
            Self::Property => "property",
            Self::Resource => "resource",
            Self::Input => "input",
            Self::Limit => "limit",
            Self::Internal => "internal",
            Self::WrongAccount => "wrong_account",
        }
    }

    /// The exit code of a job that ends with this kind of trouble.
    pub fn exit_code(self, retry: Retry) -> ExitCode {
        match self {
            Self::Config => ExitCode::Config,
            Self::Credentials | Self::WrongAccount => ExitCode::Credentials,
            _ if retry == Retry::Later => ExitCode::TryAgain,
            // What the user gave us to read is configuration in the wider sense.
            Self::Input => ExitCode::Config,
            Self::AccessDenied => ExitCode::Credentials,
            Self::Throttled | Self::Unavailable => ExitCode::TryAgain,
            Self::InvalidAnswer | Self::Property | Self::Resource | Self::Limit | Self::Internal => {
                ExitCode::Internal
            }
        }
    }
}

/// Whose fault a trouble is. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum FaultSource {
    /// The cloud, or the way to it.
    Cloud,
    /// The user's configuration, credentials or files.
    User,
    /// The collector.
    Collector,
    /// The machine: disk, memory, limits.
    Host,
}

/// Whether trying again makes sense. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Retry {
    /// The same attempt would end the same.
    Never,
    /// A later attempt may succeed.
    Later,
}

/// Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Something is missing from the result.
    Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_the_supervisor_whether_to_retry() {
        for kind in FaultKind::ALL {
            let (never, later) = (kind.exit_code(Retry::Never), kind.exit_code(Retry::Later));
            match kind {
                // What the user must repair is never retried, whatever the child hopes for.
                FaultKind::Config => assert_eq!((never, later), (ExitCode::Config, ExitCode::Config)),
                FaultKind::Credentials | FaultKind::WrongAccount => {
                    assert_eq!((never, later), (ExitCode::Credentials, ExitCode::Credentials));
                }
                _ => assert_eq!(later, ExitCode::TryAgain, "{kind:?}"),
            }
            assert!(!matches!(never, ExitCode::Done | ExitCode::DoneWithFaults), "{kind:?} is a failure");
        }
    }

    #[test]
    fn names_are_distinct() {
        let mut names = FaultKind::ALL.map(FaultKind::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FaultKind::ALL.len());
    }
}

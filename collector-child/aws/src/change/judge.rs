//! What a failed call means for the resource that is changed.

use aws_client::{CallError, Class};
use ipc_proto::clean::CleanOutcome;

use crate::failure::Failure;

/// Codes with which services say that something depends on a resource or that it is busy, besides those in tables.
const BUSY: [&str; 14] = [
    "ConcurrentModification",
    "ConcurrentModificationException",
    "ConflictException",
    "DeleteConflict",
    "DependencyViolation",
    "InternalError",
    "OperationAborted",
    "OperationInProgressException",
    "PriorRequestNotComplete",
    "ResourceInUse",
    "ResourceInUseException",
    "ResourceInUseFault",
    "SlowDown",
    "VolumeInUse",
];

/// What the table of a kind says about codes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Codes<'a> {
    /// It is not there any more.
    pub(super) gone: &'a [String],
    /// Something depends on it still.
    pub(super) later: &'a [String],
}

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There was nothing to do.
    Nothing,
    /// What was to be changed is not there any more.
    Gone,
    /// It may work later.
    Later,
    /// It will not work.
    Never,
}

/// Why a deletion ends before its last call.
#[derive(Debug)]
pub(super) enum Stop {
    /// With this outcome.
    Outcome(CleanOutcome),
    /// With an error, which the program around judges.
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Codes<'_> {
    /// What an error code means, `expected` being the codes that mean nothing in this call. What the table says counts
    /// more than what codes usually mean.
    pub(super) fn meaning(self, expected: &[String], code: &str) -> Meaning {
        let among = |codes: &[String]| codes.iter().any(|known| known == code);
        if among(expected) {
            Meaning::Nothing
        } else if among(self.gone) {
            Meaning::Gone
        } else if among(self.later) || BUSY.contains(&code) {
            Meaning::Later
        } else if says_gone(code) {
            Meaning::Gone
        } else {
            Meaning::Never
        }
    }

    /// What a failed call means.
    pub(super) fn of_call(self, expected: &[String], error: &CallError) -> Meaning {
        let told = error.code.as_deref().map_or(Meaning::Never, |code| self.meaning(expected, code));
        match error.class {
            Class::Throttled | Class::Unavailable | Class::Network | Class::Garbage | Class::Deadline
                if told == Meaning::Never =>
            {
                Meaning::Later
            }
            _ => told,
        }
    }
}

/// The ways in which services say that something does not exist.
fn says_gone(code: &str) -> bool {
    let ends = ["NotFound", "NotFoundException", "NotFoundFault", "DoesNotExistException", "NotExist"];
    code.starts_with("NoSuch") || ends.iter().any(|end| code.ends_with(end))
}

/// The end of a deletion because of an error that will not go away.
pub(super) fn never(error: &CallError) -> Stop {
    Stop::Failure(error.to_fault().into())
}

/// Whether the next resource would end the same, so that there is no use in going on.
pub(super) fn is_fatal(error: &CallError) -> bool {
    matches!(error.class, Class::Credentials(_) | Class::Config)
}

/// The end of a deletion that has to wait.
pub(super) fn later(reason: impl Into<String>) -> Stop {
    Stop::Outcome(CleanOutcome::Later { reason: reason.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(code: &str) -> Meaning {
        let [gone, later, expected] =
            ["Lost", "ResourceNotFound", "NoSuchEntity"].map(|code| [code.to_owned()]);
        Codes { gone: &gone, later: &later }.meaning(&expected, code)
    }

    #[test]
    fn the_table_counts_more_than_what_codes_usually_mean() {
        assert_eq!(meaning("NoSuchEntity"), Meaning::Nothing);
        assert_eq!(meaning("Lost"), Meaning::Gone);
        assert_eq!(meaning("ResourceNotFound"), Meaning::Later);
    }

    #[test]
    fn what_is_not_there_or_busy_is_recognised_without_a_table() {
        for code in ["InvalidVolume.NotFound", "NoSuchBucket", "DBInstanceNotFoundFault", "NotFoundException"]
        {
            assert_eq!(meaning(code), Meaning::Gone, "{code}");
        }
        for code in ["DependencyViolation", "ConflictException", "VolumeInUse"] {
            assert_eq!(meaning(code), Meaning::Later, "{code}");
        }
        for code in ["OperationNotPermitted", "AccessDenied", "ValidationException"] {
            assert_eq!(meaning(code), Meaning::Never, "{code}");
        }
    }
}

//! What a failed call means for the resource that is changed.

use collector::Failure;
use http_client::{CallError, Class};
use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::FaultKind;
use tables::plan::ErrorSaid;

use crate::said::says;

/// How the services of a cloud say what is in the way, besides what tables say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sayings {
    /// Codes for that something depends on a resource.
    pub held: &'static [&'static str],
    /// Ends of codes for that.
    pub in_use: &'static [&'static str],
    /// Codes for that just now something else happens to it.
    pub passing: &'static [&'static str],
}

/// What the table of a kind says about codes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Codes<'a> {
    /// It is not there any more.
    pub gone: &'a [ErrorSaid],
    /// Something depends on it still.
    pub later: &'a [ErrorSaid],
    /// How the cloud says it besides.
    pub sayings: Sayings,
}

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// There was nothing to do.
    Nothing,
    /// What was to be changed is not there any more.
    Gone,
    /// Something is in the way, and may be taken away.
    Held,
    /// It may work later: nothing is known of the resource.
    Later,
    /// It will not work.
    Never,
}

/// Why a deletion ends before its last call.
#[derive(Debug)]
pub enum Stop {
    /// The cloud says that something is in the way, in these words.
    Held(String),
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

impl Stop {
    /// The same end with other words for its reason. Outcomes that have none stay as they are.
    pub(super) fn retold(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Held(reason) => Self::Held(words(reason)),
            Self::Outcome(CleanOutcome::Later { reason }) => later(words(reason)),
            Self::Outcome(CleanOutcome::Failed { reason }) => {
                Self::Outcome(CleanOutcome::Failed { reason: words(reason) })
            }
            Self::Failure(Failure::Fault(mut fault)) => {
                fault.message = words(std::mem::take(&mut fault.message));
                Self::Failure(Failure::Fault(fault))
            }
            other => other,
        }
    }
}

impl Codes<'_> {
    /// What an error of a service means, `expected` being the codes that mean nothing in this call.
    pub fn meaning(self, expected: &[String], code: &str, message: &str) -> Meaning {
        if expected.iter().any(|known| known == code) {
            return Meaning::Nothing;
        }
        self.said(code, |said| said.is(code, message))
    }

    /// What it means that `says` is true of what tables say.
    ///
    /// That a resource is gone is only believed where its table says so: what is not found may as well be what it is
    /// made of, or what it is in.
    fn said(self, code: &str, says: impl Fn(&ErrorSaid) -> bool) -> Meaning {
        // A code with words says more than the code alone.
        let said = |what: &[ErrorSaid], words: bool| {
            what.iter().any(|said| said.words.is_some() == words && says(said))
        };
        if said(self.gone, true) {
            Meaning::Gone
        } else if said(self.later, true) {
            Meaning::Held
        } else if said(self.gone, false) {
            Meaning::Gone
        } else if said(self.later, false)
            || self.sayings.held.contains(&code)
            || self.sayings.in_use.iter().any(|end| code.ends_with(end))
        {
            Meaning::Held
        } else if self.sayings.passing.contains(&code) {
            Meaning::Later
        } else {
            Meaning::Never
        }
    }

    /// What a failed call means. Credentials that do not work say nothing about the resource, whatever their code, and
    /// neither do troubles on the way to the service: there only its own codes count, because a status may be of who is
    /// between.
    pub fn of_call(self, expected: &[String], error: &CallError) -> Meaning {
        let code = error.code.as_deref().unwrap_or_default();
        match error.class {
            Class::Credentials(_) | Class::Config => Meaning::Never,
            Class::Throttled | Class::Unavailable | Class::Network | Class::Garbage | Class::Deadline => {
                match error.code.as_ref().map(|code| self.meaning(expected, code, &error.message)) {
                    None | Some(Meaning::Never) => Meaning::Later,
                    Some(told) => told,
                }
            }
            _ if error.has_code(expected) => Meaning::Nothing,
            _ => self.said(code, |said| says(error, std::slice::from_ref(said))),
        }
    }
}

/// The end of a deletion because of an error that will not go away.
pub fn never(error: &CallError) -> Stop {
    Stop::Failure(error.to_fault().into())
}

/// Whether the next resource would end the same, so that there is no use in going on.
pub fn is_fatal(error: &CallError) -> bool {
    matches!(error.class, Class::Credentials(_) | Class::Config)
}

/// The end of a deletion that has to wait.
pub fn later(reason: impl Into<String>) -> Stop {
    Stop::Outcome(CleanOutcome::Later { reason: reason.into() })
}

/// What an error in the way of a deletion leads to; `None` if it is none.
pub fn stop(meaning: Meaning, error: &CallError) -> Option<Stop> {
    match meaning {
        Meaning::Nothing | Meaning::Gone => None,
        Meaning::Held => Some(Stop::Held(error.to_string())),
        Meaning::Later => Some(later(error.to_string())),
        Meaning::Never => Some(never(error)),
    }
}

/// Something that should have been taken away before a deletion and was not.
#[derive(Debug)]
pub struct Trouble {
    words: String,
    /// It will be the same next time.
    lasting: bool,
}

impl Trouble {
    /// A preparation that ended so. What ends the job, or the whole deletion, is handed back.
    pub fn of(stop: Stop) -> Result<Self, Stop> {
        match stop {
            Stop::Held(words) | Stop::Outcome(CleanOutcome::Later { reason: words }) => {
                Ok(Self { words, lasting: false })
            }
            Stop::Outcome(CleanOutcome::Failed { reason: words }) => Ok(Self { words, lasting: true }),
            Stop::Failure(Failure::Fault(fault))
                if !matches!(
                    fault.kind,
                    FaultKind::Credentials | FaultKind::Config | FaultKind::WrongAccount
                ) =>
            {
                Ok(Self { words: fault.message.clone(), lasting: true })
            }
            other => Err(other),
        }
    }
}

/// The end of a deletion before which something could not be taken away: both are told. It is not waited for what will
/// be the same next time.
pub(super) fn explained(stop: Stop, troubles: &[Trouble]) -> Stop {
    if troubles.is_empty() {
        return stop;
    }
    let words = troubles.iter().map(|trouble| trouble.words.as_str()).collect::<Vec<_>>().join("; ");
    let both = |reason: String| format!("{reason}; what has to go first could not be taken away: {words}");
    let lasting = troubles.iter().any(|trouble| trouble.lasting);
    match stop {
        Stop::Held(reason) | Stop::Outcome(CleanOutcome::Later { reason }) if lasting => {
            Stop::Outcome(CleanOutcome::Failed { reason: both(reason) })
        }
        other => other.retold(both),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAYINGS: Sayings = Sayings {
        held: &["ConflictException", "DependencyViolation"],
        in_use: &["InUse", "InUseFault"],
        passing: &["OperationAborted", "SlowDown"],
    };

    fn meaning(code: &str, message: &str) -> Meaning {
        let said = |texts: &[&str]| -> Vec<ErrorSaid> {
            texts.iter().map(|text| (*text).to_owned().into()).collect()
        };
        let gone = said(&["Lost", "Transition", "ValidationError: not found"]);
        let later = said(&["ResourceNotFound", "Transition: starting", "ValidationError: in use"]);
        Codes { gone: &gone, later: &later, sayings: SAYINGS }.meaning(
            &["NoSuchEntity".to_owned()],
            code,
            message,
        )
    }

    #[test]
    fn the_table_counts_more_than_what_codes_usually_mean() {
        assert_eq!(meaning("NoSuchEntity", ""), Meaning::Nothing);
        assert_eq!(meaning("Lost", ""), Meaning::Gone);
        assert_eq!(meaning("ResourceNotFound", ""), Meaning::Held);
    }

    #[test]
    fn a_code_that_is_said_of_everything_counts_by_its_words() {
        assert_eq!(meaning("ValidationError", "Group 'x' Not Found"), Meaning::Gone);
        assert_eq!(meaning("ValidationError", "it is in use by y"), Meaning::Held);
        assert_eq!(meaning("ValidationError", "1 validation error detected"), Meaning::Never);
        assert_eq!(meaning("Transition", "it is starting"), Meaning::Held);
        assert_eq!(meaning("Transition", "it is deleted"), Meaning::Gone);
    }

    #[test]
    fn what_is_in_use_is_known_without_a_table_and_what_is_gone_is_not() {
        for code in
            ["DependencyViolation", "ConflictException", "VolumeInUse", "PublicKeyInUse", "XInUseFault"]
        {
            assert_eq!(meaning(code, ""), Meaning::Held, "{code}");
        }
        for code in ["OperationAborted", "SlowDown"] {
            assert_eq!(meaning(code, ""), Meaning::Later, "{code}");
        }
        // A snapshot that is not found is no volume that is not found.
        for code in ["InvalidSnapshot.NotFound", "NoSuchKey", "AccessDenied", "OperationNotPermitted"] {
            assert_eq!(meaning(code, ""), Meaning::Never, "{code}");
        }
    }

    #[test]
    fn both_reasons_are_told_and_nobody_waits_for_what_stays_the_same() {
        let trouble = |lasting| [Trouble { words: "denied".to_owned(), lasting }];
        let reason = |stop: Stop| match stop {
            Stop::Outcome(outcome) => format!("{} {}", outcome.name(), outcome.reason().unwrap_or_default()),
            Stop::Held(reason) => format!("held {reason}"),
            Stop::Failure(failure) => format!("failure {failure}"),
        };
        let held = || Stop::Held("conflict".to_owned());
        let both = "conflict; what has to go first could not be taken away: denied";
        assert_eq!(reason(explained(held(), &trouble(true))), format!("failed {both}"));
        assert_eq!(reason(explained(held(), &trouble(false))), format!("held {both}"));
        assert_eq!(reason(explained(held(), &[])), "held conflict");
        let refused = || Stop::Failure(collector::fault(FaultKind::AccessDenied, "conflict").into());
        assert_eq!(reason(explained(refused(), &trouble(false))), format!("failure {both}"));
    }
}

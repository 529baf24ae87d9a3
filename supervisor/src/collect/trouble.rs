//! Why an account failed, in words. Pure.

use fixworker_fleet::{Failure, NotCompleted};
use fixworker_graph::owners::Contest;
use fixworker_graph::staging::StagingError;

use super::elsewhere::NotOurs;
use super::ledger::Standing;
use crate::work::event::Trouble;

/// A task that was not completed; `out_of_time_of_run` if the run itself had to end.
pub(super) fn of_end(end: &NotCompleted, out_of_time_of_run: bool) -> Trouble {
    if end.is_cancelled() && out_of_time_of_run {
        return out_of_time(end);
    }
    Trouble {
        kind: end.kind().to_owned(),
        message: end.message(),
        hint: end.hint(),
        cancelled: end.is_cancelled(),
    }
}

/// A job of a child that serves others as well has failed.
pub(super) fn of_failure(failure: &Failure) -> Trouble {
    Trouble {
        kind: failure.outcome.kind().to_owned(),
        message: failure.message(),
        hint: failure.hint(),
        cancelled: false,
    }
}

/// Somebody has called it off before this account was looked at.
pub(super) fn not_asked() -> Trouble {
    let message = "not looked at: it was called off".to_owned();
    Trouble { kind: "cancelled".to_owned(), message, hint: None, cancelled: true }
}

/// A child was done, and its sink has nothing.
pub(super) fn no_graph() -> Trouble {
    Trouble {
        kind: "internal".to_owned(),
        message: "the graph is missing after the child was done".to_owned(),
        hint: None,
        cancelled: false,
    }
}

/// An account without an end when the run is over.
pub(super) fn left_over(standing: &Standing, cancelled: bool) -> Trouble {
    let state =
        if *standing == Standing::Collected { "collected, but not delivered" } else { "not collected" };
    let (kind, why) = if cancelled {
        ("cancelled", "the run was given up")
    } else {
        ("internal", "a fault of fixworker, see the log")
    };
    Trouble { kind: kind.to_owned(), message: format!("{state}: {why}"), hint: None, cancelled }
}

/// An account that the run had no time for.
fn out_of_time(end: &NotCompleted) -> Trouble {
    let state = if end.last.is_some() { "before it was complete" } else { "before it began" };
    Trouble {
        kind: "deadline".to_owned(),
        message: format!("the time of the run (fixworker.timeout) was over {state}"),
        hint: Some("raise fixworker.timeout, or let more accounts run at once".to_owned()),
        cancelled: false,
    }
}

/// A graph that is refused for good.
pub(super) fn refused(error: &StagingError) -> Trouble {
    let fault = error.to_fault();
    let kind = match error {
        StagingError::OwnedElsewhere { .. } => "protocol_violation",
        StagingError::Contested { .. } => CONTESTED,
        _ => fault.kind.name(),
    };
    Trouble { kind: kind.to_owned(), message: fault.message, hint: fault.hint, cancelled: false }
}

/// A graph that was collected, and that must not be sent because of another one.
pub(super) fn contested(contest: &Contest) -> Trouble {
    let (kind, message) = (CONTESTED.to_owned(), contest.to_string());
    Trouble { kind, message, hint: None, cancelled: false }
}

/// A graph that was collected, and whose nodes fixcore knows in another account, or cannot tell.
pub(super) fn not_ours(why: &NotOurs) -> Trouble {
    let kind = match why {
        NotOurs::Known { .. } => CONTESTED,
        NotOurs::Unknown(_) => "not_delivered",
    };
    Trouble { kind: kind.to_owned(), message: why.to_string(), hint: None, cancelled: false }
}

/// Two accounts claim the same node.
const CONTESTED: &str = "contested";

#[cfg(test)]
mod tests {
    use decisions::attempt::GiveUp;

    use super::*;

    #[test]
    fn an_account_that_the_run_had_no_time_for_has_failed_and_one_that_was_called_off_has_not() {
        let end = NotCompleted { why: GiveUp::Cancelled, last: None };
        let called_off = of_end(&end, false);
        assert_eq!((called_off.kind.as_str(), called_off.cancelled), ("cancelled", true));
        let late = of_end(&end, true);
        assert_eq!((late.kind.as_str(), late.cancelled), ("deadline", false));
        assert!(late.message.contains("fixworker.timeout") && late.hint.is_some(), "{late:?}");
    }

    #[test]
    fn what_is_left_over_says_how_far_it_came_and_whose_fault_it_is() {
        let given_up = left_over(&Standing::Collected, true);
        assert_eq!(given_up.message, "collected, but not delivered: the run was given up");
        assert!(given_up.cancelled);
        let broken = left_over(&Standing::Open, false);
        assert_eq!((broken.kind.as_str(), broken.cancelled), ("internal", false));
    }
}

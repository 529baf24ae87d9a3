//! Why a call failed.

use std::error::Error as StdError;
use std::time::Duration;

use thiserror::Error;

use super::answer::CoreAnswer;
use crate::tls::is_certificate_error;

/// A call that failed. `action` continues "cannot ...": "get the config fix.worker".
#[derive(Debug, Error)]
pub enum CoreError {
    /// No connection: nothing was sent.
    #[error("cannot {action}: fixcore cannot be reached: {cause}")]
    Unreachable {
        /// What was tried.
        action: String,
        /// What the network says.
        cause: String,
    },
    /// Fixcore shows a certificate that is not trusted: nothing was sent.
    #[error("cannot {action}: the certificate of fixcore is not trusted: {cause}")]
    Certificate {
        /// What was tried.
        action: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The connection ended before the answer was complete; whether fixcore did it is unknown.
    #[error("cannot {action}: the connection to fixcore was lost: {cause}")]
    Lost {
        /// What was tried.
        action: String,
        /// What the network says.
        cause: String,
    },
    /// No complete answer in time; whether fixcore did it is unknown.
    #[error("cannot {action}: fixcore did not answer within {} s", .after.as_secs())]
    TimedOut {
        /// What was tried.
        action: String,
        /// The time that was given.
        after: Duration,
    },
    /// 401, also with a new token.
    #[error(
        "cannot {action}: fixcore does not accept our token ({answer}); the pre-shared keys differ, or the clocks \
         by more than five minutes"
    )]
    Unauthorized {
        /// What was tried.
        action: String,
        /// Fixcore's words.
        answer: CoreAnswer,
    },
    /// Any other status that is not a success.
    #[error("cannot {action}: fixcore answered {status}: {answer}")]
    Refused {
        /// What was tried.
        action: String,
        /// The HTTP status.
        status: u16,
        /// Fixcore's words.
        answer: CoreAnswer,
    },
    /// The answer is larger than anything we expect.
    #[error("cannot {action}: the answer of fixcore has more than {limit} bytes")]
    TooLarge {
        /// What was tried.
        action: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A success whose body is not what was agreed.
    #[error("cannot {action}: the answer of fixcore is not understood: {cause}")]
    BadAnswer {
        /// What was tried.
        action: String,
        /// What is wrong with it.
        cause: String,
    },
    /// What we were to send can not be sent.
    #[error("cannot {action}: {cause}")]
    Unsendable {
        /// What was tried.
        action: String,
        /// Why not.
        cause: String,
    },
}

impl CoreError {
    /// The HTTP status, if fixcore answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unauthorized { .. } => Some(401),
            Self::Unreachable { .. }
            | Self::Certificate { .. }
            | Self::Lost { .. }
            | Self::TimedOut { .. }
            | Self::TooLarge { .. }
            | Self::BadAnswer { .. }
            | Self::Unsendable { .. } => None,
        }
    }

    /// True if the same call may work later: the network, a fixcore that starts or stops, or a proxy in
    /// between. What fixcore refused with a 4xx stays refused; a 401 is worth another try.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::TimedOut { .. }
            | Self::Unauthorized { .. }
            | Self::Certificate { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            Self::TooLarge { .. } | Self::BadAnswer { .. } | Self::Unsendable { .. } => false,
        }
    }

    /// Sorts an error of the HTTP library.
    pub(crate) fn from_transport(action: &str, error: reqwest::Error, after: Option<Duration>) -> Self {
        let action = action.to_owned();
        let error = error.without_url();
        let cause = chain(&error);
        if is_certificate_error(&error) {
            Self::Certificate { action, cause }
        } else if error.is_connect() {
            Self::Unreachable { action, cause }
        } else if error.is_timeout() {
            Self::TimedOut { action, after: after.unwrap_or_default() }
        } else if error.is_builder() {
            Self::Unsendable { action, cause }
        } else {
            Self::Lost { action, cause }
        }
    }
}

/// An error with its causes, in one line, each said once.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> CoreError {
        CoreError::Refused { action: "test".to_owned(), status, answer: CoreAnswer::default() }
    }

    #[test]
    fn what_may_work_later_is_transient() {
        for (status, transient) in
            [(400, false), (404, false), (408, true), (413, false), (429, true), (500, true), (503, true)]
        {
            assert_eq!(refused(status).is_transient(), transient, "{status}");
            assert_eq!(refused(status).status(), Some(status));
        }
        let bad = CoreError::BadAnswer { action: String::new(), cause: String::new() };
        assert!(!bad.is_transient() && bad.status().is_none());
    }

    #[test]
    fn sentences_say_what_was_tried_and_what_fixcore_said() {
        let answer = CoreAnswer::parse(b"Error: AttributeError\nMessage: no such graph");
        let error = CoreError::Refused { action: "create the graph fix".to_owned(), status: 400, answer };
        assert_eq!(
            error.to_string(),
            "cannot create the graph fix: fixcore answered 400: AttributeError: no such graph"
        );
    }

    #[test]
    fn causes_are_said_once() {
        let error = std::io::Error::other(std::io::Error::other("no route to host"));
        assert_eq!(chain(&error), "no route to host");
    }
}

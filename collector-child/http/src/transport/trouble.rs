//! Why no answer came.

use std::error::Error;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clock::spelled;

/// Why no answer came, or none that could be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum TransportTrouble {
    /// The name servers say that there is no such host.
    #[error("the host {0} does not exist")]
    NoSuchHost(String),
    /// The name servers did not answer.
    #[error("the name of the host {0} could not be looked up: {1}")]
    NameService(String, String),
    /// No connection to the host.
    #[error("no connection to {0}: {1}")]
    Connect(String, String),
    /// No connection in time.
    #[error("no connection to {0} within {1}")]
    Unreached(String, String),
    /// A connection, but no TLS on it.
    #[error("no TLS with {0}: {1}")]
    Tls(String, String),
    /// The proxy did not connect us.
    #[error("the proxy {0} gave no connection: {1}")]
    Proxy(String, String),
    /// The settings of this machine allow no connection at all.
    #[error("{0}")]
    Setup(String),
    /// Nothing came for too long.
    #[error("{0} was silent for {1}")]
    Silent(String, String),
    /// The answer did not end.
    #[error("the answer of {0} did not end within {1}")]
    Slow(String, String),
    /// The connection broke.
    #[error("the connection to {0} broke: {1}")]
    Broken(String, String),
    /// The answer is larger than the limit, in bytes.
    #[error("the answer of {0} is larger than {1} bytes")]
    TooLarge(String, usize),
    /// What came is not HTTP.
    #[error("{0} does not speak HTTP: {1}")]
    NotHttp(String, String),
    /// It is answered from a recording that has no such request, which is named.
    #[error("the recording has no answer to {0}")]
    NotRecorded(String),
}

impl TransportTrouble {
    /// Whether the same request may get an answer in a moment.
    pub fn passes(&self) -> bool {
        match self {
            Self::NoSuchHost(_)
            | Self::Setup(_)
            | Self::TooLarge(..)
            | Self::NotHttp(..)
            | Self::NotRecorded(_) => false,
            // Certificates do not change between two attempts.
            Self::Tls(_, why) => !why.contains("certificate"),
            Self::NameService(..)
            | Self::Connect(..)
            | Self::Unreached(..)
            | Self::Proxy(..)
            | Self::Silent(..)
            | Self::Slow(..)
            | Self::Broken(..) => true,
        }
    }

    /// Whether time was what ran out.
    pub fn timeout(&self) -> bool {
        matches!(self, Self::Unreached(..) | Self::Silent(..) | Self::Slow(..))
    }

    /// A code for reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchHost(_) | Self::NameService(..) => "DnsFailure",
            Self::Connect(..) => "ConnectFailure",
            Self::Tls(..) | Self::Setup(_) => "TlsFailure",
            Self::Proxy(..) => "ProxyFailure",
            Self::Unreached(..) | Self::Silent(..) | Self::Slow(..) => "Timeout",
            Self::Broken(..) => "ConnectionLost",
            Self::TooLarge(..) => "AnswerTooLarge",
            Self::NotHttp(..) => "NotHttp",
            Self::NotRecorded(_) => "NotRecorded",
        }
    }

    pub(super) fn unreached(host: &str, limit: Duration) -> Self {
        Self::Unreached(host.to_owned(), span(limit))
    }

    pub(super) fn silent(host: &str, limit: Duration) -> Self {
        Self::Silent(host.to_owned(), span(limit))
    }

    pub(super) fn slow(host: &str, limit: Duration) -> Self {
        Self::Slow(host.to_owned(), span(limit))
    }

    /// What the name servers mean by this error; there is only text to tell it by.
    pub(super) fn of_lookup(host: &str, error: &io::Error) -> Self {
        let text = error.to_string();
        let none =
            ["Name or service not known", "No address associated", "Name does not resolve", "not known"];
        if none.iter().any(|none| text.contains(none)) {
            Self::NoSuchHost(host.to_owned())
        } else {
            Self::NameService(host.to_owned(), text)
        }
    }

    /// Finds our own trouble in what the connection pool reports, else reads what it says.
    pub(super) fn of_pool(host: &str, error: &(dyn Error + 'static)) -> Self {
        if let Some(own) = chain(error).find_map(|cause| cause.downcast_ref::<Self>()) {
            return own.clone();
        }
        let hyper = chain(error).find_map(|cause| cause.downcast_ref::<hyper::Error>());
        if hyper.is_some_and(hyper::Error::is_parse) {
            Self::NotHttp(host.to_owned(), root(error))
        } else {
            Self::Broken(host.to_owned(), root(error))
        }
    }
}

/// How long it is, for people.
pub fn span(limit: Duration) -> String {
    if limit < Duration::from_secs(1) {
        format!("{} ms", limit.as_millis())
    } else {
        spelled(limit.as_secs())
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// The innermost cause, which is what people understand.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_does_not_exist_is_told_from_name_servers_that_do_not_answer() {
        let of = |text: &str| TransportTrouble::of_lookup("h", &io::Error::other(text.to_owned()));
        let start = "failed to lookup address information: ";
        for text in
            ["Name or service not known", "No address associated with hostname", "Name does not resolve"]
        {
            let trouble = of(&format!("{start}{text}"));
            assert_eq!(trouble, TransportTrouble::NoSuchHost("h".to_owned()));
            assert!(!trouble.passes());
        }
        for text in ["Temporary failure in name resolution", "Try again", "System error"] {
            let trouble = of(&format!("{start}{text}"));
            assert!(matches!(trouble, TransportTrouble::NameService(..)) && trouble.passes(), "{trouble}");
        }
    }

    #[derive(Debug, Error)]
    #[error("client error (Connect)")]
    struct Wrapped(#[source] TransportTrouble);

    #[test]
    fn our_own_trouble_is_found_in_the_pools() {
        let own = TransportTrouble::Tls("h".to_owned(), "bad certificate".to_owned());
        let wrapped = Wrapped(own.clone());
        assert_eq!(TransportTrouble::of_pool("h", &wrapped), own);
        assert!(!own.passes());
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(TransportTrouble::of_pool("h", &reset).code(), "ConnectionLost");
    }

    #[test]
    fn limits_are_spelled() {
        let trouble = TransportTrouble::silent("h", Duration::from_mins(1));
        assert_eq!(trouble.to_string(), "h was silent for 1 minute");
        let trouble = TransportTrouble::slow("h", Duration::from_millis(50));
        assert_eq!(trouble.to_string(), "the answer of h did not end within 50 ms");
        assert!(trouble.timeout() && trouble.passes());
    }
}

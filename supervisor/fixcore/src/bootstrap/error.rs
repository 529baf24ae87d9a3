//! Why there is no connection, and whether waiting helps.

use std::time::Duration;

use thiserror::Error;

use crate::endpoint::Endpoint;
use crate::http::answer::CoreAnswer;
use crate::http::error::CoreError;
use crate::tls::{AuthorityError, IdentityError, PemFileError};

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// It never became ready.
    #[error("fixcore at {uri} was not ready within {} s: {cause}", .waited.as_secs())]
    NotReady {
        /// Where we looked.
        uri: String,
        /// How long we waited.
        waited: Duration,
        /// Why the last attempt failed.
        cause: String,
    },
    /// Its certificate authority is not proven.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// It asks for a token and we have no key to make one.
    #[error(
        "fixcore at {uri} asks for a pre-shared key and none is given; start with --psk or set FIXWORKER_PSK"
    )]
    PskMissing {
        /// Where fixcore is.
        uri: String,
    },
    /// It signs no certificates.
    #[error(
        "fixcore does not sign a certificate for our web server ({status}: {answer}); give one with --cert and \
         --cert-key"
    )]
    NotSigned {
        /// The HTTP status.
        status: u16,
        /// Fixcore's words.
        answer: CoreAnswer,
    },
    /// A call failed.
    #[error(transparent)]
    Call(CoreError),
    /// A file of the command line can not be used.
    #[error(transparent)]
    File(#[from] PemFileError),
    /// The certificate of our web server can not be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// TLS or HTTP can not be set up on this host.
    #[error("the connection to fixcore cannot be set up: {0}")]
    Setup(String),
    /// We were asked to stop.
    #[error("stopped while connecting to fixcore")]
    Stopped,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectErrorKind {
    /// The command line or its files: exit code 2.
    Usage,
    /// Fixcore refuses us or can not prove itself: exit code 5 at once.
    Final,
    /// The network, or a fixcore that starts: exit code 5 when the patience is over.
    Transient,
    /// A shutdown, no error.
    Stopped,
}

impl ConnectError {
    /// What to do about it.
    pub fn kind(&self) -> ConnectErrorKind {
        match self {
            // What fixcore signed may be broken because it is being restarted.
            Self::NotReady { .. } | Self::Identity(IdentityError::Signed(_)) => ConnectErrorKind::Transient,
            Self::File(_) | Self::Identity(_) => ConnectErrorKind::Usage,
            Self::Authority(_)
            | Self::PskMissing { .. }
            | Self::NotSigned { .. }
            | Self::Setup(_)
            | Self::Call(CoreError::Unauthorized { .. } | CoreError::Certificate { .. }) => {
                ConnectErrorKind::Final
            }
            Self::Call(error) => {
                if error.is_transient() {
                    ConnectErrorKind::Transient
                } else {
                    ConnectErrorKind::Final
                }
            }
            Self::Stopped => ConnectErrorKind::Stopped,
        }
    }

    pub(super) fn call(endpoint: &Endpoint, error: CoreError) -> Self {
        match error {
            CoreError::Unauthorized { .. } if endpoint.psk().is_none() => {
                Self::PskMissing { uri: endpoint.uri().to_owned() }
            }
            error => Self::Call(error),
        }
    }
}

//! From the command line to fixcore: where it is, how it is trusted, and who we are there.

use fixworker_fixcore::{Endpoint, EndpointError, IdentityFiles, Subscriber};
use fixworker_settings::Shard;
use fixworker_settings::cli::DaemonArgs;
use thiserror::Error;

use crate::setup;

/// Why the command line leads to no fixcore.
#[derive(Debug, Error)]
pub(crate) enum ReachError {
    /// The address of fixcore.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The certificate files contradict each other.
    #[error("--cert and --cert-key belong together: give both, or none")]
    HalfAnIdentity,
}

/// Who this worker is at fixcore.
pub(crate) fn subscriber(args: &DaemonArgs) -> Subscriber {
    named(&args.core.subscriber_id, args.shard)
}

/// The worker of this name, or one of those that share it.
pub(crate) fn named(subscriber_id: &str, shard: Option<Shard>) -> Subscriber {
    Subscriber::new(subscriber_id).part(shard.map(|shard| shard.index.get()))
}

/// Where fixcore is, and how it is trusted.
pub(crate) fn endpoint(args: &DaemonArgs) -> Result<Endpoint, ReachError> {
    let identity = match (&args.cert, &args.cert_key) {
        (Some(cert), Some(key)) => Some(IdentityFiles {
            cert: cert.clone(),
            key: key.clone(),
            passphrase: args.cert_key_pass.clone(),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(ReachError::HalfAnIdentity),
    };
    Ok(setup::endpoint(&args.core)?.with_identity(identity))
}

//! From the command line to fixcore: where it is, how it is trusted, and who we are there.

use fixworker_fixcore::proxy::ProxySettings;
use fixworker_fixcore::{Endpoint, EndpointError, IdentityFiles, Subscriber, VerifyMode};
use fixworker_settings::Shard;
use fixworker_settings::cli::DaemonArgs;
use thiserror::Error;

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
    named(&args.subscriber_id, args.shard)
}

/// The worker of this name, or one of those that share it.
pub(crate) fn named(subscriber_id: &str, shard: Option<Shard>) -> Subscriber {
    Subscriber::new(subscriber_id).part(shard.map(|shard| shard.index.get()))
}

/// Where fixcore is, and how it is trusted.
pub(crate) fn endpoint(args: &DaemonArgs) -> Result<Endpoint, ReachError> {
    let verify = match (&args.ca_cert, args.verify_certs) {
        (_, false) => VerifyMode::None,
        (Some(path), true) => VerifyMode::CustomCa(path.clone()),
        (None, true) => VerifyMode::FixcoreCa,
    };
    let identity = match (&args.cert, &args.cert_key) {
        (Some(cert), Some(key)) => Some(IdentityFiles {
            cert: cert.clone(),
            key: key.clone(),
            passphrase: args.cert_key_pass.clone(),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(ReachError::HalfAnIdentity),
    };
    let endpoint = Endpoint::new(&args.fixcore_uri)?;
    let endpoint = endpoint.with_psk(args.psk.clone()).with_verify(verify).with_identity(identity);
    let endpoint = endpoint.with_ca_fingerprint(args.ca_fingerprint.clone());
    Ok(endpoint.with_proxies(ProxySettings::from_env()))
}

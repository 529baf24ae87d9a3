//! The credentials of the account that a job is for, in a process that has no others.

use std::fmt;
use std::sync::Arc;

use ipc_proto::fault::Fault;
use ipc_proto::secret::Secret;

use crate::sink::BoxFuture;

/// Keeps the credentials of a job: a broker has made them ([`Collector::seal`](crate::Collector::seal)).
pub trait Keeper: Send + Sync {
    /// The latest ones.
    fn bytes(&self) -> Secret<Vec<u8>>;

    /// Asks for new ones, and waits for the answer, which may take a minute.
    fn renew(&self) -> BoxFuture<'_, Result<Secret<Vec<u8>>, Fault>>;
}

/// The credentials of a job. Clones share them, and are equal to each other only.
#[derive(Clone)]
pub struct Credentials(Arc<dyn Keeper>);

impl Credentials {
    /// What this keeper has.
    pub fn new(keeper: Arc<dyn Keeper>) -> Self {
        Self(keeper)
    }

    /// The latest ones, as [`Collector::seal`](crate::Collector::seal) made them.
    pub fn bytes(&self) -> Secret<Vec<u8>> {
        self.0.bytes()
    }

    /// Asks for new ones, and waits for the answer, which may take a minute.
    pub async fn renew(&self) -> Result<Secret<Vec<u8>>, Fault> {
        self.0.renew().await
    }

    /// Tells the credentials of jobs from each other as long as both are there.
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials([redacted])")
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

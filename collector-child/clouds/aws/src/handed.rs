//! Credentials that another process has made, between the machinery and the client.

use std::time::SystemTime;

use aws_client::{Given, Giver};
use collector::{BoxFuture, ConfigSection, Credentials, Failure};
use ipc_proto::seal::Seal;
use zeroize::Zeroizing;

use crate::config::AwsConfig;
use crate::job::Credentials as Made;

/// The settings, with the credentials of the account if this process has no others.
pub(crate) fn settings(section: &ConfigSection) -> Result<AwsConfig, Failure> {
    let given = section.credentials().map(|credentials| Given::new(Handed(credentials.clone())));
    Ok(AwsConfig { given, ..section.to()? })
}

/// Credentials that the supervisor brings.
struct Handed(Credentials);

impl Giver for Handed {
    fn id(&self) -> usize {
        self.0.id()
    }

    fn now(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.bytes().expose().clone())
    }

    fn renew(&self) -> BoxFuture<'_, Result<Zeroizing<Vec<u8>>, String>> {
        Box::pin(async move {
            let renewed = self.0.renew().await.map_err(|fault| fault.message)?;
            Ok(Zeroizing::new(renewed.expose().clone()))
        })
    }
}

/// Credentials for another process.
pub(crate) fn seal(credentials: Made) -> Seal {
    let Made { mut bytes, ends, shared } = credentials;
    let remaining = ends.map(|ends| ends.duration_since(SystemTime::now()).unwrap_or_default());
    Seal { bytes: std::mem::take(&mut *bytes).into(), remaining, shared }
}

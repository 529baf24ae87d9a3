//! Whose the credentials are, and where: the partition is tried out.

use aws_client::{CallError, Class, Client, Session};
use collector::Sink;
use serde_json::Map;

use super::sessions;
use crate::api::Api;
use crate::config::AwsConfig;
use crate::partition::{self, Candidate};

/// Whose credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) account: String,
    pub(super) partition: String,
}

/// Asks STS, in the region that environment, profile or settings name first, then elsewhere.
pub(super) async fn owner(
    client: &Client,
    config: &AwsConfig,
    session: &Session,
    sink: &dyn Sink,
) -> Result<Owner, CallError> {
    // Without credentials it is the same everywhere.
    session.check().await?;
    let mut hints = sessions::hints(session, config.region.as_deref());
    if hints.is_empty() {
        hints.extend(session.region_of_instance().await);
    }
    let api = Api::new(client.clone(), session.clone(), "");
    let candidates = partition::candidates(&hints);
    let mut worst: Option<CallError> = None;
    for (at, Candidate { partition, region, named }) in candidates.iter().enumerate() {
        let answer = api.call(region, "sts", "GetCallerIdentity", Map::new()).await;
        sink.work(1);
        let error = match answer {
            Ok(answer) => {
                let account = aws_client::account_told(&answer, "", region)?.to_owned();
                // Where one address answers for all partitions, only the answer knows it; but who runs the worker may
                // know better, and says so by the environment or the profile. What aws.region names is a wish.
                let by_user = *named && at_home(session, partition);
                let told = answer["Arn"].as_str().and_then(partition::of_arn).filter(|_| !by_user);
                return Ok(Owner { account, partition: told.unwrap_or(partition).to_owned() });
            }
            Err(error) => error,
        };
        let same_partition = candidates.get(at + 1).is_some_and(|next| next.partition == *partition);
        let goes_on = match rank(&error) {
            // A key of another partition, or of an account that has not enabled the region.
            Rank::Unknown => true,
            Rank::Elsewhere => same_partition || hints.is_empty(),
            Rank::Final => false,
        };
        if worst.as_ref().is_none_or(|worst| rank(worst) > rank(&error)) {
            worst = Some(error.clone());
        }
        if !goes_on {
            return Err(worst.unwrap_or(error));
        }
    }
    match worst {
        Some(error) => Err(error),
        None => Ok(Owner { account: String::new(), partition: "aws".to_owned() }),
    }
}

/// Whether the region of the environment or the profile is in this partition.
fn at_home(session: &Session, partition: &str) -> bool {
    session.default_region().is_some_and(|region| partition::of_region(&region) == Some(partition))
}

/// What an error says about the place that was asked; what says more comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Something else is wrong, and would be elsewhere.
    Final,
    /// The key is not known there.
    Unknown,
    /// Nothing can be asked there.
    Elsewhere,
}

fn rank(error: &CallError) -> Rank {
    match error.class {
        _ if error.has_code(&["InvalidClientTokenId", "UnrecognizedClientException"]) => Rank::Unknown,
        Class::RegionDisabled | Class::RegionRefuses | Class::AccessDenied { .. } | Class::NoEndpoint => {
            Rank::Elsewhere
        }
        Class::Network if error.has_code(&["DnsFailure"]) => Rank::Elsewhere,
        _ => Rank::Final,
    }
}

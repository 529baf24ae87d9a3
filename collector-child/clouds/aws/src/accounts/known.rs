//! Regions in the settings that this program does not know: AWS is asked for them, since it makes new ones.

use aws_client::Client;
use aws_shapes::endpoints;
use collector::{Failure, Sink};
use serde_json::{Map, Value};

use super::sessions;
use crate::api::Api;
use crate::config::AwsConfig;
use crate::config::names::no_region;
use crate::partition::global_region;

/// Refuses a region that AWS does not know either. If AWS does not say, the collection will: it ends without a graph where
/// no host can be reached.
pub(super) async fn check_regions(
    client: &Client,
    config: &AwsConfig,
    profile: Option<&str>,
    sink: &dyn Sink,
) -> Result<(), Failure> {
    let unknown = config.unknown_regions();
    let Some(first) = unknown.first() else { return Ok(()) };
    let Ok(session) = sessions::base(client, config, profile).await else { return Ok(()) };
    let partition = endpoints().partition_of(first).map_or("aws", |partition| &partition.id);
    let api = Api::new(client.clone(), session, "");
    let answer = api.call(global_region(partition), "ec2", "DescribeRegions", every_region()).await;
    sink.work(1);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!("whether there is a region {first} is not known: {error}");
            return Ok(());
        }
    };
    match unknown.into_iter().find(|region| !names(&answer, region)) {
        Some(region) => Err(no_region(region)),
        None => Ok(()),
    }
}

/// What ec2:DescribeRegions is asked for: also those that the account has not enabled.
pub(crate) fn every_region() -> Map<String, Value> {
    Map::from_iter([("AllRegions".to_owned(), Value::Bool(true))])
}

/// Whether an answer of ec2:DescribeRegions has a region.
pub(crate) fn names(answer: &Value, region: &str) -> bool {
    answer["Regions"]
        .as_array()
        .is_some_and(|regions| regions.iter().any(|known| known["RegionName"] == region))
}

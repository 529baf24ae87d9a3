//! The regions of an account, as the account itself tells them.

use collector::{Sink, fault};
use futures_util::stream::{self, StreamExt};
use http_client::{CallError, Class};
use ipc_proto::fault::{Fault, FaultKind};
use serde_json::{Map, Value};

use super::Scope;
use crate::api::Api;
use crate::partition::{global_region, known_regions};

/// Regions that are tried out at once.
const REGIONS_AT_ONCE: usize = 8;

/// The regions to collect: as configured, else all that the account has enabled. Where it may not be asked which
/// those are, all that it is known to have; this is told.
pub(crate) async fn of_account(api: &Api, scope: &Scope, sink: &dyn Sink) -> Result<Vec<String>, CallError> {
    if !scope.regions.is_empty() {
        return Ok(scope.regions.clone());
    }
    let home = api.home(scope);
    let global = global_region(&scope.partition);
    let mut trouble = match enabled(api, &home, sink).await {
        // No account has no region, so this is no answer.
        Ok(regions) if regions.is_empty() => {
            let regions = tried_out(api, scope, &home, sink).await;
            sink.fault(none_told(&home, &regions));
            return Ok(regions);
        }
        Ok(regions) => return Ok(regions),
        Err(trouble) => trouble,
    };
    // A policy may deny one and not the other.
    if home != global {
        match enabled(api, global, sink).await {
            Ok(regions) => return Ok(regions),
            Err(other) if denies(&other) && !denies(&trouble) => trouble = other,
            Err(_) => {}
        }
    }
    if !denies(&trouble) {
        return Err(trouble);
    }
    let regions = tried_out(api, scope, &home, sink).await;
    sink.fault(not_told(&trouble, &regions));
    Ok(regions)
}

fn denies(error: &CallError) -> bool {
    matches!(error.class, Class::AccessDenied { .. } | Class::RegionDisabled | Class::RegionRefuses)
}

async fn enabled(api: &Api, region: &str, sink: &dyn Sink) -> Result<Vec<String>, CallError> {
    let found = api.all(region, "ec2", "DescribeRegions", "Regions").await;
    sink.work(1);
    // Only those that are enabled are asked for; whoever answers for AWS may name others.
    let enabled = |region: &&Value| region["OptInStatus"] != "not-opted-in";
    // A region without a name would be asked for everything, at hosts that there are not.
    let name =
        |region: &Value| region["RegionName"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(found?.iter().filter(enabled).filter_map(name).collect())
}

/// The known regions that every account has, and of the others those whose STS knows the account, which needs no
/// permission.
async fn tried_out(api: &Api, scope: &Scope, home: &str, sink: &dyn Sink) -> Vec<String> {
    let (always, perhaps) = known_regions(&scope.partition);
    let knows_us = async |region: String| {
        let answer = api.call(&region, "sts", "GetCallerIdentity", Map::new()).await;
        sink.work(1);
        answer.is_ok().then_some(region)
    };
    let perhaps: Vec<String> = perhaps.into_iter().map(str::to_owned).collect();
    let tried = stream::iter(perhaps).map(knows_us).buffered(REGIONS_AT_ONCE);
    let tried: Vec<Option<String>> = tried.collect().await;
    let always = always.into_iter().map(str::to_owned);
    let mut regions: Vec<String> = always.chain(tried.into_iter().flatten()).collect();
    if !regions.iter().any(|known| known == home) {
        regions.push(home.to_owned());
    }
    regions.sort();
    regions
}

fn none_told(home: &str, regions: &[String]) -> Fault {
    let message = format!(
        "ec2:DescribeRegions in {home} names no region, so those that are known are collected ({})",
        regions.len()
    );
    Fault {
        hint: Some(
            "look for a proxy or a wrong AWS_ENDPOINT_URL, or name the regions in aws.region".to_owned(),
        ),
        ..fault(FaultKind::InvalidAnswer, message)
    }
}

fn not_told(trouble: &CallError, regions: &[String]) -> Fault {
    let fault = trouble.to_fault();
    Fault {
        message: format!(
            "which regions the account has enabled is not told, so those that are known are collected ({}): {}",
            regions.len(),
            fault.message
        ),
        hint: Some(
            "allow ec2:DescribeRegions to the user or role that collects, or name the regions in aws.region"
                .to_owned(),
        ),
        ..fault
    }
}

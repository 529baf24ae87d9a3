//! A capacity provider of ECS cannot be deleted while clusters or services use it.

use aws_client::CallError;
use engine::change::{Job, Resource, Stop, is_fatal, stop};
use serde_json::{Map, Value, json};
use tables::plan::Call;

const SERVICE: &str = "ecs";
/// What the service describes at once.
const CLUSTERS: usize = 100;
const SERVICES: usize = 10;

/// Takes it away from the services and clusters that use it.
pub(super) async fn detach(job: Job<'_>, resource: &Resource) -> Result<usize, Stop> {
    let mut made = 0;
    let provider = resource.document()["name"].as_str().unwrap_or_default();
    let arns = list(job, "ListClusters", Map::new(), "clusterArns").await?;
    for some in arns.chunks(CLUSTERS) {
        let params = Map::from_iter([("clusters".to_owned(), json!(some))]);
        for cluster in list(job, "DescribeClusters", params, "clusters").await? {
            let users = cluster["capacityProviders"].as_array().into_iter().flatten();
            if users.into_iter().any(|user| user == provider) {
                made += detach_from(job, &cluster, provider).await?;
            }
        }
    }
    Ok(made)
}

async fn detach_from(job: Job<'_>, cluster: &Value, provider: &str) -> Result<usize, Stop> {
    let mut made = 0;
    let arn = &cluster["clusterArn"];
    let of_cluster = || Map::from_iter([("cluster".to_owned(), arn.clone())]);
    let services = list(job, "ListServices", of_cluster(), "serviceArns").await?;
    for some in services.chunks(SERVICES) {
        let mut params = of_cluster();
        params.insert("services".to_owned(), json!(some));
        for service in list(job, "DescribeServices", params, "services").await? {
            let Some(others) = without(&service["capacityProviderStrategy"], provider) else { continue };
            let mut params = of_cluster();
            params.insert("service".to_owned(), service["serviceArn"].clone());
            params.insert("capacityProviderStrategy".to_owned(), others);
            params.insert("forceNewDeployment".to_owned(), true.into());
            send(job, "UpdateService", params).await?;
            made += 1;
        }
    }
    let providers = cluster["capacityProviders"].as_array().into_iter().flatten();
    let providers: Vec<&Value> = providers.filter(|other| *other != provider).collect();
    let strategy = &cluster["defaultCapacityProviderStrategy"];
    let strategy = without(strategy, provider).unwrap_or_else(|| strategy.clone());
    let mut params = of_cluster();
    params.insert("capacityProviders".to_owned(), json!(providers));
    params.insert("defaultCapacityProviderStrategy".to_owned(), or_empty(strategy));
    send(job, "PutClusterCapacityProviders", params).await?;
    Ok(made + 1)
}

/// A strategy without a provider, the others as they are; `None` if it does not have it.
fn without(strategy: &Value, provider: &str) -> Option<Value> {
    let parts = strategy.as_array()?;
    let others: Vec<Value> =
        parts.iter().filter(|part| part["capacityProvider"] != provider).cloned().collect();
    (others.len() < parts.len()).then(|| others.into())
}

fn or_empty(strategy: Value) -> Value {
    if strategy.is_null() { json!([]) } else { strategy }
}

/// All that a reading call has in a member; nothing if what it asks about is gone.
async fn list(
    job: Job<'_>,
    operation: &str,
    params: Map<String, Value>,
    member: &str,
) -> Result<Vec<Value>, Stop> {
    let mut found = Vec::new();
    let mut pages = job.access.pages(SERVICE, operation, params);
    while let Some(page) = pages.next().await {
        job.access.progress();
        match page {
            Ok(page) => found.extend(page[member].as_array().cloned().unwrap_or_default()),
            Err(error) => {
                judged(job, &error)?;
                break;
            }
        }
    }
    Ok(found)
}

fn judged(job: Job<'_>, error: &CallError) -> Result<(), Stop> {
    match stop(job.codes.of_call(&[], error), error) {
        None => Ok(()),
        Some(_) if job.dry_run && !is_fatal(error) => {
            job.journal.failed(format!("what uses it is not known: {error}"));
            Ok(())
        }
        Some(stop) => Err(stop),
    }
}

async fn send(job: Job<'_>, operation: &str, params: Map<String, Value>) -> Result<(), Stop> {
    let call = Call {
        service: SERVICE.to_owned(),
        operation: operation.to_owned(),
        arguments: tables::plan::Arguments::default(),
        expected: Vec::new(),
        failed: None,
        paging: None,
    };
    job.send(&call, None, params).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_keep_their_weight() {
        let strategy = json!([{"capacityProvider": "a", "weight": 1}, {"capacityProvider": "b", "base": 2}]);
        assert_eq!(without(&strategy, "a"), Some(json!([{"capacityProvider": "b", "base": 2}])));
        assert_eq!(without(&strategy, "c"), None);
        assert_eq!(without(&Value::Null, "a"), None);
    }
}

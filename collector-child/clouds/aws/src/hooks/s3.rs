//! What buckets hold in all classes of storage together, where they are if nobody may ask for that, and the settings of S3
//! for the whole account: one node, also where nothing is set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use collector::{FaultExt, fault};
use engine::{listed, lock};
use ipc_proto::fault::{Fault, FaultKind, FaultSource};

use super::prelude::*;

/// CloudWatch measures the size by class of storage: `standard_storage_bucket_size_bytes`.
const BY_CLASS: &str = "_bucket_size_bytes";
const TOTAL: &str = "bucket_size_bytes";
const BUCKET: &str = "aws_s3_bucket";

pub(super) struct S3;

/// Buckets whose region nobody told.
#[derive(Default)]
struct Lost(Mutex<BTreeSet<String>>);

impl Hook for S3 {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move { Ok(vec![json!({"AccountName": context.account().name})]) })
    }

    /// Where neither the listing nor GetBucketLocation tells the region, any other answer about the bucket may have; the
    /// oldest region is not guessed.
    fn finish<'a>(
        &'a self,
        context: Context<'a>,
        plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            let told = ["Location", "BucketRegion"].iter().any(|name| !document[name].is_null());
            if let Some(bucket) = document["Name"].as_str().filter(|_| plan.kind == BUCKET && !told) {
                let region = context.region_of_bucket(bucket);
                if region.is_none() {
                    lock(&context.shared::<Lost>().0).insert(bucket.to_owned());
                }
                node.set("bucket_location", region);
            }
            Ok(Verdict::Keep)
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let lost = std::mem::take(&mut *lock(&context.shared::<Lost>().0));
            if !lost.is_empty() {
                context.report(without_region(&lost));
            }
            context.graph(|graph| {
                for bucket in graph.of_kind(BUCKET) {
                    let total = total(graph.usage_of(bucket));
                    if !total.is_empty() {
                        let total: Vec<_> = total.iter().map(|(stat, size)| (stat.as_str(), *size)).collect();
                        graph.usage(bucket, TOTAL, &total);
                    }
                }
            });
            Ok(())
        })
    }
}

/// The fault of buckets whose region nobody told.
fn without_region(buckets: &BTreeSet<String>) -> Fault {
    let names: Vec<&str> = buckets.iter().map(String::as_str).collect();
    let (what, it) = if names.len() == 1 { ("bucket", "its") } else { ("buckets", "their") };
    let message =
        format!("no answer told the region of the {what} {}: {it} location is left open", listed(&names));
    let fault = fault(FaultKind::Resource, message)
        .with_source(FaultSource::User)
        .scope_service("s3")
        .scope_kind(BUCKET);
    let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
    Fault { count, ..fault.with_hint("allow s3:GetBucketLocation to the user or role that collects") }
}

/// The sizes of all classes together, by statistic.
fn total<'u>(usage: impl Iterator<Item = (&'u str, &'u Value)>) -> BTreeMap<String, f64> {
    let mut total = BTreeMap::new();
    for (_, stats) in usage.filter(|(metric, _)| metric.ends_with(BY_CLASS)) {
        for (stat, size) in stats.as_object().into_iter().flatten() {
            *total.entry(stat.clone()).or_insert(0.0) += size.as_f64().unwrap_or_default();
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_added_up_and_other_metrics_are_not() {
        let usage = [
            ("standard_storage_bucket_size_bytes", json!({"avg": 10.5})),
            ("glacier_storage_bucket_size_bytes", json!({"avg": 2.0})),
            ("number_of_objects_count", json!({"avg": 7.0})),
        ];
        let total = total(usage.iter().map(|(metric, stats)| (*metric, stats)));
        assert_eq!(total, BTreeMap::from([("avg".to_owned(), 12.5)]));
        assert!(super::total(std::iter::empty()).is_empty());
    }
}

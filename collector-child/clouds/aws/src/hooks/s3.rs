//! What buckets hold in all classes of storage together, and the settings of S3 for the whole account: one node,
//! also where nothing is set.

use std::collections::BTreeMap;

use super::prelude::*;

/// CloudWatch measures the size by class of storage: `standard_storage_bucket_size_bytes`.
const BY_CLASS: &str = "_bucket_size_bytes";
const TOTAL: &str = "bucket_size_bytes";

pub(super) struct S3;

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

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.graph(|graph| {
                for bucket in graph.of_kind("aws_s3_bucket") {
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

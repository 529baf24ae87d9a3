//! Measured values from CloudWatch.

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::mapping::Extractor;
use super::template::Template;

/// A metric of CloudWatch and how it becomes usage of the node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRule {
    /// As the cloud calls it.
    pub namespace: String,
    /// Its name in CloudWatch.
    pub metric: String,
    /// Its name in the usage of the node, with its unit: `cpu_utilization_percent`.
    pub name: String,
    /// Its unit in CloudWatch.
    pub unit: String,
    /// What is asked for.
    pub stats: Vec<Stat>,
    /// What it is measured for. Sees the properties and the document.
    pub dimensions: Vec<(String, Extractor)>,
    /// Id of the region that is asked, if it is not that of the node: buckets have no region, their metrics do.
    /// Without a value, or for a region that is not collected, nothing is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Template>,
    /// Seconds of one value; `None`: the whole window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<u32>,
    /// The window in seconds, if it is another one than since the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// Each value is multiplied with it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub factor: f64,
    /// Decimals that it is rounded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// Asked for only if all of these hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

/// A statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stat {
    /// `Minimum`, our `min`.
    Min,
    /// `Average`, our `avg`.
    Avg,
    /// `Maximum`, our `max`.
    Max,
    /// `Sum` per period: minimum, average and maximum of the values are our `min`, `avg`, `max`.
    Sum,
}

fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_one(factor: &f64) -> bool {
    (*factor - 1.0).abs() < f64::EPSILON
}

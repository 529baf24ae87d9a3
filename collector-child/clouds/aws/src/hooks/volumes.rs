//! When volumes were last read and written: those in use are now; for the others CloudWatch is asked.

use std::collections::BTreeMap;

use super::last_used::{Metric, REGIONS_AT_ONCE, latest, now, unknown};
use super::prelude::*;

const KIND: &str = "aws_ec2_volume";
/// Metric and the property that it says.
const METRICS: [(&str, &str); 2] = [("VolumeReadOps", "atime"), ("VolumeWriteOps", "mtime")];

pub(super) struct Volumes;

impl Hook for Volumes {
    fn name(&self) -> &'static str {
        "volumes"
    }

    fn finish<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            match document["State"].as_str() {
                Some("in-use") => {
                    let now = now();
                    node.set("atime", now.clone()).set("mtime", now);
                }
                Some("available") => node.keep = Some(document["CreateTime"].clone()),
                _ => {}
            }
            Ok(Verdict::Keep)
        })
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&[KIND])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            each(REGIONS_AT_ONCE, idle(context).into_iter().collect(), |(region, volumes)| {
                Box::pin(async move { ask(context.at(region), &volumes).await })
            })
            .await
        })
    }
}

/// A volume that is not in use.
struct Idle {
    node: NodeIndex,
    id: String,
    made: Option<String>,
}

fn idle(context: Context<'_>) -> BTreeMap<RegionIndex, Vec<Idle>> {
    let mut idle: BTreeMap<_, Vec<Idle>> = BTreeMap::new();
    context.graph(|graph| {
        for node in graph.kept_of(KIND) {
            let (made, region) = (graph.take_kept(node), graph.region_of(node));
            if let Some(region) = region {
                let made = made.as_ref().and_then(Value::as_str).map(str::to_owned);
                let id = graph.node(node).id.to_string();
                idle.entry(region).or_default().push(Idle { node, id, made });
            }
        }
    });
    idle
}

async fn ask(context: Context<'_>, volumes: &[Idle]) -> Result<(), Failure> {
    let metric = |volume: &Idle, name| Metric {
        namespace: "AWS/EBS",
        name,
        dimension: ("VolumeId", volume.id.clone()),
    };
    let metrics: Vec<Metric> =
        volumes.iter().flat_map(|volume| METRICS.map(|(name, _)| metric(volume, name))).collect();
    let found = latest(context, &metrics).await?;
    context.graph(|graph| {
        for (volume, found) in volumes.iter().zip(found.chunks(METRICS.len())) {
            for ((_, property), time) in METRICS.iter().zip(found) {
                let time = time.clone().unwrap_or_else(|| unknown(context, volume.made.as_deref()));
                graph.set(volume.node, property, time.into());
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Called, Reply, Trial};
    use engine::hooks::Hooks;

    const TABLE: &str = r#"
service = "ec2"
[aws_ec2_volume]
list = { op = "DescribeVolumes", items = "Volumes" }
hook = "volumes"
unset = ["snapshot_before_delete", "volume_status"]
"#;

    /// A volume in use, one that was read and written, one that CloudWatch does not know; in one region.
    fn volumes(called: &Called) -> Option<Reply> {
        let item = |id: &str, state: &str| {
            format!(
                "<item><volumeId>{id}</volumeId><status>{state}</status><createTime>2020-01-01T00:00:00Z</createTime></item>"
            )
        };
        let items = match called.operation.as_str() {
            "DescribeVolumes" if called.region == "eu-west-1" => {
                ["used", "used-2", "used-3"].map(|id| item(id, "in-use")).concat()
                    + &item("idle", "available")
                    + &item("unknown", "available")
            }
            "DescribeVolumes" => String::new(),
            "GetMetricData" => {
                let result = |id: &str, time: &str| {
                    format!(
                        "<member><Id>{id}</Id><Timestamps><member>{time}</member></Timestamps><Values><member>2.0</member></Values></member>"
                    )
                };
                let results = result("q0", "2023-11-14T22:13:20Z") + &result("q1", "2020-09-13T12:26:40Z");
                return Some(Reply::xml(&format!(
                    "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults>{results}</MetricDataResults></GetMetricDataResult></GetMetricDataResponse>"
                )));
            }
            _ => return None,
        };
        Some(Reply::xml(&format!(
            "<DescribeVolumesResponse><volumeSet>{items}</volumeSet></DescribeVolumesResponse>"
        )))
    }

    #[tokio::test]
    async fn times_of_use_are_now_or_what_cloudwatch_knows_or_as_far_as_it_was_looked_back() {
        let hooks = Hooks::new(vec![Box::new(Volumes)]);
        let done = Trial { tables: TABLE, hooks, ..Trial::of(volumes) }.run().await;
        done.result.unwrap();
        assert!(done.sent.faults.is_empty(), "{:?}", done.sent.faults);
        let nodes = done.sent.of_kind(KIND);
        let times = |id: &str| {
            let node = nodes.iter().find(|node| node["reported"]["id"] == id).unwrap();
            [&node["reported"]["atime"], &node["reported"]["mtime"]]
                .map(|time| time.as_str().unwrap().to_owned())
        };
        assert_eq!(times("idle"), ["2023-11-14T22:13:20Z", "2020-09-13T12:26:40Z"]);
        let ([read, written], [looked_back, _]) = (times("used"), times("unknown"));
        assert_eq!(read, written);
        assert!(read > looked_back && looked_back > times("idle")[0], "{read} {looked_back}");
        let asked = done.calls.iter().filter(|call| call.operation == "GetMetricData");
        assert_eq!(asked.map(|call| call.region.as_str()).collect::<Vec<_>>(), ["eu-west-1"]);
    }
}

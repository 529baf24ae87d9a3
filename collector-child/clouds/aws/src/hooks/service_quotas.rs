//! The quotas that say something about kinds of the graph, each above what it bounds. A service has hundreds; only
//! these become nodes.

use std::collections::HashMap;

use super::prelude::*;

const KIND: &str = "aws_service_quota";
/// What begins like this and ends with a digit and more is a type of instance: `m5.large` begins with `m`.
const ON_DEMAND: [(&str, &[&str]); 8] = [
    ("Standard (A, C, D, H, I, M, R, T, Z)", &["a", "c", "d", "h", "i", "m", "r", "t", "z"]),
    ("F", &["f"]),
    ("G and VT", &["g"]),
    ("P", &["p"]),
    ("Inf", &["inf"]),
    ("X", &["x"]),
    ("High Memory instances", &["u"]),
    ("DL", &["dl"]),
];
const VOLUME_TYPES: [&str; 7] = ["gp2", "gp3", "standard", "io1", "io2", "sc1", "st1"];
/// Quotas of a region that bound all nodes of a kind: service, name, kind.
const BY_KIND: [(&str, &str, &str); 3] = [
    ("vpc", "Internet gateways per Region", "aws_vpc"),
    ("elasticloadbalancing", "Application Load Balancers per Region", "aws_alb"),
    ("elasticloadbalancing", "Classic Load Balancers per Region", "aws_elb"),
];
const GLOBAL: [(&str, &str, &str); 1] =
    [("iam", "Server certificates per account", "aws_iam_server_certificate")];

/// Services with quotas of regions.
const REGIONAL_SERVICES: [&str; 4] = ["ec2", "ebs", "vpc", "elasticloadbalancing"];
const GLOBAL_SERVICES: [&str; 1] = ["iam"];

/// What a quota bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    /// All nodes of a kind.
    Kind(&'static str),
    /// Types of instances whose name begins with one of these and a digit.
    InstanceTypes(&'static [&'static str]),
    /// A type of volumes.
    VolumeType(&'static str),
}

pub(super) struct ServiceQuotas;

impl Hook for ServiceQuotas {
    fn name(&self) -> &'static str {
        "service_quotas"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let global = is_global(context);
            let services: &[&str] = if global { &GLOBAL_SERVICES } else { &REGIONAL_SERVICES };
            let found = gather(services.len(), services.to_vec(), |service| {
                Box::pin(async move {
                    let ask = context.ask("service-quotas", "ListServiceQuotas").with("ServiceCode", service);
                    let mut quotas = ask.all("Quotas").await?;
                    quotas.retain(|quota| {
                        quota["QuotaName"].as_str().is_some_and(|name| bound(service, name, global).is_some())
                    });
                    Ok(quotas)
                })
            });
            Ok(found.await?.into_iter().flatten().collect())
        })
    }

    fn finish<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            node.keep = Some(json!([document["ServiceCode"], document["QuotaName"]]));
            Ok(Verdict::Keep)
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let mut bounded = Bounded::default();
            for quota in context.graph(|graph| graph.kept_of(KIND)) {
                let (kept, home) = context.graph(|graph| (graph.take_kept(quota), graph.region_of(quota)));
                let (Some(kept), Some(home)) = (kept, home) else { continue };
                let (service, name) =
                    (kept[0].as_str().unwrap_or_default(), kept[1].as_str().unwrap_or_default());
                let place = context.at(home);
                if let Some(bound) = bound(service, name, is_global(place)) {
                    connect(place, quota, &bound, &mut bounded);
                }
            }
            Ok(())
        })
    }
}

fn is_global(context: Context<'_>) -> bool {
    context.region().name == "global"
}

/// What quotas may bound, by kind and id of the region: each node with its type, if that matters. Looked up once for all
/// quotas of a kind.
type Bounded = HashMap<&'static str, HashMap<String, Vec<(NodeIndex, String)>>>;

/// Edges from a quota to what it bounds in the same region.
fn connect(context: Context<'_>, quota: NodeIndex, bound: &Bound, bounded: &mut Bounded) {
    let (kind, property) = match bound {
        Bound::Kind(kind) => (*kind, None),
        Bound::InstanceTypes(_) => ("aws_ec2_instance_type", Some("instance_type")),
        Bound::VolumeType(_) => ("aws_ec2_volume_type", Some("volume_type")),
    };
    let regions = bounded.entry(kind).or_insert_with(|| by_region(context, kind, property));
    let here = regions.get(&context.region().id).into_iter().flatten();
    context.graph(|graph| {
        for (node, _) in here.filter(|(_, value)| fits(bound, value)) {
            graph.edge(quota, *node, EdgeType::Default);
        }
    });
}

fn by_region(
    context: Context<'_>,
    kind: &str,
    property: Option<&str>,
) -> HashMap<String, Vec<(NodeIndex, String)>> {
    let mut regions: HashMap<String, Vec<(NodeIndex, String)>> = HashMap::new();
    context.graph(|graph| {
        for node in graph.of_kind(kind) {
            let Some(region) = graph.region_of(node) else { continue };
            let value = property.and_then(|property| graph.property(node, property));
            let value = value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            regions.entry(context.at(region).region().id.clone()).or_default().push((node, value));
        }
    });
    regions
}

fn fits(bound: &Bound, value: &str) -> bool {
    match bound {
        Bound::Kind(_) => true,
        Bound::VolumeType(volume_type) => value == *volume_type,
        Bound::InstanceTypes(families) => families.iter().any(|family| {
            value.strip_prefix(family).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        }),
    }
}

/// What the quota of a service with this name bounds; `None` for those that do not become nodes.
fn bound(service: &str, name: &str, global: bool) -> Option<Bound> {
    let by_kind: &[_] = if global { &GLOBAL } else { &BY_KIND };
    let by_kind = by_kind.iter().find(|(of, called, _)| *of == service && *called == name);
    match service {
        "ec2" if !global => {
            let family = name.strip_prefix("Running On-Demand ")?.strip_suffix(" instances")?;
            let (_, families) = ON_DEMAND.iter().find(|(called, _)| *called == family)?;
            Some(Bound::InstanceTypes(families))
        }
        "ebs" if !global => {
            let storage = name.strip_prefix("Storage for")?;
            VOLUME_TYPES.iter().find(|known| storage.contains(**known)).map(|known| Bound::VolumeType(known))
        }
        _ => by_kind.map(|(_, _, kind)| Bound::Kind(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_known_by_service_and_name() {
        let of = |service: &str, name: &str| bound(service, name, false);
        let standard = of("ec2", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances").unwrap();
        assert!(fits(&standard, "t3.micro") && fits(&standard, "m5.large") && !fits(&standard, "metal"));
        assert!(!fits(&of("ec2", "Running On-Demand F instances").unwrap(), "fast1"));
        let storage = of("ebs", "Storage for General Purpose SSD (gp2) volumes, in TiB").unwrap();
        assert!(fits(&storage, "gp2") && !fits(&storage, "gp3"));
        assert_eq!(of("vpc", "Internet gateways per Region"), Some(Bound::Kind("aws_vpc")));
        assert_eq!(of("ec2", "EC2-VPC Elastic IPs"), None);
        assert_eq!(of("iam", "Server certificates per account"), None);
        assert!(bound("iam", "Server certificates per account", true).is_some());
    }
}

//! A VPC is in use when there is a network interface in it.

use super::prelude::*;

const KIND: &str = "aws_ec2_network_interface";

pub(super) struct NetworkInterfaces;

impl Hook for NetworkInterfaces {
    fn name(&self) -> &'static str {
        "network_interfaces"
    }

    fn finish<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            node.keep = document.get("VpcId").cloned();
            Ok(Verdict::Keep)
        })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.graph(|graph| {
                for node in graph.kept_of(KIND) {
                    let Some(Value::String(vpc)) = graph.take_kept(node) else { continue };
                    let region = graph.region_of(node);
                    if let Some(vpc) = graph.find(Target::Kind("aws_vpc"), &Lookup::Id, &vpc, region, false) {
                        graph.set(vpc, "vpc_in_use", true.into());
                    }
                }
            });
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Called, Reply, Trial};
    use engine::hooks::Hooks;

    const TABLE: &str = r#"
service = "ec2"
[aws_vpc]
list = { op = "DescribeVpcs", items = "Vpcs" }
[aws_vpc.map]
vpc_in_use = { const = false }
[aws_ec2_network_interface]
list = { op = "DescribeNetworkInterfaces", items = "NetworkInterfaces" }
hook = "network_interfaces"
unset = ["mac", "private_ips", "public_ips", "v6_ips"]
"#;

    /// VPCs of the same ids in both regions, and a network interface in one of them.
    fn cloud(called: &Called) -> Option<Reply> {
        let operation = &called.operation;
        let xml = |set: &str, items: &str| {
            Reply::xml(&format!("<{operation}Response><{set}>{items}</{set}></{operation}Response>"))
        };
        Some(match (called.operation.as_str(), called.region.as_str()) {
            ("DescribeVpcs", _) => {
                let vpcs = ["vpc-1", "vpc-2", "vpc-3", "vpc-4"]
                    .map(|id| format!("<item><vpcId>{id}</vpcId></item>"));
                xml("vpcSet", &vpcs.concat())
            }
            ("DescribeNetworkInterfaces", "eu-west-1") => xml(
                "networkInterfaceSet",
                "<item><networkInterfaceId>eni-1</networkInterfaceId><vpcId>vpc-2</vpcId></item>",
            ),
            ("DescribeNetworkInterfaces", _) => xml("networkInterfaceSet", ""),
            _ => return None,
        })
    }

    #[tokio::test]
    async fn a_vpc_is_in_use_by_an_interface_of_its_own_region() {
        let hooks = Hooks::new(vec![Box::new(NetworkInterfaces)]);
        let done = Trial { tables: TABLE, hooks, ..Trial::of(cloud) }.run().await;
        done.result.unwrap();
        let vpcs = done.sent.of_kind("aws_vpc");
        let in_use: Vec<_> = vpcs.iter().filter(|vpc| vpc["reported"]["vpc_in_use"] == true).collect();
        let [vpc] = in_use.as_slice() else { panic!("{in_use:?}") };
        assert_eq!((vpcs.len(), &vpc["reported"]["id"]), (8, &json!("vpc-2")));
        let regions = done.sent.of_kind("aws_region");
        let own = regions.iter().find(|region| region["reported"]["name"] == "eu-west-1").unwrap();
        let edge = (own["id"].as_str().unwrap(), vpc["id"].as_str().unwrap(), EdgeType::Default);
        assert!(done.sent.edges.iter().any(|(from, to, kind)| (from.as_str(), to.as_str(), *kind) == edge));
    }
}

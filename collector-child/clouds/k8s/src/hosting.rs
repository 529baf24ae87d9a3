//! Whose cluster it is that a provider runs, and what of it the provider has. No I/O.

use serde_json::Value;

/// Who runs the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosting {
    Aws,
    Azure,
    DigitalOcean,
}

impl Hosting {
    /// By the address of its server.
    pub(crate) fn of(server: &str) -> Option<Self> {
        let uri: http::Uri = server.parse().ok()?;
        let host = uri.host()?.to_ascii_lowercase();
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|start| start.ends_with('.'));
        let domains = [
            ("amazonaws.com", Self::Aws),
            ("amazonaws.com.cn", Self::Aws),
            ("azmk8s.io", Self::Azure),
            ("k8s.ondigitalocean.com", Self::DigitalOcean),
        ];
        domains.into_iter().find(|(domain, _)| below(domain)).map(|(_, hosting)| hosting)
    }

    /// The query for the cluster itself, which the provider knows by the name of the context.
    pub(crate) fn of_cluster(self, context: &str) -> Option<String> {
        match self {
            Self::Aws if context.starts_with("arn:aws") => Some(query("aws_eks_cluster", "arn", context)),
            Self::Azure => Some(query("azure_container_service_managed_cluster", "name", context)),
            Self::Aws | Self::DigitalOcean => None,
        }
    }

    /// The queries for what an object of a kind is to the provider.
    pub(crate) fn of_object(self, kind: &str, object: &Value) -> Vec<String> {
        match kind {
            "kubernetes_node" => self.of_node(object),
            "kubernetes_service" => self.of_service(object),
            "kubernetes_persistent_volume" => self.of_volume(object).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn of_node(self, node: &Value) -> Vec<String> {
        let provider = text(node, "/spec/providerID");
        let behind =
            |scheme: &str| provider.and_then(|id| id.strip_prefix(scheme)).filter(|id| !id.is_empty());
        match self {
            Self::Aws => {
                let group = node
                    .pointer("/metadata/labels")
                    .and_then(|labels| labels.get("eks.amazonaws.com/nodegroup"));
                let group =
                    group.and_then(Value::as_str).map(|group| query("aws_eks_nodegroup", "id", group));
                // aws:///us-east-1a/i-0123
                let instance =
                    behind("aws://").and_then(|id| id.rsplit('/').next()).filter(|id| id.starts_with("i-"));
                group.into_iter().chain(instance.map(|id| query("aws_ec2_instance", "id", id))).collect()
            }
            Self::Azure => {
                let kind = "azure_compute_virtual_machine_scale_set_instance";
                behind("azure://").map(|id| query(kind, "id", id)).into_iter().collect()
            }
            Self::DigitalOcean => behind("digitalocean://")
                .map(|id| query("digitalocean_droplet", "id", id))
                .into_iter()
                .collect(),
        }
    }

    fn of_service(self, service: &Value) -> Vec<String> {
        if self == Self::DigitalOcean {
            let annotations = service.pointer("/metadata/annotations");
            let balancer =
                annotations.and_then(|all| all.get("kubernetes.digitalocean.com/load-balancer-id"));
            let query = |id| query("digitalocean_load_balancer", "id", id);
            return balancer.and_then(Value::as_str).map(query).into_iter().collect();
        }
        if text(service, "/spec/type") != Some("LoadBalancer") {
            return Vec::new();
        }
        let ingresses = service.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
        let texts = |name: &'static str| {
            let ingresses = ingresses.into_iter().flatten();
            ingresses.filter_map(move |ingress| ingress.get(name)?.as_str()).filter(|text| !text.is_empty())
        };
        match self {
            // Of which kind the balancer is, is not told.
            Self::Aws => texts("hostname")
                .flat_map(|host| [query("aws_elb", "id", host), query("aws_alb", "alb_dns_name", host)])
                .collect(),
            _ => texts("ip")
                .map(|address| query("azure_network_load_balancer", "aks_public_ip_address", address))
                .collect(),
        }
    }

    fn of_volume(self, volume: &Value) -> Option<String> {
        let csi = |driver: &str| {
            let handle = text(volume, "/spec/csi/volumeHandle")?;
            (text(volume, "/spec/csi/driver") == Some(driver)).then_some(handle)
        };
        match self {
            Self::Aws => {
                let in_tree = text(volume, "/spec/awsElasticBlockStore/volumeID");
                // aws://us-east-1a/vol-0123
                let in_tree = in_tree.and_then(|id| id.rsplit('/').next());
                in_tree.or_else(|| csi("ebs.csi.aws.com")).map(|id| query("aws_ec2_volume", "id", id))
            }
            Self::Azure => csi("disk.csi.azure.com").map(|id| query("azure_compute_disk", "id", id)),
            Self::DigitalOcean => {
                csi("dobs.csi.digitalocean.com").map(|id| query("digitalocean_volume", "id", id))
            }
        }
    }
}

fn text<'v>(object: &'v Value, pointer: &str) -> Option<&'v str> {
    object.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// A query of fixcore, with what comes from the cluster in quotes.
fn query(kind: &str, property: &str, value: &str) -> String {
    format!("is({kind}) and reported.{property}=={}", Value::from(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_host_says_who_runs_a_cluster() {
        for (server, hosting) in [
            ("https://DEMO.gr7.us-east-1.eks.amazonaws.com", Some(Hosting::Aws)),
            ("https://demo-dns-1.hcp.westeurope.azmk8s.io:443", Some(Hosting::Azure)),
            ("https://id.k8s.ondigitalocean.com", Some(Hosting::DigitalOcean)),
            ("https://notazmk8s.io", None),
            ("https://127.0.0.1:6443", None),
            ("nonsense", None),
        ] {
            assert_eq!(Hosting::of(server), hosting, "{server}");
        }
    }

    #[test]
    fn what_comes_from_a_cluster_is_quoted() {
        let node = json!({"spec": {"providerID": "aws:///us-east-1a/i-1"}, "metadata": {"labels": {"eks.amazonaws.com/nodegroup": "a\" or \"b"}}});
        assert_eq!(
            Hosting::Aws.of_object("kubernetes_node", &node),
            [
                r#"is(aws_eks_nodegroup) and reported.id=="a\" or \"b""#,
                r#"is(aws_ec2_instance) and reported.id=="i-1""#,
            ]
        );
        assert_eq!(
            Hosting::Aws.of_cluster("arn:aws:eks:x").unwrap(),
            r#"is(aws_eks_cluster) and reported.arn=="arn:aws:eks:x""#
        );
        assert_eq!(Hosting::Aws.of_cluster("minikube"), None);
    }

    #[test]
    fn providers_have_nodes_balancers_and_volumes() {
        let of = |hosting: Hosting, kind: &str, object: Value| hosting.of_object(kind, &object);
        let balancer = json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "hostname": "h"}, {"ip": ""}]}}});
        assert_eq!(
            of(Hosting::Azure, "kubernetes_service", balancer.clone()),
            [r#"is(azure_network_load_balancer) and reported.aks_public_ip_address=="1.2.3.4""#]
        );
        assert_eq!(of(Hosting::Aws, "kubernetes_service", balancer).len(), 2);
        let annotated =
            json!({"metadata": {"annotations": {"kubernetes.digitalocean.com/load-balancer-id": "l"}}});
        assert_eq!(
            of(Hosting::DigitalOcean, "kubernetes_service", annotated),
            [r#"is(digitalocean_load_balancer) and reported.id=="l""#]
        );
        let node = |id: &str| json!({"spec": {"providerID": id}});
        assert_eq!(
            of(Hosting::DigitalOcean, "kubernetes_node", node("digitalocean://7")),
            [r#"is(digitalocean_droplet) and reported.id=="7""#]
        );
        assert_eq!(
            of(Hosting::Azure, "kubernetes_node", node("azure:///subscriptions/s/x")),
            [r#"is(azure_compute_virtual_machine_scale_set_instance) and reported.id=="/subscriptions/s/x""#]
        );
        assert!(of(Hosting::Azure, "kubernetes_node", node("aws:///i-1")).is_empty());
        let volume = |driver: &str| json!({"spec": {"csi": {"driver": driver, "volumeHandle": "v"}}});
        for (hosting, driver) in [
            (Hosting::Aws, "ebs.csi.aws.com"),
            (Hosting::Azure, "disk.csi.azure.com"),
            (Hosting::DigitalOcean, "dobs.csi.digitalocean.com"),
        ] {
            assert_eq!(of(hosting, "kubernetes_persistent_volume", volume(driver)).len(), 1);
            assert!(of(hosting, "kubernetes_persistent_volume", volume("other")).is_empty());
        }
    }
}

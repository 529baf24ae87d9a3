//! Which kinds a cluster serves, and where. No I/O.

use std::collections::BTreeMap;

use serde_json::Value;

/// The group of what is served below `/api/v1`.
pub(crate) const CORE: &str = "";

/// The groups that serve a kind, the first of them that has it. What others call the same is something else.
const GROUPS: [(&str, &[&str]); 13] = [
    (
        CORE,
        &[
            "ConfigMap",
            "Endpoints",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("admissionregistration.k8s.io", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    ("apps", &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("batch", &["CronJob", "Job"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io", &["Ingress", "IngressClass", "NetworkPolicy"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("policy", &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("storage.k8s.io", &["CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment"]),
];
/// Where old clusters have them.
const BEFORE: (&str, &[&str]) =
    ("extensions", &["DaemonSet", "Deployment", "Ingress", "NetworkPolicy", "ReplicaSet"]);

/// What Kubernetes calls a kind of the graph; `None` if that is no object.
pub(crate) fn api_kind(kind: &str) -> Option<String> {
    let words = kind.strip_prefix("kubernetes_")?;
    if words == "endpoint" {
        return Some("Endpoints".to_owned());
    }
    let spelled = words.split('_').map(|word| match word.split_at_checked(1) {
        Some(_) if word == "csi" => "CSI".to_owned(),
        Some((first, rest)) => first.to_uppercase() + rest,
        None => word.to_owned(),
    });
    let spelled: String = spelled.collect();
    GROUPS.iter().any(|(_, kinds)| kinds.contains(&spelled.as_str())).then_some(spelled)
}

/// The versions of a group, the preferred one first: `apps/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) versions: Vec<String>,
}

/// A kind as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    /// Below the server: `apis/apps/v1`.
    pub(crate) base: String,
    /// In paths: `deployments`.
    pub(crate) name: String,
    pub(crate) namespaced: bool,
}

impl Served {
    /// The path of the list over all namespaces.
    pub(crate) fn list(&self) -> String {
        format!("{}/{}", self.base, self.name)
    }

    /// The path of one of them; `None` if it is in a namespace and that is not known.
    pub(crate) fn object(&self, namespace: Option<&str>, name: &str) -> Option<String> {
        let Self { base, name: many, namespaced } = self;
        match (namespaced, namespace) {
            (true, Some(namespace)) => Some(format!("{base}/namespaces/{namespace}/{many}/{name}")),
            (true, None) => None,
            (false, _) => Some(format!("{base}/{many}/{name}")),
        }
    }
}

/// What is served, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Apis(BTreeMap<String, Served>);

impl Apis {
    /// Where a kind is served, if it is.
    pub(crate) fn get(&self, kind: &str) -> Option<&Served> {
        self.0.get(kind)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Served)> {
        self.0.iter().map(|(kind, served)| (kind.as_str(), served))
    }

    /// Adds what a version of a group serves (an APIResourceList), as far as it is wanted and not known yet.
    pub(crate) fn add(&mut self, group: &str, base: &str, list: &Value) {
        let wanted = wanted(group);
        let resources = list.get("resources").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for resource in resources {
            let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
            let verbs = resource.get("verbs").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let (name, kind) = (text("name"), text("kind"));
            // `pods/status` is a part of pods.
            if name.is_empty() || name.contains('/') || !verbs.iter().any(|verb| verb == "list") {
                continue;
            }
            if wanted.contains(&kind) && !self.0.contains_key(kind) {
                let namespaced = resource.get("namespaced").and_then(Value::as_bool).unwrap_or_default();
                let served = Served { base: base.to_owned(), name: name.to_owned(), namespaced };
                self.0.insert(kind.to_owned(), served);
            }
        }
    }

    /// Kinds of a group that are not known yet.
    pub(crate) fn lacks(&self, group: &str) -> bool {
        wanted(group).iter().any(|kind| !self.0.contains_key(*kind))
    }
}

fn wanted(group: &str) -> &'static [&'static str] {
    let known = GROUPS.iter().chain([&BEFORE]).find(|(name, _)| *name == group);
    known.map_or(&[], |(_, kinds)| kinds)
}

/// The groups of an APIGroupList that serve what is collected, in the order in which they are asked.
pub(crate) fn groups(list: &Value) -> Vec<Group> {
    let all = list.get("groups").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let group = |wanted: &str| {
        let group = all.iter().find(|group| text(group, "name").as_deref() == Some(wanted))?;
        let preferred = group.get("preferredVersion").and_then(|version| text(version, "groupVersion"));
        let others = group.get("versions").and_then(Value::as_array).into_iter().flatten();
        let others = others.filter_map(|version| text(version, "groupVersion"));
        let mut versions: Vec<String> = Vec::new();
        for version in preferred.into_iter().chain(others) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        Some(Group { name: wanted.to_owned(), versions })
    };
    GROUPS.iter().skip(1).chain([&BEFORE]).filter_map(|(name, _)| group(name)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_preferred_version_is_asked_first_and_groups_of_others_are_not() {
        let version = |name: &str| json!({"groupVersion": name, "version": "x"});
        let list = json!({"groups": [
            {"name": "extensions", "versions": [version("extensions/v1beta1")], "preferredVersion": version("extensions/v1beta1")},
            {"name": "serving.example.dev", "versions": [version("serving.example.dev/v1")]},
            {"name": "batch", "versions": [version("batch/v1"), version("batch/v1beta1")], "preferredVersion": version("batch/v1")},
            {"name": "policy", "versions": null},
            null,
        ]});
        let found: Vec<_> = groups(&list).into_iter().map(|group| (group.name, group.versions)).collect();
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found,
            [
                ("batch".to_owned(), texts(&["batch/v1", "batch/v1beta1"])),
                ("policy".to_owned(), Vec::new()),
                ("extensions".to_owned(), texts(&["extensions/v1beta1"])),
            ]
        );
    }

    #[test]
    fn kinds_have_a_name_in_the_cluster() {
        for (kind, api) in [
            ("kubernetes_pod", Some("Pod")),
            ("kubernetes_endpoint", Some("Endpoints")),
            ("kubernetes_csi_storage_capacity", Some("CSIStorageCapacity")),
            ("kubernetes_cluster", None),
            ("kubernetes_", None),
            ("aws_vpc", None),
        ] {
            assert_eq!(api_kind(kind).as_deref(), api, "{kind}");
        }
        let all = GROUPS.iter().flat_map(|(_, kinds)| *kinds).count();
        let plans = crate::access::plans().unwrap();
        let listed = plans.all().filter(|plan| matches!(plan.source, tables::plan::Source::List { .. }));
        let known = listed.filter(|plan| api_kind(&plan.kind).is_some()).count();
        assert_eq!((all, known), (42, 42));
    }

    #[test]
    fn only_what_can_be_listed_and_is_no_part_of_something_is_served() {
        let mut apis = Apis::default();
        let resource = |name: &str, kind: &str, verbs: &[&str]| json!({"name": name, "kind": kind, "namespaced": true, "verbs": verbs});
        let list = json!({"resources": [
            resource("jobs/status", "Job", &["get", "list"]), resource("jobs", "Job", &["list"]), resource("others", "Other", &["list"]),
            resource("cronjobs", "CronJob", &["create"]), {"kind": "Job"},
        ]});
        apis.add("batch", "apis/batch/v1", &list);
        assert!(apis.lacks("batch"));
        apis.add("batch", "apis/batch/v1beta1", &json!({"resources": [resource("cronjobs", "CronJob", &["list"]), resource("jobs", "Job", &["list"])]}));
        assert!(!apis.lacks("batch"));
        assert_eq!(apis.get("Job").unwrap().list(), "apis/batch/v1/jobs");
        assert_eq!(
            apis.get("CronJob").unwrap().object(Some("shop"), "a").as_deref(),
            Some("apis/batch/v1beta1/namespaces/shop/cronjobs/a")
        );
        assert_eq!(apis.get("Job").unwrap().object(None, "a"), None);
        assert_eq!(apis.all().count(), 2);
        apis.add("batch", "x", &Value::Null);
    }

    /// The names of resources of each role in `docs/kubernetes.yaml`, with their verbs.
    fn rights(role: &str) -> Vec<(String, String, Vec<String>)> {
        let text = include_str!("../../../../docs/kubernetes.yaml");
        let documents = text.split("\n---\n").map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
        let is = |document: &Value| document["kind"] == "ClusterRole" && document["metadata"]["name"] == role;
        let rules = documents.into_iter().find(is).unwrap()["rules"].as_array().unwrap().clone();
        let texts = |value: &Value| {
            let texts = value.as_array().map_or(&[][..], Vec::as_slice);
            texts.iter().map(|text| text.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let of_rule = |rule: &Value| {
            let (groups, verbs) = (texts(&rule["apiGroups"]), texts(&rule["verbs"]));
            let resources = texts(&rule["resources"]).into_iter();
            resources.map(move |name| (groups[0].clone(), name, verbs.clone())).collect::<Vec<_>>()
        };
        rules.iter().flat_map(of_rule).collect()
    }

    #[test]
    fn the_documented_rights_are_those_that_are_needed() {
        for (role, verb) in
            [("fixworker-collect", "list"), ("fixworker-tag", "patch"), ("fixworker-clean", "delete")]
        {
            let rights = rights(role);
            let with = |verb: &str| {
                rights.iter().filter(|(_, _, verbs)| verbs.iter().any(|one| one == verb)).count()
            };
            for (group, kinds) in GROUPS {
                for kind in kinds.iter().filter(|kind| (**kind, verb) != ("Namespace", "delete")) {
                    let singular = kind.to_lowercase();
                    let named = |name: &str| match name.strip_prefix(singular.as_str()) {
                        Some(rest) => matches!(rest, "" | "s" | "es"),
                        None => name.strip_suffix("ies").is_some_and(|stem| format!("{stem}y") == singular),
                    };
                    let has = rights.iter().any(|(of, name, verbs)| {
                        of == group && named(name) && verbs.iter().any(|one| one == verb)
                    });
                    assert!(has, "{role}: {verb} of {kind}");
                }
            }
            assert_eq!(with(verb), if verb == "delete" { 41 } else { 42 }, "{role}");
        }
    }
}

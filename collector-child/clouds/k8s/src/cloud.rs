//! Kubernetes as the engine sees it.

use std::sync::LazyLock;

use collector::changes::tag_handler;
use collector::{BoxFuture, ConfigSection, Failure, Kinds, Sink, config_fault};
use engine::hooks::Hooks;
use engine::{Changes, Cloud, CloudFacts, Plans, Way};
use ipc_proto::fault::Fault;
use ipc_proto::job::{Account, Described, PathAccess, PathGrant};
use serde_json::json;

use crate::access::{client, cluster, clusters, plans};
use crate::changes::K8sChanges;
use crate::config::{K8sConfig, section};
use crate::entrance::Opened;
use crate::sources::Found;

/// The id of the cloud.
pub(crate) const CLOUD: &str = "k8s";

/// What is the same for all clusters.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "Kubernetes",
    account_kind: "kubernetes_cluster",
    region_kind: "kubernetes_namespace",
    resource_kind: "kubernetes_resource",
    denials_told: &["Forbidden"],
    ..CloudFacts::PLAIN
};

static HOOKS: LazyLock<Hooks> = LazyLock::new(crate::hook::all);
static KINDS: Kinds = Kinds::of(&["base", "k8s"]);

pub(crate) fn kinds() -> &'static Kinds {
    &KINDS
}

/// Kubernetes.
#[derive(Debug, Default)]
pub(crate) struct K8s {
    changes: K8sChanges,
}

impl Cloud for K8s {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn kinds(&self) -> &'static Kinds {
        &KINDS
    }

    fn plans(&self) -> Result<&'static Plans, Failure> {
        plans()
    }

    fn hooks(&self) -> &'static Hooks {
        &HOOKS
    }

    fn describe(&self) -> Described {
        // The last four are for the plugins of the large providers.
        let variables = [
            "KUBECONFIG",
            "KUBERNETES_*",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "AWS_*",
            "AZURE_*",
            "CLOUDSDK_*",
            "GOOGLE_*",
        ];
        Described {
            pool_setting: Some("pool_size".to_owned()),
            tasks_json: json!([tag_handler(CLOUD)]).to_string(),
            environment: variables.map(str::to_owned).to_vec(),
            paths: self.paths(),
            ..FACTS.described("cluster", &KINDS, section())
        }
    }

    fn paths(&self) -> Vec<PathGrant> {
        let grant = |path: &str, access| PathGrant { path: path.to_owned(), access };
        vec![
            grant("config:config_files", PathAccess::Programs),
            // The same in the first version of the section.
            grant("config:config", PathAccess::Programs),
            grant("$KUBECONFIG:", PathAccess::Programs),
            grant("~/.kube/config", PathAccess::Programs),
            grant("~/.kube", PathAccess::Read),
            grant("/var/run/secrets", PathAccess::Read),
        ]
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let Found { targets, wrong } = clusters(&config.to::<K8sConfig>()?)?;
            let mut wrong = wrong.into_iter().map(told);
            if targets.is_empty()
                && let Some(first) = wrong.next()
            {
                wrong.for_each(|fault| sink.fault(fault));
                return Err(first.into());
            }
            // One kubeconfig of several costs its own clusters only.
            wrong.for_each(|fault| sink.fault(fault));
            let account = |name: String| FACTS.account(name.clone(), name, Vec::new());
            Ok(targets.into_iter().map(|target| account(target.name)).collect())
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config: K8sConfig = config.to()?;
            let target = cluster(&config, &account.id)?;
            let rest = client(&target).await?;
            Ok(Box::new(Opened { rest, target, config }) as Box<dyn Way>)
        })
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(&self.changes)
    }
}

fn told(why: String) -> Fault {
    config_fault(why, "look at k8s.configs, k8s.config_files and the kubeconfigs that they name")
}

//! Google Cloud as the engine sees it.

use std::sync::LazyLock;

use collector::changes::tag_handler;
use collector::{BoxFuture, ConfigSection, Failure, Kinds, Sink};
use engine::hooks::Hooks;
use engine::{Changes, Cloud, CloudFacts, Measuring, Plans, Way};
use ipc_proto::job::{Account, AutoEnable, Described, PathAccess, PathGrant};
use ipc_proto::seal::Brokering;
use serde_json::json;

use crate::access::{Access, access, handed_access, plans};
use crate::changes::GcpChanges;
use crate::config::{GcpConfig, section};
use crate::entrance::{Opened, is_about_the_list};
use crate::projects::projects;

/// The id of the cloud.
pub(crate) const CLOUD: &str = "gcp";

/// What is the same for all projects.
pub(crate) static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "GCP",
    account_kind: "gcp_project",
    region_kind: "gcp_region",
    zone_kind: Some("gcp_zone"),
    resource_kind: "gcp_resource",
    has_global_region: true,
    drops_unused: true,
    holes_setting: "gcp.discard_account_on_resource_error",
    catalog: Some(&gcp_shapes::CATALOG),
    only_above: &["gcp_accelerator_type"],
    // Each metric is asked about once, for all resources.
    measuring: Measuring::All,
    ..CloudFacts::PLAIN
};

static HOOKS: LazyLock<Hooks> = LazyLock::new(crate::hooks::all);
static KINDS: Kinds = Kinds::of(&["base", "gcp"]);

pub(crate) fn kinds() -> &'static Kinds {
    &KINDS
}

/// Google Cloud.
#[derive(Debug, Default)]
pub(crate) struct Gcp {
    changes: GcpChanges,
}

impl Cloud for Gcp {
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
        let variables = [
            "CLOUDSDK_*",
            "GCE_METADATA_HOST",
            "GOOGLE_*",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "SSL_CERT_FILE",
        ];
        Described {
            pool_setting: Some("project_pool_size".to_owned()),
            tasks_json: json!([tag_handler(CLOUD)]).to_string(),
            environment: variables.map(str::to_owned).to_vec(),
            paths: self.paths(),
            auto_enable: vec![AutoEnable::Variable("GOOGLE_APPLICATION_CREDENTIALS".to_owned())],
            ..FACTS.described("project", &KINDS, section())
        }
    }

    fn paths(&self) -> Vec<PathGrant> {
        let paths = [
            "config:service_account",
            "$GOOGLE_APPLICATION_CREDENTIALS",
            "$CLOUDSDK_CONFIG",
            "~/.config/gcloud",
            "/var/run/secrets",
            "$SSL_CERT_FILE",
        ];
        paths.map(|path| PathGrant { path: path.to_owned(), access: PathAccess::Read }).to_vec()
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: GcpConfig = config.to()?;
            let mut found: Vec<Account> = Vec::new();
            let mut failed = None;
            for setting in &config.service_account {
                match listed(setting, sink).await {
                    Ok(ids) => {
                        let wanted = ids.into_iter().filter(|id| config.wants(id));
                        for id in wanted {
                            if !found.iter().any(|known| known.id == id) {
                                found.push(FACTS.account(id.clone(), id, setting.as_bytes().to_vec()));
                            }
                        }
                    }
                    Err(Failure::Fault(fault)) => {
                        sink.fault((*fault).clone());
                        failed = Some(Failure::Fault(fault));
                    }
                    Err(other) => return Err(other),
                }
            }
            // One of several costs its own projects only.
            match failed {
                Some(failure) if found.is_empty() => Err(failure),
                _ => Ok(found),
            }
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let access = if let Some(given) = config.credentials() {
                handed_access(given, &account.id)?
            } else {
                access(&String::from_utf8_lossy(account.scope.expose()), &account.id)?
            };
            let way = Opened { access, project: account.id.clone(), config: config.to()? };
            Ok(Box::new(way) as Box<dyn Way>)
        })
    }

    fn brokering(&self) -> Option<Brokering> {
        let open =
            ["CLOUDSDK_API_ENDPOINT_OVERRIDES_*", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"];
        Some(Brokering {
            collector: CLOUD.to_owned(),
            environment: open.map(str::to_owned).to_vec(),
            paths: self.paths().into_iter().filter(|grant| grant.path == "$SSL_CERT_FILE").collect(),
            secrets: vec!["service_account".to_owned()],
        })
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(&self.changes)
    }
}

/// Ids of the projects that the credentials of a setting may see. Where that cannot be asked it is the project that the
/// credentials name.
pub(crate) async fn listed(setting: &str, sink: &dyn Sink) -> Result<Vec<String>, Failure> {
    let Access { credentials, rest } = access(setting, "")?;
    match projects(&rest).await {
        Ok(projects) => Ok(projects.into_iter().map(|project| project.id).collect()),
        Err(error) if is_about_the_list(&error) => match credentials.project() {
            Some(own) => {
                let told = format!(
                    "the projects of {} cannot be listed, only {own} is collected",
                    credentials.identity()
                );
                let mut fault = error.to_fault();
                fault.message = format!("{told}: {}", fault.message);
                sink.fault(fault);
                Ok(vec![own.to_owned()])
            }
            None => Err(error.to_fault().into()),
        },
        Err(error) => Err(error.to_fault().into()),
    }
}

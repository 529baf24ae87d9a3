//! Microsoft Azure as the engine sees it.

use std::sync::LazyLock;

use collector::changes::tag_handler;
use collector::{BoxFuture, ConfigSection, Failure, FaultExt, Kinds, Sink, fault};
use engine::hooks::Hooks;
use engine::{Changes, Cloud, CloudFacts, Measuring, Plans, Way};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::{Account, Described, PathAccess, PathGrant};
use ipc_proto::seal::Brokering;
use serde_json::json;

use crate::access::{Access, access, handed_access, plans};
use crate::changes::AzureChanges;
use crate::config::{AzureConfig, section};
use crate::entrance::Opened;
use crate::organization::{self, ORGANIZATION, organizations};
use crate::subscriptions::{id, name, subscriptions};

/// The id of the cloud.
pub(crate) const CLOUD: &str = "azure";

/// What is the same for all subscriptions.
pub(crate) static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "Azure",
    account_kind: "azure_subscription",
    region_kind: "azure_location",
    resource_kind: "microsoft_resource",
    drops_unused: true,
    // One call tells several metrics of one resource.
    measuring: Measuring::All,
    holes_setting: "azure.discard_account_on_resource_error",
    ..CloudFacts::PLAIN
};

static HOOKS: LazyLock<Hooks> = LazyLock::new(crate::hooks::all);
static KINDS: Kinds = Kinds::of(&["base", "azure"]);

pub(crate) fn kinds() -> &'static Kinds {
    &KINDS
}

/// Microsoft Azure.
#[derive(Debug, Default)]
pub(crate) struct Azure {
    changes: AzureChanges,
}

impl Cloud for Azure {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn facts_of(&self, account: &Account) -> &'static CloudFacts {
        if Named::of(account).organization { &ORGANIZATION } else { &FACTS }
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
            "AZURE_*",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "IDENTITY_ENDPOINT",
            "IDENTITY_HEADER",
            "NO_PROXY",
            "SSL_CERT_FILE",
        ];
        Described {
            pool_setting: Some("subscription_pool_size".to_owned()),
            tasks_json: json!([tag_handler(CLOUD)]).to_string(),
            environment: variables.map(str::to_owned).to_vec(),
            paths: self.paths(),
            account_kinds: vec![FACTS.account_kind.to_owned(), ORGANIZATION.account_kind.to_owned()],
            ..FACTS.described("subscription", &KINDS, section())
        }
    }

    fn paths(&self) -> Vec<PathGrant> {
        let grant = |(path, access): (&str, PathAccess)| PathGrant { path: path.to_owned(), access };
        [
            ("$AZURE_CLIENT_CERTIFICATE_PATH", PathAccess::Read),
            ("$AZURE_FEDERATED_TOKEN_FILE", PathAccess::Read),
            ("/var/run/secrets", PathAccess::Read),
            ("$SSL_CERT_FILE", PathAccess::Read),
        ]
        .map(grant)
        .to_vec()
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: AzureConfig = config.to()?;
            let mut found: Vec<Account> = Vec::new();
            let mut failed = None;
            for (setting, account) in config.all() {
                let access = access(&setting, &account, "")?;
                match subscriptions(&access.rest).await {
                    Ok(told) => {
                        let wanted = told.iter().filter_map(|told| Some((id(told)?, name(told))));
                        for (id, name) in wanted.filter(|(id, _)| account.wants(id)) {
                            // The first credentials that may see it are taken.
                            if !found.iter().any(|known| known.id == id) {
                                let name = name.unwrap_or(id).to_owned();
                                let scope = Named::subscription(&setting).scope();
                                found.push(FACTS.account(id.to_owned(), name, scope));
                            }
                        }
                    }
                    Err(error) => {
                        let mut fault = error.to_fault();
                        fault.message = format!(
                            "the subscriptions of {setting} in azure.accounts cannot be listed: {}",
                            fault.message
                        );
                        sink.fault(fault.clone());
                        failed = Some(fault);
                    }
                }
                if account.collect_microsoft_graph != Some(false) {
                    add_organizations(&access, &setting, &mut found, sink).await;
                }
            }
            // One of several costs its own subscriptions only.
            match failed {
                Some(fault) if found.is_empty() => Err(fault.into()),
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
            let Named { setting, organization } = Named::of(account);
            let given = config.credentials();
            let config: AzureConfig = config.to()?;
            let access = match given {
                Some(given) => handed_access(given, &account.id)?,
                None => named_access(&config, &setting, &account.id)?,
            };
            let id = account.id.clone();
            Ok(if organization {
                Box::new(organization::Opened { access, organization: id, config }) as Box<dyn Way>
            } else {
                Box::new(Opened { access, subscription: id, config })
            })
        })
    }

    fn brokering(&self) -> Option<Brokering> {
        let open = [
            "AZURE_AUTHORITY_HOST",
            "AZURE_GRAPH_ENDPOINT",
            "AZURE_PRICES_ENDPOINT",
            "AZURE_RESOURCE_MANAGER_ENDPOINT",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "SSL_CERT_FILE",
        ];
        Some(Brokering {
            collector: CLOUD.to_owned(),
            environment: open.map(str::to_owned).to_vec(),
            paths: self.paths().into_iter().filter(|grant| grant.path == "$SSL_CERT_FILE").collect(),
            secrets: vec!["accounts".to_owned()],
        })
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(&self.changes)
    }
}

/// The way in with the credentials that an account was listed with.
fn named_access(config: &AzureConfig, setting: &str, account: &str) -> Result<Access, Failure> {
    let Some(credentials) = config.all().remove(setting) else {
        let message = format!("azure.accounts has no {setting} any more");
        return Err(fault(FaultKind::Config, message)
            .with_hint("the settings have changed since the subscriptions were listed; collect again")
            .into());
    };
    access(setting, &credentials, account)
}

/// The organizations of credentials are accounts, too. Most applications may not read them, which costs nothing else.
async fn add_organizations(access: &Access, setting: &str, found: &mut Vec<Account>, sink: &dyn Sink) {
    match organizations(&access.rest).await {
        Ok(told) => {
            for told in told {
                let Some(id) = organization::id(&told) else { continue };
                if !found.iter().any(|known| known.id == id) {
                    let name = told["displayName"].as_str().filter(|name| !name.is_empty()).unwrap_or(id);
                    let scope = Named { setting: setting.to_owned(), organization: true }.scope();
                    found.push(ORGANIZATION.account(id.to_owned(), name.to_owned(), scope));
                }
            }
        }
        Err(error) => {
            let mut fault = error.to_fault();
            fault.message =
                format!("the organization of {setting} in azure.accounts cannot be read: {}", fault.message);
            sink.fault(fault);
        }
    }
}

/// What an account remembers of how it was found.
struct Named {
    /// The name of its credentials in the settings.
    setting: String,
    /// It is an organization, not a subscription.
    organization: bool,
}

impl Named {
    fn subscription(setting: &str) -> Self {
        Self { setting: setting.to_owned(), organization: false }
    }

    fn of(account: &Account) -> Self {
        let text = String::from_utf8_lossy(account.scope.expose()).into_owned();
        match text.strip_prefix("organization:") {
            Some(setting) => Self { setting: setting.to_owned(), organization: true },
            None => Self::subscription(text.strip_prefix("subscription:").unwrap_or(&text)),
        }
    }

    fn scope(&self) -> Vec<u8> {
        let kind = if self.organization { "organization" } else { "subscription" };
        format!("{kind}:{}", self.setting).into_bytes()
    }
}

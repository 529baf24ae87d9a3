//! Docker Hub as the engine sees it.

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, Kinds, Sink, config_fault};
use engine::{Cloud, CloudFacts, Entered, Plans, TopNode, Way};
use http_client::{Advisor, CallError, Class, Trouble};
use ipc_proto::job::{Account, Described};
use rest_client::{Built, Rest, TableClient};
use serde_json::{Map, json};
use tables::plan::Place;

use crate::config::{DockerHubConfig, section};

/// The id of the cloud.
const CLOUD: &str = "dockerhub";
/// What is there of a namespace, and how much.
const NAMESPACE: (&str, &str) = ("dockerhub", "GET /repositories/{namespace}");

/// What is the same for all namespaces.
static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "Docker Hub",
    account_kind: "dockerhub_namespace",
    region_kind: "region",
    resource_kind: "dockerhub_resource",
    denials_told: &["401", "403"],
    ..CloudFacts::PLAIN
};

static KINDS: Kinds = Kinds::of(&["base", "dockerhub"]);
static BUILT: Built = Built::new(
    include_str!(concat!(env!("OUT_DIR"), "/cloud.json")),
    include!(concat!(env!("OUT_DIR"), "/plans.rs")),
);

/// What to do about a trouble.
fn advice(trouble: &Trouble) -> Option<String> {
    match trouble.class {
        Class::AccessDenied { .. } => Some(
            "only what everybody may see is collected: take what is private out of dockerhub.namespaces"
                .to_owned(),
        ),
        Class::Network => Some(
            "look whether the worker reaches hub.docker.com; proxies are taken from HTTPS_PROXY".to_owned(),
        ),
        _ => None,
    }
}

/// Docker Hub.
#[derive(Debug)]
pub(crate) struct DockerHub;

impl Cloud for DockerHub {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn kinds(&self) -> &'static Kinds {
        &KINDS
    }

    fn plans(&self) -> Result<&'static Plans, Failure> {
        BUILT.plans()
    }

    fn describe(&self) -> Described {
        Described {
            environment: ["DOCKERHUB_API_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
                .map(str::to_owned)
                .to_vec(),
            ..FACTS.described("namespace", &KINDS, section())
        }
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: DockerHubConfig = config.to()?;
            let account = |name: &str| FACTS.account(name.to_owned(), name.to_owned(), Vec::new());
            Ok(config.namespaces().into_iter().map(account).collect())
        })
    }

    fn open<'a>(
        &'a self,
        _config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let rest = BUILT.client(&account.id)?.with_advisor(Advisor(advice));
            Ok(Box::new(Opened { rest, namespace: account.id.clone() }) as Box<dyn Way>)
        })
    }
}

/// The way into a namespace.
struct Opened {
    rest: Rest,
    namespace: String,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            Ok(Identity::Of(Owner {
                account: self.namespace.clone(),
                credentials: "none: whatever everybody may see".to_owned(),
                wanted: None,
                remedy: "add the namespace to dockerhub.namespaces".to_owned(),
            }))
        })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, namespace } = *self;
            let place = Place::new(&namespace, "", "", "");
            sink.step("asking for the namespace".to_owned());
            let params = Map::from_iter([("path".to_owned(), json!({"namespace": namespace}))]);
            let known = rest.ask(NAMESPACE, &params, &place, "results").await;
            let known = known.map_err(|error| trouble(&namespace, &error))?;
            let properties = vec![("count", known.get("count").cloned().unwrap_or_default())];
            let account = TopNode { id: namespace, properties, key: Vec::new() };
            let client = TableClient::new(rest, place.clone(), BUILT.plans()?, NAMESPACE).probing(params);
            Ok(Entered::without_regions(Box::new(client), place, "namespace", account))
        })
    }
}

/// A namespace that is not there is a slip in the settings.
fn trouble(namespace: &str, error: &CallError) -> Failure {
    if error.status != Some(404) {
        return error.to_fault().into();
    }
    let message = format!("Docker Hub has no namespace {namespace}");
    config_fault(message, "correct the name in dockerhub.namespaces, or take it out").into()
}

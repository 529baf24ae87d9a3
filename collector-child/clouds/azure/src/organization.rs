//! The organization of a tenant: an account of its own, with what Microsoft Graph tells of it.

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, Failure, FaultExt, Sink, fault};
use engine::{CloudFacts, Entered, Region, Regions, TopNode, Wanted, Way};
use http_client::CallError;
use ipc_proto::fault::FaultKind;
use ipc_proto::seal::Seal;
use rest_client::{Asked, Rest, TableClient};
use serde_json::{Map, Value};
use tables::plan::Place;

use crate::access::{Access, GRAPH, plans};
use crate::cloud::FACTS;
use crate::config::AzureConfig;
use crate::entrance::told_by_table;

/// A call that all credentials of an organization may make.
const PROBE: (&str, &str) = ("graph", "GET /v1.0/organization?$select=id");
/// The one region, in which everything of an organization is.
const ROOT: &str = "organization_root";

/// What is the same for all organizations. The ids of what is below them have another cloud in them than the organization.
pub(crate) static ORGANIZATION: CloudFacts = CloudFacts {
    account_kind: "microsoft_graph_organization",
    region_kind: "microsoft_graph_organization_root",
    below_accounts: Some("microsoft-graph"),
    has_global_region: true,
    drops_unused: false,
    cloud: FACTS.cloud,
    name: FACTS.name,
    resource_kind: FACTS.resource_kind,
    holes_setting: FACTS.holes_setting,
    ..CloudFacts::PLAIN
};

/// The organizations that credentials belong to: one, as a rule.
///
/// # Errors
///
/// They cannot be read.
pub(crate) async fn organizations(client: &Rest) -> Result<Vec<Value>, CallError> {
    let place = Place::new("", "", "", "");
    let asked = Asked {
        service: "graph",
        operation: "GET /v1.0/organization",
        paging: None,
        list: None,
        place: &place,
    };
    let mut pages = client.pages(asked, Map::new());
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let mut page = page?;
        if let Value::Array(items) = page["value"].take() {
            found.extend(items.into_iter().filter(|item| id(item).is_some()));
        }
    }
    Ok(found)
}

/// The id of an organization: that of its tenant.
pub(crate) fn id(told: &Value) -> Option<&str> {
    told["id"].as_str().filter(|id| !id.is_empty())
}

/// The way into an organization.
pub(crate) struct Opened {
    pub(crate) access: Access,
    pub(crate) organization: String,
    pub(crate) config: AzureConfig,
}

impl Opened {
    async fn found(&self) -> Result<Value, Failure> {
        let all = organizations(&self.access.rest).await.map_err(|error| error.to_fault())?;
        let mine = all.into_iter().find(|told| id(told) == Some(self.organization.as_str()));
        mine.ok_or_else(|| {
            let message = format!(
                "{} does not belong to the organization {}",
                self.access.credentials.identity(),
                self.organization
            );
            let hint = "give azure.accounts an application of that tenant";
            fault(FaultKind::WrongAccount, message).with_hint(hint).into()
        })
    }
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            self.found().await?;
            Ok(Identity::Of(Owner {
                account: self.organization.clone(),
                credentials: self.access.credentials.identity(),
                wanted: None,
                remedy: "give azure.accounts an application of that tenant".to_owned(),
            }))
        })
    }

    fn seal(&self) -> BoxFuture<'_, Result<Seal, Failure>> {
        Box::pin(self.access.credentials.hand_over(GRAPH, &self.organization, "organization"))
    }

    fn enter(self: Box<Self>, _sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let told = self.found().await?;
            let Self { access: Access { rest, .. }, organization, config } = *self;
            let place = Place::new(&organization, ROOT, ROOT, "");
            let root = Region { id: ROOT.to_owned(), name: ROOT.to_owned(), place: place.clone() };
            Ok(Entered {
                account: told_by_table("microsoft_graph_organization", &told, &organization, &place)?,
                client: Box::new(TableClient::new(rest, place, plans()?, PROBE)),
                regions: Regions::new(root, []),
                region_nodes: vec![TopNode { id: ROOT.to_owned(), properties: Vec::new(), key: Vec::new() }],
                zone_nodes: Vec::new(),
                wanted: Box::new(OfOrganization(config)),
            })
        })
    }
}

/// The kinds of Microsoft Graph.
pub(crate) fn is_of_organizations(kind: &str) -> bool {
    kind.starts_with("microsoft_graph_")
}

/// What is wanted of an organization.
struct OfOrganization(AzureConfig);

impl Wanted for OfOrganization {
    fn collects(&self, kind: &str) -> bool {
        is_of_organizations(kind) && self.0.should_collect(kind)
    }

    fn without_holes(&self) -> bool {
        self.0.discard_account_on_resource_error
    }
}

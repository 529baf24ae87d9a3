//! The way into a project: whose the credentials are, and the places.

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, Failure, FaultExt, Sink, fault};
use engine::{Entered, Places, Region, Regions, TopNode, Wanted, Way, places};
use http_client::{CallError, Class};
use ipc_proto::fault::FaultKind;
use ipc_proto::seal::Seal;
use rest_client::{Asked, Rest, TableClient};
use serde_json::{Map, Value};
use tables::plan::Place;

use crate::access::{Access, plans};
use crate::config::GcpConfig;
use crate::facts::region_facts;
use crate::metrics;
use crate::projects::project_of;

/// A call that all credentials may make.
const PROBE: (&str, &str) = ("cloudresourcemanager", "GET /v1/projects");

/// The credentials are good, but not for listing projects.
pub(crate) fn is_about_the_list(error: &CallError) -> bool {
    matches!(error.class, Class::AccessDenied { .. } | Class::RegionDisabled | Class::Service)
}

/// Whose the credentials are: a project that they may see is theirs.
pub(crate) async fn identity(access: &Access, project: &str) -> Result<Identity, Failure> {
    let Access { credentials, rest } = access;
    let seen = match project_of(rest, project).await {
        Ok(found) => found.is_some(),
        // Nobody may ask: what the credentials say of themselves.
        Err(error) if is_about_the_list(&error) => false,
        Err(error) => return Err(error.to_fault().into()),
    };
    if !seen && credentials.project() != Some(project) {
        let message = format!("{} may not see the project {project}", credentials.identity());
        let hint = "give them the role Viewer there, or leave the project to other credentials of gcp.service_account";
        return Err(fault(FaultKind::WrongAccount, message).with_hint(hint).into());
    }
    Ok(Identity::Of(Owner {
        account: project.to_owned(),
        credentials: credentials.identity(),
        wanted: None,
        remedy: "name credentials that may see the project in gcp.service_account".to_owned(),
    }))
}

/// The way into a project.
pub(crate) struct Opened {
    pub(crate) access: Access,
    pub(crate) project: String,
    pub(crate) config: GcpConfig,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(identity(&self.access, &self.project))
    }

    fn seal(&self) -> BoxFuture<'_, Result<Seal, Failure>> {
        Box::pin(self.access.credentials.hand_over(&self.project))
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { access: Access { rest, .. }, project, config } = *self;
            let plans = plans()?;
            let place = Place::new(&project, "global", "global", "");
            let global = Region { id: "global".to_owned(), name: "global".to_owned(), place: place.clone() };
            let client = TableClient::new(rest.clone(), place.clone(), plans, PROBE).measuring(metrics::ask);
            sink.step("asking for the regions and zones".to_owned());
            let has_places = regions_are_there(&rest, &project, &place).await?;
            let Places { regions, region_nodes, zone_nodes } = if has_places {
                places(&client, plans, global, sink).await?
            } else {
                Places { regions: Regions::new(global, []), region_nodes: Vec::new(), zone_nodes: Vec::new() }
            };
            Ok(Entered {
                client: Box::new(client),
                regions,
                account: TopNode { id: project, properties: Vec::new(), key: Vec::new() },
                region_nodes: std::iter::once(global_node())
                    .chain(region_nodes.into_iter().map(with_facts))
                    .collect(),
                zone_nodes,
                wanted: Box::new(config),
            })
        })
    }
}

/// Whether the project has regions: one that does not use Compute Engine has none, and everything of it is global.
async fn regions_are_there(rest: &Rest, project: &str, place: &Place) -> Result<bool, Failure> {
    let asked = Asked { service: "compute", operation: "regions.list", paging: None, list: None, place };
    let params: Map<String, Value> =
        [("project".to_owned(), project.into()), ("maxResults".to_owned(), 1.into())].into_iter().collect();
    match rest.call(asked, &params).await {
        Ok(_) => Ok(true),
        Err(error) if error.class == Class::RegionDisabled => Ok(false),
        Err(error) => Err(error.to_fault().into()),
    }
}

fn global_node() -> TopNode {
    TopNode { id: "global".to_owned(), properties: vec![("name", "global".into())], key: Vec::new() }
}

fn with_facts(mut node: TopNode) -> TopNode {
    if let Some((long_name, latitude, longitude)) = region_facts(&node.id) {
        node.properties.extend([
            ("long_name", Value::from(long_name)),
            ("latitude", latitude.into()),
            ("longitude", longitude.into()),
        ]);
    }
    node
}

impl Wanted for GcpConfig {
    fn collects(&self, kind: &str) -> bool {
        self.should_collect(kind)
    }

    fn usage_metrics(&self) -> bool {
        self.collect_usage_metrics.unwrap_or_default()
    }

    fn without_holes(&self) -> bool {
        self.discard_account_on_resource_error
    }
}

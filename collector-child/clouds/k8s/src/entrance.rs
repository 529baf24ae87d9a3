//! The way into a cluster: its version, what it serves, and its namespaces.

use collector::identity::{Identity, Owner};
use collector::{BoxFuture, Failure, Sink};
use engine::{Entered, Places, Region, Regions, TopNode, Wanted, Way, places};
use http_client::{CallError, Class};
use ipc_proto::fault::{Fault, FaultKind, FaultScope};
use rest_client::{Asked, Rest, TableClient};
use serde_json::{Map, Value, json};
use tables::plan::Place;

use crate::access::plans;
use crate::client::ClusterClient;
use crate::config::K8sConfig;
use crate::discovery::{Apis, CORE, Group, groups};
use crate::hosting::Hosting;
use crate::kubeconfig::Target;
use crate::object;

/// A call that everybody may make whom the cluster knows.
const PROBE: (&str, &str) = ("k8s", "GET /version");

/// Whose a cluster is: it does not tell its name, so it is called as its context is.
pub(crate) fn owner(name: &str) -> Identity {
    Identity::Of(Owner {
        account: name.to_owned(),
        credentials: format!("the user of the context {name}"),
        wanted: None,
        remedy: "name the kubeconfig with the context in k8s.config_files".to_owned(),
    })
}

/// The way into a cluster.
pub(crate) struct Opened {
    pub(crate) rest: Rest,
    pub(crate) target: Target,
    pub(crate) config: K8sConfig,
}

/// What is wanted of a cluster, and who runs it.
#[derive(Debug)]
pub(crate) struct Wishes {
    config: K8sConfig,
    pub(crate) hosting: Option<Hosting>,
}

impl Wanted for Wishes {
    fn collects(&self, kind: &str) -> bool {
        self.config.collects(kind)
    }

    fn empty_regions(&self) -> bool {
        self.config.empty_regions()
    }
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async { Ok(owner(&self.target.name)) })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { rest, target, config } = *self;
            let name = &target.name;
            sink.step("asking what the cluster serves".to_owned());
            let version = version(&rest).await?;
            let apis = served(&rest, &|untold| sink.fault(untold)).await?;
            sink.work(1);
            let bare = Place::new(name, "", "", "");
            let place =
                apis.all().fold(bare.clone(), |place, (kind, served)| place.with(kind, served.list()));
            let client = ClusterClient(TableClient::new(rest, place.clone(), plans()?, PROBE));
            sink.step("asking for the namespaces".to_owned());
            let (regions, region_nodes) = namespaces(&client, &bare, place, sink).await?;
            let info = json!({
                "major": version["major"].as_str().unwrap_or_default(),
                "minor": version["minor"].as_str().unwrap_or_default(),
                "platform": version["platform"].as_str().unwrap_or_default(),
                "server_url": target.cluster.server,
            });
            let hosting = Hosting::of(&target.cluster.server);
            Ok(Entered {
                client: Box::new(client),
                regions,
                account: TopNode {
                    id: name.clone(),
                    properties: vec![("name", name.as_str().into()), ("cluster_info", info)],
                    key: Vec::new(),
                },
                region_nodes,
                zone_nodes: Vec::new(),
                wanted: Box::new(Wishes { config, hosting }),
            })
        })
    }
}

/// The version of the cluster; nothing for who may not know it.
async fn version(rest: &Rest) -> Result<Value, Failure> {
    match ask(rest, "GET /version").await {
        Ok(version) => Ok(version),
        Err(error) if matches!(error.class, Class::AccessDenied { .. }) => Ok(Value::Null),
        Err(error) => Err(error.to_fault().into()),
    }
}

/// Who is told of groups that do not answer.
type Untold<'a> = &'a (dyn Fn(Fault) + Send + Sync);

/// What is served, as far as it is collected. A group that does not answer costs its own kinds.
pub(crate) async fn served(rest: &Rest, untold: Untold<'_>) -> Result<Apis, Failure> {
    let mut apis = Apis::default();
    let core = ask(rest, "GET /api/v1").await.map_err(|error| error.to_fault())?;
    apis.add(CORE, "api/v1", &core);
    let list = ask(rest, "GET /apis").await.map_err(|error| error.to_fault())?;
    let all = futures_util::future::join_all(groups(&list).into_iter().map(|group| async {
        let first = group.versions.first().cloned().unwrap_or_default();
        (ask(rest, &format!("GET /apis/{first}")).await, group)
    }));
    for (answer, group) in all.await {
        add(&mut apis, rest, &group, answer, untold).await;
    }
    Ok(apis)
}

/// Adds what a group serves: in the version that it prefers, and what that lacks in the others.
async fn add(
    apis: &mut Apis,
    rest: &Rest,
    group: &Group,
    first: Result<Value, CallError>,
    untold: Untold<'_>,
) {
    let Group { name, versions } = group;
    let mut answer = Some(first);
    for version in versions {
        if !apis.lacks(name) {
            return;
        }
        let path = format!("apis/{version}");
        let answered = match answer.take() {
            Some(answered) => answered,
            None => ask(rest, &format!("GET /{path}")).await,
        };
        match answered {
            Ok(list) => apis.add(name, &path, &list),
            Err(error) => {
                let mut fault = error.to_fault();
                fault.message = format!("it is not known what {version} serves: {}", fault.message);
                fault.scope = FaultScope { service: Some(name.clone()), ..fault.scope };
                untold(fault);
            }
        }
    }
}

/// What the cluster says of itself.
async fn ask(rest: &Rest, operation: &str) -> Result<Value, CallError> {
    let place = Place::new("", "", "", "");
    let asked = Asked { service: "k8s", operation, paging: None, list: None, place: &place };
    rest.call(asked, &Map::new()).await
}

/// The metadata of the object at a path below the server.
pub(crate) async fn get(rest: &Rest, path: &str) -> Result<Value, CallError> {
    let place = Place::new("", "", "", "");
    let asked =
        Asked { service: "k8s-object", operation: "GET /{+path}", paging: None, list: None, place: &place };
    let params = json!({"path": {"+path": path}});
    rest.call(asked, params.as_object().unwrap_or(&Map::new())).await
}

/// The namespaces. Who may not list them sees what is in them below the cluster.
async fn namespaces(
    client: &ClusterClient,
    bare: &Place,
    place: Place,
    sink: &dyn Sink,
) -> Result<(Regions, Vec<TopNode>), Failure> {
    let global = Region { id: String::new(), name: "cluster".to_owned(), place };
    let found = match places(client, plans()?, global.clone(), sink).await {
        Ok(found) => found,
        Err(Failure::Fault(fault)) if fault.kind == FaultKind::AccessDenied => {
            let mut fault = *fault;
            fault.message = format!("what is in namespaces hangs below the cluster: {}", fault.message);
            sink.fault(fault);
            return Ok((Regions::new(global, []), Vec::new()));
        }
        Err(failure) => return Err(failure),
    };
    let Places { regions, region_nodes, .. } = found;
    // Where kinds are served is only asked for the whole cluster.
    let small =
        |region: &Region| Region { place: bare.in_region(&region.id, &region.name), ..region.clone() };
    let own = regions.regional().map(|(_, region)| small(region)).collect::<Vec<_>>();
    Ok((Regions::new(global, own), region_nodes.into_iter().map(tidy).collect()))
}

/// What the hook does for other objects.
fn tidy(mut node: TopNode) -> TopNode {
    let mut latest = None;
    for (name, value) in &mut node.properties {
        match *name {
            "tags" => object::without_applied(value),
            "namespace_status" => {
                if let Some(conditions) = value.get_mut("conditions") {
                    object::in_order(conditions, "last_transition_time");
                    latest = conditions
                        .as_array()
                        .and_then(|all| all.last()?.get("last_transition_time").cloned());
                }
            }
            _ => {}
        }
    }
    if let Some(latest) = latest {
        node.properties.retain(|(name, _)| *name != "mtime");
        node.properties.push(("mtime", latest));
    }
    node
}

//! Regions and zones that the cloud itself names: kinds that are places.

use std::borrow::Cow;

use collector::{Failure, Sink};
use serde_json::{Map, Value};
use tables::plan::{HomePlan, KindPlan, ListCall, Place, PlaceKind, Scope, Source};

use crate::cloud::Client;
use crate::collect::key;
use crate::plans::Plans;
use crate::regions::{Named, Region, RegionIndex, Regions, Zone};
use crate::top::TopNode;

/// The places of an account.
#[derive(Debug)]
pub struct Places {
    /// Its regions and zones.
    pub regions: Regions,
    /// What is known of the regions, but for the one of what belongs to none.
    pub region_nodes: Vec<TopNode>,
    /// The same of the zones.
    pub zone_nodes: Vec<TopNode>,
}

/// Asks for the places of an account: the items of the kinds that are such, as their tables say. Without them it is not
/// known where anything hangs, so an error costs the account.
pub async fn places(
    client: &dyn Client,
    plans: &'static Plans,
    global: Region,
    sink: &dyn Sink,
) -> Result<Places, Failure> {
    let of_kind = |kind| plans.all().filter(move |plan| plan.places == Some(kind));
    let (mut found, mut region_nodes) = (Vec::new(), Vec::new());
    for plan in of_kind(PlaceKind::Region) {
        for node in nodes(client, plan, &global, sink).await? {
            found.push(region(&global.place, &node.top));
            region_nodes.push(node.top);
        }
    }
    let mut regions = Regions::new(global.clone(), found);
    let (mut zones, mut zone_nodes) = (Vec::new(), Vec::new());
    for plan in of_kind(PlaceKind::Zone) {
        for node in nodes(client, plan, &global, sink).await? {
            // A zone of a region that is not known is nowhere.
            let Some(region) = node.region(plan, &global.place, &regions) else { continue };
            zones.push(zone(regions.get(region), region, &node.top));
            zone_nodes.push(node.top);
        }
    }
    regions = regions.with_zones(zones);
    Ok(Places { regions, region_nodes, zone_nodes })
}

/// A place as the cloud describes it.
struct Described {
    document: Value,
    top: TopNode,
}

impl Described {
    /// The region that the document names.
    fn region(&self, plan: &KindPlan, place: &Place, regions: &Regions) -> Option<RegionIndex> {
        let HomePlan::Named { values, fold, .. } = &plan.home else { return None };
        let scope = Scope::new(&self.document, place);
        values.iter().find_map(|value| match value.extract(&scope, &[]).as_deref() {
            Some(Value::String(text)) => match regions.named(text, *fold) {
                Some(Named::Region(region)) => Some(region),
                _ => None,
            },
            _ => None,
        })
    }
}

async fn nodes(
    client: &dyn Client,
    plan: &'static KindPlan,
    global: &Region,
    sink: &dyn Sink,
) -> Result<Vec<Described>, Failure> {
    let Source::List { calls, .. } = &plan.source else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for list in calls {
        for document in listed(client, list, global, sink).await? {
            let scope = Scope::new(&document, &global.place);
            let Some(properties) = plan.properties(&scope) else { continue };
            let key = key(plan, &scope, &properties);
            let id = properties.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            let owned: Map<String, Value> = properties.into_object();
            let named = |name: &str| plan.mapping.properties.iter().find(|own| own.name == name);
            let properties = owned
                .into_iter()
                .filter_map(|(name, value)| named(&name).map(|own| (own.name.as_str(), value)))
                .filter(|(name, _)| *name != "id")
                .collect();
            if !id.is_empty() {
                found.push(Described { top: TopNode { id, properties, key }, document });
            }
        }
    }
    Ok(found)
}

async fn listed(
    client: &dyn Client,
    list: &'static ListCall,
    global: &Region,
    sink: &dyn Sink,
) -> Result<Vec<Value>, Failure> {
    let nothing = Value::Null;
    let Ok(params) = list.call.arguments.fill(&Scope::new(&nothing, &global.place)) else {
        return Ok(Vec::new());
    };
    let mut items = Vec::new();
    let mut pages = client.pages(global, &list.call.service, &list.call.operation, params);
    while let Some(page) = pages.next().await {
        sink.work(1);
        match page.map_err(|error| error.expecting(&list.call.expected)) {
            Ok(page) => items.extend(match &list.items {
                Some(path) => path.take(page),
                None => vec![page],
            }),
            Err(error) if error.class == http_client::Class::Expected => break,
            Err(error) => return Err(error.to_fault().into()),
        }
    }
    Ok(items)
}

/// The name of a place: its property, else its id.
fn name(node: &TopNode) -> Cow<'_, str> {
    let named = node.properties.iter().find(|(name, _)| *name == "name");
    named.and_then(|(_, value)| value.as_str()).unwrap_or(&node.id).into()
}

fn region(global: &Place, node: &TopNode) -> Region {
    let name = name(node).into_owned();
    Region { id: node.id.clone(), place: global.in_region(&node.id, &name), name }
}

fn zone(of: &Region, region: RegionIndex, node: &TopNode) -> Zone {
    let name = name(node).into_owned();
    let place = of.place.clone().with("zone", name.as_str());
    Zone { id: node.id.clone(), name, region, place }
}

//! What droplets know besides themselves: the images and sizes that they are made of, and which of them are on one machine.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use engine::hooks::prelude::*;

use collector::fault;
use ipc_proto::fault::FaultKind;

const SERVICE: &str = "digitalocean";
const DROPLET: &str = "digitalocean_droplet";
const NEIGHBORHOOD: &str = "digitalocean_droplet_neighborhood";
/// Letters of the id of a neighborhood.
const ID: usize = 16;

pub(crate) struct Droplets;

/// What the listed droplets have told.
#[derive(Debug, Default)]
struct Told(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// Kinds and documents of images and sizes, each once, with the region of the first droplet that has it.
    made_of: Vec<(&'static str, Value)>,
    seen: HashSet<(&'static str, String)>,
    /// The regions of droplets.
    regions: HashMap<String, Value>,
}

impl Held {
    fn learn(&mut self, droplet: &Value) {
        let region = &droplet["region"]["slug"];
        if let Some(id) = droplet["id"].as_u64() {
            self.regions.insert(id.to_string(), region.clone());
        }
        for (kind, member, id) in
            [("digitalocean_image", "image", "id"), ("digitalocean_droplet_size", "size", "slug")]
        {
            let document = &droplet[member];
            if document[id].is_null() || !self.seen.insert((kind, document[id].to_string())) {
                continue;
            }
            let mut document = document.clone();
            document["region"] = region.clone();
            self.made_of.push((kind, document));
        }
    }
}

impl Hook for Droplets {
    fn name(&self) -> &'static str {
        "droplets"
    }

    fn listed<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
        items: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let told = context.shared::<Told>();
            let mut held = told.0.lock().unwrap_or_else(PoisonError::into_inner);
            for droplet in &items {
                held.learn(droplet);
            }
            Ok(items)
        })
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&[DROPLET])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let told = context.shared::<Told>();
            let held = std::mem::take(&mut *told.0.lock().unwrap_or_else(PoisonError::into_inner));
            for (kind, document) in held.made_of {
                context.make(kind, document).await?;
            }
            if !held.regions.is_empty() {
                neighborhoods(context, &held.regions).await?;
            }
            Ok(())
        })
    }
}

async fn neighborhoods(context: Context<'_>, regions: &HashMap<String, Value>) -> Result<(), Failure> {
    let Some(answer) = context.ask(SERVICE, "GET /v2/reports/droplet_neighbors_ids").answer().await? else {
        return Ok(());
    };
    let Some(lists) = answer["neighbor_ids"].as_array() else {
        let told = "the answer about neighbors of droplets has no list at neighbor_ids";
        context.report(fault(FaultKind::InvalidAnswer, told));
        return Ok(());
    };
    for neighbors in lists.iter().filter_map(Value::as_array) {
        context.make(NEIGHBORHOOD, neighborhood(neighbors, regions)).await?;
    }
    Ok(())
}

/// The document of a neighborhood: what it is called follows from who is in it.
fn neighborhood(neighbors: &[Value], regions: &HashMap<String, Value>) -> Value {
    let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let mut droplets: Vec<String> = neighbors.iter().map(text).collect();
    droplets.sort();
    let hash = digest(&SHA256, [NEIGHBORHOOD, &droplets.concat()].concat().as_bytes());
    let mut id = HEXLOWER.encode(hash.as_ref());
    id.truncate(ID);
    let region = droplets.first().and_then(|droplet| regions.get(droplet));
    json!({"id": id, "droplets": droplets, "region": region})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the Python worker calls it.
    #[test]
    fn a_neighborhood_is_called_after_its_droplets() {
        let regions = HashMap::from([("289110074".to_owned(), json!("fra1"))]);
        let made = neighborhood(&[json!(290_075_243), json!(289_110_074)], &regions);
        let droplets = ["289110074", "290075243"];
        assert_eq!(made, json!({"id": "b8d074fda097c32d", "droplets": droplets, "region": "fra1"}));
        assert_eq!(neighborhood(&[json!(1)], &regions)["region"], Value::Null);
    }

    #[test]
    fn what_droplets_share_is_there_once() {
        let mut held = Held::default();
        let droplet = |id: u64, region: &str| json!({"id": id, "region": {"slug": region}, "image": {"id": 7}, "size": {"slug": "s"}});
        held.learn(&droplet(1, "fra1"));
        held.learn(&droplet(2, "nyc1"));
        held.learn(&json!({"id": 3, "image": null}));
        assert_eq!(held.made_of.len(), 2);
        assert!(held.made_of.iter().all(|(_, document)| document["region"] == "fra1"));
        assert_eq!(held.regions["2"], "nyc1");
    }
}

//! How long it takes to load kinds and to make nodes. Run with `cargo run --release -p inventory --example throughput`.

#![expect(clippy::print_stdout, reason = "it is a program for people")]

use std::time::{Duration, Instant};

use inventory::{Ancestors, KindTable, NodeBuilder, NodeFault, NodeId};

const NODES: usize = 30_000;
const ROUNDS: u32 = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("load base and random       {:>10.3?}", fastest(|| KindTable::load(&["base", "random"]))?);
    let table = KindTable::load(&["base", "random"])?;
    println!("parse all of these kinds   {:>10.3?}", fastest(parse_all)?);
    println!("export them as a model     {:>10.3?}", fastest(|| table.export_model())?);
    let (mut bytes, mut edges) = (0, 0);
    let time = fastest(|| {
        (bytes, edges) = estate(&table)?;
        Ok::<_, NodeFault>(())
    })?;
    println!("{NODES} nodes, {edges} edges, {bytes} bytes {time:>10.3?}");
    Ok(())
}

/// The fastest of some rounds: the least disturbed one.
fn fastest<T, E>(mut work: impl FnMut() -> Result<T, E>) -> Result<Duration, E> {
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::hint::black_box(work()?);
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}

fn parse_all() -> Result<usize, inventory::KindTableError> {
    let table = KindTable::load(&["base", "random"])?;
    table.names().map(|name| Ok(table.kind(name)?.fields().len())).sum()
}

/// Instances with two volumes each; every resource hangs below two others.
fn estate(table: &KindTable) -> Result<(usize, usize), NodeFault> {
    let mut builder = NodeBuilder::new(table);
    let above = Ancestors { cloud: Some("random"), account: Some("276222570313970"), ..Ancestors::default() };
    let mut edges: Vec<(NodeId, NodeId)> = Vec::with_capacity(2 * NODES);
    let mut region = builder.node("random_region", "eu-central-1")?.finish(&above).id;
    let (mut bytes, mut instance) = (0, region);
    for number in 0..NODES {
        let region_id = format!("eu-central-{}", number / 2000);
        let ancestors = Ancestors { region: Some(&region_id), ..above };
        let (kind, id, name) = match number % 3 {
            _ if number % 2000 == 0 => ("random_region", region_id.clone(), region_id.clone()),
            0 => ("random_instance", format!("rndi-{number:020x}"), format!("Development {number}")),
            _ => ("random_volume", format!("rndvol-{number:020x}"), format!("Volume {number}")),
        };
        let mut draft = builder.node(kind, &id)?;
        draft.verbatim().name(&name);
        match kind {
            "random_instance" => {
                draft
                    .tag("costCenter", "dev")
                    .tag("owner", "Ada")
                    .set("instance_cores", 8)
                    .set("instance_memory", 16);
                draft.set("instance_type", "rnd2.large").set("instance_status", "running");
            }
            "random_volume" => {
                draft.tag("costCenter", "dev").tag("owner", "Ada").set("volume_size", 20);
                draft.set("volume_type", "ssd").set("volume_status", "in-use");
            }
            _ => {}
        }
        let node = draft.finish(&ancestors);
        bytes += node.json.len();
        edges.extend([(region, node.id), (instance, node.id)]);
        match kind {
            "random_region" => (region, instance) = (node.id, node.id),
            "random_instance" => instance = node.id,
            _ => {}
        }
    }
    Ok((bytes, edges.len()))
}

//! What tables cannot say of objects: their order, quantities, selectors, and what a provider has of them.

use std::sync::Mutex;

use engine::graph::{Deferred, End};
use engine::hooks::Hooks;
use engine::hooks::prelude::*;
use engine::lock;
use serde_json::Number;

use crate::entrance::Wishes;
use crate::labels::{Index, Labels};
use crate::object::tidy;
use crate::quantity::quantity;

const POD: &str = "kubernetes_pod";
const REPLICA_SET: &str = "kubernetes_replica_set";
const DEPLOYMENT: &str = "kubernetes_deployment";
const SERVICE: &str = "kubernetes_service";
const INGRESS: &str = "kubernetes_ingress";
/// Bytes of a gibibyte, and of a gigabyte.
const GIBIBYTE: f64 = 1_073_741_824.0;
const GIGABYTE: f64 = 1e9;

/// All hooks.
pub(crate) fn all() -> Hooks {
    Hooks::new(vec![Box::new(Objects)])
}

/// Labels of what is selected.
#[derive(Default)]
struct Selected {
    pods: Mutex<Labels>,
    replica_sets: Mutex<Labels>,
}

/// All objects.
struct Objects;

impl Hook for Objects {
    fn name(&self) -> &'static str {
        "object"
    }

    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        tidy(&plan.kind, document);
        Box::pin(async { Ok(Verdict::Keep) })
    }

    fn finish<'a>(
        &'a self,
        context: Context<'a>,
        plan: &'static KindPlan,
        node: &'a mut Draft,
        document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        quantities(&plan.kind, node, document);
        node.keep = kept(context, &plan.kind, document);
        Box::pin(async { Ok(Verdict::Keep) })
    }

    fn connect<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        let selected = context.shared::<Selected>();
        let taken = |labels: &Mutex<Labels>| std::mem::take(&mut *lock(labels));
        let (pods, replica_sets) = (taken(&selected.pods), taken(&selected.replica_sets));
        context.graph(|graph| {
            let pods = index(graph, POD, pods);
            let replica_sets = index(graph, REPLICA_SET, replica_sets);
            for node in graph.kept_of(DEPLOYMENT) {
                let Some(kept) = graph.take_kept(node) else { continue };
                for set in of_selector(&replica_sets, &kept) {
                    graph.edge(node, set, EdgeType::Default);
                }
            }
            let services = services(graph, &pods);
            ingresses(graph, &services);
            for kind in ["kubernetes_node", "kubernetes_persistent_volume"] {
                for node in graph.kept_of(kind) {
                    if let Some(kept) = graph.take_kept(node) {
                        defer(graph, node, &kept);
                    }
                }
            }
        });
        if let Some(hosting) = context.own::<Wishes>().and_then(|wishes| wishes.hosting)
            && let Some(query) = hosting.of_cluster(&context.account().id)
        {
            context.graph(|graph| graph.deferred_edge(below(query, context.account_node())));
        }
        Box::pin(async { Ok(()) })
    }
}

/// Quantities that are numbers in the graph.
fn quantities(kind: &str, node: &mut Draft, document: &Value) {
    let of = |pointer: &str| match document.pointer(pointer)? {
        Value::String(text) => quantity(text),
        Value::Number(number) => number.as_f64(),
        _ => None,
    };
    let number = |value: f64| Number::from_f64(value).map(Value::Number).unwrap_or_default();
    match kind {
        "kubernetes_node" => {
            if let Some(cores) = of("/status/capacity/cpu") {
                node.set("instance_cores", number(cores));
            }
            if let Some(memory) = of("/status/capacity/memory") {
                node.set("instance_memory", number(memory / GIBIBYTE));
            }
        }
        "kubernetes_persistent_volume" => {
            let size = of("/spec/capacity/storage").unwrap_or_default();
            node.set("volume_size", number(size / GIGABYTE));
        }
        _ => {}
    }
}

/// What has to be known of an object when all others are there.
fn kept(context: Context<'_>, kind: &str, object: &Value) -> Option<Value> {
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
    let labels = object.pointer("/metadata/labels");
    let selected = || context.shared::<Selected>();
    let selector = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
    let hosting = context.own::<Wishes>().and_then(|wishes| wishes.hosting);
    let queries = || hosting.map(|hosting| hosting.of_object(kind, object)).unwrap_or_default();
    match kind {
        POD => Some(lock(&selected().pods).add(namespace, labels).into()),
        REPLICA_SET => Some(lock(&selected().replica_sets).add(namespace, labels).into()),
        DEPLOYMENT => {
            Some(json!({"namespace": namespace, "selector": selector("/spec/selector/matchLabels")}))
        }
        SERVICE => Some(
            json!({"namespace": namespace, "selector": selector("/spec/selector"), "queries": queries()}),
        ),
        INGRESS => Some(json!({"services": backends(object)})),
        _ => Some(queries()).filter(|queries| !queries.is_empty()).map(|queries| json!({"queries": queries})),
    }
}

/// Names of the services that an ingress leads to.
fn backends(ingress: &Value) -> Vec<Value> {
    let rules = ingress.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten();
    let paths = rules.filter_map(|rule| rule.pointer("/http/paths")?.as_array()).flatten();
    let names = paths.filter_map(|path| path.pointer("/backend/service/name"));
    let default = ingress.pointer("/spec/defaultBackend/service/name");
    names.chain(default).filter(|name| name.is_string()).cloned().collect()
}

fn index(graph: &mut Graph, kind: &str, labels: Labels) -> Index<NodeIndex> {
    let numbers = graph.kept_of(kind).into_iter().filter_map(|node| {
        let number = graph.take_kept(node)?.as_u64()?;
        Some((usize::try_from(number).ok()?, node))
    });
    labels.into_index(numbers.collect::<Vec<_>>().into_iter())
}

fn of_selector(index: &Index<NodeIndex>, kept: &Value) -> Vec<NodeIndex> {
    index.selected(kept["namespace"].as_str().unwrap_or_default(), &kept["selector"])
}

/// Joins services with the pods that they select; the names of those, by service.
fn services(graph: &mut Graph, pods: &Index<NodeIndex>) -> Vec<(NodeIndex, Vec<String>)> {
    let mut all = Vec::new();
    for node in graph.kept_of(SERVICE) {
        let Some(kept) = graph.take_kept(node) else { continue };
        defer(graph, node, &kept);
        let selected = of_selector(pods, &kept);
        for pod in &selected {
            graph.edge(node, *pod, EdgeType::Default);
        }
        let mut names: Vec<String> = selected.iter().map(|pod| graph.node(*pod).name.to_string()).collect();
        names.sort_unstable();
        if !names.is_empty() {
            graph.set(node, "backends", json!(names));
        }
        all.push((node, names));
    }
    all
}

/// Joins ingresses with the services of their namespace that they lead to.
fn ingresses(graph: &mut Graph, services: &[(NodeIndex, Vec<String>)]) {
    for node in graph.kept_of(INGRESS) {
        let Some(kept) = graph.take_kept(node) else { continue };
        let near = graph.region_of(node);
        let mut behind: Vec<&str> = Vec::new();
        for name in kept["services"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let found = graph.find(Target::Kind(SERVICE), &Lookup::Name, name, near, false);
            let Some(service) = found else { continue };
            graph.edge(node, service, EdgeType::Default);
            let pods = services.iter().find(|(known, _)| *known == service);
            behind.extend(pods.into_iter().flat_map(|(_, names)| names).map(String::as_str));
        }
        behind.sort_unstable();
        behind.dedup();
        if !behind.is_empty() {
            graph.set(node, "backends", json!(behind));
        }
    }
}

fn defer(graph: &mut Graph, node: NodeIndex, kept: &Value) {
    for query in kept["queries"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        graph.deferred_edge(below(query.to_owned(), node));
    }
}

fn below(query: String, node: NodeIndex) -> Deferred {
    Deferred { from: End::Search(query), to: End::Node(node), edge_type: EdgeType::Default }
}

//! Collects and changes clusters of Kubernetes.
//!
//! # What it does
//!
//! ```text
//! settings, files --sources--> kubeconfig --context--> target --auth--> token, certificate
//! cluster --discovery--> where each kind is served; namespaces --> the engine, with the lists of kinds/
//! hook: order, quantities, selectors, what a provider has of it; changes: by path and uid
//! ```
//!
//! What it knows of kinds is in `cloud.toml` and `kinds/`. Whatever decides is pure: `config`, `kubeconfig`, `discovery`, `hosting`,
//! `labels`, `object`, `quantity`.
//!
//! # What leaves the cluster
//!
//! Of secrets only the metadata is asked for. The annotation in which `kubectl` quotes a whole object is dropped before anything
//! else happens with an object.

mod access;
mod auth;
mod changes;
mod client;
mod cloud;
mod config;
mod discovery;
mod entrance;
mod hook;
mod hosting;
mod kubeconfig;
mod labels;
mod object;
mod quantity;
mod sources;

/// The collector `k8s`.
pub fn collector() -> engine::Tabled {
    engine::Tabled::new(cloud::K8s::default())
}

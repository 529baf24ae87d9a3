//! The collectors of this build, one for each cloud.

#[cfg(test)]
mod contract;

use collector::Collector;

/// All of them, with the programs that the operator has described.
pub(crate) fn all() -> Vec<Box<dyn Collector>> {
    let mut all = built_in();
    add_programs(&mut all);
    all
}

#[cfg(feature = "demo")]
fn add_programs(all: &mut Vec<Box<dyn Collector>>) {
    let known: Vec<_> = all.iter().map(|collector| collector.name()).collect();
    let programs = demo_collectors::externals(&demo_collectors::folder(), &known);
    all.extend(programs.into_iter().map(|program| Box::new(program) as Box<dyn Collector>));
}

#[cfg(not(feature = "demo"))]
fn add_programs(_all: &mut Vec<Box<dyn Collector>>) {}

/// Those of this build. Each is behind a feature of its own; all features are on by default.
fn built_in() -> Vec<Box<dyn Collector>> {
    vec![
        #[cfg(feature = "aws")]
        Box::new(aws_collector::collector()),
        #[cfg(feature = "azure")]
        Box::new(azure_collector::collector()),
        #[cfg(feature = "digitalocean")]
        Box::new(digitalocean_collector::collector()),
        #[cfg(feature = "dockerhub")]
        Box::new(dockerhub_collector::collector()),
        #[cfg(feature = "gcp")]
        Box::new(gcp_collector::collector()),
        #[cfg(feature = "github")]
        Box::new(github_collector::collector()),
        #[cfg(feature = "hetzner")]
        Box::new(hetzner_collector::collector()),
        #[cfg(feature = "k8s")]
        Box::new(k8s_collector::collector()),
        #[cfg(feature = "onelogin")]
        Box::new(onelogin_collector::collector()),
        #[cfg(feature = "posthog")]
        Box::new(posthog_collector::collector()),
        #[cfg(feature = "scarf")]
        Box::new(scarf_collector::collector()),
        #[cfg(feature = "slack")]
        Box::new(slack_collector::collector()),
        #[cfg(feature = "demo")]
        Box::new(demo_collectors::Example::default()),
        #[cfg(feature = "demo")]
        Box::new(demo_collectors::Random::default()),
        #[cfg(feature = "demo")]
        Box::new(demo_collectors::FileCollector::default()),
    ]
}

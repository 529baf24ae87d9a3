//! The collectors of this build, one for each cloud.

#[cfg(test)]
mod contract;

use collector::Collector;

/// All of them. Each is behind a feature of its own; all features are on by default.
pub(crate) fn all() -> Vec<Box<dyn Collector>> {
    vec![
        #[cfg(feature = "aws")]
        Box::new(aws_collector::collector()),
        #[cfg(feature = "dockerhub")]
        Box::new(dockerhub_collector::collector()),
        #[cfg(feature = "gcp")]
        Box::new(gcp_collector::collector()),
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

//! What the kind tables of AWS cannot say; see [`engine::hooks`].

mod account;
mod amazonq;
mod cloudformation;
mod cloudtrail;
mod cloudwatch;
mod credential_report;
mod elbv2;
mod findings;
mod iam;
mod instance_types;
mod last_used;
mod network_interfaces;
mod organization;
mod prices;
mod rds;
mod route53;
mod s3;
mod service_quotas;
mod ssm;
mod volume_types;
mod volumes;
mod waf;

/// What hooks use.
pub(crate) mod prelude {
    pub(crate) use engine::hooks::prelude::*;

    pub(crate) use crate::cloud::OfAws;
}

use engine::hooks::{Hook, Hooks};

/// Names of findings in `collect` and `no_collect`: they are no nodes, but part of others.
pub(crate) const FINDINGS: [&str; 3] = [findings::KINDS[0], findings::KINDS[1], ssm::COMPLIANCE];

/// What is asked about the account itself, before all other hooks.
pub(crate) fn account() -> Box<dyn Hook> {
    Box::new(account::Account)
}

/// All hooks.
pub(crate) fn all() -> Hooks {
    of_kinds().led_by(account())
}

/// Those that kind tables name: one line each, by name.
pub(crate) fn of_kinds() -> Hooks {
    Hooks::new(vec![
        Box::new(amazonq::AmazonQ),
        Box::new(cloudformation::CloudFormation),
        Box::new(cloudtrail::CloudTrail),
        Box::new(cloudwatch::CloudWatch),
        Box::new(elbv2::Elbv2),
        Box::new(iam::Iam),
        Box::new(instance_types::InstanceTypes),
        Box::new(network_interfaces::NetworkInterfaces),
        Box::new(rds::Rds),
        Box::new(route53::Route53),
        Box::new(s3::S3),
        Box::new(ssm::Ssm),
        Box::new(volume_types::VolumeTypes),
        Box::new(volumes::Volumes),
        Box::new(waf::Waf),
        // After that of the systems manager, whose findings come first.
        Box::new(findings::Findings),
        // Last: quotas are above nodes that other hooks make.
        Box::new(service_quotas::ServiceQuotas),
    ])
}

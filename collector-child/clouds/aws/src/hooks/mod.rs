//! What a kind table cannot say, in Rust.
//!
//! A kind table names a hook (`hook = "instance_types"`); the hook is a type in a file of its own in this folder
//! that implements [`Hook`], and one line in [`Hooks::all`]. Several kinds may share a hook: each stage is told
//! the plan of the kind.
//!
//! | stage | when | for what |
//! |---|---|---|
//! | [`Hook::collect`] | once per place, for `source = hook` | items that no listing gives |
//! | [`Hook::listed`] | for each page of items, after batches | calls for many items at once, splitting items |
//! | [`Hook::prepare`] | for each item, after its calls, before the mapping | completing or dropping a document |
//! | [`Hook::finish`] | for each item, after the mapping | properties that need code, findings, another region |
//! | [`Hook::ahead`] | once per account, while kinds are collected | calls that no node has to be known for |
//! | [`Hook::complete`] | once per account, when all nodes are there, all hooks at the same time | calls about nodes |
//! | [`Hook::connect`] | once per account, after that, one hook after the other | edges, nodes and values that need other nodes; no calls |
//!
//! All stages get a [`Context`]: where they are, calls ([`Context::ask`]), the graph ([`Context::graph`]), more
//! nodes ([`Context::make`], [`Context::add`]), caches ([`Context::shared`]). Failed calls are accounted for by
//! the context and give no answer; a stage returns an error only with `?`, for what costs the whole account.
//!
//! ```ignore
//! //! Queues know their tags by address only.
//! use super::prelude::*;
//!
//! pub(super) struct QueueTags;
//!
//! impl Hook for QueueTags {
//!     fn name(&self) -> &'static str {
//!         "queue_tags"
//!     }
//!
//!     fn prepare<'a>(
//!         &'a self,
//!         context: Context<'a>,
//!         _plan: &'static KindPlan,
//!         document: &'a mut Value,
//!         _parent: Option<&'a Value>,
//!     ) -> BoxFuture<'a, Result<Verdict, Failure>> {
//!         Box::pin(async move {
//!             let url = document["QueueUrl"].clone();
//!             if let Some(tags) = context.ask("sqs", "ListQueueTags").with("QueueUrl", url).one("Tags").await? {
//!                 document["Tags"] = tags;
//!             }
//!             Ok(Verdict::Keep)
//!         })
//!     }
//! }
//! ```

pub(crate) mod account;
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
#[allow(unused_imports, reason = "not every build has a hook for each of them")]
pub(crate) mod prelude {
    pub(crate) use serde_json::{Map, Value, json};
    pub(crate) use tables::plan::{KindPlan, Lookup};

    pub(crate) use super::{Hook, Verdict};
    pub(crate) use crate::engine::bounded::{each, gather};
    pub(crate) use crate::engine::{Context, Draft};
    pub(crate) use crate::graph::{EdgeType, Graph, Home, NodeIndex, Target};
    pub(crate) use crate::regions::RegionIndex;
    pub(crate) use collector::BoxFuture;
    pub(crate) use collector::Failure;
}

use std::fmt;

use collector::{BoxFuture, Failure};
use serde_json::Value;
use tables::plan::KindPlan;

use crate::engine::{Context, Draft};

/// Whether an item becomes a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Keep,
    /// It does not.
    Drop,
}

/// Names of findings in `collect` and `no_collect`: they are no nodes, but part of others.
pub(crate) const FINDINGS: [&str; 3] = [findings::KINDS[0], findings::KINDS[1], ssm::COMPLIANCE];

/// What a kind table cannot say. Every stage has a default that does nothing.
pub trait Hook: Send + Sync {
    /// Its name in kind tables.
    fn name(&self) -> &'static str;

    /// The items of a kind whose table has no listing, in the region of `context`. A hook that makes its nodes
    /// itself ([`Context::make`]) returns none.
    fn collect<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The items of one page, which may be completed, split or dropped.
    fn listed<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        items: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async { Ok(items) })
    }

    /// The document of one item, with what its calls added. `parent` is the document of the parent.
    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        _document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async { Ok(Verdict::Keep) })
    }

    /// The node of one item, before it becomes part of the graph.
    fn finish<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        _node: &'a mut Draft,
        _document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async { Ok(Verdict::Keep) })
    }

    /// Calls for which no node has to be known; once, at the global region, at the same time as kinds are collected.
    /// What comes of them is kept in [`Context::shared`].
    fn ahead<'a>(&'a self, _context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// Calls about nodes, when all that kinds list are there; once, at the global region, at the same time as the
    /// other hooks.
    fn complete<'a>(&'a self, _context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// The whole account, when all nodes are there and complete; once, at the global region. The other hooks wait, so
    /// calls belong into the stages before. The edges of kind tables come later.
    fn connect<'a>(&'a self, _context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
}

/// The hooks of this build.
pub struct Hooks(Vec<Box<dyn Hook>>);

impl Hooks {
    /// All of them: one line each, by name.
    pub fn all() -> Self {
        Self(vec![
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

    /// These hooks, for tests.
    pub fn of_these(hooks: Vec<Box<dyn Hook>>) -> Self {
        Self(hooks)
    }

    /// The names of all hooks.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|hook| hook.name())
    }

    /// All hooks.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Hook> {
        self.0.iter().map(|hook| &**hook)
    }

    /// The hook that the table of a kind names; a test looks that there is one for each name.
    pub(crate) fn of(&self, plan: &KindPlan) -> Option<&dyn Hook> {
        let name = plan.hook.as_deref()?;
        self.iter().find(|hook| hook.name() == name)
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

//! What a kind table cannot say, in Rust.
//!
//! A kind table names a hook (`hook = "instance_types"`); the hook is a type in a file of its own in the cloud's
//! folder `hooks` that implements [`Hook`], and one line in the list of them. Several kinds may share a hook: each stage is told
//! the plan of the kind.
//!
//! | stage | when | for what |
//! |---|---|---|
//! | [`Hook::collect`] | once per place, for `source = hook` | items that no listing gives |
//! | [`Hook::listed`] | for each page of items, after batches | calls for many items at once, splitting items |
//! | [`Hook::prepare`] | for each item, after its calls, before the mapping | completing or dropping a document |
//! | [`Hook::finish`] | for each item, after the mapping | properties that need code, findings, another region |
//! | [`Hook::begin`] | once per account, while kinds are collected | the account itself |
//! | [`Hook::ahead`] | once per account, while kinds are collected | calls that no node has to be known for |
//! | [`Hook::complete`] | once per account, when all nodes of the kinds [`Hook::completes`] are there | calls about nodes |
//! | [`Hook::connect`] | once per account, after that, one hook after the other | edges, nodes and values that need other nodes; no calls |
//!
//! All stages get a [`Context`]: where they are, calls ([`Context::ask`]), the graph ([`Context::graph`]), more
//! nodes ([`Context::make`], [`Context::add`]), caches ([`Context::shared`]). Failed calls are accounted for by
//! the context and give no answer; a stage returns an error only with `?`, for what costs the whole account.
//!
//! ```ignore
//! //! Queues know their tags by address only.
//! use engine::hooks::prelude::*;
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

/// What hooks use.
pub mod prelude {
    pub use collector::{BoxFuture, Failure};
    pub use serde_json::{Map, Value, json};
    pub use tables::plan::{KindPlan, Lookup};

    pub use super::{Hook, Verdict};
    pub use crate::collect::bounded::{each, gather};
    pub use crate::collect::{Context, Draft};
    pub use crate::graph::{EdgeType, Graph, Home, NodeIndex, Target};
    pub use crate::regions::RegionIndex;
}

use std::fmt;

use collector::{BoxFuture, Failure};
use serde_json::Value;
use tables::plan::KindPlan;

use crate::collect::{Context, Draft};

/// Whether an item becomes a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Keep,
    /// It does not.
    Drop,
}

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

    /// What is asked about the account itself; once, at the global region, at the same time as kinds are collected.
    /// People see it as a part of that region.
    fn begin<'a>(&'a self, _context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// Calls for which no node has to be known; once, at the global region, at the same time as kinds are collected.
    /// What comes of them is kept in [`Context::shared`].
    fn ahead<'a>(&'a self, _context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// The kinds whose nodes [`Self::complete`] is about, none of them a child of another one; `None` for all there are.
    fn completes(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Calls about nodes, when all nodes of [`Self::completes`] are there and [`Self::begin`] is through; once, at the
    /// global region, at the same time as other hooks, and other kinds.
    fn complete<'a>(&'a self, _context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// The whole account, when all nodes are there and complete; once, at the global region. The other hooks wait, so
    /// calls belong into the stages before. The edges of kind tables come later.
    fn connect<'a>(&'a self, _context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
}

/// The hooks of a cloud.
pub struct Hooks(Vec<Box<dyn Hook>>);

impl Hooks {
    /// These hooks. They take part in this order.
    pub fn new(hooks: Vec<Box<dyn Hook>>) -> Self {
        Self(hooks)
    }

    /// With one more, in front of the others.
    #[must_use]
    pub fn led_by(mut self, hook: Box<dyn Hook>) -> Self {
        self.0.insert(0, hook);
        self
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

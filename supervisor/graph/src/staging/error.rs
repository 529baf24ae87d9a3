//! Why the graph of an attempt is refused.

use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use ipc_proto::graph::Node;
use thiserror::Error;

use crate::check::StructureError;
use crate::id::IdError;
use crate::kinds::RoleError;
use crate::label::NodeLabel;
use crate::line::LineError;
use crate::render::EdgeError;
use crate::spool::SpoolError;

/// Why the graph of an attempt is refused. The sentence does not name the account: the caller knows it.
#[derive(Debug, Error)]
pub enum StagingError {
    /// The child broke the protocol; another attempt may do better.
    #[error("the collector broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// The graph is complete, but fixcore would refuse it. Another attempt would end the same.
    #[error("the graph is not valid: {0}")]
    Structure(Box<StructureError<NodeLabel>>),
    /// Ids of another account: the child broke the protocol, or the cloud's data is not what it seems.
    #[error("the graph holds {count} nodes that belong to {owner}, for example {example}")]
    OwnedElsewhere {
        /// Who owns the first of them, with name and id.
        owner: String,
        /// How many there are.
        count: usize,
        /// One of them.
        example: NodeLabel,
    },
    /// Ids that another account has claimed as well.
    #[error(
        "the graph holds {count} nodes that {owner} claims as well, for example {example}; nothing tells whose they \
         are, so that neither graph is sent"
    )]
    Contested {
        /// Who claims the first of them, with name and id.
        owner: String,
        /// How many there are.
        count: usize,
        /// One of them.
        example: NodeLabel,
    },
    /// Too large.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// The disk.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// An attempt has sent more than allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the graph has more than {limit} {what}, the limit for one account")]
pub struct Limit {
    /// What there is too much of.
    pub what: &'static str,
    /// How much is allowed.
    pub limit: u64,
}

/// A child broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// A chunk is missing or came twice.
    #[error("chunk {got} came where chunk {expected} was due")]
    Sequence {
        /// The number that was due.
        expected: u32,
        /// The number that came.
        got: u32,
    },
    /// Something about one node.
    #[error("node {kind:?} {id:?} is refused: {reason}")]
    Node {
        /// Its kind, as the frame says.
        kind: String,
        /// Its id, as the frame says.
        id: String,
        /// Why.
        reason: Box<Violation>,
    },
    /// An id that is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The line of a node.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The role of a node.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// A second node where one is allowed.
    #[error("it is a second {0} node; the graph of an account has exactly one")]
    Second(&'static str),
    /// The root, the cloud or the account is not the one of the job.
    #[error("its {key} is {got:?}, but has to be {expected:?}")]
    Place {
        /// Which key.
        key: &'static str,
        /// What it has to be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A mark on a node that is no resource.
    #[error("it carries {0}, which only resources below the account may have")]
    MarkAbove(&'static str),
    /// An organization whose id the rule does not explain.
    #[error("its id is not the one that an organization of this cloud has")]
    ForeignOrganization,
    /// The id of the cloud has characters that no cloud has.
    #[error("the cloud {0:?} has a character that no cloud has in its id")]
    Cloud(String),
    /// A node of the hierarchy with an id that was used before.
    #[error("its id was used before")]
    DuplicateId,
    /// An edge.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// Done does not fit to what came.
    #[error("it announced {announced} {what} at the end, but {received} came")]
    Totals {
        /// What was counted.
        what: &'static str,
        /// What Done says.
        announced: u64,
        /// What was staged.
        received: u64,
    },
}

impl Violation {
    /// Says which node it is about.
    pub(super) fn about(self, node: &Node<'_>) -> Self {
        let cut = |text: &str| text.chars().take(128).collect();
        Self::Node { kind: cut(node.kind), id: cut(node.id), reason: Box::new(self) }
    }
}

impl From<StructureError<NodeLabel>> for StagingError {
    fn from(error: StructureError<NodeLabel>) -> Self {
        Self::Structure(Box::new(error))
    }
}

impl StagingError {
    /// Whether another attempt makes sense.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Violation(_) | Self::Spool(_) => Retry::Later,
            Self::Structure(_) | Self::OwnedElsewhere { .. } | Self::Contested { .. } | Self::Limit(_) => {
                Retry::Never
            }
        }
    }

    /// The trouble as children report theirs.
    pub fn to_fault(&self) -> Fault {
        let (kind, source) = match self {
            Self::Violation(_)
            | Self::Structure(_)
            | Self::OwnedElsewhere { .. }
            | Self::Contested { .. } => (FaultKind::Internal, FaultSource::Collector),
            Self::Limit(_) => (FaultKind::Limit, FaultSource::Collector),
            Self::Spool(_) => (FaultKind::Limit, FaultSource::Host),
        };
        Fault {
            scope: FaultScope::default(),
            kind,
            source,
            retry: self.retry(),
            level: Level::Error,
            message: self.to_string(),
            hint: None,
            count: 1,
        }
    }
}

//! What users read in fixcore's shell when a task does not work. Fixcore puts `Error executing task: ` in front.

use thiserror::Error;

/// Why the worker gives a task up that is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// The queue is full.
    #[error("the worker has too many tasks to do; nothing was changed, try again later")]
    TooMany,
    /// It waited until too little time was left.
    #[error(
        "the worker was busy with other tasks and did not come to this one; nothing was changed, try again later"
    )]
    NoTurn,
    /// It ran until no time was left.
    #[error(
        "it took too long and was stopped; whether it took effect is not known: look at the resource in its cloud, or collect again"
    )]
    TooSlow,
    /// The worker takes no tasks any more.
    #[error("the worker is shutting down; nothing was changed, try again when it is back")]
    ShuttingDown,
    /// The worker could not wait for it any longer.
    #[error(
        "the worker had to shut down before it was done; whether it took effect is not known: look at the resource in its cloud, or collect again"
    )]
    GivenUp,
}

impl Refusal {
    /// A stable name for metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TooMany | Self::NoTurn => "busy",
            Self::TooSlow => "too_slow",
            Self::ShuttingDown | Self::GivenUp => "shutdown",
        }
    }
}

/// What is wrong with a task.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum TaskError {
    /// No collector of this worker takes it.
    #[error(
        "this worker has no collector for it: {name}{cloud} is not among its tasks ({ours}); see fixworker.collector in its configuration"
    )]
    NoHandler {
        /// Name of the task.
        name: String,
        /// ` of cloud x`, if the task names one.
        cloud: String,
        /// What there is.
        ours: String,
    },
    /// The data has another form than fixcore's own commands give it.
    #[error("the task makes no sense: {0}")]
    Malformed(String),
    /// The resource is protected.
    #[error("{0} is protected: its tags are not changed")]
    Protected(String),
    /// A command of one cloud on a resource of another.
    #[error("{what} is a resource of cloud {cloud}, and the command {command} is for cloud {wanted}")]
    OtherCloud {
        /// The resource.
        what: String,
        /// Its cloud.
        cloud: String,
        /// Name of the command.
        command: String,
        /// The cloud of the command.
        wanted: String,
    },
    /// The resource does not fit into a message to the child.
    #[error("{what} has {size} bytes, and a task takes at most {most}")]
    TooLarge {
        /// The resource, or the command.
        what: String,
        /// Its size.
        size: usize,
        /// The limit.
        most: usize,
    },
    /// The settings of the collector cannot be used.
    #[error("collector {collector}: {problem}")]
    Settings {
        /// The collector.
        collector: String,
        /// What is wrong.
        problem: String,
    },
}

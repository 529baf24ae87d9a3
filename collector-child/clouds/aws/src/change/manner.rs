//! How AWS is changed.

use collector::{BoxFuture, Failure};
use engine::change::{Access, ChangeHooks, Job, Manner, Memory, Resource, Sayings, Stop, Tagging, Who};

use super::hooks::{Before, Tags};

/// How AWS is changed.
pub(super) static MANNER: Manner = Manner {
    hooks: &AwsHooks,
    sayings: Sayings {
        held: &["ConflictException", "DeleteConflict", "DependencyViolation", "ResourceConflictException"],
        in_use: &["InUse", "InUseException", "InUseFault"],
        passing: &[
            "ConcurrentModification",
            "ConcurrentModificationException",
            "IncorrectState",
            "InternalError",
            "OperationAborted",
            "OperationAbortedException",
            "OperationInProgressException",
            "PriorRequestNotComplete",
            "SlowDown",
            "UpdateInProgressException",
        ],
    },
};

struct AwsHooks;

impl ChangeHooks for AwsHooks {
    fn before<'a>(
        &'a self,
        name: &'a str,
        job: Job<'a>,
        resource: &'a Resource,
        known: (&'a Memory, &'a Who),
    ) -> BoxFuture<'a, Result<usize, Stop>> {
        Box::pin(async move { Before::of(name)?.run(job, resource, known).await })
    }

    fn tags<'a>(
        &'a self,
        name: &'a str,
        access: &'a Access<'a>,
        tagging: &'a Tagging<'a>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { Tags::of(name)?.run(access, tagging).await })
    }
}

//! What tables cannot say.

mod bucket;
mod capacity;
mod groups;
mod notebook;
mod scaling;
mod stacks;
mod zone;

use std::time::Duration;

use aws_client::CallError;
use collector::{Failure, fault};
use engine::change::{Access, Job, Memory, Resource, Stop, Tagging, Who};
use ipc_proto::fault::FaultKind;

/// The first pause before a look at whether something has changed its state; it grows.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST_LOOK: Duration = Duration::from_secs(15);

/// What has to be done before a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Takes a capacity provider away from the services and clusters that use it.
    DetachCapacityProvider,
    /// Deletes the objects of a bucket, with all versions, and its unfinished uploads.
    EmptyBucket,
    /// Deletes the records of a zone.
    EmptyZone,
    /// Stops a notebook and waits until it is.
    StopNotebook,
    /// Takes away the rules by which security groups keep each other.
    UntangleGroups,
}

/// How tags are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tags {
    /// Those of an auto scaling group, with whether instances get them.
    ScalingGroup,
    /// Those of a bucket, all at once.
    Bucket,
    /// Those of a CloudFormation stack, by an update that changes nothing else.
    Stack,
    /// Those of a stack set.
    StackSet,
}

impl Before {
    /// By the name in tables.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "detach_capacity_provider" => Some(Self::DetachCapacityProvider),
            "empty_bucket" => Some(Self::EmptyBucket),
            "empty_zone" => Some(Self::EmptyZone),
            "stop_notebook" => Some(Self::StopNotebook),
            "untangle_groups" => Some(Self::UntangleGroups),
            _ => None,
        }
    }

    /// The same; a table with a wrong one is a mistake of this build.
    pub(super) fn of(name: &str) -> Result<Self, Failure> {
        Self::named(name).ok_or_else(|| wrong(name))
    }

    /// Does it, and says how many calls that took (or would take).
    pub(super) async fn run(
        self,
        job: Job<'_>,
        resource: &Resource,
        known: (&Memory, &Who),
    ) -> Result<usize, Stop> {
        match self {
            Self::DetachCapacityProvider => capacity::detach(job, resource).await,
            Self::EmptyBucket => s3::empty(job, "s3", &resource.document()["name"]).await,
            Self::EmptyZone => zone::empty(job, resource).await,
            Self::StopNotebook => notebook::stop(job, resource).await,
            Self::UntangleGroups => groups::untangle(job, resource, known).await,
        }
    }
}

impl Tags {
    /// By the name in tables.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "bucket_tags" => Some(Self::Bucket),
            "scaling_group_tags" => Some(Self::ScalingGroup),
            "stack_tags" => Some(Self::Stack),
            "stack_set_tags" => Some(Self::StackSet),
            _ => None,
        }
    }

    /// The same; a table with a wrong one is a mistake of this build.
    pub(super) fn of(name: &str) -> Result<Self, Failure> {
        Self::named(name).ok_or_else(|| wrong(name))
    }

    /// Changes tags.
    pub(super) async fn run(self, access: &Access<'_>, tagging: &Tagging<'_>) -> Result<(), Failure> {
        match self {
            Self::Bucket => bucket::tags(access, tagging).await,
            Self::ScalingGroup => scaling::tags(access, tagging).await,
            Self::Stack => stacks::stack(access, tagging).await,
            Self::StackSet => stacks::stack_set(access, tagging).await,
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn told(error: CallError) -> Failure {
    error.to_fault().into()
}

fn wrong(name: &str) -> Failure {
    fault(FaultKind::Internal, format!("a kind table names the hook {name}, which does not exist")).into()
}

/// Waits before another look, and gives the pause after that. False: there is no time for another look.
async fn pause(access: &Access<'_>, pause: &mut Duration) -> bool {
    if access.remaining().is_some_and(|remaining| remaining <= *pause) {
        return false;
    }
    tokio::time::sleep(*pause).await;
    access.progress();
    *pause = (*pause * 2).min(LONGEST_LOOK);
    true
}

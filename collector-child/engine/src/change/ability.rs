//! What can be changed at all.

use collector::changes::{Ability, Change};
use inventory::KindTable;

use crate::plans::Plans;

/// Whether resources of a kind can be changed, as their table says. No I/O.
///
/// Some quotas have tags although they are phantoms; nothing that is a phantom can be deleted.
pub fn ability(kinds: &KindTable, plans: &Plans, change: Change, kind: &str) -> Ability {
    if !kinds.contains(kind) {
        return Ability::Unknown;
    }
    let plan = plans.get(kind);
    let tags = plan.is_some_and(|plan| plan.tag.is_some());
    let goes = plan.is_some_and(|plan| plan.delete.is_some());
    let phantom = kinds.is_a(kind, "phantom_resource");
    match change {
        Change::Tag if tags => Ability::Yes,
        Change::Clean if goes && !phantom => Ability::Yes,
        Change::Tag | Change::Clean if phantom => Ability::Phantom,
        Change::Tag | Change::Clean => Ability::No,
    }
}

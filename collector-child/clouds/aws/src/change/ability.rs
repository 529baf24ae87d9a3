//! What can be changed at all.

use collector::changes::{Ability, Change};

#[cfg(test)]
use super::hooks;
use crate::built_in;

/// Whether resources of a kind can be changed, as their table says. No I/O.
pub(crate) fn ability(change: Change, kind: &str) -> Ability {
    let (Ok(kinds), Ok(plans)) = (built_in::kinds(), built_in::plans()) else { return Ability::Unknown };
    engine::change::ability(kinds, plans, change, kind)
}

/// The hooks that tables name and nobody has written, as `kind: hook`.
#[cfg(test)]
pub(super) fn unknown_hooks() -> Vec<String> {
    let plans = built_in::plans().unwrap();
    let named = plans.all().flat_map(|plan| {
        let tag = plan.tag.iter().filter_map(|tag| tag.hook.as_deref());
        let tag = tag.filter(|name| hooks::Tags::named(name).is_none());
        let delete = plan.delete.iter().filter_map(|delete| delete.hook.as_deref());
        let delete = delete.filter(|name| hooks::Before::named(name).is_none());
        tag.chain(delete).map(|name| format!("{}: {name}", plan.kind)).collect::<Vec<_>>()
    });
    named.collect()
}

//! The regions of an account.

use engine::{Region, Regions};
use tables::plan::Place;

use crate::partition::global_region;

/// These regions, behind the one for what belongs to no region.
pub(crate) fn regions(account: &str, partition: &str, ids: &[String]) -> Regions {
    let region = |id: &str, name: &str| Region {
        id: id.to_owned(),
        name: name.to_owned(),
        place: Place::new(account, id, name, partition),
    };
    Regions::new(region(global_region(partition), "global"), ids.iter().map(|id| region(id, id)))
}

//! The top of the graph: what is known about an account and its regions before anything is asked about resources.

use engine::{Regions, TopNode};
use serde_json::Value;

use crate::accounts::Scope;
use crate::facts::{LAUNCH_DAY, region_facts};

/// The account.
pub(crate) fn account(id: &str, name: &str, scope: &Scope) -> TopNode {
    let properties = vec![
        ("name", Value::from(name)),
        ("role", Value::from(scope.role.clone())),
        ("profile", Value::from(scope.profile.clone())),
        ("partition", Value::from(scope.partition.as_str())),
    ];
    TopNode { id: id.to_owned(), properties, key: Vec::new() }
}

/// Its regions.
pub(crate) fn regions(regions: &Regions) -> Vec<TopNode> {
    let node = |region: &engine::Region| {
        let mut properties =
            vec![("name", Value::from(region.name.as_str())), ("ctime", Value::from(LAUNCH_DAY))];
        if let Some(known) = region_facts(&region.id) {
            properties.push(("long_name", known.long_name.into()));
            properties.push(("latitude", known.latitude.into()));
            properties.push(("longitude", known.longitude.into()));
        }
        TopNode { id: region.id.clone(), properties, key: Vec::new() }
    };
    regions.all().map(|(_, region)| node(region)).collect()
}

//! The members of a group of instances: nothing else tells which they are.

use engine::hooks::prelude::*;

use super::part;

pub(super) struct InstanceGroups;

impl Hook for InstanceGroups {
    fn name(&self) -> &'static str {
        "instance_groups"
    }

    fn prepare<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            let link = document["selfLink"].as_str().unwrap_or_default().to_owned();
            let Some((operation, place)) = place(&link) else { return Ok(Verdict::Keep) };
            let ask = context.ask("compute", operation);
            let ask = ask.with("project", context.account().id.as_str()).with(place.0, place.1);
            let ask = ask.with("instanceGroup", document["name"].clone());
            let members = ask.of_item().all("items").await?;
            document["members"] = members.into_iter().map(|mut member| member["instance"].take()).collect();
            Ok(Verdict::Keep)
        })
    }
}

/// The operation for a group at this link, and the argument that says where it is.
fn place(link: &str) -> Option<(&'static str, (&'static str, &str))> {
    match (part(link, "zones"), part(link, "regions")) {
        (Some(zone), _) => Some(("instanceGroups.listInstances", ("zone", zone))),
        (None, Some(region)) => Some(("regionInstanceGroups.listInstances", ("region", region))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn groups_in_regions_have_an_operation_of_their_own() {
        let zonal = "https://host/projects/p/zones/a-b/instanceGroups/g";
        assert_eq!(place(zonal), Some(("instanceGroups.listInstances", ("zone", "a-b"))));
        let regional = "https://host/projects/p/regions/a/instanceGroups/g";
        assert_eq!(place(regional), Some(("regionInstanceGroups.listInstances", ("region", "a"))));
        assert_eq!(place("nowhere"), None);
    }
}

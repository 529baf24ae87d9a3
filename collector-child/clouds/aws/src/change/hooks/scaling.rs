//! Tags of auto scaling groups have an attribute besides their value: whether instances get them. A change of the value
//! keeps it.

use collector::Failure;
use engine::change::{Access, TagChange, Tagging, no_such_tag, words};
use serde_json::{Map, Value, json};

use super::told;

const SERVICE: &str = "autoscaling";

/// Changes tags one by one.
pub(super) async fn tags(access: &Access<'_>, tagging: &Tagging<'_>) -> Result<(), Failure> {
    let group = &tagging.resource.document()["name"];
    for change in tagging.changes() {
        let (TagChange::Remove(key) | TagChange::Set(key, _)) = change;
        let known = known(access, group, key).await?;
        let mut tag = json!({"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": key});
        let operation = match (change, known) {
            (TagChange::Remove(_), None) => return Err(no_such_tag(key)),
            (TagChange::Remove(_), Some(_)) => "DeleteTags",
            (TagChange::Set(_, value), known) => {
                tag["Value"] = value.into();
                tag["PropagateAtLaunch"] = known.unwrap_or(false).into();
                "CreateOrUpdateTags"
            }
        };
        let params = Map::from_iter([("Tags".to_owned(), json!([tag]))]);
        let words = words::call(SERVICE, operation, &params);
        access.call(SERVICE, operation, params).await.map_err(told)?;
        tracing::info!("called {words}");
    }
    Ok(())
}

/// Whether instances get the tag; `None` if the group has none of that name.
async fn known(access: &Access<'_>, group: &Value, key: &str) -> Result<Option<bool>, Failure> {
    let filters =
        json!([{"Name": "auto-scaling-group", "Values": [group]}, {"Name": "key", "Values": [key]}]);
    let mut pages = access.pages(SERVICE, "DescribeTags", Map::from_iter([("Filters".to_owned(), filters)]));
    while let Some(page) = pages.next().await {
        access.progress();
        let page = page.map_err(told)?;
        let tags = page["Tags"].as_array().into_iter().flatten();
        if let Some(tag) = tags.into_iter().find(|tag| tag["Key"] == key && tag["ResourceId"] == *group) {
            return Ok(Some(tag["PropagateAtLaunch"].as_bool().unwrap_or(false)));
        }
    }
    Ok(None)
}

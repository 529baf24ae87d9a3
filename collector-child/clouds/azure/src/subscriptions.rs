//! The subscriptions that credentials may see.

use http_client::{CallError, Class};
use rest_client::{Asked, Rest};
use serde_json::{Map, Value, json};
use tables::plan::Place;

/// The version of the API of subscriptions.
const VERSION: &str = "2022-12-01";

/// All subscriptions that `client` may see.
///
/// # Errors
///
/// They cannot be listed, all of them: one that is missing would look deleted.
pub(crate) async fn subscriptions(client: &Rest) -> Result<Vec<Value>, CallError> {
    let place = Place::new("", "", "", "");
    let asked =
        Asked { service: "arm", operation: "GET /subscriptions", paging: None, list: None, place: &place };
    let mut pages = client.pages(asked, params(json!({"query": {"api-version": VERSION}})));
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let mut page = page?;
        if let Value::Array(items) = page["value"].take() {
            found.extend(items.into_iter().filter(|item| id(item).is_some()));
        }
    }
    Ok(found)
}

/// The subscription of this id, if the credentials may see it: asked before anything is done in it.
///
/// # Errors
///
/// The question has no answer: no credentials, no way to the service.
pub(crate) async fn subscription(client: &Rest, id: &str) -> Result<Option<Value>, CallError> {
    let place = Place::new("", "", "", "");
    let params = params(json!({"path": {"id": id}, "query": {"api-version": VERSION}}));
    match client.ask(("arm", "GET /subscriptions/{id}"), &params, &place, "subscriptionId").await {
        Ok(answer) => {
            Ok(self::id(&answer).is_some_and(|told| told.eq_ignore_ascii_case(id)).then_some(answer))
        }
        Err(error)
            if matches!(error.class, Class::AccessDenied { .. }) || matches!(error.status, Some(404)) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The id of a subscription.
pub(crate) fn id(told: &Value) -> Option<&str> {
    told["subscriptionId"].as_str().filter(|id| !id.is_empty())
}

/// What people call it.
pub(crate) fn name(told: &Value) -> Option<&str> {
    told["displayName"].as_str().filter(|name| !name.is_empty())
}

fn params(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

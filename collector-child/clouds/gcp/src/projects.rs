//! The projects that credentials may see.

use http_client::{CallError, Class};
use rest_client::{Asked, Rest};
use serde_json::{Map, Value, json};
use tables::plan::{NextPage, Paging, ParamPlace, Place};

/// The service that knows projects, as `cloud.toml` calls it.
const SERVICE: &str = "cloudresourcemanager";

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id, which is never given to another one: `my-project-1`.
    pub id: String,
    /// Its name, which people choose.
    pub name: String,
}

/// All active projects that `client` may see, without those that Google makes for scripts (`sys-...`).
///
/// # Errors
///
/// They cannot be listed, all of them: one that is missing would look deleted.
pub async fn projects(client: &Rest) -> Result<Vec<Project>, CallError> {
    let place = nowhere();
    let paging = tokens();
    let asked = Asked {
        service: SERVICE,
        operation: "GET /v1/projects",
        paging: Some(&paging),
        list: None,
        place: &place,
    };
    let mut pages = client.pages(asked, Map::new());
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page?;
        found.extend(page["projects"].as_array().into_iter().flatten().filter_map(project));
    }
    Ok(found)
}

/// The project of this id, if the credentials may see it: asked before anything is changed in it.
///
/// # Errors
///
/// The question has no answer: no credentials, no way to the service.
pub async fn project_of(client: &Rest, id: &str) -> Result<Option<Project>, CallError> {
    let place = nowhere();
    let asked = Asked {
        service: SERVICE,
        operation: "GET /v1/projects/{id}",
        paging: None,
        list: None,
        place: &place,
    };
    let params = json!({"path": {"id": id}});
    let params = params.as_object().cloned().unwrap_or_default();
    match client.call(asked, &params).await {
        Ok(answer) => Ok(project(&answer).filter(|project| project.id == id)),
        // Whoever may not see a project is told the same as of one that is not there.
        Err(error) if matches!(error.class, Class::AccessDenied { .. }) || error.status == Some(404) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn project(told: &Value) -> Option<Project> {
    let text = |name: &str| told[name].as_str().filter(|text| !text.is_empty());
    let id = text("projectId").filter(|id| !id.starts_with("sys-"))?;
    // One that waits for its deletion answers nothing.
    let active = text("lifecycleState").is_none_or(|state| state == "ACTIVE");
    active.then(|| Project { id: id.to_owned(), name: text("name").unwrap_or(id).to_owned() })
}

/// Projects are in no place.
fn nowhere() -> Place {
    Place::new("", "", "", "")
}

fn tokens() -> Paging {
    let next = "nextPageToken".parse().map(|path| NextPage::Token {
        param: "pageToken".to_owned(),
        path,
        into: ParamPlace::Query,
    });
    Paging { next: next.unwrap_or_default(), size: None }
}

//! Which projects the names of the settings mean.

use collector::{Failure, FaultExt, Sink, config_fault, fault};
use ipc_proto::fault::{FaultKind, Retry};
use rest_client::{Asked, Rest};
use serde_json::{Map, Value};
use tables::plan::{CloudPlan, Place};

/// Lists the projects of a key.
pub(crate) const PROJECTS: (&str, &str) = ("posthog", "GET /api/projects");

/// A project of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// Its name.
    pub(crate) name: String,
    /// Its UUID.
    pub(crate) uuid: String,
    /// Its number, by which the API goes.
    pub(crate) number: u64,
}

impl Project {
    fn of(told: &Value) -> Option<Self> {
        let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let number = told.get("id").and_then(Value::as_u64)?;
        Some(Self { name: text("name")?.to_owned(), uuid: text("uuid")?.to_owned(), number })
    }
}

/// The projects with these names: of several with the same name the first, as in the Python worker. A name that none has is
/// told, and costs the others nothing.
pub(crate) async fn find(
    rest: &Rest,
    cloud: &'static CloudPlan,
    names: &[&str],
    sink: &dyn Sink,
) -> Result<Vec<Project>, Failure> {
    let place = Place::new("", "", "", "");
    let paging = cloud.service(PROJECTS.0).map(|service| &service.paging);
    let asked = Asked { service: PROJECTS.0, operation: PROJECTS.1, paging, list: None, place: &place };
    let mut pages = rest.pages(asked, Map::new());
    let mut found: Vec<Option<Project>> = vec![None; names.len()];
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| error.to_fault())?;
        let Some(listed) = page.get("results").and_then(Value::as_array) else {
            let told = fault(FaultKind::InvalidAnswer, "the answer has no list of projects");
            return Err(told.with_retry(Retry::Later).into());
        };
        for project in listed.iter().filter_map(Project::of) {
            let place = names.iter().position(|name| *name == project.name);
            if let Some(slot) = place.and_then(|at| found.get_mut(at)).filter(|slot| slot.is_none()) {
                *slot = Some(project);
            }
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    for (name, _) in names.iter().zip(&found).filter(|(_, found)| found.is_none()) {
        let message = format!("PostHog shows the key no project {name}");
        let hint = "correct the name in posthog.projects, or give the key access to the project";
        sink.fault(config_fault(message, hint));
    }
    Ok(found.into_iter().flatten().collect())
}

//! The pull requests of the repositories, as many and as old as the settings say.

use std::time::Duration;

use collector::fault;
use engine::hooks::prelude::*;
use http_client::{Class, tape};
use ipc_proto::fault::FaultKind;
use jiff::Timestamp;

use crate::apart::{keep_apart, once};
use crate::cloud::{SERVICE, of_settings};
use crate::config::Pulls;
use crate::repositories::Known;

/// Repositories whose pull requests are listed at once.
const AT_ONCE: usize = 4;

pub(crate) struct PullRequests;

impl Hook for PullRequests {
    fn name(&self) -> &'static str {
        "pull_requests"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let known = context.shared::<Known>();
            let wanted = &of_settings(context)?.pulls;
            let repositories = known.all(context).await?.iter();
            let repositories = repositories.filter_map(|one| one["full_name"].as_str()).collect();
            let found = gather(AT_ONCE, repositories, |name| Box::pin(listed(context, name, wanted))).await?;
            let mut found: Vec<Value> = found.into_iter().flatten().collect();
            once(&mut found);
            // Numbers of others are asked for nowhere else, so all are here before the first node is made.
            keep_apart(
                &mut found,
                |one| Some(one["number"].as_u64()?.to_string()),
                |one| one["repository"].clone(),
            );
            Ok(found)
        })
    }
}

/// Those of one repository. Without an allowance those of the others would look as if they were gone, so that is the end.
async fn listed(context: Context<'_>, repository: &str, wanted: &Pulls) -> Result<Vec<Value>, Failure> {
    let Pulls { state, sort, direction, limit, age: _ } = wanted;
    let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut found = Vec::new();
    if limit == 0 {
        return Ok(found);
    }
    let ask = context.ask(SERVICE, "GET /repos/{+repository}/pulls");
    let ask = ask.with("path", json!({"+repository": repository}));
    let ask = ask.with("query", json!({"state": state, "sort": sort, "direction": direction}));
    let now = Timestamp::try_from(tape::now()).unwrap_or_default();
    let mut pages = ask.pages();
    while let Some(page) = pages.next().await? {
        let Value::Array(page) = page else {
            let told =
                format!("the pull requests of {repository} are not all there: an answer has no list of them");
            context.report(fault(FaultKind::InvalidAnswer, told));
            return Ok(found);
        };
        for mut pull in page {
            if is_too_old(wanted, &pull, now) {
                if wanted.ends_with_old_ones() {
                    return Ok(found);
                }
                continue;
            }
            if pull.is_object() {
                pull["repository"] = repository.into();
            }
            found.push(pull);
            if found.len() >= limit {
                return Ok(found);
            }
        }
    }
    match pages.refused() {
        Some(error) if error.class == Class::Throttled => Err(error.to_fault().into()),
        _ => Ok(found),
    }
}

impl Pulls {
    /// Whether everything behind one that is too old is too old as well.
    fn ends_with_old_ones(&self) -> bool {
        self.direction == "desc" && matches!(self.sort.as_str(), "created" | "updated")
    }
}

fn is_too_old(wanted: &Pulls, pull: &Value, now: Timestamp) -> bool {
    let Some(age) = wanted.age else { return false };
    let member = if wanted.sort == "updated" { "updated_at" } else { "created_at" };
    let time = pull[member].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    time.is_some_and(|time| Duration::try_from(now.duration_since(time)).is_ok_and(|passed| passed > age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_of_what_is_sorted_by() {
        let now: Timestamp = "2024-06-10T00:00:00Z".parse().unwrap();
        let wanted = |sort: &str| Pulls {
            state: "all".to_owned(),
            sort: sort.to_owned(),
            direction: "desc".to_owned(),
            limit: None,
            age: Some(Duration::from_hours(7 * 24)),
        };
        let pull = json!({"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-06-09T00:00:00Z"});
        assert!(is_too_old(&wanted("created"), &pull, now));
        assert!(!is_too_old(&wanted("updated"), &pull, now));
        assert!(!is_too_old(&wanted("created"), &json!({}), now), "a time that is not told is no age");
        assert!(wanted("updated").ends_with_old_ones() && !wanted("popularity").ends_with_old_ones());
    }
}

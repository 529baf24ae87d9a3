//! What children are asked to do: jobs made of settings. Only here a collector's section leaves the settings.

use std::time::Duration;

use fixworker_fleet::{AccountName, Subject, Task};
use fixworker_graph::timings::Timings;
use fixworker_settings::{Environment, Running};
use ipc_proto::job::{AccountsJob, CollectJob, Described, Job, Variable};
use ipc_proto::secret::Secret;

use super::listing::Target;
use super::pipeline::key_of;
use super::{RunPlan, Tools};
use crate::describe::rules;

/// A listing takes no longer, however long accounts may take: all collectors wait for the slowest one.
const LISTING_TIMEOUT: Duration = Duration::from_mins(10);

/// Lists the accounts of a collector; or what is wrong with its settings.
pub(super) fn accounts(tools: &Tools, plan: &RunPlan, collector: &str) -> Result<Task, String> {
    let described = tools.describe(collector).ok_or_else(|| "this worker does not have it".to_owned())?;
    let config = Secret::new(config_of(&plan.settings, described)?);
    Ok(Task {
        subject: Subject { collector: Some(collector.to_owned()), account: None },
        job: Job::Accounts(AccountsJob { collector: collector.to_owned(), config }),
        environment: variables(described, &tools.environment),
        deadline: Some(plan.settings.account_timeout().min(LISTING_TIMEOUT)),
        last_duration: None,
    })
}

/// Collects an account. An error means that settings which have listed accounts are gone, a fault of ours.
pub(super) fn collect(
    tools: &Tools,
    plan: &RunPlan,
    target: &Target,
    timings: &Timings,
) -> Result<Task, String> {
    let name = &target.name;
    let described = tools.describe(&name.collector);
    let described = described.ok_or_else(|| format!("collector {} is not there any more", name.collector))?;
    let config = Secret::new(config_of(&plan.settings, described)?);
    let account = AccountName { id: name.id.clone(), name: name.name.clone() };
    Ok(Task {
        subject: Subject { collector: Some(described.collector.clone()), account: Some(account) },
        job: Job::Collect(Box::new(CollectJob {
            collector: described.collector.clone(),
            config,
            account: target.account.clone(),
            max_resources: plan.settings.worker().max_resources_per_account.map(Into::into),
            last_run_started_ago: plan.last_run_started_ago,
        })),
        environment: variables(described, &tools.environment),
        deadline: Some(plan.settings.account_timeout()),
        last_duration: timings.last(&key_of(name)),
    })
}

/// The section for a collector as JSON, or what is wrong with it.
pub(crate) fn config_of(settings: &Running, described: &Described) -> Result<String, String> {
    let Some(section) = &described.section else { return Ok("{}".to_owned()) };
    if let Some(values) = settings.section(&section.name) {
        return serde_json::to_string(values).map_err(|error| error.to_string());
    }
    let problems: Vec<_> = settings.problems_of(&section.name).map(ToString::to_string).collect();
    Err(format!("its settings cannot be used: {}", problems.join("; ")))
}

/// The variables of our environment that a collector has declared; never our own.
pub(crate) fn variables(described: &Described, environment: &Environment) -> Vec<Variable> {
    let names = environment.names().filter(|name| rules::sees(described, name));
    names
        .filter_map(|name| {
            let value = Secret::new(environment.get(name)?.to_owned());
            Some(Variable { name: name.to_owned(), value })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use fixworker_settings::{Facts, Inputs, Overrides, Sections};
    use ipc_proto::job::Section;

    use super::*;

    fn described(section: Option<Section>) -> Described {
        Described {
            collector: "aws".into(),
            cloud: None,
            account_noun: String::new(),
            kinds_json: String::new(),
            section,
            pool_setting: None,
            tasks_json: String::new(),
            environment: vec!["AWS_*".into(), "HOME".into()],
            paths: Vec::new(),
            auto_enable: Vec::new(),
            account_kinds: Vec::new(),
        }
    }

    fn config(document: &serde_json::Value) -> Result<String, String> {
        let kinds = r#"[{"fqn":"aws","bases":[],"properties":[{"name":"size","kind":"int64","required":true}],
            "allow_unknown_props":false}]"#;
        let section =
            Section { name: "aws".into(), kinds_json: kinds.into(), defaults_json: r#"{"size":1}"#.into() };
        let described = described(Some(section));
        let facts = Facts { cpus: 2, auto_collectors: Vec::new() };
        let (sections, errors) = Sections::new(&facts, std::slice::from_ref(&described));
        assert!(errors.is_empty(), "{errors:?}");
        let inputs = Inputs {
            sections: &sections,
            document: document.as_object().unwrap(),
            overrides: &Overrides::default(),
            environment: &Environment::default(),
        };
        config_of(&Running::load(inputs, None), &described)
    }

    #[test]
    fn a_child_gets_its_own_section_with_defaults_or_nothing_at_all() {
        assert_eq!(config(&serde_json::json!({"gcp": {"secret": 1}})).unwrap(), r#"{"size":1}"#);
        assert_eq!(config(&serde_json::json!({"aws": {"size": 7}})).unwrap(), r#"{"size":7}"#);
        let problem = config(&serde_json::json!({"aws": {"size": "many"}})).unwrap_err();
        assert!(problem.contains("aws.size"), "{problem}");
    }

    #[test]
    fn collectors_see_only_variables_that_they_declared() {
        let all = ["AWS_PROFILE", "AWSX", "HOME", "HOMEX", "FIXWORKER_PSK"].map(|name| (name, "x"));
        let variables = variables(&described(None), &all.into_iter().collect());
        let names: Vec<_> = variables.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["AWS_PROFILE", "HOME"]);
    }
}

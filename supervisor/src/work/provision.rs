//! What children are given: the settings and variables that they may see, and where their credentials come from. Only here
//! a collector's section leaves the settings.

use std::sync::Arc;

use fixworker_fleet::Keys;
use fixworker_settings::{Environment, Running};
use ipc_proto::job::{Described, Job, Variable};
use ipc_proto::seal::AccountJob;
use ipc_proto::secret::Secret;
use ipc_proto::variables;

use super::Tools;
use crate::broker::Broker;
use crate::describe::rules;

/// What a child is given to do a job for one account.
#[derive(Debug)]
pub(crate) struct Provision {
    /// The job, with the config section that it may see.
    pub(crate) job: Job,
    /// The variables that it may see.
    pub(crate) environment: Vec<Variable>,
    /// Where the credentials of the account come from; `None` if section and variables have all that there are.
    pub(crate) keys: Option<Arc<dyn Keys>>,
}

/// Everything for a job in a process of its own: where the collector makes credentials of single accounts, these and
/// nothing secret beside. `job` has the whole config section.
pub(crate) fn provide(tools: &Tools, described: &Described, job: AccountJob) -> Result<Provision, String> {
    let environment = variables(described, &tools.environment);
    let Some((brokering, broker)) =
        tools.brokers.brokering(&described.collector).zip(broker(tools, described))
    else {
        return Ok(Provision { job: job.into(), environment, keys: None });
    };
    let open = open_config(job.config().expose(), &brokering.secrets)?;
    Ok(Provision {
        environment: environment
            .into_iter()
            .filter(|one| variables::names(&brokering.environment, &one.name))
            .collect(),
        job: job.clone().with_config(Secret::new(open)).into(),
        keys: Some(broker.keys(job)),
    })
}

/// Whoever makes credentials for accounts of the collector. It lives as long as this is held.
pub(crate) fn broker(tools: &Tools, described: &Described) -> Option<Arc<Broker>> {
    tools.brokers.broker(&described.collector, || variables(described, &tools.environment))
}

/// The config section without what is secret in it.
fn open_config(config: &str, secrets: &[String]) -> Result<String, String> {
    let mut section: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(config).map_err(|error| error.to_string())?;
    section.retain(|name, _| !secrets.contains(name));
    serde_json::to_string(&section).map_err(|error| error.to_string())
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
            clouds: Vec::new(),
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
    fn what_is_secret_in_a_section_is_left_out() {
        let open =
            open_config(r#"{"a": 1, "key": "hunter2", "b": {"key": 2}}"#, &["key".to_owned()]).unwrap();
        assert_eq!(open, r#"{"a":1,"b":{"key":2}}"#);
    }

    #[test]
    fn collectors_see_only_variables_that_they_declared() {
        let all = ["AWS_PROFILE", "AWSX", "HOME", "HOMEX", "FIXWORKER_PSK"].map(|name| (name, "x"));
        let variables = variables(&described(None), &all.into_iter().collect());
        let names: Vec<_> = variables.iter().map(|variable| variable.name.as_str()).collect();
        assert_eq!(names, ["AWS_PROFILE", "HOME"]);
    }
}

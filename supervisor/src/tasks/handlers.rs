//! Which collector takes which task: what is offered to fixcore, and where its tasks go.

use fixworker_fixcore::messages::{Task, TaskDefinition};
use ipc_proto::job::Described;

use super::error::TaskError;

/// The name of the task that changes tags; all others are commands.
pub(super) const TAG: &str = "tag";

/// The tasks of all configured collectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Handlers {
    list: Vec<Handler>,
}

/// One task of one collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handler {
    /// The collector.
    pub(super) collector: String,
    /// The clouds that its graphs hang below, if these are fixed.
    pub(super) clouds: Vec<String>,
    /// What fixcore is told.
    pub(super) definition: TaskDefinition,
}

impl Handlers {
    /// Reads the definitions of the collectors in `active`. Those that cannot be read are told as sentences.
    pub(super) fn new(described: &[Described], active: &[String]) -> (Self, Vec<String>) {
        let (mut list, mut errors) = (Vec::new(), Vec::new());
        let described = active.iter().filter_map(|name| described.iter().find(|one| one.collector == *name));
        for one in described {
            match serde_json::from_str::<Vec<TaskDefinition>>(&one.tasks_json) {
                Ok(definitions) => list.extend(definitions.into_iter().map(|definition| Handler {
                    collector: one.collector.clone(),
                    clouds: one.clouds.clone(),
                    definition,
                })),
                Err(error) => errors.push(format!(
                    "the tasks of collector {} cannot be read, so it gets none: {error}",
                    one.collector
                )),
            }
        }
        (Self { list }, errors)
    }

    /// What fixcore is offered. Empty: there is nothing to connect for.
    pub(super) fn definitions(&self) -> Vec<TaskDefinition> {
        self.list.iter().map(|handler| handler.definition.clone()).collect()
    }

    /// Who takes a task: as fixcore chooses, the one that asks for most attributes, of those the first.
    pub(super) fn find(&self, task: &Task) -> Result<&Handler, TaskError> {
        let fitting = self.list.iter().rev().filter(|handler| handler.definition.matches(task));
        fitting.max_by_key(|handler| handler.definition.filter.len()).ok_or_else(|| TaskError::NoHandler {
            name: task.task_name.clone(),
            cloud: task.attrs.get("cloud").map(|cloud| format!(" of cloud {cloud}")).unwrap_or_default(),
            ours: self.names(),
        })
    }

    fn names(&self) -> String {
        let names = self.list.iter().map(|handler| {
            let clouds = handler.definition.filter.get("cloud").map(|clouds| clouds.join(" or "));
            let clouds = clouds.map(|clouds| format!(" of cloud {clouds}")).unwrap_or_default();
            format!("{}{clouds}", handler.definition.name)
        });
        let names: Vec<_> = names.collect();
        if names.is_empty() { "there are none".to_owned() } else { names.join(", ") }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::tasks) fn described(collector: &str, tasks: &serde_json::Value) -> Described {
        Described {
            collector: collector.into(),
            clouds: vec![collector.into()],
            account_noun: "account".into(),
            kinds_json: "[]".into(),
            section: None,
            pool_setting: None,
            tasks_json: tasks.to_string(),
            environment: Vec::new(),
            paths: Vec::new(),
            auto_enable: Vec::new(),
            account_kinds: Vec::new(),
        }
    }

    pub(in crate::tasks) fn tag(cloud: &str) -> serde_json::Value {
        json!({"name": "tag", "info": "x", "filter": {"cloud": [cloud]}, "expect_node_result": true})
    }

    pub(in crate::tasks) fn aws_and_example() -> Handlers {
        let command = json!({"name": "aws", "info": "x", "allowed_on_kind": "aws_resource"});
        let described = [
            described("example", &json!([tag("example")])),
            described("aws", &json!([tag("aws"), command])),
            described("random", &json!([tag("random")])),
        ];
        let (handlers, errors) = Handlers::new(&described, &["example".into(), "aws".into()]);
        assert!(errors.is_empty(), "{errors:?}");
        handlers
    }

    fn task(name: &str, cloud: Option<&str>) -> Task {
        let attrs = cloud.map(|cloud| ("cloud".to_owned(), cloud.to_owned())).into_iter().collect();
        Task { task_id: "1".into(), task_name: name.into(), data: json!({}), attrs }
    }

    #[test]
    fn only_configured_collectors_are_offered() {
        let names: Vec<_> = aws_and_example()
            .definitions()
            .into_iter()
            .map(|one| (one.name, one.filter.get("cloud").cloned().unwrap_or_default().concat()))
            .collect();
        let expected = [("tag", "example"), ("tag", "aws"), ("aws", "")];
        assert_eq!(names, expected.map(|(name, cloud)| (name.to_owned(), cloud.to_owned())));
        assert!(Handlers::default().definitions().is_empty());
    }

    #[test]
    fn a_task_goes_to_the_collector_of_its_cloud() {
        let handlers = aws_and_example();
        let collector = |task: &Task| handlers.find(task).map(|handler| handler.collector.clone());
        assert_eq!(collector(&task("tag", Some("aws"))).unwrap(), "aws");
        assert_eq!(collector(&task("tag", Some("example"))).unwrap(), "example");
        assert_eq!(collector(&task("aws", None)).unwrap(), "aws");
        let why = collector(&task("tag", Some("random"))).unwrap_err().to_string();
        assert!(why.contains("tag of cloud random is not among its tasks"), "{why}");
        assert!(why.contains("(tag of cloud example, tag of cloud aws, aws)"), "{why}");
        let why = Handlers::default().find(&task("tag", None)).unwrap_err().to_string();
        assert!(why.contains("tag is not among its tasks (there are none)"), "{why}");
    }

    #[test]
    fn the_one_with_more_conditions_comes_first() {
        let tasks = json!([{"name": "tag"}, tag("aws"), {"name": "tag", "info": "second", "filter": {"cloud": ["aws"]}}]);
        let (handlers, _) = Handlers::new(&[described("aws", &tasks)], &["aws".into()]);
        assert_eq!(handlers.find(&task("tag", Some("aws"))).unwrap().definition.info, "x");
        assert!(handlers.find(&task("tag", Some("gcp"))).unwrap().definition.filter.is_empty());
    }

    #[test]
    fn a_collector_with_broken_definitions_gets_no_tasks() {
        let described = [described("bad", &json!({"name": 1})), described("good", &json!([tag("good")]))];
        let (handlers, errors) = Handlers::new(&described, &["bad".into(), "good".into(), "none".into()]);
        assert_eq!(handlers.definitions().len(), 1);
        assert!(errors.len() == 1 && errors[0].contains("collector bad"), "{errors:?}");
    }
}

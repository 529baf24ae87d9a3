//! The work queue: what we offer, what we are asked, what we answer.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A kind of task that we can do, as the first message on `/work/queue` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// `tag`, or the name of a command.
    pub name: String,
    /// One line for users.
    #[serde(default)]
    pub info: String,
    /// Help for users.
    #[serde(default)]
    pub description: String,
    /// Attributes that a task has to have: name to allowed values.
    #[serde(default)]
    pub filter: BTreeMap<String, Vec<String>>,
    /// True if the result is a node.
    #[serde(default)]
    pub expect_node_result: bool,
    /// Arguments for users: name to meaning, in the order of the command line.
    #[serde(default)]
    pub args_description: IndexMap<String, String>,
    /// Only for nodes of this kind.
    #[serde(default)]
    pub allowed_on_kind: Option<String>,
}

impl TaskDefinition {
    /// True if a task of this name with these attributes is for this definition.
    pub fn matches(&self, task: &Task) -> bool {
        self.name == task.task_name
            && self.filter.iter().all(|(name, allowed)| {
                task.attrs.get(name).is_some_and(|value| allowed.iter().any(|a| a == value))
            })
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Task {
    /// Names the answer.
    pub task_id: String,
    /// Names the definition.
    pub task_name: String,
    /// What to do.
    #[serde(default)]
    pub data: Value,
    /// `cloud`, `account`, `region`; values that are not texts are left out.
    #[serde(default, deserialize_with = "texts_only")]
    pub attrs: BTreeMap<String, String>,
}

fn texts_only<'de, D: serde::Deserializer<'de>>(d: D) -> Result<BTreeMap<String, String>, D::Error> {
    let all = Option::<BTreeMap<String, Value>>::deserialize(d)?.unwrap_or_default();
    Ok(all.into_iter().filter_map(|(k, v)| Some((k, v.as_str()?.to_owned()))).collect())
}

impl Task {
    /// Reads a text; otherwise what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// The id of a text that is no task otherwise.
pub fn id_of(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.get("task_id")?.as_str().map(str::to_owned)
}

/// The list of definitions.
pub fn definitions(definitions: &[TaskDefinition]) -> String {
    json!(definitions).to_string()
}

/// The answer to a task that worked.
pub fn done(task_id: &str, data: &Value) -> String {
    json!({"task_id": task_id, "result": "done", "data": data}).to_string()
}

/// The answer to a task that failed; users see the text. An empty one would look like none.
pub fn error(task_id: &str, message: &str) -> String {
    let message = if message.trim().is_empty() { "failed without a message" } else { message };
    json!({"task_id": task_id, "result": "error", "error": message}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> TaskDefinition {
        TaskDefinition {
            name: "tag".into(),
            info: String::new(),
            description: String::new(),
            filter: [("cloud".to_owned(), vec!["example".to_owned()])].into(),
            expect_node_result: true,
            args_description: IndexMap::new(),
            allowed_on_kind: None,
        }
    }

    #[test]
    fn definitions_have_the_form_of_the_peer() {
        assert_eq!(
            definitions(&[tag()]),
            r#"[{"name":"tag","info":"","description":"","filter":{"cloud":["example"]},"expect_node_result":true,"args_description":{},"allowed_on_kind":null}]"#
        );
        let back: Vec<TaskDefinition> = serde_json::from_str(&definitions(&[tag()])).unwrap();
        assert_eq!(back, [tag()]);
    }

    /// Users see the arguments in the order in which they are given.
    #[test]
    fn arguments_keep_their_order() {
        let text = r#"[{"name":"aws","info":"","description":"","filter":{},"expect_node_result":false,"args_description":{"service":"s","operation":"o","--account":"a"},"allowed_on_kind":"aws_resource"}]"#;
        let back: Vec<TaskDefinition> = serde_json::from_str(text).unwrap();
        assert_eq!(definitions(&back), text);
    }

    #[test]
    fn tasks_find_their_definition() {
        let text = r#"{"task_id":"1","task_name":"tag","data":{"delete":["x"]},"attrs":{"cloud":"example","region":null}}"#;
        let task = Task::parse(text).unwrap();
        assert!(tag().matches(&task));
        assert_eq!(task.attrs.len(), 1);
        let mut other = task.clone();
        other.attrs.insert("cloud".into(), "aws".into());
        assert!(!tag().matches(&other));
        other.attrs.clear();
        assert!(!tag().matches(&other));
        assert!(!tag().matches(&Task { task_name: "aws".into(), ..task }));
        assert!(Task::parse("{\"task_name\":\"tag\"}").is_err());
    }

    #[test]
    fn what_is_no_task_may_still_name_whom_to_answer() {
        assert_eq!(id_of(r#"{"task_id":"7","task_name":5}"#).as_deref(), Some("7"));
        assert_eq!(id_of(r#"{"task_id":7}"#), None);
        assert_eq!(id_of("[]"), None);
        assert_eq!(id_of("junk"), None);
    }

    #[test]
    fn answers_have_the_form_of_the_peer() {
        assert_eq!(done("1", &json!({"id": "x"})), r#"{"task_id":"1","result":"done","data":{"id":"x"}}"#);
        assert_eq!(error("1", "no"), r#"{"task_id":"1","result":"error","error":"no"}"#);
        assert!(error("1", "").contains("failed without"));
    }
}

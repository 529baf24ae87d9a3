//! An action: a step of a workflow that fixcore asks us to do.

use std::fmt;

use serde_json::{Map, Value};

/// What makes two actions the same: `task:step`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionKey {
    /// Id of the workflow run.
    pub task: String,
    /// Name of the step in it.
    pub step: String,
}

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.task, self.step)
    }
}

/// A step of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// `collect` or `cleanup`.
    pub message_type: String,
    /// Run and step.
    pub key: ActionKey,
    /// The data as it came; it goes back unmodified with the result. A re-sent action has no `timing`.
    pub data: Map<String, Value>,
}

impl Action {
    pub(crate) fn new(message_type: &str, data: Map<String, Value>) -> Option<Self> {
        let text = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
        let key = ActionKey { task: text("task")?, step: text("step")? };
        Some(Self { message_type: message_type.to_owned(), key, data })
    }

    /// When this step of the last complete run started, in seconds since 1970; `None` on the first run and for
    /// a re-sent action.
    pub fn last_started_at(&self) -> Option<f64> {
        self.data.get("timing")?.get(&self.key.step)?.get("started_at")?.as_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn timing_of_the_last_run_is_found() {
        let data = json!({"timing": {"collect": {"started_at": 12.5, "finished_at": 13}}, "task": "t", "step": "collect"});
        let action = Action::new("collect", data.as_object().unwrap().clone()).unwrap();
        assert_eq!(action.last_started_at(), Some(12.5));
        assert_eq!(action.key.to_string(), "t:collect");
        let resent = json!({"task": "t", "step": "collect"});
        assert_eq!(
            Action::new("collect", resent.as_object().unwrap().clone()).unwrap().last_started_at(),
            None
        );
        assert!(Action::new("collect", Map::new()).is_none());
    }
}

//! Tags and commands, as users give them and as the work queue carries them.

use serde_json::{Value, json};

use super::Fixcore;
use crate::wait;

impl Fixcore {
    /// The tasks that workers offer: name to the filter of each.
    #[track_caller]
    pub fn offered_tasks(&self) -> Value {
        self.get("/harness/subscribers")["worker_tasks"].take()
    }

    /// Waits until a worker offers `name` (for `cloud`, if given).
    #[track_caller]
    pub fn await_task(&self, name: &str, cloud: Option<&str>) {
        wait::until(&format!("a worker offers {name} {cloud:?}"), || {
            let offered = self.offered_tasks();
            let filters = offered[name].as_array().cloned().unwrap_or_default();
            match cloud {
                Some(cloud) => filters.iter().any(|filter| filter["cloud"] == json!([cloud])),
                None => !filters.is_empty(),
            }
        });
    }

    /// Runs one task as the `tag` command does, on this node; the answer has `result` or `error`.
    #[track_caller]
    pub fn task_on(&self, node: &str, name: &str, data: &Value) -> Value {
        self.post("/harness/task", &json!({"name": name, "node_id": node, "data": data})).json()
    }

    /// Runs one task exactly as given.
    #[track_caller]
    pub fn task(&self, task: &Value) -> Value {
        self.post("/harness/task", task).json()
    }

    /// A stored node: `reported`, `metadata` and the rest.
    #[track_caller]
    pub fn node(&self, id: &str) -> Value {
        self.get(&format!("/graph/fix/node/{id}"))
    }

    /// Changes the metadata of a stored node.
    #[track_caller]
    pub fn patch_metadata(&self, id: &str, change: &Value) {
        let body = Some(("application/json", change.to_string()));
        self.call("PATCH", &format!("/graph/fix/node/{id}/section/metadata"), body).expect_success();
    }
}

//! The worker as fixcore sees it, its config document, and workflow runs.

use serde_json::{Value, json};

use super::{Fixcore, SUBSCRIBER};
use crate::wait;

impl Fixcore {
    /// Waits until a worker with this subscriber id listens for actions.
    #[track_caller]
    pub fn await_subscriber(&self, subscriber: &str) {
        wait::until(&format!("{subscriber} is connected"), || self.is_connected(subscriber));
    }

    /// Whether a worker with this subscriber id listens for actions.
    #[track_caller]
    pub fn is_connected(&self, subscriber: &str) -> bool {
        let subscribers = self.get("/harness/subscribers");
        let listener = format!("{subscriber}-collector");
        subscribers["connected"].as_object().is_some_and(|connected| connected.contains_key(&listener))
    }

    /// The config document of the worker; `None` if there is none.
    #[track_caller]
    pub fn config(&self) -> Option<Value> {
        let answer = self.call("GET", &format!("/config/{SUBSCRIBER}"), None);
        (answer.status == 200).then(|| answer.json())
    }

    /// Merges `change` into the config document.
    #[track_caller]
    pub fn patch_config(&self, change: &Value) {
        let body = Some(("application/json", change.to_string()));
        self.call("PATCH", &format!("/config/{SUBSCRIBER}"), body).expect_success();
    }

    /// Replaces the config document, as a user does before the first worker comes.
    #[track_caller]
    pub fn put_config(&self, document: &Value) {
        let body = Some(("application/json", document.to_string()));
        self.call("PUT", &format!("/config/{SUBSCRIBER}?validate=false"), body).expect_success();
    }

    /// Starts a workflow and returns the task id of the run.
    #[track_caller]
    pub fn start_workflow(&self, name: &str) -> String {
        let started = self.post(&format!("/harness/workflow/{name}"), &json!({})).json();
        started["task_id"].as_str().expect("a run has a task id").to_owned()
    }

    /// The state of a run.
    #[track_caller]
    pub fn workflow(&self, task: &str) -> Value {
        self.get(&format!("/harness/workflow/{task}"))
    }

    /// Waits for the end of a run, and returns its state.
    #[track_caller]
    pub fn await_workflow(&self, task: &str) -> Value {
        wait::eventually(&format!("workflow run {task} is done"), || {
            Some(self.workflow(task)).filter(|run| run["done"] == true)
        })
    }

    /// Runs the workflow `collect` and waits for its end.
    #[track_caller]
    pub fn collect(&self) -> Value {
        let task = self.start_workflow("collect");
        self.await_workflow(&task)
    }

    /// Ends a run as the command `workflows stop` does.
    #[track_caller]
    pub fn stop_workflow(&self, task: &str) {
        self.call("DELETE", &format!("/harness/workflow/{task}"), None).expect_success();
    }

    /// The steps that the worker answered in this run, with the kind of the answer.
    #[track_caller]
    pub fn answers(&self, task: &str) -> Vec<(String, String)> {
        let kinds = ["action_done", "action_error"].into_iter();
        let all = kinds.flat_map(|kind| self.messages(kind));
        let ours = all.filter(|message| message["data"]["task"] == task);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ours.map(|message| (text(&message["data"]["step"]), text(&message["kind"]))).collect()
    }
}

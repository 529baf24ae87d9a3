//! Looking inside: what fixcore has stored, received and heard.

use std::fs;

use serde_json::Value;

use super::Fixcore;
use crate::graph::StoredGraph;
use crate::wait;

impl Fixcore {
    /// What is stored in the graph `fix`.
    #[track_caller]
    pub fn graph(&self) -> StoredGraph {
        StoredGraph::parse(&self.get("/harness/graph"))
    }

    /// All merge requests of this life of fixcore.
    #[track_caller]
    pub fn merges(&self) -> Vec<Value> {
        into_list(self.get("/harness/merges"))
    }

    /// The merge requests that fixcore took.
    #[track_caller]
    pub fn merged(&self) -> Vec<Value> {
        self.merges().into_iter().filter(|merge| merge["outcome"] == "merged").collect()
    }

    /// The merge requests that fixcore refused.
    #[track_caller]
    pub fn refused(&self) -> Vec<Value> {
        self.merges().into_iter().filter(|merge| merge["outcome"] == "failed").collect()
    }

    /// The lines of merge request `number`, as they came.
    #[track_caller]
    pub fn merge_lines(&self, number: usize) -> Vec<Value> {
        let path = self.scratch.path().join(format!("dump/merge-{number:03}.ndjson"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().map(|line| serde_json::from_str(line).expect("a merged line is JSON")).collect()
    }

    /// All requests of this life of fixcore: method, path, query, headers, status.
    #[track_caller]
    pub fn requests(&self) -> Vec<Value> {
        into_list(self.get("/harness/requests"))
    }

    /// How often a request was made, for example `PUT /config/fix.worker`.
    #[track_caller]
    pub fn count_requests(&self, method: &str, path: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| request["method"] == method && request["path"] == path)
            .count()
    }

    /// CPU seconds, memory and counters of fixcore.
    #[track_caller]
    pub fn stats(&self) -> Value {
        self.get("/harness/stats")
    }

    /// Websocket messages of this kind that workers sent, for example `action_done`.
    #[track_caller]
    pub fn messages(&self, kind: &str) -> Vec<Value> {
        let all = into_list(self.get("/harness/messages"));
        let sent = all.into_iter().filter(|entry| entry["direction"] == "from_worker");
        sent.map(|mut entry| entry["message"].take()).filter(|message| message["kind"] == kind).collect()
    }

    /// The texts of `action_info` messages of level error, and of `action_error`.
    #[track_caller]
    pub fn reported_errors(&self) -> Vec<String> {
        let infos = self.messages("action_info").into_iter().filter(|info| info["data"]["level"] == "error");
        let infos = infos.map(|info| info["data"]["message"].as_str().unwrap_or_default().to_owned());
        let errors = self.messages("action_error").into_iter();
        let errors = errors.map(|error| error["data"]["error"].as_str().unwrap_or_default().to_owned());
        infos.chain(errors).collect()
    }

    /// Waits until an error that holds all of `parts` was reported, and returns it.
    #[track_caller]
    pub fn await_reported(&self, parts: &[&str]) -> String {
        let what = format!("an error with {parts:?} is reported");
        wait::within(wait::STEP, &what, || {
            self.reported_errors().into_iter().find(|text| parts.iter().all(|part| text.contains(part)))
        })
    }
}

fn into_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        other => panic!("not a list: {other}"),
    }
}

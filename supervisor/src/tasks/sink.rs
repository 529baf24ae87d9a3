//! Where the reports of a task's child go.

use fixworker_fleet::{JobSink, SinkError};
use ipc_proto::fault::Fault;
use ipc_proto::message::{Done, Report};
use serde_json::{Map, Value};

use super::answer;
use super::request::Work;

/// What a child has to answer.
#[derive(Debug)]
enum Wanted {
    /// This node, changed.
    Node(Map<String, Value>),
    /// The output of a command.
    Output,
}

/// Takes the one answer of a job.
#[derive(Debug)]
pub(super) struct AnswerSink {
    title: String,
    wanted: Wanted,
    answer: Option<Value>,
}

impl AnswerSink {
    pub(super) fn new(title: &str, work: &Work) -> Self {
        let wanted = match work {
            Work::Tag { node, .. } => Wanted::Node(node.clone()),
            Work::Command { .. } => Wanted::Output,
        };
        Self { title: title.to_owned(), wanted, answer: None }
    }

    /// The answer; after a job that is done there is one.
    pub(super) fn into_answer(self) -> Value {
        self.answer.unwrap_or_default()
    }

    fn put(&mut self, answer: Result<Value, String>) -> Result<(), SinkError> {
        let answer = answer.map_err(SinkError::Violation)?;
        if self.answer.replace(answer).is_some() {
            return Err(SinkError::Violation("answered twice".to_owned()));
        }
        Ok(())
    }

    fn log(&self, fault: &Fault) {
        tracing::warn!(count = fault.count, "{}: [{}] {}", self.title, fault.kind.name(), fault.message);
    }
}

impl JobSink for AnswerSink {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        match (report, &self.wanted) {
            (Report::Tagged(text), Wanted::Node(node)) => {
                let answer = answer::tagged(node, text);
                self.put(answer)
            }
            (Report::Output(text), Wanted::Output) => self.put(answer::output(text)),
            (
                Report::Tagged(_)
                | Report::Output(_)
                | Report::Cleaned(_)
                | Report::Chunk(_)
                | Report::Described(_)
                | Report::Brokering(_)
                | Report::Sealed(_)
                | Report::Renew
                | Report::Accounts(_),
                _,
            ) => Err(SinkError::Violation("answered a job that it was not given".to_owned())),
            (Report::Fault(fault), _) => {
                self.log(fault);
                Ok(())
            }
            (
                Report::Ready
                | Report::Heartbeat(_)
                | Report::Progress(_)
                | Report::Denied(_)
                | Report::Done(_)
                | Report::Fatal(_),
                _,
            ) => Ok(()),
        }
    }

    fn done(&mut self, _done: &Done) -> Result<(), SinkError> {
        match &self.answer {
            Some(_) => Ok(()),
            None => Err(SinkError::Violation("ended the job without an answer".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DONE: Done = Done {
        totals: ipc_proto::graph::Totals { chunks: 0, nodes: 0, edges: 0, deferred: 0, bytes: 0, digest: 0 },
        faults: 0,
    };

    fn tagging() -> AnswerSink {
        let node = json!({"id": "n", "reported": {"id": "v", "kind": "k"}, "metadata": {"a": 1}});
        let node = node.as_object().unwrap().clone();
        AnswerSink::new("k v", &Work::Tag { node, set: Vec::new(), remove: Vec::new() })
    }

    fn commanding() -> AnswerSink {
        AnswerSink::new("command x", &Work::Command { name: "x".into(), args: Vec::new(), node: None })
    }

    fn tagged() -> Report<'static> {
        Report::Tagged(json!({"id": "n", "reported": {"id": "v", "kind": "k"}, "metadata": {}}).to_string())
    }

    fn violation(result: Result<(), SinkError>) -> String {
        match result {
            Err(SinkError::Violation(text)) => text,
            other => panic!("no violation: {other:?}"),
        }
    }

    #[test]
    fn one_fitting_answer_is_what_a_job_needs() {
        let mut sink = tagging();
        assert_eq!(violation(sink.done(&DONE)), "ended the job without an answer");
        assert_eq!(sink.report(&Report::Ready), Ok(()));
        assert_eq!(sink.report(&tagged()), Ok(()));
        assert_eq!(sink.done(&DONE), Ok(()));
        assert_eq!(violation(sink.report(&tagged())), "answered twice");
        assert_eq!(sink.into_answer()["metadata"], json!({"a": 1}));
        let mut sink = commanding();
        assert_eq!(sink.report(&Report::Output("null".into())), Ok(()));
        assert_eq!(sink.done(&DONE), Ok(()), "null is an answer");
        assert_eq!(violation(sink.report(&Report::Output("1".into()))), "answered twice");
    }

    #[test]
    fn answers_to_other_jobs_are_violations() {
        for report in [
            Report::Output("1".into()),
            Report::Accounts(Vec::new()),
            Report::Chunk(ipc_proto::graph::Chunk::default()),
        ] {
            assert!(violation(tagging().report(&report)).contains("not given"));
        }
        assert!(violation(commanding().report(&tagged())).contains("not given"));
        assert!(violation(commanding().report(&Report::Output("{".into()))).contains("not JSON"));
    }
}

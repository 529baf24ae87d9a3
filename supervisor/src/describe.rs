//! Asks the child program what it can do, and makes of the answers what the rest needs.

pub(crate) mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use fixworker_fleet::{Fleet, JobSink, NotCompleted, SinkError, StopToken, Subject, Task, stopper};
use fixworker_graph::kinds::KindTable;
use ipc_proto::job::{Described, Job};
use ipc_proto::message::{Done, Report};
use ipc_proto::seal::Brokering;
use serde_json::Value;
use thiserror::Error;

use crate::signals::{Shutdown, Stage};

/// Why there is no description.
#[derive(Debug, Error)]
pub(crate) enum DescribeError {
    /// The child did not answer.
    #[error("the collectors cannot be asked what they are: {0}")]
    NotCompleted(String, Box<NotCompleted>),
    /// Its answer makes no sense.
    #[error("the program of the collectors is broken: {0}")]
    Broken(String),
}

impl DescribeError {
    /// Whether somebody called it off.
    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self, Self::NotCompleted(_, end) if end.is_cancelled())
    }
}

/// What the collectors say about themselves.
#[derive(Debug, Clone)]
pub(crate) struct Collectors {
    /// What they are.
    pub(crate) described: Arc<[Described]>,
    /// What children of accounts need, by the name of a collector that makes credentials for them.
    pub(crate) brokering: Arc<BTreeMap<String, Brokering>>,
}

/// Runs a Describe job, unless a shutdown comes first.
pub(crate) async fn describe(fleet: &Fleet, shutdown: &mut Shutdown) -> Result<Collectors, DescribeError> {
    let (stopper, token) = stopper();
    let describing = run(fleet, token);
    tokio::pin!(describing);
    tokio::select! {
        result = &mut describing => result,
        () = shutdown.reached(Stage::Graceful) => {
            stopper.kill_now("the worker is shutting down");
            describing.await
        }
    }
}

async fn run(fleet: &Fleet, stop: StopToken) -> Result<Collectors, DescribeError> {
    let task = Task {
        subject: Subject::default(),
        job: Job::Describe { collectors: Vec::new() },
        environment: Vec::new(),
        deadline: None,
        last_duration: None,
        keys: None,
    };
    let end = fleet.run_one(task, |_| Ok(DescribeSink::default()), stop).await;
    let described = end.result.map_err(|end| {
        let hint = end.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        DescribeError::NotCompleted(format!("{}{hint}", end.message()), Box::new(end))
    })?;
    let DescribeSink { described, brokering } = described.sink;
    Ok(Collectors { described: described.into(), brokering: Arc::new(brokering) })
}

#[derive(Debug, Default)]
struct DescribeSink {
    described: Vec<Described>,
    brokering: BTreeMap<String, Brokering>,
}

impl JobSink for DescribeSink {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        match report {
            Report::Described(described) => {
                rules::check(described, &self.described).map_err(SinkError::Violation)?;
                self.described.push((**described).clone());
                Ok(())
            }
            Report::Brokering(brokering) => {
                rules::check_brokering(brokering, &self.described, &self.brokering)
                    .map_err(SinkError::Violation)?;
                self.brokering.insert(brokering.collector.clone(), (**brokering).clone());
                Ok(())
            }
            Report::Chunk(_)
            | Report::Sealed(_)
            | Report::Renew
            | Report::Accounts(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_) => {
                Err(SinkError::Violation("answered a job that it was not given".to_owned()))
            }
            Report::Ready
            | Report::Heartbeat(_)
            | Report::Progress(_)
            | Report::Fault(_)
            | Report::Denied(_)
            | Report::Done(_)
            | Report::Fatal(_) => Ok(()),
        }
    }

    fn done(&mut self, _done: &Done) -> Result<(), SinkError> {
        Ok(())
    }
}

/// The roles of all kinds that the collectors describe.
pub(crate) fn kind_table(described: &[Described]) -> Result<KindTable, DescribeError> {
    KindTable::from_kinds(described.iter().map(|one| one.kinds_json.as_str()))
        .map_err(|error| DescribeError::Broken(error.to_string()))
}

/// The model for fixcore: the union of the kinds of `collectors`, each once.
pub(crate) fn model(described: &[Described], collectors: &[String]) -> Result<Vec<Value>, DescribeError> {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for one in described.iter().filter(|one| collectors.contains(&one.collector)) {
        let broken = |what: String| {
            DescribeError::Broken(format!("the kinds of collector {} cannot be read: {what}", one.collector))
        };
        let kinds: Vec<Value> =
            serde_json::from_str(&one.kinds_json).map_err(|error| broken(error.to_string()))?;
        for kind in kinds {
            let name = kind["fqn"].as_str().ok_or_else(|| broken("a kind has no fqn".to_owned()))?.to_owned();
            all.entry(name).or_insert(kind);
        }
    }
    Ok(all.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(collector: &str, kinds_json: &str) -> Described {
        Described {
            collector: collector.into(),
            clouds: Vec::new(),
            account_noun: String::new(),
            kinds_json: kinds_json.into(),
            section: None,
            pool_setting: None,
            tasks_json: String::new(),
            environment: Vec::new(),
            paths: Vec::new(),
            auto_enable: Vec::new(),
            account_kinds: Vec::new(),
        }
    }

    #[test]
    fn the_model_has_each_kind_of_the_chosen_collectors_once() {
        let all = [
            described("a", r#"[{"fqn":"base"},{"fqn":"a_volume"}]"#),
            described("b", r#"[{"fqn":"base"},{"fqn":"b_volume"}]"#),
            described("c", r#"[{"fqn":"c_volume"}]"#),
        ];
        let model = model(&all, &["b".into(), "a".into()]).unwrap();
        let names: Vec<_> = model.iter().map(|kind| kind["fqn"].as_str().unwrap()).collect();
        assert_eq!(names, ["a_volume", "b_volume", "base"]);
    }

    #[test]
    fn kinds_that_make_no_sense_name_their_collector() {
        for kinds in ["junk", r#"[{"name":"x"}]"#] {
            let error = model(&[described("aws", kinds)], &["aws".into()]).unwrap_err();
            assert!(error.to_string().contains("collector aws"), "{error}");
        }
    }
}

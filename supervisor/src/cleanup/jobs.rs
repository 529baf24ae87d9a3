//! The jobs of a clean child, and where its answers go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fixworker_cleanup::Work;
use fixworker_fleet::{Child, Failure, JobSink, JobSpec, SinkError, Subject};
use ipc_proto::clean::{CleanJob, CleanOutcome, CleanResource, Cleaned};
use ipc_proto::fault::Fault;
use ipc_proto::job::Described;
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{Done, Progress, Report};
use ipc_proto::seal::AccountJob;
use tokio::sync::mpsc;

use crate::work::Tools;
use crate::work::provision::{Provision, provide};

/// What the driver hears.
#[derive(Debug)]
pub(super) enum News {
    /// A resource was answered.
    Cleaned(usize, Box<Cleaned>),
    /// A trouble that does not end the pass.
    Fault(usize, Fault),
    /// Progress inside of an account.
    Progress(usize, Vec<Progress>),
    /// A pass could not go on, because its settings make no sense; its child is gone.
    NotProvided(usize, String),
    /// The pass of an account is over; its child is alive exactly if it ended well.
    PassEnded(usize, Result<(), Box<Failure>>),
    /// The child of an account is gone.
    Closed(usize),
}

/// A pass of an account.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) account: usize,
    pub(super) child: Arc<Child>,
    pub(super) jobs: Vec<CleanJob>,
    /// The resources (by number) of each job, by node id.
    pub(super) numbers: BTreeMap<String, usize>,
    pub(super) tools: Tools,
    pub(super) described: Described,
    pub(super) deadline: Duration,
    pub(super) subject: Subject,
    pub(super) attempt: u32,
}

/// Cuts a job into parts that fit. What fits nowhere comes back.
pub(super) fn cut(job: CleanJob) -> (Vec<CleanJob>, Vec<CleanResource>) {
    let split = job.split(MAX_FRAME);
    (split.jobs, split.too_large)
}

/// The resources by the ids of their nodes.
pub(super) fn numbers(work: &Work, resources: &[usize]) -> BTreeMap<String, usize> {
    resources.iter().map(|resource| (work.node(*resource).id.clone(), *resource)).collect()
}

/// Runs the jobs of a pass one after the other. If one fails, the process is gone when this returns.
pub(super) async fn run(pass: Pass, news: mpsc::UnboundedSender<News>) {
    let Pass { account, child, jobs, numbers, tools, described, deadline, subject, attempt } = pass;
    let began = tokio::time::Instant::now();
    for job in jobs {
        let ids = job.resources.iter().filter_map(|resource| id_of(&resource.node_json));
        let sink = CleanSink {
            account,
            open: ids.filter_map(|id| Some((id.clone(), *numbers.get(&id)?))).collect(),
            dry_run: job.dry_run,
            news: news.clone(),
        };
        let job = AccountJob::Clean(Box::new(job));
        let Provision { job, environment, keys } = match provide(&tools, &described, job) {
            Ok(provision) => provision,
            Err(problem) => {
                child.close().await;
                let _over = news.send(News::NotProvided(account, problem));
                return;
            }
        };
        let spec = JobSpec {
            job,
            environment,
            keys,
            deadline: Some(deadline.saturating_sub(began.elapsed())),
            subject: subject.clone(),
            attempt,
        };
        if let Err(failure) = child.run(spec, sink).await {
            child.close().await;
            let _over = news.send(News::PassEnded(account, Err(failure)));
            return;
        }
    }
    let _over = news.send(News::PassEnded(account, Ok(())));
}

fn id_of(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Line {
        id: String,
    }
    serde_json::from_str::<Line>(json).ok().map(|line| line.id)
}

/// The sink of one job.
struct CleanSink {
    account: usize,
    /// What is not answered yet.
    open: BTreeMap<String, usize>,
    dry_run: bool,
    news: mpsc::UnboundedSender<News>,
}

impl CleanSink {
    fn tell(&self, news: News) {
        // The driver listens as long as it has passes.
        let _over = self.news.send(news);
    }

    fn cleaned(&mut self, cleaned: &Cleaned) -> Result<(), SinkError> {
        let violation = |what: String| Err(SinkError::Violation(what));
        match (&cleaned.outcome, self.dry_run) {
            (CleanOutcome::Gone, true) => {
                return violation(format!("deleted {} in a dry run, or says so", cleaned.node_id));
            }
            (CleanOutcome::Planned, false) => {
                return violation(format!(
                    "only planned to delete {}, but it is no dry run",
                    cleaned.node_id
                ));
            }
            _ => {}
        }
        let Some(number) = self.open.remove(&cleaned.node_id) else {
            return violation(format!("answered for {}, which it was not asked for", cleaned.node_id));
        };
        self.tell(News::Cleaned(number, Box::new(cleaned.clone())));
        Ok(())
    }
}

impl JobSink for CleanSink {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        match report {
            Report::Cleaned(cleaned) => self.cleaned(cleaned)?,
            Report::Fault(fault) => self.tell(News::Fault(self.account, fault.clone())),
            Report::Progress(lines) => self.tell(News::Progress(self.account, lines.clone())),
            Report::Ready | Report::Heartbeat(_) | Report::Denied(_) | Report::Done(_) | Report::Fatal(_) => {
            }
            Report::Described(_)
            | Report::Accounts(_)
            | Report::Chunk(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Brokering(_)
            | Report::Sealed(_)
            | Report::Renew => {
                return Err(SinkError::Violation("answered a job that it was not given".to_owned()));
            }
        }
        Ok(())
    }

    fn done(&mut self, _done: &Done) -> Result<(), SinkError> {
        match self.open.keys().next() {
            None => Ok(()),
            Some(id) => {
                let count = self.open.len();
                let text =
                    format!("says that it is done, but {count} resources are not answered, first {id}");
                Err(SinkError::Violation(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto::graph::Totals;

    use super::*;

    fn sink(dry_run: bool) -> (CleanSink, mpsc::UnboundedReceiver<News>) {
        let (news, receiver) = mpsc::unbounded_channel();
        let open = [("a", 7), ("b", 8)].map(|(id, number)| (id.to_owned(), number)).into();
        (CleanSink { account: 3, open, dry_run, news }, receiver)
    }

    fn cleaned(id: &str, outcome: CleanOutcome) -> Report<'static> {
        Report::Cleaned(Box::new(Cleaned { node_id: id.to_owned(), outcome, log: Vec::new() }))
    }

    fn violation(result: Result<(), SinkError>) -> String {
        match result {
            Err(SinkError::Violation(what)) => what,
            other => panic!("no violation: {other:?}"),
        }
    }

    #[test]
    fn answers_come_once_for_what_was_asked_and_all_of_them() {
        let (mut sink, mut news) = sink(false);
        sink.report(&cleaned("a", CleanOutcome::Gone)).unwrap();
        assert!(matches!(news.try_recv(), Ok(News::Cleaned(7, _))));
        assert!(violation(sink.report(&cleaned("a", CleanOutcome::Gone))).contains("not asked"));
        assert!(violation(sink.report(&cleaned("x", CleanOutcome::Gone))).contains("not asked"));
        let done = Done { totals: Totals::default(), faults: 0 };
        assert!(violation(sink.done(&done)).contains("1 resources"));
        sink.report(&cleaned("b", CleanOutcome::Later { reason: "in use".to_owned() })).unwrap();
        sink.done(&done).unwrap();
    }

    #[test]
    fn a_dry_run_deletes_nothing_and_only_a_dry_run_plans() {
        let (mut dry, _news) = sink(true);
        assert!(violation(dry.report(&cleaned("a", CleanOutcome::Gone))).contains("dry run"));
        dry.report(&cleaned("a", CleanOutcome::Planned)).unwrap();
        let (mut wet, _news) = sink(false);
        assert!(violation(wet.report(&cleaned("a", CleanOutcome::Planned))).contains("no dry run"));
    }
}

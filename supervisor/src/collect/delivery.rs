//! Performs the uploads that the pure plan asks for: [`UploadPlan`] decides, this makes the requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fixworker_fixcore::http::merge::{MergeOutcome, MergeRequest};
use fixworker_fixcore::{CoreClient, CoreError};
use fixworker_graph::merge::{Batch, Replace, StagedAccount};
use fixworker_graph::upload::{Answer, BodySent, Outcome, SendRequest, Step, UploadPlan, Verdict, classify};
use fixworker_surface::metrics;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::elsewhere::{self, NotOurs};

/// Sends batches of one run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Delivery {
    client: CoreClient,
    graph: String,
    task: String,
    model: Arc<[Value]>,
    gzip: bool,
    deadline: Instant,
    senders: Arc<Semaphore>,
    troubled: Arc<AtomicBool>,
}

/// So often the graph and its model may be refused before the run fails.
const REFUSALS: u32 = 6;

/// What a delivery is made of.
#[derive(Debug)]
pub struct DeliverySettings {
    /// The graph in fixcore.
    pub graph: String,
    /// The task of the action, for which fixcore's workflow waits.
    pub task: String,
    /// The union of the kinds of all configured collectors.
    pub model: Arc<[Value]>,
    /// Compress the bodies.
    pub gzip: bool,
    /// Nothing is sent after it.
    pub deadline: Instant,
    /// Uploads at once, `fixworker.graph_sender_pool_size`.
    pub senders: usize,
}

/// What came of one batch: each account, by its number in the batch.
pub type Delivered = (Batch, Vec<(usize, Outcome)>);

impl Delivery {
    /// A delivery to the fixcore of `client`.
    pub fn new(client: CoreClient, settings: DeliverySettings) -> Self {
        let DeliverySettings { graph, task, model, gzip, deadline, senders } = settings;
        let senders = Arc::new(Semaphore::new(senders.max(1)));
        Self { client, graph, task, model, gzip, deadline, senders, troubled: Arc::default() }
    }

    /// The model that it uploads.
    pub fn model(&self) -> &[Value] {
        &self.model
    }

    /// Creates the graph and brings its model up to date: as often as it takes until the deadline, but only a
    /// few times if fixcore refuses them.
    pub async fn prepare(&self) -> Result<(), String> {
        let mut wait = Duration::from_secs(1);
        let mut refusals = 0;
        loop {
            let error = match self.create_graph_and_model().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            refusals = if is_refusal(&error) { refusals + 1 } else { 0 };
            if refusals == REFUSALS || Instant::now() + wait >= self.deadline {
                return Err(error.to_string());
            }
            tracing::warn!("{error}; trying again in {wait:?}");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_mins(1));
        }
    }

    async fn create_graph_and_model(&self) -> Result<(), CoreError> {
        self.client.create_graph(&self.graph).await?;
        self.client.patch_model(&self.graph, &self.model).await
    }

    /// Whether fixcore knows a node of this graph in another account, where only fixcore can tell.
    pub(super) async fn is_ours(&self, staged: &StagedAccount) -> Result<(), NotOurs> {
        // As many at once as uploads.
        let _permit = self.senders.acquire().await;
        elsewhere::ask(&self.client, &self.graph, staged, self.deadline).await
    }

    /// Sends a batch until every account of it has its outcome. Dropping the future gives it up.
    pub async fn send(self, batch: Batch, replace: Replace) -> Delivered {
        let mut plan = UploadPlan::new(batch.accounts().len(), replace, self.deadline, Instant::now());
        loop {
            match plan.next(Instant::now()) {
                Step::Send(request) => self.request(&batch, &request, &mut plan).await,
                Step::UploadModel => {
                    let result = self.client.patch_model(&self.graph, &self.model).await;
                    plan.prepared(result.map_err(|error| error.to_string()), Instant::now());
                }
                Step::CreateGraph => {
                    let result = self.client.create_graph(&self.graph).await;
                    plan.prepared(result.map_err(|error| error.to_string()), Instant::now());
                }
                Step::Wait(until) => tokio::time::sleep_until(until.into()).await,
                Step::Busy | Step::Finished => break,
            }
        }
        let outcomes = plan.take_outcomes();
        (batch, outcomes)
    }

    async fn request(&self, batch: &Batch, request: &SendRequest, plan: &mut UploadPlan) {
        // Held for one request only: a part that waits must not keep others from sending.
        let permit = self.senders.acquire().await;
        let upload = batch.upload(&request.accounts, request.replace);
        let bytes = upload.len();
        let merge = MergeRequest {
            graph: self.graph.clone(),
            task_id: Some(self.task.clone()),
            nodes: upload.nodes(),
            edges: upload.edges(),
            wait_for_result: request.wait_for_result,
            gzip: self.gzip,
            time_left: Some(self.deadline.saturating_duration_since(Instant::now())),
        };
        let began = Instant::now();
        let outcome = self.client.merge(&merge, move || Ok(upload.reader())).await;
        drop(permit);
        metrics::merge_ended(outcome_name(&outcome), began.elapsed());
        if !matches!(outcome, MergeOutcome::NotSent(_) | MergeOutcome::Unreadable(_)) {
            metrics::uploaded(bytes);
        }
        self.tell(&outcome);
        answer(outcome, plan);
    }

    /// Many batches may wait for the same fixcore: its trouble is told once, and its end.
    fn tell(&self, outcome: &MergeOutcome) {
        let trouble = match outcome {
            MergeOutcome::Answered { status, .. } if *status < 500 => None,
            MergeOutcome::Answered { status, body } => Some(format!("fixcore answered {status}: {body}")),
            MergeOutcome::NotSent(error) => Some(error.to_string()),
            MergeOutcome::Lost { cause, .. } => Some(format!("the connection was lost: {cause}")),
            MergeOutcome::OutOfTime { .. } => Some("the time of the run is over".to_owned()),
            MergeOutcome::Unreadable(error) => Some(format!("the spool directory cannot be read: {error}")),
        };
        let was_troubled = self.troubled.swap(trouble.is_some(), Ordering::AcqRel);
        match trouble {
            Some(text) if !was_troubled => {
                tracing::warn!("graphs cannot be sent to fixcore and wait in the spool directory: {text}");
            }
            None if was_troubled => tracing::info!("graphs are sent to fixcore again"),
            Some(_) | None => {}
        }
    }
}

/// Whether fixcore would say the same again: something is wrong with the graph's name or the model.
fn is_refusal(error: &CoreError) -> bool {
    match error {
        CoreError::Refused { status, .. } => (400..500).contains(status) && ![408, 429].contains(status),
        CoreError::Unsendable { .. } => true,
        _ => false,
    }
}

/// A stable name for metrics.
fn outcome_name(outcome: &MergeOutcome) -> &'static str {
    match outcome {
        MergeOutcome::Answered { status, body } => match classify(*status, body) {
            Verdict::Landed(_) => "landed",
            Verdict::Queued => "queued",
            Verdict::Rejected(_) => "rejected",
            Verdict::ModelMissing(_) | Verdict::GraphMissing(_) => "model_missing",
            Verdict::Unauthorized(_) => "unauthorized",
            Verdict::Conflict(_) => "conflict",
            Verdict::Refused(_) => "refused",
            Verdict::Unavailable { .. } => "unavailable",
        },
        MergeOutcome::NotSent(_) => "not_sent",
        MergeOutcome::Lost { .. } => "lost",
        MergeOutcome::OutOfTime { .. } => "out_of_time",
        MergeOutcome::Unreadable(_) => "unreadable",
    }
}

/// Tells the plan what the client saw.
fn answer(outcome: MergeOutcome, plan: &mut UploadPlan) {
    let now = Instant::now();
    let lost = |plan: &mut UploadPlan, fully_sent: bool, error: &str| {
        let sent = if fully_sent { BodySent::All } else { BodySent::NotAll };
        plan.answered(Answer::Lost { sent, error }, now);
    };
    match outcome {
        MergeOutcome::Answered { status, body } => {
            plan.answered(Answer::Response { status, body: &body }, now);
        }
        MergeOutcome::NotSent(error) => lost(plan, false, &error.to_string()),
        MergeOutcome::Lost { body_fully_sent, cause } => lost(plan, body_fully_sent, &cause),
        MergeOutcome::OutOfTime { body_fully_sent } => {
            lost(plan, body_fully_sent, "the time of the run was over before fixcore answered");
        }
        MergeOutcome::Unreadable(error) => {
            lost(plan, false, &format!("the staged graph cannot be read from the spool directory: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use fixworker_fixcore::http::answer::CoreAnswer;

    use super::*;

    #[test]
    fn only_what_fixcore_would_say_again_is_a_refusal() {
        let refused = |status| CoreError::Refused {
            action: String::new(),
            status,
            answer: CoreAnswer::parse(b"Error: x"),
        };
        assert!(is_refusal(&refused(400)) && is_refusal(&refused(413)));
        assert!(![408, 429, 500, 503].into_iter().any(|status| is_refusal(&refused(status))));
        let lost = CoreError::Lost { action: String::new(), cause: String::new() };
        assert!(!is_refusal(&lost));
    }

    #[test]
    fn answers_are_counted_by_what_they_mean() {
        let answered =
            |status, body: &str| outcome_name(&MergeOutcome::Answered { status, body: body.to_owned() });
        assert_eq!(answered(200, "{}"), "landed");
        assert_eq!(answered(401, "401: Unauthorized"), "unauthorized");
        assert_eq!(answered(503, ""), "unavailable");
        assert_eq!(outcome_name(&MergeOutcome::OutOfTime { body_fully_sent: true }), "out_of_time");
    }
}

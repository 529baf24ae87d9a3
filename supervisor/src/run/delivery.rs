//! Performs the uploads that the pure plan asks for: [`UploadPlan`] decides, this makes the requests.

use std::sync::Arc;
use std::time::Instant;

use fixworker_fixcore::CoreClient;
use fixworker_fixcore::http::merge::{MergeOutcome, MergeRequest};
use fixworker_graph::merge::{Batch, Replace};
use fixworker_graph::upload::{Answer, BodySent, Outcome, SendRequest, Step, UploadPlan};
use serde_json::Value;
use tokio::sync::Semaphore;

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
}

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
        Self { client, graph, task, model, gzip, deadline, senders }
    }

    /// The model that it uploads.
    pub fn model(&self) -> &[Value] {
        &self.model
    }

    /// Creates the graph and brings its model up to date, as often as it takes until the deadline.
    pub async fn prepare(&self) -> Result<(), String> {
        let mut wait = std::time::Duration::from_secs(1);
        loop {
            let error = match self.create_graph_and_model().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if Instant::now() + wait >= self.deadline {
                return Err(error);
            }
            tracing::warn!("{error}; trying again in {wait:?}");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(std::time::Duration::from_mins(1));
        }
    }

    async fn create_graph_and_model(&self) -> Result<(), String> {
        self.client.create_graph(&self.graph).await.map_err(|error| error.to_string())?;
        self.client.patch_model(&self.graph, &self.model).await.map_err(|error| error.to_string())
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
        let outcome = self.client.merge(&merge, move || Ok(upload.reader())).await;
        drop(permit);
        fixworker_surface::metrics::uploaded(bytes);
        answer(outcome, plan);
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

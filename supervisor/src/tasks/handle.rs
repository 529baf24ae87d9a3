//! What the daemon holds of the tasks.

use fixworker_fixcore::ws::{LinkHealth, work_queue};
use fixworker_fixcore::{CancellationToken, CoreClient};
use fixworker_settings::Running;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::order::Order;
use super::service::Service;
use crate::work::Tools;

/// The work queue and the children of its tasks, while the worker lives.
#[derive(Debug)]
pub(crate) struct Tasks {
    orders: mpsc::UnboundedSender<Order>,
    over: watch::Receiver<bool>,
    /// How the websocket is.
    pub(crate) health: watch::Receiver<LinkHealth>,
    service: JoinHandle<()>,
}

impl Tasks {
    /// Offers the tasks of the configured collectors to fixcore, and does what comes, until `links` is cancelled.
    pub(crate) fn start(
        client: &CoreClient,
        tools: Tools,
        running: Running,
        links: CancellationToken,
    ) -> Self {
        let (definitions, offered) = watch::channel(Vec::new());
        let queue = work_queue::start(client, offered, links);
        let health = queue.health.clone();
        let (orders, receiver) = mpsc::unbounded_channel();
        let (tell_over, over) = watch::channel(false);
        let (notes_in, notes) = mpsc::unbounded_channel();
        let service = Service::new(tools, running, definitions, notes_in);
        let service = tokio::spawn(service.run(queue, receiver, notes, tell_over));
        Self { orders, over, health, service }
    }

    /// New settings: other collectors are offered, children with the old ones serve no further task.
    pub(crate) fn configure(&self, running: &Running) {
        self.order(Order::Configure(Box::new(running.clone())));
    }

    /// Begins no more tasks: what waits and what comes is answered with the reason, what runs goes on.
    pub(crate) fn shut_down(&self) {
        self.order(Order::ShutDown);
    }

    /// Answers what still runs with an error, and kills its children.
    pub(crate) fn give_up(&self) {
        self.order(Order::GiveUp);
    }

    /// After [`Self::shut_down`]: waits until no task is open, no child is left and all answers are sent.
    pub(crate) async fn quiet(&mut self) {
        // Err: the service is gone, and nothing is more quiet.
        self.over.wait_for(|over| *over).await.ok();
    }

    /// Waits until the websocket is closed.
    pub(crate) async fn closed(&mut self) {
        if let Err(error) = (&mut self.service).await {
            tracing::error!("the tasks ended by a fault of the worker: {error}");
        }
    }

    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the tasks are over already");
        }
    }
}

//! Credentials of one account at a time: for each collector that can make such, one child holds all credentials and
//! makes of them what the children of accounts get. Only here are brokers started.
//!
//! A broker lives as long as anybody holds its [`Broker`], and is started again when it is gone. It is asked with one
//! job for each account; whatever it does wrong costs the attempt that has asked. What it makes passes through this
//! process in memory and is not looked at.

mod sink;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use fixworker_fleet::{Child, ChildSpec, Fleet, JobSpec, Keys, Sealing, Subject};
use ipc_proto::job::{Job, Variable};
use ipc_proto::seal::{AccountJob, Brokering, SealJob};
use ipc_proto::secret::Secret;
use tokio::sync::watch;

use self::sink::SealSink;
use crate::describe::Collectors;

/// The most accounts of a collector that are remembered as sharing credentials, for `/info`.
const MAX_SHARED: usize = 1000;

/// The brokers of all collectors. Clones share them.
#[derive(Debug, Clone)]
pub struct Brokers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fleet: Fleet,
    collectors: Collectors,
    open: Mutex<BTreeMap<String, Weak<Broker>>>,
    /// Accounts that do not have credentials of their own, by collector and id, and why.
    sharing: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    /// Children that are being closed.
    closing: watch::Sender<usize>,
}

/// The broker of one collector, for as long as somebody needs it.
#[derive(Debug)]
pub struct Broker {
    common: Arc<Shared>,
    collector: String,
    environment: Vec<Variable>,
    child: Mutex<Option<Serving>>,
}

/// The process, and the config section that it was started with: what it may reach follows from that.
#[derive(Debug)]
struct Serving {
    config: Secret<String>,
    child: Arc<Child>,
}

impl Brokers {
    /// No broker yet.
    pub(crate) fn new(fleet: Fleet, collectors: Collectors) -> Self {
        let (open, sharing) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { fleet, collectors, open, sharing, closing: watch::Sender::new(0) }))
    }

    /// What children of accounts still need, if this collector makes credentials for them.
    pub fn brokering(&self, collector: &str) -> Option<&Brokering> {
        self.0.collectors.brokering.get(collector)
    }

    /// The broker of a collector, if it makes credentials; `environment` are all variables that the collector sees.
    pub fn broker(
        &self,
        collector: &str,
        environment: impl FnOnce() -> Vec<Variable>,
    ) -> Option<Arc<Broker>> {
        self.brokering(collector)?;
        let mut open = lock(&self.0.open);
        if let Some(broker) = open.get(collector).and_then(Weak::upgrade) {
            return Some(broker);
        }
        let broker = Arc::new(Broker {
            common: Arc::clone(&self.0),
            collector: collector.to_owned(),
            environment: environment(),
            child: Mutex::default(),
        });
        open.insert(collector.to_owned(), Arc::downgrade(&broker));
        Some(broker)
    }

    /// What the collectors say about themselves.
    pub(crate) fn collectors(&self) -> &Collectors {
        &self.0.collectors
    }

    /// Waits until no process is left of brokers that nobody holds any more.
    pub async fn closed(&self) {
        let mut closing = self.0.closing.subscribe();
        // The sender is in `self`.
        drop(closing.wait_for(|closing| *closing == 0).await);
    }

    /// Says once, for the collectors that are in use, which of them give all their credentials to each child.
    pub fn announce(&self, active: &[String]) {
        let (brokered, shared): (Vec<_>, Vec<_>) =
            active.iter().map(String::as_str).partition(|name| self.brokering(name).is_some());
        if !brokered.is_empty() {
            tracing::info!("children of {} get credentials of their account only", brokered.join(", "));
        }
        if !shared.is_empty() {
            let names = shared.join(", ");
            tracing::info!(
                "children of {names} get all that their collector has: it makes no credentials of accounts"
            );
        }
    }

    /// For `/info`: whether each account of a collector has credentials of its own. `one_for_all` is that all accounts
    /// of a collector are collected by one process.
    pub fn describe(&self, collector: &str, one_for_all: bool) -> String {
        if self.brokering(collector).is_none() {
            return "shared (the collector makes no credentials of single accounts)".to_owned();
        }
        if one_for_all {
            return "shared (fixworker.fork_process is off: one process collects all accounts)".to_owned();
        }
        let shared = lock(&self.0.sharing);
        match shared.get(collector).and_then(|accounts| Some((accounts.len(), accounts.first_key_value()?))) {
            None => "brokered".to_owned(),
            Some((1, (account, why))) => {
                format!("brokered, but for one account: shared (account {account} {why})")
            }
            Some((count, (account, why))) => {
                format!("brokered, but for {count} accounts: shared (account {account} {why}, and so on)")
            }
        }
    }
}

impl Shared {
    /// Notes whether an account shares its credentials with others; tells of the first one of a collector.
    fn note(&self, collector: &str, account: &str, why: Option<&str>) {
        let mut shared = lock(&self.sharing);
        let of_collector = shared.entry(collector.to_owned()).or_default();
        let Some(why) = why else {
            of_collector.remove(account);
            return;
        };
        if of_collector.is_empty() {
            tracing::info!("account {account} of collector {collector} {why}; /info names all such accounts");
        }
        if of_collector.len() < MAX_SHARED || of_collector.contains_key(account) {
            of_collector.insert(account.to_owned(), why.to_owned());
        }
    }
}

impl Broker {
    /// The credentials of a job, which has the whole config section.
    pub fn keys(self: &Arc<Self>, job: AccountJob) -> Arc<dyn Keys> {
        Arc::new(JobKeys { broker: Arc::clone(self), job })
    }

    /// The process: the one that there is, or a new one.
    fn child(&self, config: &Secret<String>) -> Arc<Child> {
        let mut serving = lock(&self.child);
        if let Some(Serving { config: own, child }) = &*serving
            && own == config
            && child.accepts_jobs()
        {
            return Arc::clone(child);
        }
        if let Some(old) = serving.take() {
            self.close(old);
        }
        let subject = Subject { collector: Some(self.collector.clone()), account: None };
        let child = Arc::new(self.common.fleet.child(ChildSpec { subject, shared: true, sealed: false }));
        *serving = Some(Serving { config: config.clone(), child: Arc::clone(&child) });
        child
    }

    /// Lets a process end after what it is doing.
    fn close(&self, Serving { child, .. }: Serving) {
        let brokers = Arc::clone(&self.common);
        brokers.closing.send_modify(|closing| *closing += 1);
        tokio::spawn(async move {
            child.close().await;
            brokers.closing.send_modify(|closing| *closing -= 1);
        });
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let serving = lock(&self.child).take();
        // Without a runtime there is no child either.
        if let Some(serving) = serving.filter(|_| tokio::runtime::Handle::try_current().is_ok()) {
            self.close(serving);
        }
    }
}

/// The credentials of one job.
#[derive(Debug)]
struct JobKeys {
    broker: Arc<Broker>,
    job: AccountJob,
}

impl JobKeys {
    /// The account as far as the job names one, for `/info`.
    fn account(&self) -> Option<&str> {
        match &self.job {
            AccountJob::Collect(job) => Some(&job.account.id),
            AccountJob::Clean(job) => Some(&job.account.id),
            AccountJob::Tag(_) | AccountJob::Command(_) => None,
        }
    }
}

impl Keys for JobKeys {
    fn seal(&self, again: bool, within: Duration) -> Sealing<'_> {
        Box::pin(async move {
            let broker = &self.broker;
            let child = broker.child(self.job.config());
            let spec = JobSpec {
                job: Job::Seal(Box::new(SealJob { job: self.job.clone(), again })),
                environment: broker.environment.clone(),
                deadline: Some(within),
                // Not the account: that one is served by a child of its own.
                subject: Subject { collector: Some(broker.collector.clone()), account: None },
                attempt: 1,
                keys: None,
            };
            let completed = child.run(spec, SealSink::default()).await?;
            let seal = completed.sink.into_seal();
            if let Some(account) = self.account() {
                broker.common.note(&broker.collector, account, seal.shared.as_deref());
            }
            Ok(seal)
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

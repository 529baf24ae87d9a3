//! A fleet of rogues in a directory of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fixworker_fleet::walls::{Sandbox, Walls};
use fixworker_fleet::{
    Child, ChildSpec, Completed, Failure, Fleet, JobSink, JobSpec, Settings, SinkError, Subject, Task,
};
use ipc_proto::account::AccountName;
use ipc_proto::graph::Tally;
use ipc_proto::job::{Account, CollectJob, Job};
use ipc_proto::message::{Done, Report};
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::observe::{eventually, own_zombies};

/// Long enough never to fire, even on a machine that is busy with other things.
pub(crate) const NEVER: Duration = Duration::from_mins(10);
/// Fires soon.
pub(crate) const SOON: Duration = Duration::from_millis(200);

/// Tests that count descriptors run alone; all others may run together.
pub(crate) static ALONE: RwLock<()> = RwLock::const_new(());

pub(crate) struct Bench {
    pub(crate) fleet: Fleet,
    pub(crate) dir: TempDir,
    _together: Option<RwLockReadGuard<'static, ()>>,
}

/// The helper, which cargo builds with the tests as an example.
pub(crate) fn rogue() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let path = exe.ancestors().nth(2).unwrap().join("examples/rogue");
    assert!(path.exists(), "{} is missing: cargo build -p fixworker-fleet --example rogue", path.display());
    path
}

/// Settings in which no timer fires, unless `tune` says so.
pub(crate) fn settings(tune: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::new(rogue());
    settings.handshake_timeout = NEVER;
    settings.stall_timeout = NEVER;
    settings.no_progress_timeout = NEVER;
    settings.grace = NEVER;
    settings.asked_timeout = NEVER;
    settings.drain_timeout = NEVER;
    settings.spawn_timeout = NEVER;
    settings.killed_timeout = NEVER;
    settings.sweep_timeout = NEVER;
    settings.backoff_initial = Duration::from_millis(10);
    settings.backoff_max = Duration::from_millis(20);
    // What a child does when it is free to; the walls have tests of their own.
    settings.walls = Walls { sandbox: Sandbox::Off, ..Walls::default() }.into();
    tune(&mut settings);
    settings
}

impl Bench {
    pub(crate) async fn new(tune: impl FnOnce(&mut Settings)) -> Self {
        let together = ALONE.read().await;
        Self { _together: Some(together), ..Self::alone(tune) }
    }

    /// For a test that holds [`ALONE`] itself.
    pub(crate) fn alone(tune: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fleet = Fleet::new(settings(tune));
        Self { fleet, dir, _together: None }
    }

    pub(crate) fn child(&self, account: &str) -> Child {
        self.fleet.child(ChildSpec { subject: subject(account), shared: false, sealed: false })
    }

    /// Nothing may be left when all children have ended.
    pub(crate) async fn assert_nothing_is_left(&self) {
        assert!(self.fleet.running().is_empty(), "{:?}", self.fleet.running());
        // Tests in the same process may have zombies for a moment.
        eventually("no zombies", || own_zombies().is_empty()).await;
    }
}

pub(crate) fn subject(account: &str) -> Subject {
    let account =
        AccountName { cloud: "rogue".into(), id: account.to_owned(), name: format!("The {account}") };
    Subject { collector: Some("rogue".to_owned()), account: Some(account) }
}

pub(crate) fn job(account: &str) -> Job {
    Job::Collect(Box::new(CollectJob {
        collector: "rogue".into(),
        config: "{}".to_owned().into(),
        account: Account {
            cloud: "rogue".into(),
            id: account.into(),
            name: format!("The {account}"),
            node_id: "a".into(),
            scope: Vec::new().into(),
        },
        max_resources: None,
        last_run_started_ago: None,
    }))
}

pub(crate) fn spec(account: &str, deadline: Option<Duration>) -> JobSpec {
    JobSpec {
        job: job(account),
        environment: Vec::new(),
        deadline,
        subject: subject(account),
        attempt: 1,
        keys: None,
    }
}

pub(crate) fn task(account: &str) -> Task {
    Task {
        subject: subject(account),
        job: job(account),
        environment: Vec::new(),
        deadline: None,
        last_duration: None,
        keys: None,
    }
}

/// Counts what it gets and checks the totals, as a staging would.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    tally: Tally,
    pub(crate) text: String,
    pub(crate) calls: Arc<Mutex<Vec<&'static str>>>,
}

impl JobSink for Recorder {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        self.calls.lock().unwrap().push(match report {
            Report::Ready => "ready",
            Report::Heartbeat(_) => "heartbeat",
            Report::Chunk(_) => "chunk",
            Report::Fault(_) => "fault",
            Report::Progress(_) => "progress",
            _ => "other",
        });
        if let Report::Chunk(chunk) = report {
            self.tally.add(chunk);
            for node in &chunk.nodes {
                self.text.push_str(std::str::from_utf8(node.json).unwrap());
            }
        }
        Ok(())
    }

    fn done(&mut self, done: &Done) -> Result<(), SinkError> {
        if done.totals == self.tally.totals() {
            Ok(())
        } else {
            Err(SinkError::Violation("lied about its totals".to_owned()))
        }
    }
}

pub(crate) type Ran = Result<Completed<Recorder>, Box<Failure>>;

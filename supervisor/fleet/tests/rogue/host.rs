//! A supervisor for the test that kills one: starts some children, names them, and waits.

use std::time::Duration;

use fixworker_fleet::walls::{Sandbox, Walls};
use fixworker_fleet::{ChildSpec, Fleet, JobSink, JobSpec, Settings, SinkError, Subject};
use ipc_proto::account::AccountName;
use ipc_proto::job::{Account, CollectJob, Job};
use ipc_proto::message::{Done, Report};

struct Deaf;

impl JobSink for Deaf {
    fn report(&mut self, _: &Report<'_>) -> Result<(), SinkError> {
        Ok(())
    }

    fn done(&mut self, _: &Done) -> Result<(), SinkError> {
        Ok(())
    }
}

pub(crate) fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(supervise());
}

async fn supervise() {
    let mut settings = Settings::new(std::env::current_exe().unwrap());
    settings.walls = Walls { sandbox: Sandbox::Off, ..Walls::default() }.into();
    let fleet = Fleet::new(settings);
    for account in ["silent", "ignore-term", "never-hello", "stop-self", "setsid-survivor"] {
        let name = AccountName { cloud: "rogue".into(), id: account.into(), name: String::new() };
        let subject = Subject { collector: Some("rogue".into()), account: Some(name) };
        let child = fleet.child(ChildSpec { subject: subject.clone(), shared: false, sealed: false });
        let job = Job::Collect(Box::new(CollectJob {
            collector: "rogue".into(),
            config: "{}".to_owned().into(),
            account: Account {
                cloud: "rogue".into(),
                id: account.into(),
                name: String::new(),
                node_id: "a".into(),
                scope: Vec::new().into(),
            },
            max_resources: None,
            last_run_started_ago: None,
        }));
        let spec = JobSpec { job, environment: Vec::new(), deadline: None, subject, attempt: 1, keys: None };
        tokio::spawn(async move { child.run(spec, Deaf).await.map(|_| ()) });
    }
    let ready = |state: &str, label: &str| state == "collecting" || label.ends_with("never-hello");
    loop {
        let running = fleet.running();
        let pids: Vec<_> = running
            .iter()
            .filter(|child| ready(child.state, &child.label))
            .filter_map(|child| child.pid.map(|pid| pid.to_string()))
            .collect();
        if pids.len() == 5 {
            println!("{}", pids.join(" "));
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    std::future::pending::<()>().await;
}

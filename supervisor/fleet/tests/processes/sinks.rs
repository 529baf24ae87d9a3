//! What a sink says, and how long it takes.

use std::time::Duration;

use fixworker_fleet::child::state::Stage;
use fixworker_fleet::{JobSink, SinkError};
use ipc_proto::message::{Done, Report};

use crate::support::{Bench, Recorder, SOON, spec};

/// Refuses chunks as told.
struct Refuses(fn() -> Result<(), SinkError>);

impl JobSink for Refuses {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        if matches!(report, Report::Chunk(_)) { (self.0)() } else { Ok(()) }
    }

    fn done(&mut self, _: &Done) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Refuses Done.
struct Disagrees(SinkError);

impl JobSink for Disagrees {
    fn report(&mut self, _: &Report<'_>) -> Result<(), SinkError> {
        Ok(())
    }

    fn done(&mut self, _: &Done) -> Result<(), SinkError> {
        Err(self.0.clone())
    }
}

/// Takes its time on the thread.
struct Slow(Recorder);

impl JobSink for Slow {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        std::thread::sleep(2 * SOON);
        self.0.report(report)
    }

    fn done(&mut self, done: &Done) -> Result<(), SinkError> {
        self.0.done(done)
    }
}

async fn run(sink: impl JobSink) -> (String, String, Option<Stage>) {
    let bench = Bench::new(|_| {}).await;
    let child = bench.child("ok");
    let failure = child.run(spec("ok", None), sink).await.map(|_| ()).unwrap_err();
    let ended = child.close().await;
    bench.assert_nothing_is_left().await;
    (failure.outcome.kind().to_owned(), failure.message(), ended.stage)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_can_call_the_child_poisoned() {
    let poisoned = || Err(SinkError::Violation("sent a node of another account".to_owned()));
    let (kind, message, _) = run(Refuses(poisoned)).await;
    assert_eq!(kind, "protocol_violation");
    assert_eq!(message, "the child broke the protocol: it sent a node of another account");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_not_the_childs_fault() {
    let (kind, message, _) = run(Refuses(|| Err(SinkError::Host("the spool is full".to_owned())))).await;
    assert_eq!((&*kind, &*message), ("host", "the spool is full"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_panics_costs_the_job_and_not_the_task() {
    let (kind, message, _) = run(Refuses(|| panic!("on purpose"))).await;
    assert_eq!((&*kind, &*message), ("host", "a fault of fixworker: the sink panicked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_that_do_not_match_fail_the_job() {
    let error = SinkError::Violation("lied about its totals".to_owned());
    let (kind, message, _) = run(Disagrees(error)).await;
    assert_eq!(kind, "protocol_violation");
    assert!(message.contains("lied about its totals"), "{message}");
    let (kind, _, stage) = run(Disagrees(SinkError::Host("no space".to_owned()))).await;
    assert_eq!((&*kind, stage), ("host", None), "the child is let go in peace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_sink_is_not_a_silent_child() {
    let bench = Bench::new(|settings| {
        settings.stall_timeout = SOON;
        settings.no_progress_timeout = SOON;
        settings.drain_timeout = Duration::from_mins(10);
    })
    .await;
    let child = bench.child("ok");
    let completed = child.run(spec("ok", None), Slow(Recorder::default())).await.unwrap();
    let calls = completed.sink.0.calls.lock().unwrap().clone();
    assert_eq!(calls, ["ready", "heartbeat", "chunk"]);
    assert_eq!(child.close().await.stage, None);
    bench.assert_nothing_is_left().await;
}

//! Runs a job in this process and hands its messages to a consumer on a thread of its own.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use collector::Collector;
use ipc_proto::codec;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::frame::HEADER_LEN;
use ipc_proto::job::{Job, Start};
use ipc_proto::message::{JobId, Report, ToSupervisor};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::trouble::Trouble;
use crate::job::{self, Outcome};
use crate::output::{Output, OutputLimits, QUEUED_FRAMES};
use crate::{memory, session};

/// How often the consumer hears what the job does now.
const BEAT: Duration = Duration::from_millis(200);

/// Takes the messages of a job in their order. An error ends the job.
pub(super) trait Consumer: Send + 'static {
    /// One message.
    fn take(&mut self, report: Report<'_>) -> Result<(), Trouble>;
}

/// Runs `job` to its end, or until the user interrupts it: then nothing is left of it.
pub(super) fn perform<C: Consumer>(
    collectors: Arc<[Box<dyn Collector>]>,
    job: Job,
    consumer: C,
) -> Result<(Outcome, C), Trouble> {
    let (outcome, consumer) = Engine::new()?.perform(collectors, job, consumer)?;
    let nothing = |trouble: Trouble| Trouble {
        message: format!("{}; nothing was written", trouble.message),
        ..trouble
    };
    Ok((outcome.map_err(nothing)?, consumer))
}

/// Runs jobs one after the other on the same threads, so that collectors can keep their connections.
pub(super) struct Engine {
    runtime: Option<Runtime>,
}

impl Engine {
    /// Starts the threads.
    pub(super) fn new() -> Result<Self, Trouble> {
        let runtime = session::runtime().map_err(|error| no_threads(&error))?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs `job` to its end, or until the user interrupts it. What the consumer has got by then comes back
    /// in either case.
    pub(super) fn perform<C: Consumer>(
        &self,
        collectors: Arc<[Box<dyn Collector>]>,
        job: Job,
        consumer: C,
    ) -> Result<(Result<Outcome, Trouble>, C), Trouble> {
        let limits = OutputLimits { max_resources: job::max_resources(&job), ..OutputLimits::default() };
        let (lane, frames) = mpsc::channel(QUEUED_FRAMES);
        let output = Output::new(JobId(1), lane, limits);
        let its_end = consume(consumer, frames).map_err(|error| no_threads(&error))?;
        let start = Start { job, remaining: None, environment: Vec::new() };
        let outcome = self.block_on(drive(collectors, start, output))?;
        let consumer =
            its_end.blocking_recv().unwrap_or_else(|_| Err(lost("the thread that writes the results")))?;
        Ok((outcome, consumer))
    }

    /// Waits, unless the user interrupts.
    pub(super) fn pause(&self, pause: Duration) -> Result<(), Trouble> {
        self.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(pause) => Ok(()),
                name = interrupted() => Err(interruption(name)),
            }
        })?
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        // It is there until the engine is dropped.
        let runtime = self.runtime.as_ref().ok_or_else(|| lost("the engine"))?;
        Ok(runtime.block_on(work))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A collector that blocks its thread would block the drop of the runtime as well.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn drive(
    collectors: Arc<[Box<dyn Collector>]>,
    start: Start,
    output: Output,
) -> Result<Outcome, Trouble> {
    let its_output = output.clone();
    let mut task = tokio::spawn(async move { job::run(&collectors, start, &its_output).await });
    let ended = tokio::select! {
        ended = &mut task => ended.map_err(|_| lost("the job")),
        name = interrupted() => {
            task.abort();
            Err(interruption(name))
        }
        never = beats(&output) => never,
    };
    output.close().await;
    ended
}

/// The name of the signal by which the user ends this process.
async fn interrupted() -> &'static str {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

async fn beats(output: &Output) -> ! {
    let mut ticks = interval(BEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        output.try_heartbeat(memory::resident());
    }
}

/// Feeds the consumer until the end mark; it comes back through the receiver.
fn consume<C: Consumer>(
    mut consumer: C,
    mut frames: mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<oneshot::Receiver<Result<C, Trouble>>> {
    let (result_in, result) = oneshot::channel();
    thread::Builder::new().name("consumer".to_owned()).spawn(move || {
        let mut ended = Ok(());
        while let Some(frame) = frames.blocking_recv().filter(|frame| !frame.is_empty()) {
            ended = codec::decode(frame.get(HEADER_LEN..).unwrap_or_default())
                .map_err(|error| Trouble::new(ExitCode::Internal, format!("a message of our own: {error}")))
                .and_then(|message: ToSupervisor<'_>| consumer.take(message.body));
            if ended.is_err() {
                break;
            }
        }
        drop(frames);
        // Nobody waits for it any more when the process ends.
        drop(result_in.send(ended.map(|()| consumer)));
    })?;
    Ok(result)
}

fn no_threads(error: &std::io::Error) -> Trouble {
    Trouble::new(ExitCode::TryAgain, format!("cannot start threads: {error}"))
}

fn interruption(signal: &str) -> Trouble {
    Trouble::new(ExitCode::TryAgain, format!("interrupted by {signal}"))
}

fn lost(what: &str) -> Trouble {
    Trouble::new(ExitCode::Internal, format!("{what} broke down; the log above says where"))
}

//! One job from Start to its last message: the same under the supervisor and standing alone.

use std::time::Duration;

use collector::identity::{self, Errand};
use collector::{BoxFuture, CollectRequest, Collector, ConfigSection, Failure, FaultExt, fault};
use inventory::suggest;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::{Fault, FaultKind, FaultSource, Level, Retry};
use ipc_proto::job::{AccountsJob, CollectJob, Job, Start};
use ipc_proto::message::{Done, Report};
use ipc_proto::secret::Secret;
use tokio::time::{MissedTickBehavior, interval};

use crate::output::{Output, Stop};
use crate::panics::CatchPanic;

mod clean;
mod seal;
mod tasks;
#[cfg(test)]
mod tests;

/// How long faults and progress wait for more of their kind before they are sent.
const NEWS_INTERVAL: Duration = Duration::from_millis(500);
/// Accounts in one message. Each is some hundred bytes, so a message stays below a chunk.
const ACCOUNTS_PER_MESSAGE: usize = 256;

/// The collectors of this process.
pub(crate) type Collectors = [Box<dyn Collector>];

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done was sent.
    Done(Done),
    /// Fatal was sent.
    Failed(Fault),
    /// Somebody else ended it: cancelled, or nobody listens any more.
    Cut,
}

impl Outcome {
    /// The exit code of a process that had this job only.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Done(Done { faults: 0, .. }) => ExitCode::Done,
            Self::Done(_) => ExitCode::DoneWithFaults,
            Self::Failed(fatal) => fatal.kind.exit_code(fatal.retry),
            Self::Cut => ExitCode::TryAgain,
        }
    }
}

/// The most resources that a job may have; 0 in the config means no limit, as for most collectors of the
/// Python worker.
pub(crate) fn max_resources(job: &Job) -> Option<u64> {
    match job {
        Job::Collect(collect) => collect.max_resources.filter(|max| *max > 0),
        Job::Describe { .. }
        | Job::Accounts(_)
        | Job::Clean(_)
        | Job::Tag(_)
        | Job::Command(_)
        | Job::Seal(_)
        | Job::Sealed(_)
        | Job::Identify(_) => None,
    }
}

/// What a job is about, for logs.
pub(crate) fn title(job: &Job) -> String {
    match job {
        Job::Describe { .. } => "describe".to_owned(),
        Job::Accounts(job) => format!("accounts {}", job.collector),
        Job::Collect(job) => format!("collect {}/{}", job.collector, job.account.id),
        Job::Clean(job) => format!("clean {}/{}", job.collector, job.account.id),
        Job::Tag(job) => format!("tag {}", job.collector),
        // Without the arguments, which may hold anything.
        Job::Command(job) => format!("command {} {}", job.collector, job.name),
        Job::Seal(job) => format!("credentials for {}", title(&job.job.clone().into())),
        Job::Sealed(job) => title(&job.job.clone().into()),
        Job::Identify(job) => format!("identify {}/{}", job.collector, job.account.id),
    }
}

/// Runs a job and sends all of its messages, from Ready to Done or Fatal.
pub(crate) async fn run(collectors: &Collectors, start: Start, output: &Output) -> Outcome {
    // Cut means that nobody hears the rest either: the first send fails in the same way.
    if output.send(Report::Ready).await.is_err() {
        return Outcome::Cut;
    }
    let work = CatchPanic(work(collectors, start, output));
    let ended = match beside_news(output, work).await {
        Ok(ended) => ended,
        Err(panic) => Err(panic.into()),
    };
    let failure = match ended {
        Ok(()) => match output.finish().await {
            Ok(done) => return Outcome::Done(done),
            Err(failure) => failure,
        },
        Err(failure) => failure,
    };
    let fatal = match failure {
        Failure::Fault(fatal) => *fatal,
        Failure::Stopped => match output.stopped() {
            Some(Stop::TooManyResources) => too_many_resources(output.max_resources()),
            Some(Stop::Ended | Stop::Disconnected) => return Outcome::Cut,
            None => fault(FaultKind::Internal, "the collector stopped without a reason"),
        },
    };
    if output.fail(fatal.clone()).await { Outcome::Failed(fatal) } else { Outcome::Cut }
}

/// The fault of a job that the supervisor or the user ended.
pub(crate) fn cancelled(reason: &str) -> Fault {
    Fault {
        level: Level::Info,
        ..fault(FaultKind::Internal, format!("cancelled: {reason}"))
            .with_source(FaultSource::Host)
            .with_retry(Retry::Later)
    }
}

/// The collector called `name`.
pub(crate) fn find<'a>(collectors: &'a Collectors, name: &str) -> Result<&'a dyn Collector, Box<Fault>> {
    match collectors.iter().find(|collector| collector.name() == name) {
        Some(collector) => Ok(&**collector),
        None => Err(Box::new(unknown(name, collectors))),
    }
}

fn unknown(name: &str, collectors: &Collectors) -> Fault {
    let names: Vec<_> = collectors.iter().map(|collector| collector.name()).collect();
    fault(FaultKind::Config, format!("there is no collector {name:?}"))
        .with_hint(suggest::hint(name, names.iter().map(|name| &**name)))
}

fn work<'a>(
    collectors: &'a Collectors,
    start: Start,
    output: &'a Output,
) -> BoxFuture<'a, Result<(), Failure>> {
    match start.job {
        Job::Describe { collectors: names } => Box::pin(describe(collectors, names, output)),
        Job::Accounts(job) => Box::pin(accounts(collectors, job, output)),
        Job::Collect(job) => Box::pin(collect(collectors, *job, start.remaining, output)),
        Job::Clean(job) => Box::pin(clean::run(collectors, *job, start.remaining, output)),
        Job::Tag(job) => Box::pin(tasks::tag(collectors, *job, start.remaining, output)),
        Job::Command(job) => Box::pin(tasks::command(collectors, *job, start.remaining, output)),
        Job::Seal(job) => Box::pin(seal::run(collectors, *job, start.remaining, output)),
        Job::Identify(job) => Box::pin(identify(collectors, *job, start.remaining, output)),
        // The session has opened it.
        Job::Sealed(_) => Box::pin(async { Err(fault(FaultKind::Internal, "a job is still sealed").into()) }),
    }
}

async fn describe(collectors: &Collectors, names: Vec<String>, output: &Output) -> Result<(), Failure> {
    let known: Vec<_> = collectors.iter().map(|collector| collector.name()).collect();
    for name in names.iter().filter(|name| !known.iter().any(|known| *known == **name)) {
        output.fault(unknown(name, collectors));
    }
    for (collector, name) in collectors.iter().zip(known) {
        if !names.is_empty() && !names.iter().any(|wanted| *wanted == name) {
            continue;
        }
        let one = collector.describe();
        output.send(Report::Described(Box::new(one))).await?;
        if let Some(brokering) = collector.brokering() {
            output.send(Report::Brokering(Box::new(brokering))).await?;
        }
        output.work(1);
    }
    Ok(())
}

async fn accounts(collectors: &Collectors, job: AccountsJob, output: &Output) -> Result<(), Failure> {
    let collector = find(collectors, &job.collector)?;
    output.step("listing accounts");
    let config = ConfigSection::parse(&job.collector, job.config.expose())?;
    let accounts = collector.accounts(&config, output).await?;
    for some in accounts.chunks(ACCOUNTS_PER_MESSAGE) {
        output.send(Report::Accounts(some.to_vec())).await?;
        output.work(1);
    }
    Ok(())
}

async fn collect(
    collectors: &Collectors,
    job: CollectJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<(), Failure> {
    let collector = find(collectors, &job.collector)?;
    output.step("starting");
    let request = collect_request(job, remaining, output)?;
    identity::verify(collector, Errand::Collect(&request), output).await?;
    collector.collect(&request, output).await
}

/// The first things that a collection does, and nothing else.
async fn identify(
    collectors: &Collectors,
    job: CollectJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<(), Failure> {
    let collector = find(collectors, &job.collector)?;
    output.step("asking whose credentials these are");
    let request = collect_request(job, remaining, output)?;
    identity::verify(collector, Errand::Collect(&request), output).await?;
    collector.reach(&request, output).await
}

fn collect_request(
    job: CollectJob,
    remaining: Option<Duration>,
    output: &Output,
) -> Result<CollectRequest, Failure> {
    Ok(CollectRequest {
        config: config(&job.collector, &job.config, output)?,
        account: job.account,
        last_run_started_ago: job.last_run_started_ago,
        remaining,
    })
}

/// The config section of a job, with its credentials if it has some of its own.
fn config(collector: &str, config: &Secret<String>, output: &Output) -> Result<ConfigSection, Failure> {
    let section = ConfigSection::parse(collector, config.expose())?;
    Ok(section.with_credentials(output.credentials()))
}

/// Waits for `work`, and sends what people want to know meanwhile.
async fn beside_news<T>(output: &Output, work: impl Future<Output = T>) -> T {
    let news = async {
        let mut ticks = interval(NEWS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Whoever stopped the output ends the work as well.
            drop(output.send_news().await);
            drop(output.send_gathered().await);
        }
    };
    tokio::select! {
        biased;
        ended = work => ended,
        never = news => never,
    }
}

fn too_many_resources(max: Option<u64>) -> Fault {
    let limit = max.map_or_else(String::new, |max| format!(" of {max}"));
    fault(
        FaultKind::Limit,
        format!("the account has more resources than the limit{limit} (fixworker.max_resources_per_account)"),
    )
    .with_hint(
        "nothing of the account is sent, so what fixcore has of it stays; raise the limit, or collect less",
    )
}

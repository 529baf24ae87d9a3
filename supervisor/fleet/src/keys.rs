//! Credentials that a job gets when it begins, and again before they end. Where they come from is the caller's business;
//! nothing here looks into them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use ipc_proto::job::Job;
use ipc_proto::seal::{AccountJob, Seal, SealedJob};

use crate::child::JobSpec;
use crate::child::outcome::{Failure, Outcome, Subject};
use crate::child::state::{Ending, State};

/// Credentials are waited for so long, if the job itself has no less time.
pub(crate) const WITHIN: Duration = Duration::from_mins(1);
/// How much longer than that until whoever makes them is not waited for any more.
const SLACK: Duration = Duration::from_secs(1);
/// New credentials are made no more often for one job, and the less often the more it has had.
const AT_MOST_EVERY: Duration = Duration::from_secs(2);
/// But so often: a child waits for an answer no longer than this and [`WITHIN`] take.
const AT_LEAST_EVERY: Duration = Duration::from_secs(20);

/// What [`Keys::seal`] returns.
pub type Sealing<'a> = Pin<Box<dyn Future<Output = Result<Seal, Box<Failure>>> + Send + 'a>>;

/// Makes the credentials of one job.
pub trait Keys: fmt::Debug + Send + Sync {
    /// Makes them within this time. With `again`, those that the job has are to be replaced. A failure is that of
    /// whoever should have made them.
    fn seal(&self, again: bool, within: Duration) -> Sealing<'_>;
}

/// The job with its credentials; the time that this took is missing from its own.
pub(crate) async fn sealed(mut spec: JobSpec, keys: Arc<dyn Keys>) -> Result<JobSpec, Box<Failure>> {
    let began = Instant::now();
    let within = spec.deadline.map_or(WITHIN, |time| time.min(WITHIN));
    let seal = match tokio::time::timeout(within + SLACK, keys.seal(false, within)).await {
        Ok(Ok(seal)) => seal,
        Ok(Err(failure)) => return Err(without(&spec, *failure, began)),
        Err(_) => {
            let late = Outcome::NoCredentials(format!("they were not made within {within:.0?}"));
            return Err(Box::new(failure(&spec.subject, spec.attempt, late, began)));
        }
    };
    spec.deadline = spec.deadline.map(|time| time.saturating_sub(began.elapsed()));
    spec.job = match AccountJob::of(spec.job) {
        Ok(job) => Job::Sealed(Box::new(SealedJob { job, seal })),
        // It is about no account, and has all it needs.
        Err(job) => *job,
    };
    Ok(spec)
}

/// The failure of a job by that of whoever should have made its credentials.
fn without(spec: &JobSpec, theirs: Failure, began: Instant) -> Box<Failure> {
    let outcome = match theirs.outcome {
        // What is wrong with the account itself.
        Outcome::Fatal(_) | Outcome::Cancelled(_) => theirs.outcome,
        _ => Outcome::NoCredentials(theirs.message()),
    };
    Box::new(Failure { stderr: theirs.stderr, ..failure(&spec.subject, spec.attempt, outcome, began) })
}

/// A failure before there was a process.
pub(crate) fn failure(subject: &Subject, attempt: u32, outcome: Outcome, began: Instant) -> Failure {
    Failure {
        outcome,
        subject: subject.clone(),
        attempt,
        pid: None,
        state: State::Ended(Ending::NotStarted),
        stage: None,
        ready: false,
        step: None,
        exit: None,
        last_rss: None,
        peak_rss: None,
        memory_limit: None,
        elapsed: began.elapsed(),
        stderr: Vec::new(),
    }
}

/// How long after the last credentials of a job new ones are made, if it has asked so often before. Credentials that hold
/// for an hour never wait; a child that asks without end must not take the cloud's patience with those who make them.
pub(crate) fn pause(asked: u32) -> Duration {
    AT_MOST_EVERY.saturating_mul(1 << asked.min(8)).min(AT_LEAST_EVERY)
}

/// What a child hears that gets no new credentials.
pub(crate) fn refusal(failure: Failure) -> Fault {
    match failure.outcome {
        Outcome::Fatal(fault) => fault,
        _ => Fault {
            scope: FaultScope::default(),
            kind: FaultKind::Unavailable,
            source: FaultSource::Host,
            retry: Retry::Later,
            level: Level::Error,
            message: failure.message(),
            hint: None,
            count: 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_without_end_gets_less_and_less() {
        let pauses: Vec<u64> = (0..6).map(|asked| pause(asked).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 20, 20]);
        assert_eq!(pause(u32::MAX), AT_LEAST_EVERY);
    }
}

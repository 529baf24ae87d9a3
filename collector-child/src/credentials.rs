//! The credentials of the account that a job is for, in a process that has no others.
//!
//! A broker has made them (`job/seal`), the supervisor brought them with the job, and brings new ones when they are
//! asked for.

use std::sync::{PoisonError, RwLock, Weak};
use std::time::Duration;

use collector::credentials::Keeper;
use collector::{BoxFuture, Failure, FaultExt, fault};
use ipc_proto::fault::{Fault, FaultKind, Retry};
use ipc_proto::message::Report;
use ipc_proto::seal::Seal;
use ipc_proto::secret::Secret;
use tokio::sync::{Mutex, watch};

use crate::output::{Output, Shared};

/// New credentials are waited for so long; the supervisor answers before that.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a job has of them.
pub(crate) struct Purse {
    output: Weak<Shared>,
    latest: RwLock<Secret<Vec<u8>>>,
    /// The answers so far, and the last one.
    answer: watch::Sender<(u64, Result<(), Fault>)>,
    /// One question at a time.
    turn: Mutex<()>,
}

impl Purse {
    pub(crate) fn new(seal: Seal, output: Weak<Shared>) -> Self {
        let (latest, answer) = (RwLock::new(seal.bytes), watch::Sender::new((0, Ok(()))));
        Self { output, latest, answer, turn: Mutex::default() }
    }

    /// The supervisor has answered.
    pub(crate) fn answered(&self, answer: Result<Seal, Fault>) {
        let answer = answer.map(|seal| {
            *self.latest.write().unwrap_or_else(PoisonError::into_inner) = seal.bytes;
        });
        self.answer.send_modify(|(number, last)| (*number, *last) = (*number + 1, answer));
    }

    async fn ask(&self) -> Result<Secret<Vec<u8>>, Fault> {
        let _turn = self.turn.lock().await;
        let mut answers = self.answer.subscribe();
        answers.mark_unchanged();
        let output = Output::of(&self.output).ok_or_else(|| not_there("the job is over"))?;
        output.send(Report::Renew).await.map_err(|failure| match failure {
            Failure::Fault(fault) => *fault,
            Failure::Stopped => not_there("the job was stopped"),
        })?;
        let answered = tokio::time::timeout(PATIENCE, answers.changed()).await;
        if !matches!(answered, Ok(Ok(()))) {
            return Err(not_there("the supervisor does not answer"));
        }
        let (_, answer) = answers.borrow().clone();
        answer.map(|()| self.bytes())
    }
}

impl Keeper for Purse {
    fn bytes(&self) -> Secret<Vec<u8>> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renew(&self) -> BoxFuture<'_, Result<Secret<Vec<u8>>, Fault>> {
        Box::pin(self.ask())
    }
}

fn not_there(why: &str) -> Fault {
    fault(FaultKind::Unavailable, format!("there are no new credentials: {why}")).with_retry(Retry::Later)
}

#[cfg(test)]
mod tests {
    use ipc_proto::codec;
    use ipc_proto::frame::HEADER_LEN;
    use ipc_proto::message::{JobId, ToSupervisor};
    use tokio::sync::mpsc;

    use super::*;
    use crate::output::OutputLimits;

    fn seal(bytes: &[u8]) -> Seal {
        Seal { bytes: bytes.to_vec().into(), remaining: None, shared: None }
    }

    async fn expect_question(frames: &mut mpsc::Receiver<Vec<u8>>) {
        let frame = frames.recv().await.unwrap();
        let message: ToSupervisor<'_> = codec::decode(&frame[HEADER_LEN..]).unwrap();
        assert_eq!(message.body, Report::Renew);
    }

    #[tokio::test]
    async fn new_ones_are_asked_for_and_replace_the_old_ones() {
        let (lane, mut frames) = mpsc::channel(4);
        let output = Output::with_seal(JobId(1), lane, OutputLimits::default(), Some(seal(b"first")));
        let credentials = output.credentials().unwrap();
        assert_eq!(credentials.bytes().expose(), b"first");
        let asking = tokio::spawn({
            let credentials = credentials.clone();
            async move { (credentials.renew().await, credentials.renew().await) }
        });
        expect_question(&mut frames).await;
        assert!(output.renewed(Ok(seal(b"second"))));
        expect_question(&mut frames).await;
        let refusal = fault(FaultKind::Unavailable, "the broker is gone");
        assert!(output.renewed(Err(refusal.clone())));
        let (renewed, refused) = asking.await.unwrap();
        assert_eq!((renewed.unwrap().expose().as_slice(), refused), (&b"second"[..], Err(refusal)));
        assert_eq!(credentials.bytes().expose(), b"second", "what there was goes on");
        assert!(!format!("{credentials:?}").contains("second"));
        output.end_from_outside(fault(FaultKind::Internal, "over"));
        assert!(credentials.renew().await.unwrap_err().message.contains("the job was stopped"));
    }

    #[test]
    fn a_job_that_has_all_credentials_gets_none_later() {
        let output = Output::new(JobId(1), mpsc::channel(1).0, OutputLimits::default());
        assert!(output.credentials().is_none() && !output.renewed(Ok(seal(b"x"))));
    }
}

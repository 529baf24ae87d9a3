//! Answers of the jobs that change a cloud.

use collector::fault::cut;
use collector::{Failure, fault};
use ipc_proto::clean::{CleanOutcome, Cleaned};
use ipc_proto::fault::FaultKind;
use ipc_proto::message::Report;

use super::Output;

impl Output {
    /// Sends what became of one resource. Texts longer than the protocol allows are cut; of a log that does
    /// not fit a frame the middle is left out.
    pub(crate) async fn cleaned(&self, mut cleaned: Cleaned) -> Result<(), Failure> {
        self.work(1);
        let limit = self.text_limit();
        match &mut cleaned.outcome {
            CleanOutcome::Later { reason }
            | CleanOutcome::Failed { reason }
            | CleanOutcome::Refused { reason } => cut(reason, limit),
            CleanOutcome::Gone | CleanOutcome::Planned | CleanOutcome::GoesWith { .. } => {}
        }
        for event in &mut cleaned.log {
            cut(&mut event.message, limit);
        }
        let room = self.shared.limits.frame_cap / 2;
        let size =
            |cleaned: &Cleaned| cleaned.log.iter().map(|event| event.message.len() + 16).sum::<usize>();
        while size(&cleaned) > room {
            let middle = cleaned.log.len() / 2;
            cleaned.log.remove(middle);
        }
        self.send(Report::Cleaned(Box::new(cleaned))).await
    }

    /// Sends the one answer of a job, called `what`: JSON in the message that `report` makes of it.
    pub(crate) async fn answer(
        &self,
        json: String,
        report: fn(String) -> Report<'static>,
        what: &str,
    ) -> Result<(), Failure> {
        // The smallest cap is 4 KiB, of which this leaves 64 bytes to the envelope.
        let room = self.shared.limits.frame_cap - self.shared.limits.frame_cap / 64;
        if json.len() > room {
            let message = format!("{what} has {} bytes, more than the {room} that can be sent", json.len());
            return Err(fault(FaultKind::Limit, message).into());
        }
        self.send(report(json)).await
    }
}

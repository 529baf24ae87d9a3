//! Where the answer of a broker goes.

use fixworker_fleet::{JobSink, SinkError};
use ipc_proto::limits::MAX_SEAL;
use ipc_proto::message::{Done, Report};
use ipc_proto::seal::Seal;

/// Takes exactly one answer.
#[derive(Debug, Default)]
pub(super) struct SealSink {
    seal: Option<Seal>,
}

impl SealSink {
    /// The answer; there is one when the job is done.
    pub(super) fn into_seal(self) -> Seal {
        self.seal.unwrap_or(Seal { bytes: Vec::new().into(), remaining: None, shared: None })
    }
}

impl JobSink for SealSink {
    fn report(&mut self, report: &Report<'_>) -> Result<(), SinkError> {
        let violation = |what: String| Err(SinkError::Violation(what));
        match report {
            Report::Sealed(_) if self.seal.is_some() => {
                violation("made the credentials of one account twice".to_owned())
            }
            Report::Sealed(seal) if seal.bytes.expose().len() > MAX_SEAL => {
                let size = seal.bytes.expose().len();
                violation(format!("made credentials of {size} bytes; at most {MAX_SEAL} are allowed"))
            }
            Report::Sealed(seal) => {
                self.seal = Some((**seal).clone());
                Ok(())
            }
            Report::Ready
            | Report::Heartbeat(_)
            | Report::Progress(_)
            | Report::Fault(_)
            | Report::Denied(_)
            | Report::Done(_)
            | Report::Fatal(_) => Ok(()),
            Report::Described(_)
            | Report::Brokering(_)
            | Report::Accounts(_)
            | Report::Chunk(_)
            | Report::Cleaned(_)
            | Report::Tagged(_)
            | Report::Output(_)
            | Report::Renew => violation("answered a job that it was not given".to_owned()),
        }
    }

    fn done(&mut self, _done: &Done) -> Result<(), SinkError> {
        match self.seal {
            Some(_) => Ok(()),
            None => Err(SinkError::Violation("says that it is done, but made no credentials".to_owned())),
        }
    }
}

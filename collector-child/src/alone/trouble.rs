//! Why a command ends without success.

use collector::Failure;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::fault::Fault;

use super::{fault_text, say};

/// A sentence for the user, and the exit code that goes with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) code: ExitCode,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Trouble {
    pub(crate) fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Writes it to stderr.
    pub(crate) fn print(&self) {
        say(&format!("error: {}", self.message));
        if let Some(hint) = &self.hint {
            say(&format!("  hint: {hint}"));
        }
    }
}

impl From<Fault> for Trouble {
    fn from(mut fault: Fault) -> Self {
        let hint = fault.hint.take();
        Self { code: fault.kind.exit_code(fault.retry), message: fault_text(&fault), hint }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) => (*fault).into(),
            Failure::Stopped => Self::new(ExitCode::TryAgain, "the job was stopped"),
        }
    }
}

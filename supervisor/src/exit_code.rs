//! Exit codes of `fixworker`, part of the contract.

use std::process::{ExitCode as ProcessExit, Termination};

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// All went well; a graceful shutdown too.
    Fine = 0,
    /// A fault of this program.
    Internal = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Some accounts failed; the good ones are written.
    SomeFailed = 3,
    /// Nothing was collected.
    NothingCollected = 4,
    /// fixcore is unreachable or refused us.
    Fixcore = 5,
    /// A shutdown had to be forced.
    Forced = 6,
}

impl Termination for ExitCode {
    fn report(self) -> ProcessExit {
        ProcessExit::from(self as u8)
    }
}

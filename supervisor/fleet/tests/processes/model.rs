//! The model: for each mode of the rogue, what must come of it. All tests of modes read this table.

use std::time::Duration;

use decisions::attempt::Class;
use fixworker_fleet::Settings;
use fixworker_fleet::child::state::Stage;

use crate::rogue::Mode;
use crate::support::SOON;

/// What it takes to get rid of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    /// It goes by itself. The end of its connection may be seen before its exit, which counts as asking.
    None,
    /// A Cancel is enough.
    Cancel,
    Term,
    Kill,
    /// Depends on who is faster.
    Any,
}

impl Force {
    pub(crate) fn fits(self, stage: Option<Stage>) -> bool {
        match self {
            Self::None => stage <= Some(Stage::Asked),
            Self::Cancel => stage == Some(Stage::Asked),
            Self::Term => stage == Some(Stage::Termed),
            Self::Kill => stage == Some(Stage::Killed),
            Self::Any => true,
        }
    }
}

/// How the job ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Completed { faults: u32 },
    Failed { kind: &'static str, class: Class, says: &'static str },
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) mode: Mode,
    pub(crate) end: End,
    pub(crate) force: Force,
    /// Which timers are short.
    pub(crate) tune: fn(&mut Settings),
    pub(crate) deadline: Option<Duration>,
}

fn row(mode: Mode, end: End, force: Force, tune: fn(&mut Settings)) -> Row {
    let deadline = (mode == Mode::Flood).then_some(SOON * 2);
    Row { mode, end, force, tune, deadline }
}

fn fine() -> End {
    End::Completed { faults: 0 }
}

fn violation(says: &'static str) -> End {
    End::Failed { kind: "protocol_violation", class: Class::Passing, says }
}

fn failed(kind: &'static str, class: Class, says: &'static str) -> End {
    End::Failed { kind, class, says }
}

fn nothing(_: &mut Settings) {}

fn handshake(settings: &mut Settings) {
    settings.handshake_timeout = SOON;
    settings.asked_timeout = SOON;
}

fn stall(settings: &mut Settings) {
    settings.stall_timeout = SOON;
    settings.asked_timeout = SOON;
}

fn ask(settings: &mut Settings) {
    settings.asked_timeout = SOON;
}

/// The whole table. `of` has no catch-all, so a new mode needs a row.
pub(crate) fn table() -> Vec<Row> {
    Mode::ALL.iter().map(|(mode, _)| of(*mode)).collect()
}

fn of(mode: Mode) -> Row {
    use Class::{Deadline, Lasting, OutOfMemory, Passing};
    let (end, force, tune): (End, Force, fn(&mut Settings)) = match mode {
        Mode::Ok
        | Mode::PrintALot
        | Mode::GrandchildHoldsPipes
        | Mode::GrandchildEscapes
        | Mode::ExitAfterDoneNonzero
        | Mode::ReportSelf => (fine(), Force::None, nothing),
        Mode::OkWithFaults => (End::Completed { faults: 1 }, Force::None, nothing),
        Mode::SetsidSurvivor => (failed("stalled", Passing, "sent nothing"), Force::Term, stall),
        Mode::LingerAfterDone => (fine(), Force::Term, |settings| settings.drain_timeout = SOON),
        Mode::ChunkAfterDone => (fine(), Force::Any, nothing),

        Mode::NeverConnect | Mode::NeverHello | Mode::NeverReady => {
            let says = "the child was not ready within 0.2 s";
            (failed("handshake_timeout", Passing, says), Force::Term, handshake)
        }
        Mode::BadMagic => (violation("does not speak the fixworker protocol"), Force::Term, nothing),
        Mode::WrongVersion => {
            let says = "no common protocol version: rogue 9.9 speaks version 7 to 8, fixworker";
            (failed("version", Lasting, says), Force::Term, nothing)
        }

        Mode::OversizeFrame => {
            (violation("a frame of 67108864 bytes, above the cap of 4194304"), Force::Term, nothing)
        }
        Mode::ZeroFrame => (violation("a frame of length zero"), Force::Term, nothing),
        Mode::TruncatedFrame => {
            let says = "within a message (unexpected end of file) and went on running";
            (violation(says), Force::Term, ask)
        }
        Mode::TrailingBytes => (violation("1 bytes are left over after the message"), Force::Term, nothing),
        Mode::Junk => (violation("cannot be read: the payload is not a valid message"), Force::Term, nothing),
        Mode::ChunkBeforeReady => (violation("it sent Chunk before Ready"), Force::Term, nothing),
        Mode::ReadyTwice => (violation("it sent Ready twice"), Force::Term, nothing),
        Mode::UnknownJob => {
            (violation("sent Ready about job 77, which does not exist"), Force::Term, nothing)
        }
        Mode::CloseSocketLiveOn => {
            (violation("it closed its connection and went on running"), Force::Term, ask)
        }

        Mode::Silent | Mode::StopSelf => {
            (failed("stalled", Passing, "the child sent nothing for 0.2 s"), Force::Term, stall)
        }
        Mode::SilentButObeys => (failed("stalled", Passing, "sent nothing"), Force::Cancel, |settings| {
            settings.stall_timeout = SOON;
        }),
        Mode::HeartbeatOnly => {
            let says = "the child was alive but got nothing done for 0.2 s";
            let tune = |settings: &mut Settings| {
                settings.no_progress_timeout = SOON;
                settings.asked_timeout = SOON;
            };
            (failed("no_progress", Passing, says), Force::Term, tune)
        }
        Mode::Flood => {
            (failed("deadline", Deadline, "the time of 0.4 s for one attempt is used up"), Force::Term, ask)
        }
        Mode::IgnoreTerm => {
            let tune = |settings: &mut Settings| {
                stall(settings);
                settings.grace = SOON;
            };
            (failed("stalled", Passing, "sent nothing"), Force::Kill, tune)
        }

        Mode::ExitBeforeDone => {
            let says = "the child ended before the job was done, with exit code 0 (done)";
            (failed("exited", Passing, says), Force::None, nothing)
        }
        Mode::Abort | Mode::CrashOnce => {
            (failed("killed", Passing, "the child was killed by SIGABRT"), Force::None, nothing)
        }
        Mode::KillSelf => {
            let says = "killed, likely out of memory; its last resident memory was";
            (failed("out_of_memory", OutOfMemory, says), Force::None, nothing)
        }
        Mode::AllocUntilLimit => {
            let says = "killed, likely out of memory (the limit is 64 MiB); its last resident memory was";
            let tune = |settings: &mut Settings| {
                settings.memory_limit = Some(64 << 20);
                settings.memory_interval = Duration::from_millis(10);
            };
            (failed("out_of_memory", OutOfMemory, says), Force::Any, tune)
        }
        Mode::Panic => (failed("exited", Passing, "stderr: out of ideas"), Force::None, nothing),
        Mode::Exit65 => (failed("exited", Lasting, "exit code 65 (protocol mismatch)"), Force::None, nothing),
        Mode::Exit70 => (failed("exited", Passing, "exit code 70 (internal error)"), Force::None, nothing),
        Mode::Exit75 => (failed("exited", Passing, "exit code 75 (temporary failure)"), Force::None, nothing),
        Mode::Exit77 => (failed("credentials", Lasting, "check the credentials"), Force::None, nothing),
        Mode::Exit78 => (failed("config", Lasting, "check the config section"), Force::None, nothing),
        Mode::FatalCredentials => {
            (failed("credentials", Lasting, "the key is expired"), Force::None, nothing)
        }
        Mode::FatalTryAgain => (failed("unavailable", Passing, "the cloud is away"), Force::None, nothing),
    };
    row(mode, end, force, tune)
}

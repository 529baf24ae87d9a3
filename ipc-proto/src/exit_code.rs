//! Exit codes of `fix-collector`, known to both sides.

/// How a child ended. The numbers are part of the contract (`sysexits.h` where it has one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything was collected.
    Done = 0,
    /// The command line is wrong.
    Usage = 64,
    /// The supervisor does not speak our protocol, or broke it.
    Protocol = 65,
    /// A fault of this program.
    Internal = 70,
    /// A passing trouble: try again.
    TryAgain = 75,
    /// Credentials are missing, wrong or expired.
    Credentials = 77,
    /// The configuration is wrong.
    Config = 78,
    /// Collected, but some things could not be read.
    DoneWithFaults = 79,
}

impl ExitCode {
    /// All codes, for tables and tests.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Usage,
        Self::Protocol,
        Self::Internal,
        Self::TryAgain,
        Self::Credentials,
        Self::Config,
        Self::DoneWithFaults,
    ];

    /// The code as the operating system sees it.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of a code that a child ended with, if it is one of ours.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| i32::from(exit.code()) == code)
    }

    /// One phrase for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Usage => "wrong command line",
            Self::Protocol => "protocol mismatch",
            Self::Internal => "internal error",
            Self::TryAgain => "temporary failure",
            Self::Credentials => "credentials missing, wrong or expired",
            Self::Config => "configuration error",
            Self::DoneWithFaults => "done with faults",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones_and_found_again() {
        let codes = ExitCode::ALL.map(ExitCode::code);
        assert_eq!(codes, [0, 64, 65, 70, 75, 77, 78, 79]);
        for exit in ExitCode::ALL {
            assert_eq!(ExitCode::from_code(i32::from(exit.code())), Some(exit));
        }
        for foreign in [-1, 1, 2, 137, 256 + 64] {
            assert_eq!(ExitCode::from_code(foreign), None);
        }
    }
}

//! The names of runs, which are names of files and parts of addresses as well.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::RunKind;

/// Names a run: when it began, what it did, and a number if that is not enough. Sorted as texts they are sorted by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RunId(String);

/// A text that names no run.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no name of a run: they are such as 20261202T163012Z-collect")]
pub struct NoRunId(String);

/// No name is longer.
const LONGEST: usize = 64;

impl RunId {
    /// The name of a run that began at `started`; `number` tells those of one second apart.
    pub fn new(started: Timestamp, kind: RunKind, number: u32) -> Self {
        let time = started.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let number = if number == 0 { String::new() } else { format!("-{number}") };
        Self(format!("{time}-{}{number}", kind.name()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Letters, digits and dashes only: a name comes from an address, and becomes a path.
impl TryFrom<String> for RunId {
    type Error = NoRunId;

    fn try_from(text: String) -> Result<Self, NoRunId> {
        let fits = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            && text.as_bytes()[0].is_ascii_digit();
        if fits { Ok(Self(text)) } else { Err(NoRunId(text)) }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_time_and_are_no_paths() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let first = RunId::new(at(1_796_225_412), RunKind::Collect, 0);
        assert_eq!(first.as_str(), "20261202T153012Z-collect");
        assert!(first < RunId::new(at(1_796_225_412), RunKind::Collect, 1));
        assert!(
            RunId::new(at(1_796_225_412), RunKind::Collect, 9)
                < RunId::new(at(1_796_225_413), RunKind::Cleanup, 0)
        );
        assert!(RunId::try_from(first.to_string()).is_ok());
        for wrong in ["", "..", "../x", "2026/x", "collect", "2026 x", "2026%2e", &"2".repeat(65)] {
            assert!(RunId::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }
}

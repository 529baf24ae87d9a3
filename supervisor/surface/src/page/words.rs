//! Times and words for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::report::AccountState;
use crate::status::Phase;

/// `2026-12-02 15:30:12`, in UTC.
pub(super) fn when(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time between two moments; none if they are the wrong way round.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A duration that is still going on: no fractions, so that it changes once a second.
pub(super) fn since(from: Timestamp, now: Timestamp) -> String {
    span(between(from, now))
}

/// `42 s`, `3 min 12 s`, `2 h 5 min`, `3 days`.
pub(super) fn span(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..172_800 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} days", s / 86_400),
    }
}

/// `just now`, `3 min ago`: coarse, so that it seldom changes.
pub(super) fn ago(time: Timestamp, now: Timestamp) -> String {
    let s = between(time, now).as_secs();
    match s {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", s / 60),
        3600..172_800 => format!("{} h ago", s / 3600),
        _ => format!("{} days ago", s / 86_400),
    }
}

/// The class of a phase.
pub(super) fn class(phase: Phase) -> &'static str {
    match phase {
        Phase::Failed => "tag bad",
        Phase::Retrying | Phase::Cancelled => "tag warn",
        Phase::Running | Phase::Sending => "tag busy",
        Phase::Waiting => "tag",
        Phase::Done => "tag ok",
    }
}

/// Class and sign of how an account ended.
pub(super) fn sign(state: AccountState) -> (&'static str, &'static str) {
    match state {
        AccountState::Done => ("ok", "\u{2713}"),
        AccountState::Failed => ("bad", "\u{2717}"),
        AccountState::Cancelled => ("warn", "\u{2013}"),
    }
}

//! How the upload of an account ended.

use std::fmt;

use super::MergeCounters;

/// How the upload of an account ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// fixcore has merged it. The counters are those of the whole upload it was part of.
    Landed(MergeCounters),
    /// fixcore has it, but nobody waited for the outcome: the connection does not last as long as the merge.
    Queued,
    /// fixcore refuses this account.
    Rejected(String),
    /// Another merge blocked it for too long.
    Conflict {
        /// fixcore's words.
        text: String,
        /// An earlier upload of it may have been merged.
        maybe_landed: bool,
    },
    /// The deadline came first, or the run was given up.
    Expired {
        /// What stood in the way the last time; empty if it was never tried.
        text: String,
        /// An earlier upload of it may have been merged.
        maybe_landed: bool,
    },
}

impl Outcome {
    /// Whether fixcore is known to have merged it.
    pub fn has_landed(&self) -> bool {
        matches!(self, Self::Landed(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = |maybe: bool| if maybe { "; an earlier upload of it may have been merged" } else { "" };
        match self {
            Self::Landed(_) => f.write_str("merged"),
            Self::Queued => f.write_str("queued, outcome unknown"),
            Self::Rejected(text) => write!(f, "fixcore rejected the graph: {text}"),
            Self::Conflict { text, maybe_landed } => write!(
                f,
                "another merge blocks the account for too long (if no other worker collects it, a fixcore that \
                 died in a merge left its mark, which goes after some hours): {text}{}",
                unknown(*maybe_landed)
            ),
            Self::Expired { text, maybe_landed } if text.is_empty() => {
                write!(f, "there was no time left to send the graph to fixcore{}", unknown(*maybe_landed))
            }
            Self::Expired { text, maybe_landed } => {
                write!(f, "the graph could not be sent to fixcore in time: {text}{}", unknown(*maybe_landed))
            }
        }
    }
}

/// The failures among `outcomes`, those with the same sentence together, so that each is told once.
pub fn group_failures<K: Clone>(outcomes: &[(K, Outcome)]) -> Vec<(String, Vec<K>)> {
    let mut groups: Vec<(String, Vec<K>)> = Vec::new();
    for (key, outcome) in outcomes.iter().filter(|(_, outcome)| !outcome.has_landed()) {
        let sentence = outcome.to_string();
        match groups.iter_mut().find(|(text, _)| *text == sentence) {
            Some((_, keys)) => keys.push(key.clone()),
            None => groups.push((sentence, vec![key.clone()])),
        }
    }
    groups
}

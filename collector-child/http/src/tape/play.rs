//! Answering from a recording.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::file::{Asked, Outcome, Recording};
use super::scrub::Scrubber;
use crate::transport::{Answer, TransportTrouble};

/// Answers requests.
pub(crate) struct Player {
    began: SystemTime,
    latency: Duration,
    scrubber: Scrubber,
    facts: BTreeMap<String, Value>,
    state: Mutex<State>,
}

struct State {
    answers: HashMap<Asked, VecDeque<Outcome>>,
    missed: BTreeSet<String>,
}

impl Player {
    pub(super) fn new(recording: Recording, latency: Duration) -> Self {
        let began = recording.opening.began.parse::<jiff::Timestamp>();
        let mut answers: HashMap<Asked, VecDeque<Outcome>> = HashMap::new();
        for exchange in recording.exchanges {
            answers.entry(exchange.asked).or_default().push_back(exchange.outcome);
        }
        Self {
            began: began.map_or_else(|_| SystemTime::now(), Into::into),
            latency,
            scrubber: Scrubber::default(),
            facts: recording.facts,
            state: Mutex::new(State { answers, missed: BTreeSet::new() }),
        }
    }

    pub(super) fn began(&self) -> SystemTime {
        self.began
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn missed(&self) -> Vec<String> {
        self.lock().missed.iter().cloned().collect()
    }

    pub(super) fn fact<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.facts.get(name)?.clone()).ok()
    }

    /// The answers to equal requests come in their order, and the last one again and again: how often something was asked
    /// that was waited for depends on the time that passed.
    pub(super) async fn answer(&self, asked: Asked) -> Result<Answer, TransportTrouble> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        // The request was recorded with stand-ins for what is secret in it.
        let asked = self.scrubber.asked(asked);
        let mut state = self.lock();
        let outcome = match state.answers.get_mut(&asked) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        };
        match outcome {
            Some(Outcome::Answer(kept)) => kept.answer().map_err(TransportTrouble::NotRecorded),
            Some(Outcome::Trouble(trouble)) => Err(trouble),
            None => {
                let named = asked.named();
                state.missed.insert(named.clone());
                Err(TransportTrouble::NotRecorded(named))
            }
        }
    }
}

//! What a recording holds, for people who want to know before they pass it on.

use std::collections::BTreeMap;

use super::file::{Body, Exchange, Outcome, Recording};
use super::scrub::{STAND_IN, Scrubber};

/// What was found in a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// One line for each exchange, in their order.
    pub calls: Vec<Inspection>,
    /// What looks like a secret. Nothing, unless the file was changed by hand or made by a version that knew less.
    pub suspicions: Vec<Suspicion>,
    /// How often each stand-in is in it.
    pub stand_ins: BTreeMap<String, usize>,
}

/// An exchange, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Who asked, as far as that makes a difference.
    pub caller: String,
    /// What was asked.
    pub asked: String,
    /// The status of the answer, or why there is none.
    pub outcome: String,
    /// Bytes of its body.
    pub bytes: usize,
}

/// Something that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// In which exchange, from 1 on; 0 is the head of the recording.
    pub exchange: usize,
    /// In which part of it.
    pub part: &'static str,
}

/// Looks through a recording: with the same eyes that made it, so what they do not know as a secret they do not see.
pub fn inspect(recording: &Recording) -> Inspected {
    let mut suspicions = Vec::new();
    let head = Scrubber::default();
    let environment =
        recording.opening.environment.iter().all(|(name, value)| head.named(name, value) == *value);
    if head.settings(&recording.opening.config) != recording.opening.config || !environment {
        suspicions.push(Suspicion { exchange: 0, part: "the settings" });
    }
    let mut stand_ins = BTreeMap::new();
    for (at, exchange) in recording.exchanges.iter().enumerate() {
        let of_this = |part| Suspicion { exchange: at + 1, part };
        suspicions.extend(parts(exchange).into_iter().map(of_this));
        let text = serde_json::to_string(exchange).unwrap_or_default();
        for stand_in in text.split(STAND_IN).skip(1) {
            let number: String = stand_in.chars().take_while(char::is_ascii_digit).collect();
            *stand_ins.entry(format!("{STAND_IN}{number}")).or_default() += 1;
        }
    }
    Inspected { calls: recording.exchanges.iter().map(inspection).collect(), suspicions, stand_ins }
}

/// The parts of an exchange that would be written otherwise now.
fn parts(exchange: &Exchange) -> Vec<&'static str> {
    let scrubber = Scrubber::default();
    let mut parts = Vec::new();
    if scrubber.asked(exchange.asked.clone()) != exchange.asked {
        parts.push("the request");
    }
    if let Outcome::Answer(kept) = &exchange.outcome {
        let same = |(name, value): &(String, String)| scrubber.named(name, value) == *value;
        if !kept.headers.iter().all(same) {
            parts.push("the headers of the answer");
        }
        if scrubber.body("", kept.body.clone()) != kept.body {
            parts.push("the answer");
        }
    }
    parts
}

fn inspection(exchange: &Exchange) -> Inspection {
    let (outcome, bytes) = match &exchange.outcome {
        Outcome::Trouble(trouble) => (trouble.to_string(), 0),
        Outcome::Answer(kept) => {
            let bytes = match &kept.body {
                Body::Text(text) => text.len(),
                Body::Binary(_) => kept.body.bytes().map_or(0, |bytes| bytes.len()),
            };
            (kept.status.to_string(), bytes)
        }
    };
    Inspection { caller: exchange.asked.caller.clone(), asked: exchange.asked.named(), outcome, bytes }
}

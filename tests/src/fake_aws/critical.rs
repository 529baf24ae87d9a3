//! The shortest time in which the calls of a run can be made: the critical path, in rounds of one latency each.
//!
//! A call depends on another one if it sends a value (an id, a name, an address, a page token, the key of an assumed
//! role) that the other's answer is the first to tell; what no answer tells is known from the start. The depth of a
//! call is one more than that of the deepest call it depends on. No worker can make a call of depth `d` before round
//! `d`. A lane (service and region) takes only so many calls at once, all lanes together too: the `n` calls of a lane
//! that have depth `d` or more cannot be through before round `d - 1 + n / limit`. The longest of all these, over all
//! lanes and depths, is the critical path. Values of fewer than [`SHORTEST`] characters are taken for known, as are
//! parts of values: the path may be longer in truth, never shorter.

use std::collections::{BTreeMap, HashMap};

/// Shorter values are words and numbers that many answers have by chance.
const SHORTEST: usize = 6;

/// A call of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// Equal calls have the same number.
    pub(super) number: usize,
    /// Service and region.
    pub(super) lane: &'a str,
    /// What is sent.
    pub(super) asked: &'a [String],
    /// What the answer tells.
    pub(super) told: &'a [String],
}

/// How many calls may be under way, by the name of the service in signatures: the defaults of both workers.
#[derive(Debug)]
pub(super) struct Limits {
    overall: usize,
    per_service: usize,
    services: BTreeMap<&'static str, usize>,
}

impl Default for Limits {
    fn default() -> Self {
        // A lane is told by the name in signatures, and two clients may have the same: `elb` takes six calls and `elbv2` as
        // many as any other.
        let services =
            BTreeMap::from([("sagemaker", 6), ("elasticloadbalancing", 26), ("bedrock", 40), ("s3", 40)]);
        Self { overall: 64, per_service: 20, services }
    }
}

impl Limits {
    fn of(&self, lane: &str) -> usize {
        let service = lane.split(' ').next().unwrap_or_default();
        self.services.get(service).copied().unwrap_or(self.per_service)
    }
}

/// The result.
#[derive(Debug, PartialEq)]
pub(super) struct Path {
    /// The longest chain of calls that depend on each other.
    pub(super) chain: usize,
    /// Rounds in which all calls can be made.
    pub(super) rounds: usize,
    /// What makes it so many: a lane, all calls together, or the chain.
    pub(super) bound_by: String,
}

/// The critical path of a run.
pub(super) fn critical_path(calls: &[Call<'_>], limits: &Limits) -> Path {
    let depths = depths(calls);
    let depth = |call: &Call<'_>| depths.get(&call.number).copied().unwrap_or(1);
    let chain = calls.iter().map(depth).max().unwrap_or(0);
    let mut best = Path { chain, rounds: chain, bound_by: "the longest chain".to_owned() };
    let mut lanes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for call in calls {
        lanes.entry(call.lane).or_default().push(depth(call));
        lanes.entry("all calls together").or_default().push(depth(call));
    }
    for (lane, mut depths) in lanes {
        let limit = if lane == "all calls together" { limits.overall } else { limits.of(lane) };
        depths.sort_unstable();
        for (before, depth) in depths.iter().enumerate() {
            let rounds = depth - 1 + (depths.len() - before).div_ceil(limit);
            if rounds > best.rounds {
                best = Path { chain, rounds, bound_by: format!("{lane}: {} calls", depths.len()) };
            }
        }
    }
    best
}

/// The depth of each call by its number.
fn depths(calls: &[Call<'_>]) -> HashMap<usize, usize> {
    let distinct: BTreeMap<usize, Call<'_>> = calls.iter().map(|call| (call.number, *call)).collect();
    // A value that a call sends and gets back is not told by it.
    let mut tellers: HashMap<&str, Vec<usize>> = HashMap::new();
    for call in distinct.values() {
        for value in call.told.iter().filter(|value| !call.asked.contains(value)) {
            tellers.entry(value).or_default().push(call.number);
        }
    }
    // Nobody is deeper than a value that somebody less deep tells: depths are found in rising order, like distances.
    let mut known: HashMap<usize, usize> = HashMap::new();
    for depth in 1.. {
        let told = |value: &String| {
            let tellers = tellers.get(value.as_str());
            tellers.is_none_or(|tellers| tellers.iter().any(|teller| known.contains_key(teller)))
        };
        let ready = |call: &&Call<'_>| !known.contains_key(&call.number) && call.asked.iter().all(told);
        let mut ready: Vec<usize> = distinct.values().filter(ready).map(|call| call.number).collect();
        if ready.is_empty() {
            // What is left depends on itself by chance: it counts as known from here on.
            ready = distinct.keys().copied().filter(|number| !known.contains_key(number)).collect();
        }
        if ready.is_empty() {
            break;
        }
        known.extend(ready.into_iter().map(|number| (number, depth)));
    }
    known
}

/// The values in a request or an answer, whatever its form: texts of JSON, of XML, of forms and of addresses.
pub(super) fn values(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) {
        of_json(&json, &mut found);
    } else if text.trim_start().starts_with('<') {
        let texts = text.split(['<', '>']).skip(2).step_by(2);
        found.extend(texts.map(|text| text.replace("&amp;", "&").replace("&quot;", "\"").trim().to_owned()));
    } else {
        found.extend(text.split(['/', '?', '&', '=']).map(decoded));
    }
    found.retain(|value| value.chars().count() >= SHORTEST);
    found.sort_unstable();
    found.dedup();
    found
}

fn of_json(json: &serde_json::Value, found: &mut Vec<String>) {
    match json {
        serde_json::Value::String(text) => found.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| of_json(item, found)),
        serde_json::Value::Object(members) => members.values().for_each(|value| of_json(value, found)),
        _ => {}
    }
}

/// Without `%XX` and `+`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Log(Vec<(String, Vec<String>, Vec<String>)>);

    impl Log {
        fn call(mut self, lane: &str, asked: &[&str], told: &[&str]) -> Self {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            self.0.push((lane.to_owned(), owned(asked), owned(told)));
            self
        }

        fn path(&self) -> Path {
            let calls: Vec<Call<'_>> = (self.0.iter().enumerate())
                .map(|(number, (lane, asked, told))| Call { number, lane, asked, told })
                .collect();
            critical_path(&calls, &Limits { overall: 8, per_service: 2, services: BTreeMap::new() })
        }
    }

    #[test]
    fn a_chain_is_as_long_as_values_have_to_be_known() {
        let log = Log(Vec::new())
            .call("s3 r", &["ListBuckets"], &["bucket"])
            .call("ec2 r", &["bucket"], &["policy"])
            .call("kms r", &["policy", "bucket"], &["keykey"]);
        assert_eq!(log.path().chain, 3, "{:?}", log.path());
        let log = log.call("iam r", &["constant"], &["policy"]);
        assert_eq!(log.path().chain, 2, "the policy is told by a call of depth 1, too: {:?}", log.path());
    }

    #[test]
    fn a_lane_that_is_full_is_a_bound() {
        let mut log = Log(Vec::new()).call("s3 r", &["start"], &["bucket"]);
        for _ in 0..7 {
            log = log.call("s3 r", &["bucket"], &[]);
        }
        let path = log.path();
        assert_eq!((path.chain, path.rounds), (2, 5), "one, then seven two at a time: {path:?}");
        assert!(path.bound_by.starts_with("s3 r"), "{path:?}");
    }

    #[test]
    fn all_lanes_together_are_a_bound() {
        let mut log = Log(Vec::new());
        for lane in 0..30 {
            log = log.call(&format!("lane {lane}"), &["start"], &[]);
        }
        assert_eq!(log.path().rounds, 4, "{:?}", log.path());
    }

    #[test]
    fn values_are_found_in_all_forms() {
        assert_eq!(values(br#"{"A": [{"Name": "bucket-1"}], "N": 7}"#), ["bucket-1"]);
        assert_eq!(
            values(b"<?xml version=\"1.0\"?><R><Name>bucket-1</Name><x>a&amp;bcde</x></R>"),
            ["a&bcde", "bucket-1"]
        );
        assert_eq!(
            values(b"/2020-05-31/distribution?Arn=arn%3Aaws%3Ax"),
            ["2020-05-31", "arn:aws:x", "distribution"]
        );
    }
}

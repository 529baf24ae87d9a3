//! What a cloud has answered to what.

use std::collections::HashMap;
use std::sync::Arc;

use super::critical::{Call, values};
use super::wire::{Asked, Got};

/// All that was taken down.
#[derive(Default)]
pub(super) struct Memory {
    calls: Vec<Known>,
    numbers: HashMap<Vec<u8>, usize>,
}

struct Known {
    lane: String,
    asked: Vec<String>,
    told: Vec<String>,
    answer: Arc<[u8]>,
}

impl Memory {
    /// The number of a call that was taken down.
    pub(super) fn find(&self, asked: &Asked) -> Option<usize> {
        self.numbers.get(&key(asked)).copied()
    }

    /// Takes down a call and its answer; its number.
    pub(super) fn take_down(&mut self, asked: &Asked, got: Got) -> usize {
        let [access_key, region, service] = asked.scope();
        let mut values_asked = values(asked.target.as_bytes());
        values_asked.extend(values(&asked.body));
        values_asked.push(access_key.to_owned());
        let told = values(&got.body);
        let mut answer = got.head.into_bytes();
        answer.extend_from_slice(format!("content-length: {}\r\n\r\n", got.body.len()).as_bytes());
        answer.extend_from_slice(&got.body);
        let lane = format!("{service} {region}");
        let number = self.calls.len();
        self.calls.push(Known { lane, asked: values_asked, told, answer: answer.into() });
        self.numbers.insert(key(asked), number);
        number
    }

    pub(super) fn answer(&self, number: usize) -> Arc<[u8]> {
        self.calls[number].answer.clone()
    }

    pub(super) fn call(&self, number: usize) -> Option<Call<'_>> {
        let Known { lane, asked, told, .. } = self.calls.get(number)?;
        Some(Call { number, lane, asked, told })
    }
}

fn key(asked: &Asked) -> Vec<u8> {
    let [_, region, service] = asked.scope();
    let head = [&asked.method, &asked.target, asked.header("x-amz-target"), region, service].join("\n");
    [head.as_bytes(), b"\n", &timeless(&asked.body)].concat()
}

/// The same without points in time, which differ in each run: `2026-12-01T23:55:44Z`, and numbers of seconds or
/// milliseconds in JSON. What is asked for again because of them would be asked of a slow mock.
fn timeless(body: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(first) = rest.first() {
        let time = time_at(rest, kept.last());
        if time == 0 {
            kept.push(*first);
        }
        rest = &rest[time.max(1)..];
    }
    kept
}

/// How many bytes at the beginning are a point in time.
fn time_at(bytes: &[u8], before: Option<&u8>) -> usize {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let number = before.is_some_and(|byte| matches!(byte, b':' | b' ' | b'['));
    let whole = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if number && matches!(whole, 10 | 13) && bytes[0] == b'1' {
        return digits;
    }
    let form = b"0000-00-00T00";
    let alike = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if bytes.len() < form.len() || !bytes.iter().zip(form).all(alike) {
        return 0;
    }
    let of_time = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-:.%+".contains(byte);
    bytes.iter().take_while(of_time).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> Asked {
        let text = format!(
            "POST / HTTP/1.1\r\nauthorization: AWS4 Credential=K/1/eu-west-1/monitoring/aws4_request\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Asked::read(&mut text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn points_in_time_make_no_other_call() {
        let same = |one: &str, other: &str| timeless(one.as_bytes()) == timeless(other.as_bytes());
        assert!(same("Start=2026-12-01T23%3A55%3A44Z&Id=1", "Start=2026-12-02T00%3A00%3A00Z&Id=1"));
        assert!(same(r#"{"startTime": 1764633344, "b": "1"}"#, r#"{"startTime": 1764633399.5, "b": "1"}"#));
        assert!(!same("Start=2026-12-01T23%3A55%3A44Z&Id=1", "Start=2026-12-01T23%3A55%3A44Z&Id=2"));
        assert!(!same("Version=2012-06-01&Action=A", "Version=2015-12-01&Action=A"));
        assert!(!same(r#"{"id": "1764633344"}"#, r#"{"id": "1764633345"}"#));
    }

    #[test]
    fn a_call_is_known_by_all_that_it_says() {
        let mut memory = Memory::default();
        let got = Got { head: "HTTP/1.1 200 OK\r\n".to_owned(), body: b"<a>metric-1</a>".to_vec() };
        memory.take_down(&asked("Action=GetMetricData&StartTime=1"), got);
        assert_eq!(memory.find(&asked("Action=GetMetricData&StartTime=1")), Some(0));
        assert_eq!(memory.find(&asked("Action=GetMetricData&StartTime=2")), None);
        assert_eq!(&*memory.answer(0), b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<a>metric-1</a>");
        assert_eq!(memory.call(0).unwrap().lane, "monitoring eu-west-1");
    }
}

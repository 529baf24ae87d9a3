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

    pub(super) fn call(&self, number: usize) -> Call<'_> {
        let Known { lane, asked, told, .. } = &self.calls[number];
        Call { number, lane, asked, told }
    }
}

fn key(asked: &Asked) -> Vec<u8> {
    let [_, region, service] = asked.scope();
    let head = [&asked.method, &asked.target, asked.header("x-amz-target"), region, service].join("\n");
    [head.as_bytes(), b"\n", asked.body.as_slice()].concat()
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
    fn a_call_is_known_by_all_that_it_says() {
        let mut memory = Memory::default();
        let got = Got { head: "HTTP/1.1 200 OK\r\n".to_owned(), body: b"<a>metric-1</a>".to_vec() };
        memory.take_down(&asked("Action=GetMetricData&StartTime=1"), got);
        assert_eq!(memory.find(&asked("Action=GetMetricData&StartTime=1")), Some(0));
        assert_eq!(memory.find(&asked("Action=GetMetricData&StartTime=2")), None);
        assert_eq!(&*memory.answer(0), b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<a>metric-1</a>");
        assert_eq!(memory.call(0).lane, "monitoring eu-west-1");
    }
}

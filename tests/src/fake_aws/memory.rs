//! What a cloud has answered to what.

use std::collections::HashMap;
use std::sync::Arc;

use super::critical::{Call, values};
use super::wire::{Asked, Got};

/// All that was taken down.
#[derive(Default)]
pub(super) struct Memory {
    calls: Vec<Known>,
    exact: HashMap<Vec<u8>, usize>,
    /// By what is the same in every run: bodies may have the time.
    similar: HashMap<Vec<u8>, usize>,
}

struct Known {
    lane: String,
    asked: Vec<String>,
    told: Vec<String>,
    answer: Arc<[u8]>,
}

impl Memory {
    /// The number of a call, and whether it is only a similar one; that counts with `similar`.
    pub(super) fn find(&self, asked: &Asked, similar: bool) -> Option<(usize, bool)> {
        let exact = self.exact.get(&exact(asked)).map(|number| (*number, false));
        exact.or_else(|| self.similar.get(&coarse(asked)).filter(|_| similar).map(|number| (*number, true)))
    }

    /// Takes down a call and its answer; its number.
    pub(super) fn take_down(&mut self, asked: &Asked, got: Got) -> usize {
        let [key, region, service] = asked.scope();
        let mut values_asked = values(asked.target.as_bytes());
        values_asked.extend(values(&asked.body));
        values_asked.push(key.to_owned());
        let told = values(&got.body);
        let mut answer = got.head.into_bytes();
        answer.extend_from_slice(format!("content-length: {}\r\n\r\n", got.body.len()).as_bytes());
        answer.extend_from_slice(&got.body);
        let lane = format!("{service} {region}");
        let number = self.calls.len();
        self.calls.push(Known { lane, asked: values_asked, told, answer: answer.into() });
        self.exact.insert(exact(asked), number);
        self.similar.insert(coarse(asked), number);
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

fn coarse(asked: &Asked) -> Vec<u8> {
    let [_, region, service] = asked.scope();
    let action = String::from_utf8_lossy(&asked.body);
    let action = action.split('&').find(|pair| pair.starts_with("Action=")).unwrap_or_default().to_owned();
    let path = asked.target.split('?').next().unwrap_or_default();
    [&asked.method, path, asked.header("x-amz-target"), region, service, &action].join("\n").into_bytes()
}

fn exact(asked: &Asked) -> Vec<u8> {
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
    fn a_call_with_another_time_is_similar() {
        let mut memory = Memory::default();
        let got = Got { head: "HTTP/1.1 200 OK\r\n".to_owned(), body: b"<a>metric-1</a>".to_vec() };
        memory.take_down(&asked("Action=GetMetricData&StartTime=1"), got);
        assert_eq!(memory.find(&asked("Action=GetMetricData&StartTime=1"), true), Some((0, false)));
        assert_eq!(memory.find(&asked("Action=GetMetricData&StartTime=2"), true), Some((0, true)));
        assert_eq!(memory.find(&asked("Action=GetMetricData&StartTime=2"), false), None);
        assert_eq!(memory.find(&asked("Action=ListMetrics"), true), None);
        assert_eq!(&*memory.answer(0), b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n<a>metric-1</a>");
        assert_eq!(memory.call(0).lane, "monitoring eu-west-1");
    }
}

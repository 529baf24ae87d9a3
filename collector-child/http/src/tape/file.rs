//! What a recording looks like: lines of JSON, compressed (`zcat FILE | head`). The first says what was recorded, the last
//! how many exchanges there are; between them stand exchanges and facts.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use bytes::Bytes;
use data_encoding::BASE64;
use flate2::read::MultiGzDecoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION,
    USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::scrub::is_secret;
use super::{Caller, MakesCredentials};
use crate::transport::{Answer, TransportTrouble};

/// The form of the file. One that is newer cannot be read.
pub(super) const FORM: u32 = 1;
/// Longer lines are not ours: an answer has 64 MiB at most, and a byte of it takes two in the worst case.
const LONGEST_LINE: u64 = 256 << 20;

/// What was recorded: the first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The form of the file.
    pub recording: u32,
    /// The program that made it, with its version.
    pub by: String,
    /// When, as RFC 3339.
    pub began: String,
    /// The collector.
    pub collector: String,
    /// The section of the configuration, with stand-ins for secrets.
    pub config: Map<String, Value>,
    /// Variables that the collector reads, with stand-ins for secrets.
    pub environment: BTreeMap<String, String>,
    /// The limit of nodes, if one was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_resources: Option<u64>,
}

impl Opening {
    /// Of a recording that begins now.
    pub fn now(collector: &str) -> Self {
        Self {
            recording: FORM,
            by: crate::AGENT.to_owned(),
            began: jiff::Timestamp::now().to_string(),
            collector: collector.to_owned(),
            config: Map::new(),
            environment: BTreeMap::new(),
            max_resources: None,
        }
    }
}

/// What a request asks for. Two requests with the same are the same request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Who asks: [`Caller`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) caller: String,
    pub(super) method: String,
    pub(super) uri: String,
    /// Headers that may make a difference, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub(super) body: Body,
    /// The answer is a credential.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) makes_credentials: bool,
}

impl Asked {
    pub(super) fn of(request: &Request<Full<Bytes>>, body: &Bytes) -> Self {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = request.headers().iter().filter(|(name, _)| makes_a_difference(name));
        let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        headers.sort();
        Self {
            caller: request.extensions().get::<Caller>().map_or_else(String::new, |caller| caller.0.clone()),
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            headers,
            body: Body::of(body),
            makes_credentials: request.extensions().get::<MakesCredentials>().is_some(),
        }
    }

    /// The type of the body.
    pub(super) fn media(&self) -> &str {
        let media = self.headers.iter().find(|(name, _)| name == CONTENT_TYPE.as_str());
        media.map_or("", |(_, media)| media)
    }

    /// For people: without what the body says.
    pub(super) fn named(&self) -> String {
        let Self { method, uri, headers, body, .. } = self;
        let target = headers.iter().find(|(name, _)| name.ends_with("-target"));
        let target = target.map_or_else(String::new, |(_, target)| format!(" {target}"));
        // Some protocols have one address for all operations.
        let action = match body {
            Body::Text(text) => text.split('&').find(|field| field.starts_with("Action=")),
            Body::Binary(_) => None,
        };
        let action = action.map_or_else(String::new, |action| format!(" {action}"));
        format!("{method} {uri}{target}{action}")
    }
}

/// All headers but those that say who asks, when, and how: they are others each time, or on another machine.
fn makes_a_difference(name: &HeaderName) -> bool {
    const NOISE: [HeaderName; 7] =
        [ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION, USER_AGENT];
    let text = name.as_str();
    !(NOISE.contains(name) || is_secret(text) || text.ends_with("date") || text.ends_with("sha256"))
}

/// A body: text, or bytes that are none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Body {
    Text(String),
    Binary(Base64),
}

/// Bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Base64 {
    base64: String,
}

impl Default for Body {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Body {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary(Base64 { base64: BASE64.encode(bytes) }),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    pub(super) fn bytes(&self) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
            Self::Binary(Base64 { base64 }) => {
                BASE64.decode(base64.as_bytes()).map(Bytes::from).map_err(|error| error.to_string())
            }
        }
    }
}

/// A request and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub(super) asked: Asked,
    /// What came.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer, as it was before it was compressed.
    Answer(Kept),
    /// None.
    Trouble(TransportTrouble),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub(super) status: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Body::is_empty")]
    pub(super) body: Body,
}

impl Kept {
    pub(super) fn answer(&self) -> Result<Answer, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|error| error.to_string())?;
            let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            headers.append(name, value);
        }
        Ok(Answer { status: self.status, headers, body: self.body.bytes()? })
    }
}

/// A line that is not the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Exchange(Box<Exchange>),
    /// What was read from the machine.
    Fact(String, Value),
    End {
        exchanges: u64,
        secrets: usize,
    },
}

/// A recording, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// What was recorded.
    pub opening: Opening,
    /// In the order in which they ended.
    pub exchanges: Vec<Exchange>,
    /// What was read from the machine.
    pub(super) facts: BTreeMap<String, Value>,
    /// Why it is not complete, in words.
    pub cut_off: Option<String>,
    /// Values that stand-ins replace, if it is complete.
    pub secrets: usize,
}

/// Why a file is no recording.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(String),
    /// It is something else.
    #[error("it is no recording: {0}")]
    Foreign(String),
    /// It was made by a later version.
    #[error("it was made by {0}, which writes another form; use that version or a later one")]
    Newer(String),
    /// A line in the middle is broken.
    #[error("line {0} is damaged: {1}")]
    Damaged(usize, String),
}

/// Reads a file. What was cut off is read as far as it goes.
pub(super) fn read(file: impl Read) -> Result<Recording, Unreadable> {
    let mut lines = Lines { reader: BufReader::new(MultiGzDecoder::new(BufReader::new(file))), number: 0 };
    let foreign = |why: String| Unreadable::Foreign(why);
    let first = lines.next().map_err(foreign)?.ok_or_else(|| foreign("it is empty".to_owned()))?;
    let form: Value = serde_json::from_slice(&first).map_err(|error| foreign(error.to_string()))?;
    match form["recording"].as_u64() {
        None => return Err(foreign("its first line is another one".to_owned())),
        Some(form) if form == u64::from(FORM) => {}
        Some(_) => {
            return Err(Unreadable::Newer(form["by"].as_str().unwrap_or("another version").to_owned()));
        }
    }
    let opening = serde_json::from_slice(&first).map_err(|error| foreign(error.to_string()))?;
    let mut recording =
        Recording { opening, exchanges: Vec::new(), facts: BTreeMap::new(), cut_off: None, secrets: 0 };
    loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => {
                recording.cut_off = Some("its end is missing".to_owned());
                return Ok(recording);
            }
            Err(why) => {
                recording.cut_off = Some(why);
                return Ok(recording);
            }
        };
        match serde_json::from_slice(&line) {
            Ok(Line::Exchange(exchange)) => recording.exchanges.push(*exchange),
            Ok(Line::Fact(name, value)) => {
                recording.facts.insert(name, value);
            }
            Ok(Line::End { exchanges, secrets }) => {
                recording.secrets = secrets;
                if exchanges != recording.exchanges.len() as u64 {
                    recording.cut_off =
                        Some(format!("it has {} of {exchanges} exchanges", recording.exchanges.len()));
                }
                return Ok(recording);
            }
            // A line without its end was being written when the process died.
            Err(_) if line.last() != Some(&b'\n') => {
                recording.cut_off = Some("its last line is cut off".to_owned());
                return Ok(recording);
            }
            Err(error) => return Err(Unreadable::Damaged(lines.number, error.to_string())),
        }
    }
}

struct Lines<R> {
    reader: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut line = Vec::new();
        let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line);
        self.number += 1;
        match read {
            Ok(0) => Ok(None),
            Ok(_) if line.len() as u64 == LONGEST_LINE => Err(format!("line {} is too long", self.number)),
            Ok(_) => Ok(Some(line)),
            Err(error) => Err(error.to_string()),
        }
    }
}

//! Writing: each exchange is a line, with stand-ins for what is secret.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use serde::Serialize;
use serde_json::Value;

use super::Summary;
use super::file::{Asked, Body, Exchange, Kept, Line, Opening, Outcome};
use super::scrub::{Scrubber, is_secret};
use crate::transport::{Answer, TransportTrouble};

/// So many exchanges may be lost when the process is killed: each time costs some of the compression.
const KEPT_BACK: u64 = 100;

/// Writes a recording.
pub(crate) struct Recorder {
    began: SystemTime,
    scrubber: Scrubber,
    written: Mutex<Written>,
}

struct Written {
    /// `None` when it was finished.
    file: Option<GzEncoder<BufWriter<File>>>,
    exchanges: u64,
    /// The first error: what follows it would be a recording with a hole.
    failed: Option<String>,
}

impl Recorder {
    pub(super) fn new(file: File, opening: &Opening) -> io::Result<Self> {
        let scrubber = Scrubber::default();
        let settings = opening.config.iter().flat_map(|(name, value)| secrets_of(name, value));
        let variables = opening.environment.iter().filter(|(name, _)| is_secret(name));
        for secret in settings.chain(variables.map(|(_, value)| value.as_str())) {
            scrubber.learn(secret);
        }
        let opening = Opening {
            config: scrubber.settings(&opening.config),
            environment: opening
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), scrubber.named(name, value)))
                .collect(),
            ..opening.clone()
        };
        let began = opening.began.parse::<jiff::Timestamp>().map_err(io::Error::other)?.into();
        let written = Written {
            file: Some(GzEncoder::new(BufWriter::new(file), Compression::default())),
            exchanges: 0,
            failed: None,
        };
        let recorder = Self { began, scrubber, written: Mutex::new(written) };
        recorder.lock().line(&opening)?;
        Ok(recorder)
    }

    pub(super) fn began(&self) -> SystemTime {
        self.began
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whatever a request says of its credentials is nowhere else either.
    pub(super) fn learn(&self, headers: &HeaderMap) {
        for (name, value) in headers {
            if is_secret(name.as_str()) {
                let value = String::from_utf8_lossy(value.as_bytes());
                // The scheme stands before it.
                self.scrubber.learn(value.rsplit(' ').next().unwrap_or_default());
            }
        }
    }

    pub(super) fn fact(&self, name: &str, value: &impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.lock().note(&Line::Fact(name.to_owned(), self.scrubber.value(value)));
    }

    pub(super) fn exchange(
        &self,
        asked: Asked,
        answered: &Result<Answer, TransportTrouble>,
        unpacked: impl Fn(&Answer) -> Option<Bytes>,
    ) {
        let makes_credentials = asked.makes_credentials;
        let outcome = match answered {
            Err(trouble) => Outcome::Trouble(trouble.clone()),
            Ok(answer) => Outcome::Answer(self.kept(answer, makes_credentials, unpacked)),
        };
        let asked = self.scrubber.asked(asked);
        let line = Line::Exchange(Box::new(Exchange { asked, outcome }));
        let mut written = self.lock();
        written.exchanges += 1;
        written.note(&line);
    }

    fn kept(
        &self,
        answer: &Answer,
        makes_credentials: bool,
        unpacked: impl Fn(&Answer) -> Option<Bytes>,
    ) -> Kept {
        let gone = [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING];
        let plain = unpacked(answer);
        let headers = answer.headers.iter().filter(|(name, _)| plain.is_none() || !gone.contains(name));
        let headers = headers.map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), self.scrubber.named(name.as_str(), &value))
        });
        let headers = headers.collect();
        let body = match plain {
            // A refusal says why, which is what people look for.
            _ if makes_credentials && answer.status < 400 => Body::default(),
            Some(plain) => self.scrubber.body("", Body::of(&plain)),
            // It cannot be unpacked, so nobody can look for secrets in it: what stays is that it cannot.
            None => Body::of(&answer.body.slice(..answer.body.len().min(10))),
        };
        Kept { status: answer.status, headers, body }
    }

    pub(super) fn finish(&self) -> io::Result<Summary> {
        let secrets = self.scrubber.replaced();
        let mut written = self.lock();
        let exchanges = written.exchanges;
        written.note(&Line::End { exchanges, secrets });
        if let Some(failed) = written.failed.take() {
            return Err(io::Error::other(failed));
        }
        if let Some(file) = written.file.take() {
            file.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        }
        Ok(Summary { exchanges, secrets })
    }
}

/// The texts of a setting whose name says that they are secret.
fn secrets_of<'v>(name: &str, value: &'v Value) -> Vec<&'v str> {
    match value {
        Value::String(text) if is_secret(name) => vec![text],
        Value::Array(values) => values.iter().flat_map(|value| secrets_of(name, value)).collect(),
        Value::Object(members) => members.iter().flat_map(|(name, value)| secrets_of(name, value)).collect(),
        _ => Vec::new(),
    }
}

impl Written {
    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        file.write_all(&text)?;
        if self.exchanges.is_multiple_of(KEPT_BACK) {
            file.flush()?;
        }
        Ok(())
    }

    fn note(&mut self, line: &Line) {
        if self.failed.is_none()
            && let Err(error) = self.line(line)
        {
            self.failed = Some(error.to_string());
        }
    }
}

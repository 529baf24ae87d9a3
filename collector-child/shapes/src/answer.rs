//! What comes back and is not an answer to the question: errors of the service, and what no service sends.

use std::borrow::Cow;
use std::fmt;

/// The headers of an answer. Names are compared without regard to case.
pub trait Headers {
    /// The value of the first header of this name.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;
    /// Calls `visit` with name and value of each header.
    fn each_header(&self, visit: &mut dyn FnMut(&str, &str));
}

impl Headers for Vec<(String, String)> {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let found = self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| Cow::Borrowed(value.as_str()))
    }

    fn each_header(&self, visit: &mut dyn FnMut(&str, &str)) {
        for (name, value) in self {
            visit(name, value);
        }
    }
}

/// An answer without the output of the operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Answer {
    /// The service says no, in its own form.
    #[error("{0}")]
    Error(ServiceError),
    /// Not the form in which the service answers.
    #[error("{0}")]
    Garbage(Garbage),
}

/// An error as the service reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// The code that users know: `AccessDenied`; the status as text if the answer has no code.
    pub code: String,
    /// The sentence of the service, may be empty.
    pub message: String,
    /// The HTTP status. 500 for an error that S3 sent with status 200.
    pub status: u16,
    /// What the service's support asks for.
    pub request_id: Option<String>,
    /// Other members of the error, by the names of the answer: S3 names the region of a bucket here.
    pub details: Vec<(String, String)>,
}

impl ServiceError {
    /// The detail of this name.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message.as_str() {
            "" => write!(out, "{} (status {})", self.code, self.status),
            message => write!(out, "{}: {message} (status {})", self.code, self.status),
        }
    }
}

/// A value that was left out of an answer, because it had not the form of its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// Where it stood, by the names of the shapes: `Tables.KeySchema`. Items of lists have the path of the list; empty for the
    /// whole answer.
    pub path: String,
    /// What belongs there, for people.
    pub expected: &'static str,
    /// What was there the first time, for people: at most 80 characters of it.
    pub found: String,
    /// How often.
    pub times: u32,
    /// What it belonged to the first time: an arn, an id or a name next to it.
    pub example: Option<String>,
    /// What belongs there holds other values.
    pub(crate) holds_more: bool,
}

/// Something that the service would not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// The HTTP status that came with it.
    pub status: u16,
    /// What it is.
    pub kind: GarbageKind,
    /// How it begins: at most 120 characters, all printable.
    pub excerpt: String,
}

/// What an answer is that no service would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GarbageKind {
    /// A page for people, as proxies and captive portals send it.
    Html,
    /// It ends before its end.
    Truncated,
    /// It came compressed and cannot be unpacked; with the reason.
    Packed(String),
    /// It has to be XML and is not; with the reader's words.
    NotXml(String),
    /// It has to be JSON and is not; with the reader's words.
    NotJson(String),
    /// It is XML or JSON, but not the service's; with what was missing.
    Foreign(String),
}

impl fmt::Display for GarbageKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Html => write!(out, "an HTML page, not the service's; a proxy may be in between"),
            Self::Truncated => write!(out, "cut off"),
            Self::Packed(reason) => write!(out, "compressed and {reason}"),
            Self::NotXml(reason) => write!(out, "not XML: {reason}"),
            Self::NotJson(reason) => write!(out, "not JSON: {reason}"),
            Self::Foreign(reason) => write!(out, "not the service's: {reason}"),
        }
    }
}

impl std::error::Error for Garbage {}

impl fmt::Display for Garbage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, kind, excerpt } = self;
        match excerpt.as_str() {
            "" => write!(out, "the answer is empty (status {status})"),
            _ => write!(out, "the answer is {kind} (status {status}), it begins with \"{excerpt}\""),
        }
    }
}

impl Garbage {
    pub(crate) fn new(status: u16, kind: GarbageKind, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(480)]);
        let shown = |c: char| if c.is_control() || c == '\u{fffd}' { ' ' } else { c };
        let words = text.chars().map(shown).collect::<String>();
        let excerpt = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
        Self { status, kind, excerpt }
    }
}

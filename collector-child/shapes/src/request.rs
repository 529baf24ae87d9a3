//! What is sent: the parts of an HTTP request, without host and signature.

use std::fmt;

/// A request that lacks only its host and its signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, percent-encoded, beginning with `/`. With S3 its first segment is the bucket, where there is one.
    pub path: String,
    /// Names and values, not encoded, in order. A name without a value (`?versioning`) has an empty one.
    pub query: Vec<(String, String)>,
    /// Headers; names as the service writes them.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
    /// The host begins with this: `123456789012.`
    pub host_prefix: Option<String>,
}

impl Request {
    /// The header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Path and query as they go into the request line, percent-encoded as signatures want it.
    pub fn target(&self) -> String {
        let mut target = self.path.clone();
        for (at, (name, value)) in self.query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            percent_encode(name, "", &mut target);
            target.push('=');
            percent_encode(value, "", &mut target);
        }
        target
    }
}

/// Parameters may be secrets, and all of them can be in any part of a request.
impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Request")
            .field("method", &self.method)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// Parameters that do not fit the operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service}:{operation} cannot be called with these parameters: {path}: {problem}")]
pub struct InputFault {
    /// The service's name.
    pub service: &'static str,
    /// The operation's name.
    pub operation: &'static str,
    /// Where in the parameters: `Filters[0].Values`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Appends the text with all but the unreserved characters of RFC 3986 and those of `safe` percent-encoded.
pub(crate) fn percent_encode(text: &str, safe: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || safe.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

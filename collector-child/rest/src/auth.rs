//! How requests say who asks.

use std::fmt;

use bytes::Bytes;
use data_encoding::BASE64;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;
use http_client::{BoxFuture, CallError, CallPlace, Class};
use zeroize::Zeroizing;

/// Says who asks. What it knows may change: tokens end.
pub trait Auth: Send + Sync + fmt::Debug {
    /// Puts what says who asks into the headers of a request, which is complete but for that; `body` is what it carries. An
    /// error if there are no credentials.
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>>;

    /// The service has not accepted them: whether there are others now, so that another attempt makes sense.
    fn refused(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }
}

/// A token that is given once and for all.
pub struct Bearer {
    token: Zeroizing<String>,
    /// The word before it.
    scheme: &'static str,
}

impl Bearer {
    /// `Authorization: Bearer TOKEN`.
    pub fn new(token: &str) -> Self {
        Self::with_scheme("Bearer", token)
    }

    /// The same with another word.
    pub fn with_scheme(scheme: &'static str, token: &str) -> Self {
        Self { token: Zeroizing::new(token.trim().to_owned()), scheme }
    }
}

impl Auth for Bearer {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        _body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        let text = Zeroizing::new(format!("{} {}", self.scheme, *self.token));
        Box::pin(async move { insert(request.headers_mut(), &text, place) })
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer([redacted])")
    }
}

/// A name and a password.
pub struct Basic {
    text: Zeroizing<String>,
}

impl Basic {
    /// `Authorization: Basic BASE64`.
    pub fn new(name: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{name}:{password}"));
        Self { text: Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes()))) }
    }
}

impl Auth for Basic {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        _body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move { insert(request.headers_mut(), &self.text, place) })
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Basic([redacted])")
    }
}

/// The header `Authorization` as a cloud wants it.
pub struct Header(Zeroizing<String>);

impl Header {
    /// With this text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Auth for Header {
    fn apply<'a>(
        &'a self,
        request: &'a mut Request<Full<Bytes>>,
        _body: &'a [u8],
        place: CallPlace<'a>,
    ) -> BoxFuture<'a, Result<(), CallError>> {
        Box::pin(async move { insert(request.headers_mut(), &self.0, place) })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Header([redacted])")
    }
}

/// Sets the header, marked as a secret.
pub(crate) fn insert(headers: &mut HeaderMap, text: &str, place: CallPlace<'_>) -> Result<(), CallError> {
    let wrong = |_| CallError::new(Class::Config, place, "the token has characters that no token has");
    let mut value = HeaderValue::from_str(text).map_err(wrong)?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?} {:?}", Bearer::new("s3cret"), Basic::new("name", "s3cret"));
        assert_eq!(shown, "Bearer([redacted]) Basic([redacted])");
    }
}

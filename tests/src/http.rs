//! Requests of a test.

use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;

/// A client that accepts any certificate, unless told which authority to trust.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The value of the header `content-type`.
    pub content_type: String,
    /// The token in the header `authorization`, without its scheme.
    pub bearer: Option<String>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// Panics unless the status is a success.
    #[track_caller]
    pub fn expect_success(&self) -> &Self {
        assert!((200..300).contains(&self.status), "refused: {self:?}");
        self
    }
}

impl Http {
    /// A client that accepts any certificate.
    pub fn new() -> Self {
        Self::build(None)
    }

    /// A client that trusts this authority (PEM) and no other.
    pub fn trusting(authority: &str) -> Self {
        Self::build(Some(authority))
    }

    fn build(authority: Option<&str>) -> Self {
        // Fails only if a provider is installed already, by an earlier client.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let builder = Client::builder().no_proxy().timeout(Duration::from_mins(2));
        let builder = match authority {
            Some(pem) => {
                let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a PEM certificate");
                builder.tls_certs_only([certificate])
            }
            None => builder.tls_danger_accept_invalid_certs(true),
        };
        Self { client: builder.build().expect("an HTTP client can be made") }
    }

    /// GET; `None` if nobody answers.
    pub fn try_get(&self, url: &str) -> Option<Answer> {
        send(self.client.get(url))
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, url: &str) -> Answer {
        self.try_get(url).unwrap_or_else(|| panic!("no answer from GET {url}"))
    }

    /// GET as a proxy passes it on for somebody else, with a token.
    #[track_caller]
    pub fn get_through_proxy(&self, url: &str, token: &str) -> Answer {
        let request = self.client.get(url).bearer_auth(token).header("Via", "1.1 proxy");
        send(request).unwrap_or_else(|| panic!("no answer from GET {url}"))
    }

    /// A request with a method, a token, and a body with its content type.
    #[track_caller]
    pub fn send(&self, method: &str, url: &str, token: Option<&str>, body: Option<(&str, String)>) -> Answer {
        let method = method.parse().expect("an HTTP method");
        let mut request = self.client.request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some((content_type, body)) = body {
            request = request.header("Content-Type", content_type).body(body);
        }
        send(request).unwrap_or_else(|| panic!("no answer from {url}"))
    }

    /// A request with a JSON body.
    #[track_caller]
    pub fn send_json(&self, method: &str, url: &str, token: Option<&str>, body: &Value) -> Answer {
        self.send(method, url, token, Some(("application/json", body.to_string())))
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

fn send(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().ok()?;
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let authorization = response.headers().get("authorization").and_then(|value| value.to_str().ok());
    let bearer = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    Some(Answer { status, content_type, bearer, text: response.text().ok()? })
}

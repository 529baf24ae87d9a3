//! What fixcore says about itself.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value;

use super::client::{Call, CoreClient};
use super::error::CoreError;

impl CoreClient {
    /// The version of fixcore; `None` if it tells none.
    pub async fn version(&self) -> Result<Option<String>, CoreError> {
        let mut call = Call::new("ask for the version".to_owned(), Method::POST, &["cli", "execute"]);
        call.headers = &[(ACCEPT, "application/json"), (CONTENT_TYPE, "text/plain")];
        call.body = Bytes::from_static(b"system info");
        call.timeout = Duration::from_secs(30);
        call.limit = 64 * 1024;
        let answer = self.call_ok(call).await?;
        Ok(serde_json::from_slice(&answer.body).ok().as_ref().and_then(version_in))
    }
}

/// The version in an answer: an object, or a list that begins with one.
fn version_in(answer: &Value) -> Option<String> {
    let object = answer.as_array().and_then(|list| list.first()).unwrap_or(answer);
    object.get("version")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_version_is_found_in_both_forms() {
        let one = json!({"name": "fixcore", "version": "4.2.1"});
        assert_eq!(version_in(&one).as_deref(), Some("4.2.1"));
        assert_eq!(version_in(&json!([one])).as_deref(), Some("4.2.1"));
        assert_eq!((version_in(&json!([])), version_in(&json!("4.2"))), (None, None));
    }
}

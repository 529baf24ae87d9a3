//! Config documents and their model.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::client::{Call, CoreClient, expect_success, to_body};
use super::error::CoreError;

const JSON: &str = "application/json";
const REVISION: &str = "Fix-Config-Revision";

/// A config document as fixcore keeps it.
#[derive(Debug, Clone)]
pub struct ConfigAnswer {
    /// The whole answer, a JSON text with `config` (what counts), `overrides` and `raw_config` (what is stored).
    /// It stays a text, so that what is stored can be written back byte for byte. It may hold credentials.
    pub body: SecretString,
    /// Its revision, to tell our own changes from those of others.
    pub revision: Option<String>,
}

impl CoreClient {
    /// The config document with this id; `None` if there is none yet (the first start).
    pub async fn get_config(&self, id: &str) -> Result<Option<ConfigAnswer>, CoreError> {
        let action = format!("get the config {id}");
        let mut call = Call::new(action.clone(), Method::GET, &[]);
        let segments = ["config", id];
        call.segments = &segments;
        call.query = &[
            ("separate_overrides", "true"),
            ("apply_overrides", "true"),
            ("resolve_env_vars", "true"),
            ("include_raw_config", "true"),
        ];
        let answer = self.call(call).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = expect_success(&action, answer)?;
        let bad = |cause: String| CoreError::BadAnswer { action: action.clone(), cause };
        let body = String::from_utf8(answer.body.into()).map_err(|e| bad(e.utf8_error().to_string()))?;
        // Something in between may answer 200 with a page of its own.
        serde_json::from_str::<IgnoredAny>(&body).map_err(|e| bad(e.to_string()))?;
        Ok(Some(ConfigAnswer { body: body.into(), revision: revision(&answer.headers) }))
    }

    /// Stores a config document, a JSON text. Returns its revision if that changed; fixcore names none for a
    /// document that is the same as before. With `validate` fixcore refuses what does not fit its model of
    /// configs, unknown keys included.
    pub async fn put_config(
        &self,
        id: &str,
        document: String,
        validate: bool,
    ) -> Result<Option<String>, CoreError> {
        let action = format!("store the config {id}");
        let segments = ["config", id];
        let mut call = Call::new(action.clone(), Method::PUT, &segments);
        call.headers = &[(CONTENT_TYPE, JSON)];
        call.query = if validate { &[] } else { &[("validate", "false")] };
        call.body = document.into();
        let answer = self.call_ok(call).await?;
        Ok(revision(&answer.headers))
    }

    /// Adds the kinds of config sections to fixcore's model of configs; to be done before the first
    /// [`put_config`](Self::put_config), which is validated with it.
    pub async fn patch_config_model(&self, kinds: &[Value]) -> Result<(), CoreError> {
        let action = "update the model of configs".to_owned();
        let mut call = Call::new(action.clone(), Method::PATCH, &["configs", "model"]);
        call.headers = &[(CONTENT_TYPE, JSON)];
        call.body = to_body(&action, kinds)?;
        call.limit = 0;
        self.call_ok(call).await.map(drop)
    }
}

fn revision(headers: &HeaderMap) -> Option<String> {
    headers.get(REVISION).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

//! What is secret gets a stand-in before it is written: the same one for the same secret, so that a token that an answer
//! gives and a request sends is still the same in the recording.
//!
//! A value is secret by its name (`SecretAccessKey`, `client_secret`, `Authorization`), by its form (a private key, a
//! signed token, an address with a password), by its place (values of environment variables, scripts of a machine), or
//! because a request had it in a header or the configuration in a setting with such a name: then it goes wherever it
//! stands.

mod form;
mod json;
mod names;
mod xml;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

pub use names::is_secret;
use names::looks_secret;

use super::file::{Asked, Body};

/// How every stand-in begins.
pub const STAND_IN: &str = "redacted-";
/// Shorter ones stand everywhere by chance.
const LONG_ENOUGH: usize = 8;

/// Puts stand-ins in place of secrets.
#[derive(Default)]
pub(super) struct Scrubber(Mutex<Known>);

#[derive(Default)]
struct Known {
    stand_ins: HashMap<String, String>,
    /// Looked for everywhere, the longest first.
    searched: Vec<String>,
}

impl Scrubber {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many secrets have a stand-in.
    pub(super) fn replaced(&self) -> usize {
        self.lock().stand_ins.len()
    }

    /// This is secret wherever it stands.
    pub(super) fn learn(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < LONG_ENOUGH || secret.starts_with(STAND_IN) {
            return;
        }
        let mut known = self.lock();
        if !known.searched.iter().any(|one| one == secret) {
            known.searched.push(secret.to_owned());
            known.searched.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    fn stand_in(&self, secret: &str) -> String {
        if secret.starts_with(STAND_IN) || is_trivial(secret) {
            return secret.to_owned();
        }
        let mut known = self.lock();
        let number = known.stand_ins.len() + 1;
        known.stand_ins.entry(secret.to_owned()).or_insert_with(|| format!("{STAND_IN}{number}")).clone()
    }

    /// A text without the secrets that are looked for everywhere.
    fn without_known(&self, mut text: String) -> String {
        let searched = self.lock().searched.clone();
        for secret in searched.iter().filter(|secret| !secret.is_empty()) {
            if memchr::memmem::find(text.as_bytes(), secret.as_bytes()).is_some() {
                text = text.replace(secret.as_str(), &self.stand_in(secret));
            }
        }
        text
    }

    /// A value with this name.
    pub(super) fn named(&self, name: &str, value: &str) -> String {
        if is_secret(name) || looks_secret(value) {
            self.stand_in(value)
        } else {
            self.without_known(value.to_owned())
        }
    }

    fn valued(&self, name: &str, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.named(name, &text)),
            Value::Array(values) => values.into_iter().map(|value| self.valued(name, value)).collect(),
            Value::Object(members) => Value::Object(self.settings(&members)),
            other => other,
        }
    }

    /// A fact.
    pub(super) fn value(&self, value: Value) -> Value {
        self.valued("", value)
    }

    /// Settings.
    pub(super) fn settings(&self, settings: &Map<String, Value>) -> Map<String, Value> {
        let named = |(name, value): (&String, &Value)| (name.clone(), self.valued(name, value.clone()));
        settings.iter().map(named).collect()
    }

    /// A request.
    pub(super) fn asked(&self, asked: Asked) -> Asked {
        let body = if asked.makes_credentials {
            Body::default()
        } else {
            self.body(asked.media(), asked.body.clone())
        };
        let named = |(name, value): &(String, String)| (name.clone(), self.named(name, value));
        let headers = asked.headers.iter().map(named).collect();
        Asked { uri: self.uri(&asked.uri), headers, body, ..asked }
    }

    fn uri(&self, uri: &str) -> String {
        let scrubbed = match uri.split_once('?') {
            None => uri.to_owned(),
            Some((path, query)) => {
                let query = form::scrubbed(query, &mut |name, value| self.named(name, value));
                format!("{path}?{query}")
            }
        };
        self.without_known(scrubbed)
    }

    /// A body; what it is, is seen by how it begins.
    pub(super) fn body(&self, media: &str, body: Body) -> Body {
        let Body::Text(text) = body else { return body };
        let mut replace =
            |name: &str, value: &str| (is_secret(name) || looks_secret(value)).then(|| self.stand_in(value));
        let scrubbed = match text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).as_bytes().first() {
            Some(b'{' | b'[') => json::scrubbed(&text, &mut replace),
            Some(b'<') => xml::scrubbed(&text, &mut replace),
            _ if media.starts_with("application/x-www-form-urlencoded") => {
                form::scrubbed(&text, &mut |name, value| self.named(name, value))
            }
            _ if looks_secret(&text) => self.stand_in(&text),
            _ => text,
        };
        Body::Text(self.without_known(scrubbed))
    }
}

/// Yes, no, small numbers and names of resources are what a cloud says about secrets (whether passwords expire, after how
/// many days, where one is kept), and none.
fn is_trivial(value: &str) -> bool {
    let value = value.trim();
    matches!(value, "" | "true" | "false")
        || value.starts_with("arn:")
        || (value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(media: &str, text: &str) -> String {
        match Scrubber::default().body(media, Body::Text(text.to_owned())) {
            Body::Text(text) => text,
            Body::Binary(_) => panic!("text"),
        }
    }

    #[test]
    fn the_same_secret_has_the_same_stand_in_and_keeps_it() {
        let scrubber = Scrubber::default();
        let (a, b) = (scrubber.named("password", "one"), scrubber.named("token", "two"));
        assert_eq!((a.as_str(), b.as_str()), ("redacted-1", "redacted-2"));
        assert_eq!(scrubber.named("client_secret", "one"), a);
        assert_eq!(scrubber.named("password", &b), b, "a stand-in is no secret");
        for trivial in ["", " ", "true", "false", "90", "arn:x:secrets:1:s"] {
            assert_eq!(scrubber.named("ExpirePasswords", trivial), trivial);
        }
        assert_eq!((scrubber.replaced(), scrubber.named("name", "one")), (2, "one".to_owned()));
    }

    #[test]
    fn what_a_header_has_is_secret_everywhere() {
        let scrubber = Scrubber::default();
        for secret in ["tokn-1234567", "tokn-1234567-long", "short"] {
            scrubber.learn(secret);
        }
        let asked = "https://h/x/tokn-1234567-long?q=tokn-1234567&short=short";
        assert_eq!(scrubber.uri(asked), "https://h/x/redacted-2?q=redacted-1&short=short");
        let answer = Body::Text("{\"echo\": \"got tokn-1234567!\"}".to_owned());
        assert_eq!(scrubber.body("", answer), Body::Text("{\"echo\": \"got redacted-1!\"}".to_owned()));
    }

    #[test]
    fn bodies_are_scrubbed_by_what_they_are() {
        assert_eq!(body("", r#"{"access_token":"abc"}"#), r#"{"access_token":"redacted-1"}"#);
        assert_eq!(
            body("", "<R><SessionToken>abc</SessionToken></R>"),
            "<R><SessionToken>redacted-1</SessionToken></R>"
        );
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(body(form, "Action=A&Password=p%20q"), "Action=A&Password=redacted-1");
        assert_eq!(body("text/csv", "password,x\n"), "password,x\n");
        let key = "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n";
        assert_eq!(body("", key), "redacted-1");
    }

    #[test]
    fn settings_are_scrubbed_by_their_names() {
        let settings = json!({
            "tokens": ["one", "two"], "region": ["eu-1"], "nested": [{"secret_key": "one", "access_key": "id"}],
            "at_once": 3, "empty_token": ""
        });
        let Value::Object(settings) = settings else { panic!() };
        let scrubbed = Value::Object(Scrubber::default().settings(&settings));
        assert_eq!(
            scrubbed,
            json!({
                "tokens": ["redacted-1", "redacted-2"], "region": ["eu-1"],
                "nested": [{"secret_key": "redacted-1", "access_key": "id"}], "at_once": 3, "empty_token": ""
            })
        );
    }
}

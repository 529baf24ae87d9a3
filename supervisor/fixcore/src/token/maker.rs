//! Tokens for our own requests.

use std::time::Duration;

use data_encoding::BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::key::{Key, derive, new_salt};

/// How long a token is valid, in seconds.
const LIFETIME_SECS: u64 = 300;
/// After this time a new salt is drawn.
const KEY_LIFETIME: Duration = Duration::from_hours(1);

/// Makes a new token for each request; the derived key behind them is kept for an hour.
pub struct TokenMaker {
    psk: SecretString,
    current: Mutex<Option<Derived>>,
}

struct Derived {
    salt: [u8; 16],
    key: Key,
    since: Instant,
}

impl std::fmt::Debug for TokenMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenMaker([redacted])")
    }
}

impl TokenMaker {
    /// Makes tokens from this pre-shared key.
    pub fn new(psk: SecretString) -> Self {
        Self { psk, current: Mutex::new(None) }
    }

    /// The value of an `Authorization` header, valid for five minutes.
    pub async fn bearer(&self) -> HeaderValue {
        let mut current = self.current.lock().await;
        if current.as_ref().is_none_or(|d| d.since.elapsed() >= KEY_LIFETIME) {
            *current = Some(self.derive().await);
        }
        let token = current.as_ref().map(|d| sign(&d.salt, &d.key, Map::new(), get_current_timestamp()));
        let mut value = token
            .and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok())
            .unwrap_or_else(|| HeaderValue::from_static("Bearer"));
        value.set_sensitive(true);
        value
    }

    /// Draws a new salt for the next token.
    pub async fn forget_key(&self) {
        *self.current.lock().await = None;
    }

    async fn derive(&self) -> Derived {
        let psk = self.psk.clone();
        let salt = new_salt();
        let key = match tokio::task::spawn_blocking(move || derive(&psk, &salt)).await {
            Ok(key) => key,
            // The runtime is going down, or the blocking thread could not be had: pay on this thread.
            Err(_) => derive(&self.psk, &salt),
        };
        Derived { salt, key, since: Instant::now() }
    }
}

/// Signs claims as fixcore and its clients do: the salt in the header, `exp` in the claims.
pub(crate) fn sign(salt: &[u8], key: &Key, mut claims: Map<String, Value>, now: u64) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.extras.insert("salt", BASE64.encode(salt));
    claims.insert("exp".to_owned(), (now + LIFETIME_SECS).into());
    // Fails only for keys or claims that can not be serialized; both are made here.
    encode(&header, &claims, &EncodingKey::from_secret(&**key)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::verify_token;

    #[tokio::test]
    async fn each_token_is_accepted_and_the_key_is_kept() {
        let maker = TokenMaker::new("changeme".into());
        let first = maker.bearer().await;
        let second = maker.bearer().await;
        let salt = |value: &HeaderValue| {
            let token = value.to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
            let header = jsonwebtoken::decode_header(&token).unwrap();
            verify_token(&"changeme".into(), &token).unwrap();
            assert!(verify_token(&"other".into(), &token).is_err());
            header.extras.get::<String>("salt").unwrap().unwrap()
        };
        assert_eq!(salt(&first), salt(&second));
        assert!(first.is_sensitive());
        maker.forget_key().await;
        assert_ne!(salt(&first), salt(&maker.bearer().await));
    }

    #[tokio::test(start_paused = true)]
    async fn the_key_is_renewed_after_an_hour() {
        let maker = TokenMaker::new("changeme".into());
        maker.bearer().await;
        let before = maker.current.lock().await.as_ref().unwrap().salt;
        tokio::time::advance(KEY_LIFETIME).await;
        maker.bearer().await;
        assert_ne!(maker.current.lock().await.as_ref().unwrap().salt, before);
    }
}

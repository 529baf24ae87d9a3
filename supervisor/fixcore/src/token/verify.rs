//! Tokens that others send us: fixcore with its certificate, and clients of our web server.

use std::sync::Mutex;
use std::time::Duration;

use data_encoding::BASE64;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, dangerous, decode, get_current_timestamp};
use secrecy::SecretString;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;

use super::budget::Budget;
use super::key::{Key, derive};

/// The payload of a token.
pub type Claims = Map<String, Value>;

/// The claim in fixcore's proof of its certificate authority.
pub(crate) const FINGERPRINT: &str = "sha256_fingerprint";
/// A header longer than this is not read.
const MAX_HEADER: usize = 8 * 1024;
/// Salts of fixcore and its clients have 16 bytes.
const MAX_SALT: usize = 64;
/// Clocks may differ by this many seconds.
const LEEWAY_SECS: u64 = 60;
/// Derived keys of others that are kept.
const CACHE: usize = 16;
/// Unknown salts: so many at once, then one per period. At about 40 ms each that is a fifth of one core.
const BURST: u32 = 10;
const PERIOD: Duration = Duration::from_millis(200);

/// Why a token is not accepted.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BearerError {
    /// There is no `Bearer` token.
    #[error("the request carries no bearer token")]
    Missing,
    /// Not a token of this kind (HS256 with a salt and an expiry).
    #[error("the bearer token can not be read: {0}")]
    Malformed(String),
    /// The signature was made with another pre-shared key.
    #[error("the bearer token was made with another pre-shared key")]
    WrongKey,
    /// It was valid once, or the clocks differ.
    #[error("the bearer token has expired")]
    Expired,
    /// What fixcore gives to anybody who asks for its certificate.
    #[error("the bearer token is fixcore's proof of its certificate authority, which everybody can get")]
    Proof,
    /// Too many tokens with new salts at the same time; try again in a second.
    #[error("too many new bearer tokens at once")]
    Busy,
}

/// Checks tokens of clients of our web server; keeps the derived keys of the last salts, and refuses to derive
/// more than a few new ones per second.
pub struct BearerVerifier {
    psk: SecretString,
    known: Mutex<Known>,
    deriving: AsyncMutex<()>,
}

struct Known {
    keys: Vec<(Vec<u8>, Key)>,
    budget: Budget,
}

impl std::fmt::Debug for BearerVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerVerifier([redacted])")
    }
}

impl BearerVerifier {
    /// Accepts tokens that were made with this pre-shared key.
    pub fn new(psk: SecretString) -> Self {
        let budget = Budget::new(BURST, PERIOD, Instant::now());
        let known = Mutex::new(Known { keys: Vec::new(), budget });
        Self { psk, known, deriving: AsyncMutex::new(()) }
    }

    /// Checks the value of an `Authorization` header and returns the payload.
    pub async fn verify(&self, authorization: &str) -> Result<Claims, BearerError> {
        let token = bearer_of(authorization)?;
        let salt = salt_of(token)?;
        let key = self.key(&salt).await?;
        let claims = check(token, &key)?;
        // It is signed with the psk, and shown to strangers: it says who fixcore is, not who sends it.
        if claims.contains_key(FINGERPRINT) { Err(BearerError::Proof) } else { Ok(claims) }
    }

    async fn key(&self, salt: &[u8]) -> Result<Key, BearerError> {
        if let Some(key) = self.cached(salt) {
            return Ok(key);
        }
        // One derivation at a time; whoever waited finds it in the cache.
        let _one = self.deriving.lock().await;
        if let Some(key) = self.cached(salt) {
            return Ok(key);
        }
        if !self.with_known(|known| known.budget.take(Instant::now())) {
            return Err(BearerError::Busy);
        }
        let (psk, owned) = (self.psk.clone(), salt.to_vec());
        let key =
            tokio::task::spawn_blocking(move || derive(&psk, &owned)).await.map_err(|_| BearerError::Busy)?;
        self.with_known(|known| {
            known.keys.insert(0, (salt.to_vec(), key.clone()));
            known.keys.truncate(CACHE);
        });
        Ok(key)
    }

    fn cached(&self, salt: &[u8]) -> Option<Key> {
        self.with_known(|known| {
            let at = known.keys.iter().position(|(known, _)| known == salt)?;
            known.keys[..=at].rotate_right(1);
            known.keys.first().map(|(_, key)| key.clone())
        })
    }

    fn with_known<T>(&self, f: impl FnOnce(&mut Known) -> T) -> T {
        f(&mut self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Checks one token; derives the key each time (about 40 ms of CPU).
pub(crate) fn verify_token(psk: &SecretString, token: &str) -> Result<Claims, BearerError> {
    let salt = salt_of(token)?;
    check(token, &derive(psk, &salt))
}

/// The token in an `Authorization` header.
pub(crate) fn bearer_of(authorization: &str) -> Result<&str, BearerError> {
    if authorization.len() > MAX_HEADER {
        return Err(BearerError::Malformed("it is too long".to_owned()));
    }
    match authorization.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(token.trim())
        }
        _ => Err(BearerError::Missing),
    }
}

/// The salt, after everything that can be said without a key: what is malformed or expired costs nothing.
fn salt_of(token: &str) -> Result<Vec<u8>, BearerError> {
    let malformed = |why: &str| BearerError::Malformed(why.to_owned());
    if token.len() > MAX_HEADER {
        return Err(malformed("it is too long"));
    }
    let unchecked =
        dangerous::insecure_decode::<Claims>(token).map_err(|e| BearerError::Malformed(e.to_string()))?;
    if unchecked.header.alg != Algorithm::HS256 {
        return Err(malformed("its algorithm is not HS256"));
    }
    let expires = unchecked.claims.get("exp").and_then(Value::as_f64);
    let expires = expires.ok_or_else(|| malformed("it has no expiry"))?;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact in a double")]
    if expires + (LEEWAY_SECS as f64) < get_current_timestamp() as f64 {
        return Err(BearerError::Expired);
    }
    let salt = unchecked.header.extras.get::<String>("salt").ok().flatten();
    let salt = salt.and_then(|text| BASE64.decode(text.as_bytes()).ok());
    match salt {
        Some(salt) if !salt.is_empty() && salt.len() <= MAX_SALT => Ok(salt),
        _ => Err(malformed("its header has no usable salt")),
    }
}

fn check(token: &str, key: &Key) -> Result<Claims, BearerError> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = LEEWAY_SECS;
    validation.validate_aud = false;
    match decode::<Claims>(token, &DecodingKey::from_secret(&**key), &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidSignature => BearerError::WrongKey,
            ErrorKind::ExpiredSignature => BearerError::Expired,
            _ => BearerError::Malformed(error.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::test_token;
    use serde_json::json;

    fn vector(name: &str) -> String {
        let all: Value = serde_json::from_str(include_str!("../../testdata/tokens.json")).unwrap();
        all[name].as_str().unwrap().to_owned()
    }

    #[test]
    fn tokens_of_python_are_judged_as_python_judges_them() {
        let verify = |name: &str| verify_token(&"changeme".into(), &vector(name));
        assert_eq!(verify("valid").unwrap()["sha256_fingerprint"], "AA:BB");
        assert_eq!(verify("expired"), Err(BearerError::Expired));
        assert_eq!(verify("other_key"), Err(BearerError::WrongKey));
        for name in ["no_expiry", "no_salt", "rs256"] {
            assert!(matches!(verify(name), Err(BearerError::Malformed(_))), "{name}");
        }
        let valid = vector("valid");
        let (signed, signature) = valid.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        for broken in ["", "a.b.c", header, signed, &format!("{header}.{payload}x.{signature}")] {
            assert!(verify_token(&"changeme".into(), broken).is_err(), "{broken}");
        }
    }

    #[tokio::test]
    async fn headers_are_checked_before_keys_are_derived() {
        let verifier = BearerVerifier::new("changeme".into());
        let proof = format!("Bearer {}", vector("valid"));
        assert_eq!(verifier.verify(&proof).await, Err(BearerError::Proof), "anybody can get it");
        let good = format!("Bearer {}", test_token("changeme", json!({"user": "x"})));
        verifier.verify(&good).await.unwrap();
        verifier.verify(&good.replace("Bearer", "bearer")).await.unwrap();
        assert_eq!(verifier.verify("").await, Err(BearerError::Missing));
        assert_eq!(verifier.verify("Basic abc").await, Err(BearerError::Missing));
        assert_eq!(verifier.verify(&vector("valid")).await, Err(BearerError::Missing));
        let long = format!("Bearer {}", "a".repeat(MAX_HEADER));
        assert!(matches!(verifier.verify(&long).await, Err(BearerError::Malformed(_))));
        for _ in 0..100 {
            assert_eq!(
                verifier.verify(&format!("Bearer {}", vector("expired"))).await,
                Err(BearerError::Expired)
            );
        }
        let known = verifier.with_known(|known| known.keys.len());
        assert!(known <= 2, "only the salts of two tokens were worth a derivation");
    }

    #[tokio::test(start_paused = true)]
    async fn new_salts_cost_a_budget_and_known_ones_do_not() {
        let verifier = BearerVerifier::new("changeme".into());
        let tokens: Vec<_> =
            (0..=BURST).map(|_| format!("Bearer {}", test_token("stranger", json!({})))).collect();
        for token in &tokens[..BURST as usize] {
            assert_eq!(verifier.verify(token).await, Err(BearerError::WrongKey));
        }
        assert_eq!(verifier.verify(&tokens[BURST as usize]).await, Err(BearerError::Busy));
        assert_eq!(verifier.verify(&tokens[0]).await, Err(BearerError::WrongKey), "its key is kept");
        tokio::time::advance(PERIOD).await;
        assert_eq!(verifier.verify(&tokens[BURST as usize]).await, Err(BearerError::WrongKey));
    }
}

//! What is asked for a token, and what the answers say. Nothing here does I/O or looks at a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64URL_NOPAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::key::{Federated, Impersonated, SCOPE, ServiceAccount, User};

/// How long a token is asked for; the most that is given.
const LIFE: Duration = Duration::from_hours(1);

/// A request for a token.
pub(crate) struct Ask {
    /// POST with a body, GET without.
    pub(crate) address: String,
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    /// Media type and text.
    pub(crate) body: Option<(&'static str, Zeroizing<String>)>,
}

/// A token.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: Zeroizing<String>,
    /// When it ends; `None`: it does not say so.
    pub(crate) ends: Option<SystemTime>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("ends", &self.ends).finish_non_exhaustive()
    }
}

/// For the key of a service account: a statement about itself that it has signed (RFC 7523).
pub(crate) fn signed(account: &ServiceAccount, now: SystemTime) -> Result<Ask, String> {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut head = json!({"alg": "RS256", "typ": "JWT"});
    if let Some(id) = &account.key_id {
        head["kid"] = id.as_str().into();
    }
    let claims = json!({
        "iss": account.email, "scope": SCOPE, "aud": account.token_uri,
        "iat": seconds, "exp": seconds + LIFE.as_secs(),
    });
    let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let text = format!("{}.{}", encoded(&head), encoded(&claims));
    let assertion = format!("{text}.{}", BASE64URL_NOPAD.encode(&signature(account, text.as_bytes())?));
    Ok(form(
        &account.token_uri,
        &[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)],
    ))
}

fn signature(account: &ServiceAccount, text: &[u8]) -> Result<Vec<u8>, String> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(account.private_key.as_bytes())
        .map_err(|_| "its member private_key is no PEM of a private key (PKCS #8)".to_owned())?;
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der())
        .map_err(|_| "its member private_key is no RSA key".to_owned())?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
        .map_err(|_| "nothing can be signed with its member private_key".to_owned())?;
    Ok(signature)
}

/// For what a person has authorized.
pub(crate) fn refreshed(user: &User) -> Ask {
    form(
        &user.token_uri,
        &[
            ("grant_type", "refresh_token"),
            ("client_id", &user.client_id),
            ("client_secret", &user.client_secret),
            ("refresh_token", &user.refresh_token),
        ],
    )
}

/// For a token of an identity provider (RFC 8693).
pub(crate) fn exchanged(federated: &Federated, subject: &str) -> Ask {
    form(
        &federated.token_uri,
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", &federated.audience),
            ("scope", SCOPE),
            ("subject_token_type", &federated.subject_token_type),
            ("subject_token", subject),
        ],
    )
}

/// For a service account whose tokens `base` may have.
pub(crate) fn impersonated(impersonated: &Impersonated, base: &Token) -> Ask {
    let lifetime = format!("{}s", LIFE.as_secs());
    let body = json!({"scope": [SCOPE], "lifetime": lifetime, "delegates": impersonated.delegates});
    Ask {
        address: impersonated.address.clone(),
        headers: vec![("authorization".to_owned(), Zeroizing::new(format!("Bearer {}", *base.text)))],
        body: Some(("application/json", Zeroizing::new(body.to_string()))),
    }
}

/// For the service account of the machine. `host`: of its metadata server.
pub(crate) fn of_machine(host: &str) -> Ask {
    Ask {
        address: format!(
            "http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={SCOPE}"
        ),
        headers: vec![("metadata-flavor".to_owned(), Zeroizing::new("Google".to_owned()))],
        body: None,
    }
}

fn form(address: &str, pairs: &[(&str, &str)]) -> Ask {
    let mut text = Zeroizing::new(String::new());
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        encode(value, &mut text);
    }
    Ask {
        address: address.to_owned(),
        headers: Vec::new(),
        body: Some(("application/x-www-form-urlencoded", text)),
    }
}

fn encode(value: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// What an endpoint of tokens answers, of both kinds.
#[derive(Deserialize)]
struct Granted {
    #[serde(alias = "accessToken")]
    access_token: Zeroizing<String>,
    expires_in: Option<u64>,
    #[serde(rename = "expireTime")]
    expire_time: Option<String>,
}

/// Reads a good answer.
pub(crate) fn granted(body: &[u8], now: SystemTime) -> Result<Token, String> {
    let granted: Granted =
        serde_json::from_slice(body).map_err(|_| "the answer holds no token".to_owned())?;
    if granted.access_token.is_empty() {
        return Err("the answer holds an empty token".to_owned());
    }
    let ends = match (granted.expires_in, granted.expire_time) {
        (Some(seconds), _) => now.checked_add(Duration::from_secs(seconds)),
        (None, Some(at)) => {
            let at: jiff::Timestamp =
                at.parse().map_err(|_| "the answer does not say when its token ends".to_owned())?;
            Some(SystemTime::from(at))
        }
        (None, None) => None,
    };
    Ok(Token { text: granted.access_token, ends })
}

/// What an error says: code and message, of both forms.
pub(crate) fn refusal(body: &[u8]) -> (Option<String>, String) {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let error = &told["error"];
    let code = text(error).or_else(|| text(&error["status"]));
    let message = text(&told["error_description"]).or_else(|| text(&error["message"])).unwrap_or_default();
    (code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> ServiceAccount {
        let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let body = data_encoding::BASE64.encode(der.as_ref());
        ServiceAccount {
            email: "a@p".to_owned(),
            key_id: Some("k".to_owned()),
            private_key: Zeroizing::new(format!(
                "-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n"
            )),
            token_uri: "https://oauth2.googleapis.com/token".to_owned(),
            project: None,
        }
    }

    fn body(ask: &Ask) -> &str {
        ask.body.as_ref().map(|(_, text)| text.as_str()).unwrap()
    }

    #[test]
    fn an_account_signs_who_it_is() {
        let ask = signed(&account(), UNIX_EPOCH + Duration::from_secs(1_000)).unwrap();
        let assertion = body(&ask).split("assertion=").nth(1).unwrap();
        let parts: Vec<&str> = assertion.split('.').collect();
        let read = |part: &str| {
            serde_json::from_slice::<Value>(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(read(parts[0]), json!({"alg": "RS256", "typ": "JWT", "kid": "k"}));
        let claims = read(parts[1]);
        assert_eq!((claims["iss"].as_str(), claims["exp"].as_u64()), (Some("a@p"), Some(4_600)));
        assert_eq!(BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap().len(), 256);
    }

    #[test]
    fn a_key_that_is_none_is_told_without_it() {
        let account = ServiceAccount { private_key: Zeroizing::new("s3cret".to_owned()), ..account() };
        let told = signed(&account, UNIX_EPOCH).err().unwrap();
        assert!(told.contains("private_key") && !told.contains("s3cret"), "{told}");
    }

    #[test]
    fn values_of_forms_are_encoded() {
        let user = User {
            client_id: "c&d".to_owned(),
            client_secret: Zeroizing::new("s=t".to_owned()),
            refresh_token: Zeroizing::new("1//é".to_owned()),
            token_uri: "https://a/b".to_owned(),
            project: None,
        };
        let expected =
            "grant_type=refresh_token&client_id=c%26d&client_secret=s%3Dt&refresh_token=1%2F%2F%C3%A9";
        assert_eq!(body(&refreshed(&user)), expected);
    }

    #[test]
    fn tokens_end_as_the_answer_says() {
        let now = UNIX_EPOCH + Duration::from_secs(100);
        let ends = |body: &str| granted(body.as_bytes(), now).map(|token| token.ends);
        assert_eq!(
            ends(r#"{"access_token": "t", "expires_in": 50}"#),
            Ok(Some(UNIX_EPOCH + Duration::from_secs(150)))
        );
        assert_eq!(
            ends(r#"{"accessToken": "t", "expireTime": "1970-01-01T00:05:00Z"}"#),
            Ok(Some(UNIX_EPOCH + Duration::from_mins(5)))
        );
        assert_eq!(ends(r#"{"access_token": "t"}"#), Ok(None));
        assert!(ends(r#"{"access_token": ""}"#).is_err() && ends("<html>").is_err());
    }

    #[test]
    fn errors_are_read_in_both_forms() {
        let oauth = br#"{"error": "invalid_grant", "error_description": "Token has been revoked."}"#;
        assert_eq!(refusal(oauth), (Some("invalid_grant".to_owned()), "Token has been revoked.".to_owned()));
        let api = br#"{"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}}"#;
        assert_eq!(refusal(api), (Some("PERMISSION_DENIED".to_owned()), "no".to_owned()));
        assert_eq!(refusal(b"<html>"), (None, String::new()));
    }
}

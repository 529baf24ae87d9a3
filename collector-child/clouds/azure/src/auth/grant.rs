//! What is asked for a token. Nothing here does I/O or looks at a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Map, Value, json};

/// How long the statement of an application about itself holds.
const LIFE: Duration = Duration::from_mins(10);
/// A path of the endpoint of tokens; the tenant stands in it.
const TOKEN: &str = "POST /{tenant}/oauth2/v2.0/token";

/// A call that gives a token.
#[derive(Debug, PartialEq)]
pub(super) struct Ask {
    /// As `cloud.toml` calls it.
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) params: Map<String, Value>,
}

fn form(tenant: &str, more: Value) -> Ask {
    let mut form = json!({"grant_type": "client_credentials"});
    if let (Some(form), Value::Object(more)) = (form.as_object_mut(), more) {
        form.extend(more);
    }
    let params = json!({"path": {"tenant": tenant}, "form": form});
    Ask { service: "login", operation: TOKEN, params: object(params) }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// For the secret of an application.
pub(super) fn by_secret(tenant: &str, client: &str, secret: &str, scope: &str) -> Ask {
    form(tenant, json!({"client_id": client, "client_secret": secret, "scope": scope}))
}

/// For a statement about the application: of itself, or of whom it trusts.
pub(super) fn by_assertion(tenant: &str, client: &str, assertion: &str, scope: &str) -> Ask {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    form(
        tenant,
        json!({"client_id": client, "client_assertion_type": kind, "client_assertion": assertion, "scope": scope}),
    )
}

/// For the managed identity of a virtual machine.
pub(super) fn of_machine(client: Option<&str>, scope: &str) -> Ask {
    managed("machine", "GET /metadata/identity/oauth2/token", "2018-02-01", client, scope)
}

/// For the identity that a service offers the program: the address is the endpoint itself.
pub(super) fn hosted(client: Option<&str>, scope: &str) -> Ask {
    managed("hosted", "GET {+address}", "2019-08-01", client, scope)
}

fn managed(
    service: &'static str,
    operation: &'static str,
    version: &str,
    client: Option<&str>,
    scope: &str,
) -> Ask {
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let query = json!({"api-version": version, "resource": resource, "client_id": client});
    Ask { service, operation, params: object(json!({"query": query})) }
}

/// What the certificate of an application signs: that it is the application (RFC 7523). `audience` is the address that the
/// statement is for.
pub(super) fn statement(pem: &str, client: &str, audience: &str, now: SystemTime) -> Result<String, String> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "the file of AZURE_CLIENT_CERTIFICATE_PATH holds no certificate in PEM".to_owned())?;
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let thumbprint = BASE64URL_NOPAD.encode(digest(&SHA256, &certificate).as_ref());
    let mut nonce = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| "there is no randomness here".to_owned())?;
    let head = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
    let claims = json!({
        "aud": audience, "iss": client, "sub": client, "jti": HEXLOWER.encode(&nonce),
        "iat": seconds, "nbf": seconds, "exp": seconds + LIFE.as_secs(),
    });
    let encoded = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let text = format!("{}.{}", encoded(&head), encoded(&claims));
    let signature = signature(pem, text.as_bytes())?;
    Ok(format!("{text}.{}", BASE64URL_NOPAD.encode(&signature)))
}

fn signature(pem: &str, text: &[u8]) -> Result<Vec<u8>, String> {
    let told = |what: &str| format!("the file of AZURE_CLIENT_CERTIFICATE_PATH {what}");
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| told("holds no private key in PEM (PKCS #8, without a password)"))?;
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| told("holds no RSA key"))?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text, &mut signature)
        .map_err(|_| told("holds a key that signs nothing"))?;
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use data_encoding::BASE64;

    use super::*;

    const SCOPE: &str = "https://management.azure.com/.default";

    fn pem(certificate: &[u8]) -> String {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
        let part = |name: &str, der: &[u8]| {
            format!("-----BEGIN {name}-----\n{}\n-----END {name}-----\n", BASE64.encode(der))
        };
        part("PRIVATE KEY", key.as_ref()) + &part("CERTIFICATE", certificate)
    }

    #[test]
    fn an_application_signs_who_it_is() {
        let text =
            statement(&pem(b"der"), "c", "https://login/t/token", UNIX_EPOCH + Duration::from_secs(1_000));
        let text = text.unwrap();
        let parts: Vec<&str> = text.split('.').collect();
        let read = |part: &str| {
            serde_json::from_slice::<Value>(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
        };
        let thumbprint = BASE64URL_NOPAD.encode(digest(&SHA256, b"der").as_ref());
        assert_eq!(read(parts[0]), json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}));
        let claims = read(parts[1]);
        assert_eq!((claims["sub"].as_str(), claims["exp"].as_u64()), (Some("c"), Some(1_600)));
        assert_eq!(BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap().len(), 256);
    }

    #[test]
    fn a_file_that_is_no_certificate_is_told_without_it() {
        for file in ["s3cret", "-----BEGIN CERTIFICATE-----\nczNjcmV0\n-----END CERTIFICATE-----\n"] {
            let told = statement(file, "c", "a", UNIX_EPOCH).unwrap_err();
            assert!(told.contains("AZURE_CLIENT_CERTIFICATE_PATH") && !told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn each_identity_is_asked_for_in_its_own_way() {
        let ask = by_secret("t", "c", "s", SCOPE);
        assert_eq!(ask.params["form"]["client_secret"], "s");
        assert_eq!(ask.params["path"], json!({"tenant": "t"}));
        let ask = of_machine(None, SCOPE);
        let query = json!({"api-version": "2018-02-01", "resource": "https://management.azure.com", "client_id": null});
        assert_eq!((ask.service, &ask.params["query"]), ("machine", &query));
        assert_eq!(hosted(Some("c"), SCOPE).params["query"]["client_id"], "c");
    }
}

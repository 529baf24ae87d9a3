//! Signatures (version 4) of requests.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign as sign_request,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;

/// Who signs.
pub type Signer = Identity;

/// How the signature of a request is made.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    /// The region that it is good in.
    pub region: &'a str,
    /// The service's name in signatures.
    pub name: &'a str,
    /// When it is made.
    pub time: SystemTime,
    /// S3's way: the path as it is, and the hash of the body as a header.
    pub s3: bool,
    /// The body is not part of the signature.
    pub unsigned_body: bool,
}

/// Adds the headers of the signature. `body` is what the request carries.
pub fn sign(
    request: &mut Request<Full<Bytes>>,
    body: &[u8],
    identity: &Signer,
    manner: Manner<'_>,
) -> Result<(), String> {
    let params = SigningParams::builder()
        .identity(identity)
        .region(manner.region)
        .name(manner.name)
        .time(manner.time)
        .settings(settings(manner.s3))
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let payload =
        if manner.unsigned_body { SignableBody::UnsignedPayload } else { SignableBody::Bytes(body) };
    let uri = request.uri().to_string();
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, payload)
        .map_err(|error| error.to_string())?;
    let (instructions, _) = sign_request(signable, &params).map_err(|error| error.to_string())?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}

/// Credentials in the form that signing takes; made once for all requests.
pub fn identity(credentials: &Credentials) -> Signer {
    Identity::new(credentials.clone(), credentials.expiry())
}

/// The identity of a key and its secret.
pub fn key(id: &str, secret: &str) -> Signer {
    identity(&Credentials::new(id, secret, None, None, "settings"))
}

fn settings(s3: bool) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if s3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::Value;

    use super::*;

    const NOON: Duration = Duration::from_secs(1_795_350_645);

    /// Made by `scripts/vectors.py` beside the endpoints, from the SDK for Python.
    #[test]
    fn signatures_are_those_of_the_sdk() {
        let vectors: Value = serde_json::from_str(include_str!("../tests/vectors/signatures.json")).unwrap();
        let vectors = vectors["signatures"].as_array().unwrap();
        assert!(vectors.len() > 10);
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap();
            let credentials = Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                vector["token"].as_str().map(str::to_owned),
                None,
                "test",
            );
            let body = Bytes::copy_from_slice(text("body").as_bytes());
            let mut request = Request::builder().method(text("method")).uri(text("url"));
            for (name, value) in vector["headers"].as_object().unwrap() {
                request = request.header(name, value.as_str().unwrap());
            }
            let mut request = request.body(Full::new(body.clone())).unwrap();
            let manner = Manner {
                region: "eu-west-1",
                name: text("service"),
                time: UNIX_EPOCH + NOON,
                s3: text("service") == "s3",
                unsigned_body: false,
            };
            sign(&mut request, &body, &identity(&credentials), manner).unwrap();
            let header = |name: &str| request.headers()[name].to_str().unwrap();
            assert_eq!(header("x-amz-date"), text("date"), "{}", text("url"));
            assert_eq!(header("authorization"), text("authorization"), "{}", text("url"));
        }
    }

    #[test]
    fn a_body_that_is_not_signed_changes_nothing() {
        let signed = |body: &'static str, unsigned_body| {
            let credentials = Credentials::new("AKID", "secret", None, None, "test");
            let mut request = Request::builder().uri("https://s3.eu-west-1.example.com/b");
            request = request.method("PUT");
            let mut request = request.body(Full::new(Bytes::from(body))).unwrap();
            let time = UNIX_EPOCH + NOON;
            let manner = Manner { region: "eu-west-1", name: "s3", time, s3: true, unsigned_body };
            sign(&mut request, body.as_bytes(), &identity(&credentials), manner).unwrap();
            request.headers()["authorization"].clone()
        };
        assert_eq!(signed("a", true), signed("b", true));
        assert_ne!(signed("a", false), signed("b", false));
    }
}

//! Credentials as the services of a machine hand them out: one JSON document.

use aws_credential_types::Credentials;
use serde_json::Value;

/// The credentials of the answer of a metadata service or a container's agent, or what is wrong with it, in words.
/// `place` becomes the name of the provider. The words quote nothing but the service's own error.
pub(super) fn credentials(body: &[u8], place: &'static str) -> Result<Credentials, String> {
    let document: Value = serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    let text = |name: &str| {
        let lower = name[..1].to_ascii_lowercase() + &name[1..];
        let value = document.get(name).or_else(|| document.get(&lower));
        value.and_then(Value::as_str).filter(|text| !text.is_empty())
    };
    let refused = text("Code").filter(|code| *code != "Success");
    if let Some(code) = refused {
        return Err(text("Message").map_or_else(|| code.to_owned(), |message| format!("{code}: {message}")));
    }
    let needed = |name: &str| text(name).ok_or_else(|| format!("the answer has no {name}"));
    let (id, secret) = (needed("AccessKeyId")?, needed("SecretAccessKey")?);
    let ends = text("Expiration").map(str::parse::<jiff::Timestamp>).transpose();
    let ends = ends.map_err(|error| format!("the end of their validity makes no sense: {error}"))?;
    Ok(Credentials::new(id, secret, text("Token").map(str::to_owned), ends.map(Into::into), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_and_errors_told() {
        let full = br#"{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}"#;
        let found = credentials(full, "x").unwrap();
        assert_eq!((found.access_key_id(), found.session_token()), ("A", Some("t")));
        assert!(found.expiry().is_some());
        let plain = credentials(br#"{"AccessKeyId":"A","SecretAccessKey":"s"}"#, "x").unwrap();
        assert_eq!((plain.session_token(), plain.expiry()), (None, None));
        for (body, told) in [
            (&b"<html>"[..], "the answer is not JSON"),
            (br#"{"SecretAccessKey":"s"}"#, "the answer has no AccessKeyId"),
            (br#"{"code":"Failed","message":"try it tomorrow"}"#, "Failed: try it tomorrow"),
        ] {
            assert_eq!(credentials(body, "x").unwrap_err(), told);
        }
        let date = br#"{"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"soon"}"#;
        assert!(credentials(date, "x").unwrap_err().starts_with("the end of their validity makes no sense"));
    }
}

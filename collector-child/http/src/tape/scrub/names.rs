//! Which names and forms say that a value is secret.

/// How the name of a secret ends, with letters and digits only.
const ENDS: [&str; 36] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secretkey",
    "secretaccesskey",
    "privatekey",
    "clientkey",
    "clientkeydata",
    "privatekeydata",
    "accesstoken",
    "sessiontoken",
    "securitytoken",
    "idtoken",
    "refreshtoken",
    "authtoken",
    "bearertoken",
    "apitoken",
    "bottoken",
    "usertoken",
    "userbottoken",
    "subjecttoken",
    "identitytoken",
    "apikey",
    "accountkey",
    "authorization",
    "assertion",
    "signature",
    "connectionstring",
    "credential",
    "masterkey",
    "userdata",
    "customdata",
    "startupscript",
    "cloudtoken",
    // A whole document of somebody, with whatever is secret in it.
    "appliedconfiguration",
];

/// A name that says that the value is secret: of a setting, a variable, a header, a parameter, a member.
pub fn is_secret(name: &str) -> bool {
    // Most names are short and end otherwise: nothing is allocated for them that is not needed.
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let plain = plain.strip_suffix('s').unwrap_or(&plain);
    matches!(plain, "token" | "cookie" | "setcookie") || ENDS.iter().any(|end| plain.ends_with(end))
}

/// A value that is a secret whatever its name: a private key, a signed token, an address with a password.
pub(super) fn looks_secret(value: &str) -> bool {
    value.contains("PRIVATE KEY-----") || is_bearer(value) || is_signed_token(value) || has_password(value)
}

fn is_bearer(value: &str) -> bool {
    value.strip_prefix("Bearer ").is_some_and(|token| token.len() >= 20 && !token.contains(' '))
}

/// A JSON web token: three parts, of which the first two are JSON.
fn is_signed_token(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(4, '.').collect();
    let of_base64 = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
    };
    parts.len() == 3
        && parts.iter().all(of_base64)
        && parts.iter().take(2).all(|part| part.starts_with("eyJ"))
}

/// `scheme://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#', ' ', '"']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty() && !password.starts_with(super::STAND_IN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "SecretAccessKey",
            "secret_access_key",
            "X-Sky-Security-Token",
            "Authorization",
            "client_secret",
            "bot_token",
            "MasterUserPassword",
            "skycloud_tokens",
            "X-Sky-Signature",
            "Set-Cookie",
            "token",
            "SKY_SESSION_TOKEN",
            "apiKey",
            "UserData",
            "private_key",
            "client-key-data",
            "sky.example/last-applied-configuration",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "NextToken",
            "nextPageToken",
            "ContinuationToken",
            "page_token",
            "AccessKeyId",
            "key",
            "PasswordLastUsed",
            "password_age",
            "SecretArn",
            "Marker",
            "KeyId",
            "client_id",
            "tokenType",
            "region",
            "",
            "IncludedCookies",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_form() {
        for value in [
            "-----BEGIN RSA PRIVATE KEY-----\nx",
            "Bearer abcdefghijklmnopqrstuvwxyz",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "postgres://me:hunter2@db/x",
        ] {
            assert!(looks_secret(value), "{value}");
        }
        for value in [
            "-----BEGIN CERTIFICATE-----",
            "Bearer of news",
            "eyJrZXkiOiJ2YWx1ZSJ9",
            "a.b.c",
            "https://host/a@b:c",
            "git@github.com:x/y",
            "https://me@host/x",
            "postgres://me:redacted-1@db/x",
            "arn:sky:iam::1:role/x",
        ] {
            assert!(!looks_secret(value), "{value}");
        }
    }
}

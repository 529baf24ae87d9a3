//! Credentials of a container: an address that its environment names.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Uri};
use http_body_util::Full;
use http_client::{CredentialsTrouble, Limits, Transport};

use super::chain::{Found, Trouble};
use super::served;
use crate::environment::Environment;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// The agent of ECS.
const BASE: &str = "http://169.254.170.2";
/// The agents of ECS and EKS.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
const ATTEMPTS: u32 = 3;
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(2),
    read: Duration::from_secs(5),
    answer: Duration::from_secs(10),
    answer_bytes: 1 << 16,
};

fn broken(message: String) -> Trouble {
    Trouble::new(CredentialsTrouble::Broken, message)
        .advising("check the role of the task or pod, the agent that answers there, and the variables AWS_CONTAINER_...")
}

/// The credentials of the container, if its environment names an address for them.
pub(super) async fn look(environment: &Environment, transport: &Transport) -> Result<Found, Trouble> {
    let Some((name, address)) = address(environment).map_err(broken)? else {
        return Ok(Found::nothing(""));
    };
    let token = token(environment).map_err(broken)?;
    let transport = transport.with_limits(LIMITS);
    let mut attempt = 1;
    loop {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = address.clone();
        request.headers_mut().insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = token.clone() {
            request.headers_mut().insert(http::header::AUTHORIZATION, token);
        }
        let answer = transport.send(request).await;
        let again = match &answer {
            Ok(answer) => answer.status >= 500,
            Err(trouble) => trouble.passes(),
        };
        if again && attempt < ATTEMPTS {
            attempt += 1;
            continue;
        }
        let failed = |why: String| broken(format!("{address} of {name}: {why}"));
        let answer = answer.map_err(|trouble| failed(trouble.to_string()))?;
        if answer.status != 200 {
            let told = served::credentials(&answer.body, "").err().filter(|told| told.contains(':'));
            let told = told.map_or_else(String::new, |told| format!(", {told}"));
            return Err(failed(format!("it answers with status {}{told}", answer.status)));
        }
        return served::credentials(&answer.body, "container").map(Found::Credentials).map_err(failed);
    }
}

/// The variable that is set, and its address.
fn address(environment: &Environment) -> Result<Option<(&'static str, Uri)>, String> {
    if let Some(path) = environment.variable(RELATIVE) {
        let path = path.trim();
        let uri = if path.starts_with('/') { format!("{BASE}{path}").parse().ok() } else { None };
        return uri
            .map(|uri| Some((RELATIVE, uri)))
            .ok_or_else(|| format!("{RELATIVE} is \"{path}\", which is no path"));
    }
    let Some(text) = environment.variable(FULL) else { return Ok(None) };
    let uri: Option<Uri> = text.trim().parse().ok();
    let Some((uri, host)) = uri.and_then(|uri| Some((uri.clone(), uri.host()?.to_owned()))) else {
        return Err(format!("{FULL} is \"{text}\", which is no address"));
    };
    match uri.scheme_str() {
        Some("https") => Ok(Some((FULL, uri))),
        Some("http") if trusted(&host) => Ok(Some((FULL, uri))),
        Some("http") => Err(format!(
            "{FULL} is {text}: credentials are fetched without TLS from this machine and from the agents of AWS only \
             ({}), not from {host}",
            AGENTS.join(", ")
        )),
        _ => Err(format!("{FULL} is \"{text}\", which is no http or https address")),
    }
}

/// Nobody listens in on the way to it.
fn trusted(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || AGENTS.iter().any(|agent| agent.parse() == Ok(address)),
        Err(_) => host == "localhost",
    }
}

/// What shows the agent who asks. The file is read each time, as it changes.
fn token(environment: &Environment) -> Result<Option<HeaderValue>, String> {
    let (name, text) = match (environment.variable(TOKEN_FILE), environment.variable(TOKEN)) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("the file {path} of {TOKEN_FILE} cannot be read: {error}"))?;
            if text.trim().is_empty() {
                return Err(format!("the file {path} of {TOKEN_FILE} is empty"));
            }
            (format!("the file {path} of {TOKEN_FILE}"), text)
        }
        (None, Some(text)) => (TOKEN.to_owned(), text),
        (None, None) => return Ok(None),
    };
    let mut header = HeaderValue::from_str(text.trim()).map_err(|_| {
        format!("{name} holds what is no token: there is a line break or another control character in it")
    })?;
    header.set_sensitive(true);
    Ok(Some(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(variables: &[(&str, &str)]) -> Environment {
        Environment::of_test(variables, "", None).await.unwrap()
    }

    #[tokio::test]
    async fn addresses_are_those_of_the_machine_or_have_tls() {
        for (name, value, expected) in [
            (RELATIVE, "/v2/credentials/x?a=b", "http://169.254.170.2/v2/credentials/x?a=b"),
            (FULL, "http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials"),
            (FULL, "http://[fd00:ec2::23]/v1", "http://[fd00:ec2::23]/v1"),
            (FULL, "http://localhost:51679/get", "http://localhost:51679/get"),
            (FULL, "http://127.0.0.2:8080/", "http://127.0.0.2:8080/"),
            (FULL, "https://vault.corp/credentials", "https://vault.corp/credentials"),
        ] {
            let found = address(&of(&[(name, value)]).await).unwrap().unwrap();
            assert_eq!((found.0, found.1.to_string().as_str()), (name, expected));
        }
        let both = of(&[(RELATIVE, "/x"), (FULL, "http://evil.example/")]).await;
        assert_eq!(address(&both).unwrap().unwrap().0, RELATIVE);
        assert_eq!(address(&of(&[(FULL, "")]).await), Ok(None));
    }

    #[tokio::test]
    async fn other_addresses_are_refused_by_name() {
        for (name, value) in [
            (FULL, "http://evil.example/creds"),
            (FULL, "http://192.0.2.1/creds"),
            (FULL, "http://169.254.169.254/creds"),
            (FULL, "ftp://127.0.0.1/x"),
            (FULL, "/only/a/path"),
            (RELATIVE, "no-path"),
        ] {
            let told = address(&of(&[(name, value)]).await).unwrap_err();
            assert!(told.contains(name) && told.contains(value), "{told}");
        }
    }

    #[tokio::test]
    async fn the_token_comes_from_its_file_first() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "of-file\n").unwrap();
        let path = file.path().to_str().unwrap();
        let found = token(&of(&[(TOKEN_FILE, path), (TOKEN, "x")]).await).unwrap().unwrap();
        assert_eq!(found, "of-file");
        assert_eq!(token(&of(&[(TOKEN, "of-variable")]).await).unwrap().unwrap(), "of-variable");
        std::fs::write(file.path(), "two\nlines").unwrap();
        let told = token(&of(&[(TOKEN_FILE, path)]).await).unwrap_err();
        assert!(told.contains(path) && !told.contains("two"), "{told}");
        std::fs::write(file.path(), "\n").unwrap();
        assert!(token(&of(&[(TOKEN_FILE, path)]).await).unwrap_err().ends_with("is empty"));
        let told = token(&of(&[(TOKEN_FILE, "/nowhere/token")]).await).unwrap_err();
        assert!(
            told.starts_with("the file /nowhere/token of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot"),
            "{told}"
        );
    }
}

//! Waits until fixcore is up.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::DATE;
use reqwest::{Client, StatusCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::trust::unverified_client;
use super::{ConnectError, ConnectOptions, RETRY};
use crate::endpoint::Endpoint;
use crate::http::error::chain;

/// One attempt.
const TIMEOUT: Duration = Duration::from_secs(5);
/// While waiting, the log says so this often.
const SAY_SO: Duration = Duration::from_secs(30);

/// Asks `/system/ready` every two seconds. The certificate is not verified (we may not know the authority yet)
/// and no token is sent.
pub(super) async fn wait_until_ready(
    endpoint: &Endpoint,
    until: Option<Instant>,
    options: &ConnectOptions,
    stop: &CancellationToken,
) -> Result<(), ConnectError> {
    let client = Arc::new(unverified_client(endpoint)?);
    let mut say_at = Instant::now();
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return Err(ConnectError::Stopped),
            asked = ask(&client, endpoint) => asked,
        };
        let Err(cause) = asked else { return Ok(()) };
        let now = Instant::now();
        options.tell(&format!("fixcore at {} is not ready: {cause}", endpoint.uri()));
        if let (true, Some(waited)) = (until.is_some_and(|until| now + RETRY > until), options.patience) {
            let uri = endpoint.uri().to_owned();
            return Err(ConnectError::NotReady { uri, waited, cause });
        }
        if now >= say_at {
            tracing::info!("waiting for fixcore at {}: {cause}", endpoint.uri());
            say_at = now + SAY_SO;
        }
        tokio::select! {
            () = stop.cancelled() => return Err(ConnectError::Stopped),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

/// Asks once, and trusts nobody. `Ok` has the time by the clock of fixcore (or of whatever answers in its place), as an HTTP
/// date.
pub(super) async fn ask_once(endpoint: &Endpoint) -> Result<Option<String>, String> {
    let client = unverified_client(endpoint).map_err(|error| error.to_string())?;
    ask(&client, endpoint).await
}

async fn ask(client: &Client, endpoint: &Endpoint) -> Result<Option<String>, String> {
    let url = endpoint.call_url(&["system", "ready"]);
    let response = client.get(url).timeout(TIMEOUT).send().await;
    match response {
        Ok(response) if response.status() == StatusCode::OK => {
            Ok(response.headers().get(DATE).and_then(|date| date.to_str().ok()).map(str::to_owned))
        }
        Ok(response) => Err(format!("it answered {}", response.status())),
        Err(error) => Err(with_hint(chain(&error.without_url()), endpoint.is_secure())),
    }
}

/// The other scheme is a common mistake, and what the libraries say about it helps nobody.
fn with_hint(cause: String, secure: bool) -> String {
    if secure && cause.contains("corrupt message") {
        format!("it seems to speak http and not https ({cause})")
    } else if !secure
        && (cause.contains("closed before message completed") || cause.contains("reset by peer"))
    {
        format!("{cause}; if it speaks https, say so in --fixcore-uri")
    } else {
        cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are those that fixcore on the other scheme leads to.
    #[test]
    fn the_wrong_scheme_is_guessed() {
        let hint = |cause: &str, secure| with_hint(cause.to_owned(), secure);
        let corrupt = "client error (Connect): received corrupt message of type InvalidContentType";
        assert!(hint(corrupt, true).starts_with("it seems to speak http and not https"));
        let closed = "client error (SendRequest): connection closed before message completed";
        assert!(hint(closed, false).ends_with("if it speaks https, say so in --fixcore-uri"));
        let refused = "tcp connect error: Connection refused (os error 111)";
        assert_eq!((hint(refused, true).as_str(), hint(refused, false).as_str()), (refused, refused));
    }
}

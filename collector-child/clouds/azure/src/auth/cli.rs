//! Tokens of whoever has logged in with the command `az`.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use tokio::process::Command;
use zeroize::Zeroizing;

/// The program starts slowly, but not for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the program prints.
#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "accessToken")]
    access_token: Zeroizing<String>,
    /// Seconds since 1970. The other member, `expiresOn`, is a local time.
    expires_on: Option<u64>,
}

/// A token for a scope, and when it ends. The error, for people, has the first words of the program.
pub(super) async fn token(
    scope: &str,
    tenant: Option<&str>,
) -> Result<(Zeroizing<String>, Option<SystemTime>), String> {
    #[expect(clippy::disallowed_methods, reason = "the tokens of a log-in are given by its own program only")]
    let mut command = Command::new("az");
    command.args(["account", "get-access-token", "--output", "json", "--scope", scope]);
    if let Some(tenant) = tenant {
        command.args(["--tenant", tenant]);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("az cannot be started: {error}")),
        Err(_) => return Err("az did not end within a minute".to_owned()),
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        return Err(format!("az account get-access-token: {}", line.trim()));
    }
    read(&output.stdout)
}

fn read(printed: &[u8]) -> Result<(Zeroizing<String>, Option<SystemTime>), String> {
    let printed: Printed = serde_json::from_slice(printed)
        .map_err(|_| "az account get-access-token printed no token".to_owned())?;
    let ends = printed.expires_on.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    Ok((printed.access_token, ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_told_everywhere_alike_counts() {
        let printed =
            br#"{"accessToken": "t", "expiresOn": "2026-01-01 10:00:00.000000", "expires_on": 100}"#;
        let (token, ends) = read(printed).unwrap();
        assert_eq!((token.as_str(), ends), ("t", Some(UNIX_EPOCH + Duration::from_secs(100))));
        let told = read(b"s3cret").unwrap_err();
        assert!(!told.contains("s3cret"), "{told}");
    }
}

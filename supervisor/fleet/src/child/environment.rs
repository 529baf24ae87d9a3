//! What a child gets of our environment: an allow list, because secrets live there too.

use std::ffi::{OsStr, OsString};

use ipc_proto::paths::EXTERNAL_DIR;

/// What may pass from our environment to a child.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "TZ", "LANG", "TMPDIR", EXTERNAL_DIR];
/// What may pass in upper and lower case: proxies and CA bundles, because tools differ in what they read.
const ENVIRONMENT_BOTH_CASES: [&str; 9] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
];

/// Those of `ours` that pass.
pub(super) fn passing(ours: impl Iterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    ours.filter(|(name, _)| passes(name)).collect()
}

fn passes(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let either = |upper: &&str| *upper == name || upper.to_lowercase() == name;
    ENVIRONMENT.contains(&name) || ENVIRONMENT_BOTH_CASES.iter().any(either)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_variables_pass() {
        for name in
            ["PATH", "HOME", "HTTPS_PROXY", "https_proxy", "no_proxy", "SSL_CERT_FILE", "ssl_cert_dir"]
        {
            assert!(passes(OsStr::new(name)), "{name}");
        }
        for name in [
            "FIXWORKER_PSK",
            "AWS_SECRET_ACCESS_KEY",
            "LD_PRELOAD",
            "path",
            "Http_Proxy",
            "SSL_CERT",
            "PATHS",
        ] {
            assert!(!passes(OsStr::new(name)), "{name}");
        }
    }
}

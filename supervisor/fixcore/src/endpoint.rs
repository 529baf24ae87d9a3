//! Where fixcore is, and how it and we prove who we are.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::host::is_loopback;
use crate::proxy::ProxySettings;

/// Which certificates fixcore may show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum VerifyMode {
    /// Those of fixcore's own authority (fetched at start, proven by the pre-shared key) and those that the
    /// platform trusts. The default.
    #[default]
    FixcoreCa,
    /// Those of the authorities in this PEM file and those that the platform trusts (`--ca-cert`).
    CustomCa(PathBuf),
    /// Any (`--no-verify-certs`). Whoever sits on the path can read and change everything.
    None,
}

/// A certificate of our own for the web server instead of one signed by fixcore (`--cert`, `--cert-key`).
#[derive(Debug, Clone)]
pub struct IdentityFiles {
    /// PEM file with the certificate, followed by intermediates if any.
    pub cert: PathBuf,
    /// PEM file with the private key: PKCS#8, PKCS#1 or SEC1, encrypted or not.
    pub key: PathBuf,
    /// Passphrase of the key (`--cert-key-pass`).
    pub passphrase: Option<SecretString>,
}

/// Where fixcore is, and how to trust it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: Url,
    psk: Option<SecretString>,
    verify: VerifyMode,
    ca_fingerprint: Option<String>,
    identity: Option<IdentityFiles>,
    proxy: ProxySettings,
}

/// An address that can not be fixcore's.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EndpointError {
    /// Not a URI, or one without a host.
    #[error("`{uri}` is not the uri of a fixcore: {why}; it looks like https://localhost:8900")]
    Uri {
        /// What was given.
        uri: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Endpoint {
    /// Reads `--fixcore-uri`. A trailing slash is dropped; a path is kept as prefix of every call.
    pub fn new(uri: &str) -> Result<Self, EndpointError> {
        let refuse = |why: &str| EndpointError::Uri { uri: uri.to_owned(), why: why.to_owned() };
        let mut url = Url::parse(uri.trim()).map_err(|e| refuse(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it has to start with http:// or https://"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refuse("it names no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Uri {
                uri: "***".to_owned(),
                why: "user and password have no place in it, fixcore knows a pre-shared key".to_owned(),
            });
        }
        url.set_query(None);
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self {
            url,
            psk: None,
            verify: VerifyMode::default(),
            ca_fingerprint: None,
            identity: None,
            proxy: ProxySettings::default(),
        })
    }

    /// Sets the pre-shared key; an empty one counts as none, as in the peer.
    #[must_use]
    pub fn with_psk(mut self, psk: Option<SecretString>) -> Self {
        self.psk = psk.filter(|psk| !psk.expose_secret().is_empty());
        self
    }

    /// Sets which certificates are accepted; without meaning for http.
    #[must_use]
    pub fn with_verify(mut self, verify: VerifyMode) -> Self {
        self.verify = verify;
        self
    }

    /// The SHA-256 fingerprint (hex with colons) of the only certificate authority that fixcore may offer.
    #[must_use]
    pub fn with_ca_fingerprint(mut self, fingerprint: Option<String>) -> Self {
        self.ca_fingerprint = fingerprint;
        self
    }

    /// Uses a certificate of our own for the web server.
    #[must_use]
    pub fn with_identity(mut self, identity: Option<IdentityFiles>) -> Self {
        self.identity = identity;
        self
    }

    /// Sets the proxies, usually [`ProxySettings::from_env`].
    #[must_use]
    pub fn with_proxies(mut self, proxy: ProxySettings) -> Self {
        self.proxy = proxy;
        self
    }

    /// The base of every call, without trailing slash.
    pub fn uri(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// True for https.
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// True if fixcore is on this host as seen by the address: uploads need no compression there, and no
    /// proxy can reach it.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    pub(crate) fn psk(&self) -> Option<&SecretString> {
        self.psk.as_ref()
    }

    pub(crate) fn verify(&self) -> &VerifyMode {
        &self.verify
    }

    pub(crate) fn ca_fingerprint(&self) -> Option<&str> {
        self.ca_fingerprint.as_deref()
    }

    pub(crate) fn identity(&self) -> Option<&IdentityFiles> {
        self.identity.as_ref()
    }

    /// The proxy on the way to fixcore, if there is one.
    pub(crate) fn proxy(&self) -> Option<&Url> {
        self.proxy.for_target(&self.url)
    }

    /// Host without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// The TCP port of fixcore.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(8900)
    }

    /// The URL of a call; every segment is escaped.
    pub(crate) fn call_url(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The URL of a websocket; every segment is escaped.
    pub(crate) fn websocket_url(&self, segments: &[&str], query: &[(&str, &str)]) -> String {
        let mut url = self.call_url(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let scheme = if self.is_secure() { "wss" } else { "ws" };
        let rest = url.as_str().split_once(':').map_or("", |(_, rest)| rest);
        format!("{scheme}:{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_built_from_escaped_segments() {
        let endpoint = Endpoint::new("https://core.example:8900/some/prefix/").unwrap();
        assert_eq!(endpoint.uri(), "https://core.example:8900/some/prefix");
        assert_eq!(
            endpoint.call_url(&["config", "a/b c"]).as_str(),
            "https://core.example:8900/some/prefix/config/a%2Fb%20c"
        );
        assert_eq!(
            endpoint.websocket_url(&["events"], &[("show", "config-updated")]),
            "wss://core.example:8900/some/prefix/events?show=config-updated"
        );
        let plain = Endpoint::new("http://[::1]:8900").unwrap();
        assert_eq!(plain.websocket_url(&["work", "queue"], &[]), "ws://[::1]:8900/work/queue");
        assert_eq!((plain.host(), plain.port()), ("::1", 8900));
        assert_eq!(Endpoint::new("https://core.example").unwrap().port(), 443);
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_the_reason() {
        for (uri, why) in [("localhost:8900", "http"), ("ftp://x", "http"), ("", ""), ("https://", "host")] {
            let error = Endpoint::new(uri).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("https://localhost:8900"), "{error}");
        }
        let error = Endpoint::new("https://me:hunter2@core").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn loopback_is_told_by_the_address() {
        for (uri, expected) in [
            ("http://127.0.0.1:8900", true),
            ("http://127.8.0.1:8900", true),
            ("https://[::1]:8900", true),
            ("https://LOCALHOST:8900", true),
            ("https://core.example:8900", false),
            ("https://10.0.0.1:8900", false),
        ] {
            assert_eq!(Endpoint::new(uri).unwrap().is_loopback(), expected, "{uri}");
        }
    }

    #[test]
    fn an_empty_key_is_no_key_and_none_is_printed() {
        let endpoint = Endpoint::new("http://localhost").unwrap();
        assert!(endpoint.clone().with_psk(Some("".into())).psk().is_none());
        let text = format!("{:?}", endpoint.with_psk(Some("hunter2".into())));
        assert!(!text.contains("hunter2"), "{text}");
    }
}

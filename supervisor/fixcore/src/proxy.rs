//! Proxies from the environment, for calls and websockets alike.
//!
//! The rules are those of Python's requests, which the peer uses: `http_proxy` or `https_proxy` by the scheme
//! of the target, else `all_proxy`; the lower-case name before the upper-case one; `no_proxy` holds a comma
//! separated list of host suffixes, addresses and networks (`10.0.0.0/8`), each with an optional port, or `*`.
//! One rule is ours: a loopback address is never proxied, because no proxy can reach our loopback.

use std::net::IpAddr;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use reqwest::Url;

use crate::host::is_loopback;

/// What the environment says about proxies. `Debug` shows no credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    http: Option<Url>,
    https: Option<Url>,
    no_proxy: Vec<String>,
}

impl std::fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = |url: &Option<Url>| url.as_ref().map(|u| u.host_str().unwrap_or_default().to_owned());
        f.debug_struct("ProxySettings")
            .field("http", &host(&self.http))
            .field("https", &host(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

impl ProxySettings {
    /// Reads the variables of this process.
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the variables with `lookup`. A value that is no URL is logged and ignored.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            lookup(name).or_else(|| lookup(&name.to_ascii_uppercase())).filter(|value| !value.is_empty())
        };
        let proxy = |name: &str| either(name).or_else(|| either("all_proxy")).and_then(|v| parse(name, &v));
        let no_proxy = either("no_proxy").unwrap_or_default();
        Self {
            http: proxy("http_proxy"),
            https: proxy("https_proxy"),
            no_proxy: no_proxy.split(',').map(|e| e.trim().to_owned()).filter(|e| !e.is_empty()).collect(),
        }
    }

    /// The proxy for a target; `None` means directly.
    pub fn for_target(&self, target: &Url) -> Option<&Url> {
        let host = target.host_str()?.trim_start_matches('[').trim_end_matches(']');
        let port = target.port_or_known_default();
        if is_loopback(host) || self.no_proxy.iter().any(|entry| excludes(entry, host, port)) {
            return None;
        }
        if target.scheme() == "https" { self.https.as_ref() } else { self.http.as_ref() }
    }
}

fn parse(name: &str, value: &str) -> Option<Url> {
    let text = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    match Url::parse(&text) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Some(url),
        // The value may hold a password: name the variable only.
        Ok(_) => {
            tracing::warn!("the proxy in {name} is ignored: only http:// proxies are supported");
            None
        }
        Err(error) => {
            tracing::warn!("the proxy in {name} is ignored: {error}");
            None
        }
    }
}

/// The value of `Proxy-Authorization` for the user and password in a proxy's URL.
pub(crate) fn basic_credentials(proxy: &Url) -> Option<String> {
    if proxy.username().is_empty() {
        return None;
    }
    let user = percent_decoded(proxy.username());
    let password = percent_decoded(proxy.password().unwrap_or_default());
    Some(format!("Basic {}", BASE64.encode(&[&user[..], b":", &password].concat())))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        if let Some(byte) = escaped.and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex).ok()) {
            bytes.extend(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

fn excludes(entry: &str, host: &str, port: Option<u16>) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some(excluded) = entry.split_once('/').and_then(|(net, bits)| in_network(net, bits, host)) {
        return excluded;
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') && digits.parse::<u16>().is_ok() => {
            (name, digits.parse::<u16>().ok())
        }
        _ => (entry, None),
    };
    if wanted.is_some() && wanted != port {
        return false;
    }
    let name =
        name.trim_start_matches('.').trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    host == name || host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.'))
}

fn in_network(net: &str, bits: &str, host: &str) -> Option<bool> {
    let bits: u32 = bits.parse().ok()?;
    match (net.parse().ok()?, host.parse().ok()) {
        (IpAddr::V4(net), Some(IpAddr::V4(ip))) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Some(u32::from(net) & mask == u32::from(ip) & mask)
        }
        (IpAddr::V6(net), Some(IpAddr::V6(ip))) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Some(u128::from(net) & mask == u128::from(ip) & mask)
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> ProxySettings {
        ProxySettings::from_lookup(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        })
    }

    fn target(settings: &ProxySettings, uri: &str) -> Option<String> {
        settings.for_target(&Url::parse(uri).unwrap()).map(|u| u.as_str().to_owned())
    }

    #[test]
    fn the_scheme_of_the_target_chooses() {
        let s = settings(&[("http_proxy", "plain:3128"), ("HTTPS_PROXY", "http://tls:3128")]);
        assert_eq!(target(&s, "http://core:8900").unwrap(), "http://plain:3128/");
        assert_eq!(target(&s, "https://core:8900").unwrap(), "http://tls:3128/");
        let all = settings(&[("all_proxy", "http://any:1"), ("ALL_PROXY", "http://never:1")]);
        assert_eq!(target(&all, "https://core:8900").unwrap(), "http://any:1/");
        assert_eq!(target(&settings(&[]), "https://core:8900"), None);
        assert_eq!(target(&settings(&[("https_proxy", "socks5://x:1")]), "https://core"), None);
    }

    #[test]
    fn loopback_is_never_proxied() {
        let s = settings(&[("http_proxy", "p:1"), ("https_proxy", "p:1")]);
        for uri in ["http://127.0.0.1:8900", "https://localhost:8900", "https://[::1]:8900"] {
            assert_eq!(target(&s, uri), None, "{uri}");
        }
    }

    #[test]
    fn no_proxy_knows_suffixes_ports_and_networks() {
        let excluded = |list: &str, uri: &str| {
            target(&settings(&[("https_proxy", "p:1"), ("no_proxy", list)]), uri).is_none()
        };
        assert!(excluded("*", "https://core"));
        assert!(excluded("example.com", "https://core.Example.com"));
        assert!(excluded(".example.com", "https://core.example.com"));
        assert!(!excluded("ample.com", "https://core.example.com"));
        assert!(excluded("a.b, core:8900", "https://core:8900"));
        assert!(!excluded("core:8901", "https://core:8900"));
        assert!(excluded("10.0.0.0/8", "https://10.2.3.4:8900"));
        assert!(!excluded("10.0.0.0/8", "https://11.2.3.4:8900"));
        assert!(excluded("0.0.0.0/0", "https://11.2.3.4:8900"));
        assert!(excluded("fd00::/8", "https://[fd12::1]:8900"));
        assert!(!excluded("fd00::/8", "https://core"));
    }

    #[test]
    fn credentials_are_sent_decoded() {
        let url = |text| Url::parse(text).unwrap();
        let expected = format!("Basic {}", BASE64.encode(b"me:a@b%c"));
        assert_eq!(basic_credentials(&url("http://me:a%40b%25c@p:1")), Some(expected));
        assert_eq!(basic_credentials(&url("http://p:1")), None);
        assert_eq!(percent_decoded("%4g%"), b"%4g%");
    }

    #[test]
    fn credentials_are_not_printed() {
        let s = settings(&[("https_proxy", "http://me:hunter2@p:1")]);
        assert!(!format!("{s:?}").contains("hunter2"));
    }
}

//! Which proxy leads to a host.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in lower case.
#[derive(Debug)]
pub(super) struct Proxies(Matcher);

impl Proxies {
    pub(super) fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let either =
            |name: &str| variable(name).or_else(|| variable(&name.to_ascii_lowercase())).unwrap_or_default();
        let matcher = Matcher::builder()
            .all(either("ALL_PROXY"))
            .http(either("HTTP_PROXY"))
            .https(either("HTTPS_PROXY"))
            .no(either("NO_PROXY"))
            .build();
        Self(matcher)
    }

    /// The proxy on the way to `to`. Never one to this machine or to what is attached to it: the metadata of
    /// the instance that a proxy sees is the proxy's own.
    pub(super) fn of(&self, to: &Uri) -> Option<Intercept> {
        if near(to.host()?) { None } else { self.0.intercept(to) }
    }
}

fn near(host: &str) -> bool {
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unicast_link_local()
                || address.segments()[..2] == [0xfd00, 0xec2]
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(to: &'static str, variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Some(Proxies::new(&variable).of(&Uri::from_static(to))?.uri().to_string())
    }

    #[test]
    fn proxies_come_from_the_environment() {
        let variables = [
            ("https_proxy", "http://secure:1"),
            ("HTTP_PROXY", "http://plain:2"),
            ("NO_PROXY", ".corp,10.0.0.0/8"),
        ];
        assert_eq!(proxy_of("https://ec2.amazonaws.com", &variables).as_deref(), Some("http://secure:1/"));
        assert_eq!(proxy_of("http://mock.example", &variables).as_deref(), Some("http://plain:2/"));
        assert_eq!(proxy_of("https://vpce.corp", &variables), None);
        assert_eq!(proxy_of("https://10.1.2.3", &variables), None);
        assert_eq!(proxy_of("https://ec2.amazonaws.com", &[]), None);
    }

    #[test]
    fn no_proxy_leads_to_this_machine_or_its_metadata() {
        let variables = [("ALL_PROXY", "http://all:1")];
        for near in [
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/latest",
            "http://169.254.170.2/creds",
            "http://127.0.0.1:5000",
            "http://localhost:5000",
            "http://[::1]:5000",
        ] {
            assert_eq!(proxy_of(near, &variables), None, "{near}");
        }
        assert!(proxy_of("http://192.0.2.1", &variables).is_some());
    }
}

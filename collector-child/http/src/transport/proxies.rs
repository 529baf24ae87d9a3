//! Which proxy leads to a host.

use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, also in lower case,
/// which comes first as in Python and curl.
#[derive(Debug)]
pub(super) struct Proxies {
    matcher: Matcher,
    /// Entries of `NO_PROXY` for one port of a host (and those below it).
    ports: Vec<(String, u16)>,
    /// Also on the way to this machine.
    always: bool,
}

impl Proxies {
    /// This proxy, on every way.
    pub(super) fn always(proxy: &str) -> Result<Self, String> {
        let matcher = Matcher::builder().all(proxy.trim()).build();
        if matcher.intercept(&ANY).is_none() {
            return Err(unusable("proxy-url", proxy));
        }
        Ok(Self { matcher, ports: Vec::new(), always: true })
    }

    /// An error, in words, if a variable names no proxy: to go without one would be against the will of whoever
    /// set it.
    pub(super) fn new(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let proxy = |name: &str| -> Result<String, String> {
            let lower = name.to_ascii_lowercase();
            let (name, value) = match variable(&lower) {
                Some(value) => (lower.as_str(), value),
                None => (name, variable(name).unwrap_or_default()),
            };
            // A blank at the end comes from files of variables.
            let value = value.trim();
            let usable =
                value.is_empty() || Matcher::builder().https(value).build().intercept(&ANY).is_some();
            if usable { Ok(value.to_owned()) } else { Err(unusable(name, value)) }
        };
        let no = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
        let (hosts, ports) = exceptions(&no);
        let matcher = Matcher::builder()
            .all(proxy("ALL_PROXY")?)
            .http(proxy("HTTP_PROXY")?)
            .https(proxy("HTTPS_PROXY")?)
            .no(hosts)
            .build();
        Ok(Self { matcher, ports, always: false })
    }

    /// The proxy on the way to `to`. Never one to this machine or to what is attached to it: the metadata of
    /// the instance that a proxy sees is the proxy's own.
    pub(super) fn of(&self, to: &Uri) -> Option<Intercept> {
        let host = to.host()?;
        let port = to.port_u16().unwrap_or(if to.scheme_str() == Some("http") { 80 } else { 443 });
        if !self.always && near(host) || self.ports.iter().any(|(of, at)| *at == port && below(host, of)) {
            return None;
        }
        self.matcher.intercept(to)
    }
}

/// Any host, to see whether a proxy is understood.
static ANY: std::sync::LazyLock<Uri> = std::sync::LazyLock::new(|| Uri::from_static("https://any.example"));

/// Without user and password, which the value may hold.
fn unusable(name: &str, value: &str) -> String {
    let shown = value.rsplit_once('@').map_or(value, |(_, host)| host);
    let blank = if value.contains(char::is_whitespace) { " (there is a blank in it)" } else { "" };
    format!("{name} is not the address of a proxy: \"{shown}\"{blank}")
}

/// The entries of `NO_PROXY`, separated by commas or blanks: those for all ports as the matcher takes them, and
/// those for one port.
fn exceptions(no: &str) -> (String, Vec<(String, u16)>) {
    let entries = no.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
    let (mut all, mut ports) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry);
        let port = entry.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        match port {
            // More colons without brackets are an IPv6 address.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                ports.push((host.trim_start_matches('.').to_ascii_lowercase(), port));
            }
            _ => all.push(entry.trim_start_matches('[').trim_end_matches(']')),
        }
    }
    (all.join(","), ports)
}

fn below(host: &str, domain: &str) -> bool {
    let host = host.to_ascii_lowercase();
    domain == "*" || host == domain || host.strip_suffix(domain).is_some_and(|start| start.ends_with('.'))
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

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        Proxies::new(&|name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy_of(to: &'static str, variables: &[(&str, &str)]) -> Option<String> {
        Some(proxies(variables).unwrap().of(&Uri::from_static(to))?.uri().to_string())
    }

    #[test]
    fn proxies_come_from_the_environment() {
        let variables = [
            ("https_proxy", "http://secure:1"),
            ("HTTP_PROXY", "http://plain:2"),
            ("NO_PROXY", ".corp,10.0.0.0/8"),
        ];
        assert_eq!(proxy_of("https://ec2.cloud.example", &variables).as_deref(), Some("http://secure:1/"));
        assert_eq!(proxy_of("http://mock.example", &variables).as_deref(), Some("http://plain:2/"));
        assert_eq!(proxy_of("https://vpce.corp", &variables), None);
        assert_eq!(proxy_of("https://10.1.2.3", &variables), None);
        assert_eq!(proxy_of("https://ec2.cloud.example", &[]), None);
        let both = [("HTTPS_PROXY", "http://upper:1"), ("https_proxy", "http://lower:1")];
        assert_eq!(proxy_of("https://ec2.cloud.example", &both).as_deref(), Some("http://lower:1/"));
    }

    #[test]
    fn blanks_around_a_proxy_do_no_harm_and_other_nonsense_is_refused() {
        for fine in [" http://proxy:3128", "http://proxy:3128\n", "proxy:3128 "] {
            let found = proxy_of("https://ec2.cloud.example", &[("HTTPS_PROXY", fine)]);
            assert_eq!(found.as_deref(), Some("http://proxy:3128/"), "{fine:?}");
        }
        assert_eq!(proxy_of("https://ec2.cloud.example", &[("HTTPS_PROXY", "  ")]), None);
        for wrong in ["http://pro xy:3128", "http://user:hunter2@", "ftp://proxy", "http://"] {
            let told = proxies(&[("HTTPS_PROXY", wrong)]).unwrap_err();
            assert!(told.starts_with("HTTPS_PROXY is not the address of a proxy"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        assert!(proxies(&[("https_proxy", "http://pro xy")]).unwrap_err().contains("there is a blank in it"));
    }

    #[test]
    fn exceptions_are_written_in_many_ways() {
        for (no, to, direct) in [
            ("*", "https://ec2.cloud.example", true),
            ("corp, cloud.example", "https://ec2.cloud.example", true),
            ("corp cloud.example", "https://ec2.cloud.example", true),
            ("*.cloud.example", "https://ec2.cloud.example", true),
            (".cloud.example", "https://ec2.cloud.example", true),
            ("CLOUD.EXAMPLE:443", "https://ec2.cloud.example", true),
            ("cloud.example:8443", "https://ec2.cloud.example", false),
            ("cloud.example:8443", "https://ec2.cloud.example:8443", true),
            ("oud.example", "https://ec2.cloud.example", false),
            ("oud.example:443", "https://ec2.cloud.example", false),
            ("192.0.2.0/24", "https://192.0.2.7", true),
            ("192.0.2.7:443", "https://192.0.2.7", true),
            ("2001:db8::7", "https://[2001:db8::7]", true),
            ("[2001:db8::7]:443", "https://[2001:db8::7]", true),
        ] {
            let found = proxy_of(to, &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", no)]);
            assert_eq!(found.is_none(), direct, "{no} {to}");
        }
    }

    #[test]
    fn a_proxy_that_a_server_names_is_on_every_way_to_it() {
        let proxies = Proxies::always("http://user:pw@proxy.example:3128").unwrap();
        for to in ["https://127.0.0.1:6443", "http://10.0.0.1", "https://host.example"] {
            assert!(proxies.of(&Uri::from_static(to)).is_some(), "{to}");
        }
        assert!(Proxies::always("no proxy").is_err());
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

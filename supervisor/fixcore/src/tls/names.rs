//! The names and addresses of this host, for the certificate of our web server.

use std::collections::BTreeSet;
use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

/// Under what this host can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LocalNames {
    pub(crate) hosts: BTreeSet<String>,
    pub(crate) addresses: BTreeSet<IpAddr>,
}

impl LocalNames {
    /// Asks the system: the host name, the names of local addresses in `/etc/hosts`, and the addresses of all
    /// interfaces. What the system does not tell is left out.
    pub(crate) fn of_this_host() -> Self {
        let addresses: BTreeSet<IpAddr> = match getifaddrs() {
            Ok(interfaces) => interfaces.filter_map(|i| i.address.as_ref().and_then(ip_of)).collect(),
            Err(error) => {
                tracing::warn!("the addresses of this host are unknown, its certificate names none: {error}");
                BTreeSet::new()
            }
        };
        let hostname = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let hosts_file = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        Self::collect(hostname.as_deref(), addresses, &hosts_file)
    }

    fn collect(hostname: Option<&str>, mut addresses: BTreeSet<IpAddr>, hosts_file: &str) -> Self {
        addresses.insert(IpAddr::from([127, 0, 0, 1]));
        let in_file = hosts_file.lines().filter_map(|line| canonical_name(line, &addresses));
        let hosts = ["localhost"].into_iter().chain(hostname).chain(in_file);
        let hosts = hosts.map(str::to_ascii_lowercase).filter(|name| is_dns_name(name)).collect();
        Self { hosts, addresses }
    }
}

fn ip_of(address: &SockaddrStorage) -> Option<IpAddr> {
    address
        .as_sockaddr_in()
        .map(|v4| IpAddr::V4(v4.ip()))
        .or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// The first name of a line in a hosts file, if its address is one of ours.
fn canonical_name<'a>(line: &'a str, addresses: &BTreeSet<IpAddr>) -> Option<&'a str> {
    let mut words = line.split('#').next()?.split_whitespace();
    let address: IpAddr = words.next()?.parse().ok()?;
    addresses.contains(&address).then(|| words.next()).flatten()
}

/// What may stand in a certificate: a host name with an underscore would make it invalid for some clients.
fn is_dns_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_host_name_and_hosts_file() {
        let hosts = "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback # both\n10.1.2.3\tMe.example me\n\
                     10.9.9.9 other.example\n# 10.1.2.3 comment\n10.1.2.3 bad..name\n";
        let addresses = ["::1", "10.1.2.3"].map(|a| a.parse().unwrap()).into();
        let names = LocalNames::collect(Some("box-1"), addresses, hosts);
        let expected = ["box-1", "ip6-localhost", "localhost", "me.example"].map(str::to_owned);
        assert_eq!(names.hosts, expected.into());
        assert_eq!(names.addresses, ["127.0.0.1", "::1", "10.1.2.3"].map(|a| a.parse().unwrap()).into());
    }

    #[test]
    fn strange_host_names_are_left_out() {
        let names = LocalNames::collect(Some("müller's box"), BTreeSet::new(), "");
        assert_eq!(names.hosts, ["localhost".to_owned()].into());
        assert!(!LocalNames::of_this_host().addresses.is_empty());
    }
}

//! Where a request goes, and for which region and service it is signed.

mod hosts;
mod s3;

use aws_shapes::endpoints;
use http::Uri;
use shapes::Service;

pub(crate) use s3::{Hints, Told, address_bucket, plausible, region_told, regions_in};

/// Which of the hosts of a service are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flavor {
    /// Those with validated cryptography (`AWS_USE_FIPS_ENDPOINT`).
    pub(crate) fips: bool,
    /// Those that have IPv6 addresses too (`AWS_USE_DUALSTACK_ENDPOINT`).
    pub(crate) dual_stack: bool,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `https`, or what a custom address says.
    pub(crate) scheme: String,
    /// Host and port.
    pub(crate) authority: String,
    /// Before the path of each request; without a slash at its end.
    pub(crate) base: String,
    /// The region in the signature.
    pub(crate) signing_region: String,
    /// The service in the signature.
    pub(crate) signing_name: String,
    /// Not one of AWS's own hosts, but configured.
    pub(crate) custom: bool,
}

/// Why there is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointFault {
    /// The region is in no partition.
    #[error("the region \"{0}\" is none of AWS's")]
    Region(String),
    /// There is no host with these properties.
    #[error("{0} has no such endpoint in {1}")]
    Flavor(&'static str, String),
    /// A configured address is none.
    #[error("the configured endpoint \"{0}\" is not an http or https address")]
    Address(String),
}

/// The endpoint of a service in a region; `custom` is an address from the configuration.
pub(crate) fn resolve(
    service: &Service,
    region: &str,
    flavor: Flavor,
    custom: Option<&str>,
) -> Result<Endpoint, EndpointFault> {
    if let Some(address) = custom {
        return of_address(service, region, address);
    }
    let tables = endpoints();
    if !might_be_region(region) || tables.partition_of(region).is_none() {
        return Err(EndpointFault::Region(region.to_owned()));
    }
    let found = hosts::find(tables, service, region, flavor)
        .ok_or_else(|| EndpointFault::Flavor(service.name, region.to_owned()))?;
    Ok(Endpoint {
        scheme: "https".to_owned(),
        authority: found.host,
        base: String::new(),
        signing_region: found.signing_region,
        signing_name: found.signing_name.unwrap_or_else(|| service.signing_name.to_owned()),
        custom: false,
    })
}

/// Regions that asked STS by its one global host before there was one in each region.
const LEGACY_STS: &[&str] = &[
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// STS for `AWS_STS_REGIONAL_ENDPOINTS=legacy`; `None` for regions that have only their own.
pub(crate) fn legacy_sts(region: &str) -> Option<Endpoint> {
    LEGACY_STS.contains(&region).then(|| Endpoint {
        scheme: "https".to_owned(),
        authority: "sts.amazonaws.com".to_owned(),
        base: String::new(),
        signing_region: "us-east-1".to_owned(),
        signing_name: "sts".to_owned(),
        custom: false,
    })
}

fn of_address(service: &Service, region: &str, address: &str) -> Result<Endpoint, EndpointFault> {
    let wrong = || EndpointFault::Address(without_user(address));
    let uri: Uri = address.trim().parse().map_err(|_| wrong())?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or_else(wrong)?;
    let authority =
        uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
    Ok(Endpoint {
        scheme: scheme.to_owned(),
        authority: authority.to_string(),
        base: uri.path().trim_end_matches('/').to_owned(),
        signing_region: region_in(service, authority.host()).unwrap_or(region).to_owned(),
        signing_name: service.signing_name.to_owned(),
        custom: true,
    })
}

/// The region that a host of AWS is in, whatever region was asked: `vpce-1-2.sts.eu-west-1.vpce.amazonaws.com`, or the
/// one host of a service without regions. It takes no signature for another one.
fn region_in<'a>(service: &Service, host: &'a str) -> Option<&'a str> {
    let partitions = || endpoints().partitions.iter();
    let below = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    if service.global_endpoint == Some(host) {
        let partition = partitions().find(|partition| below(&partition.dns_suffix))?;
        return Some(&partition.implicit_global_region);
    }
    if !partitions().any(|partition| below(&partition.dns_suffix) || below(&partition.dual_stack_dns_suffix))
    {
        return None;
    }
    let known =
        |label: &&str| partitions().any(|partition| partition.regions.iter().any(|region| region == label));
    host.split('.').find(known)
}

fn without_user(address: &str) -> String {
    address.rsplit_once('@').map_or_else(|| address.to_owned(), |(_, host)| format!("...@{host}"))
}

/// Regions come from configuration and become part of host names.
fn might_be_region(region: &str) -> bool {
    !region.is_empty()
        && region.len() <= 32
        && region.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

impl Endpoint {
    /// The host with what an operation wants before it, where that is a name that can have one.
    pub(crate) fn with_prefix(mut self, prefix: Option<&str>) -> Self {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        let named = host.contains('.') && host.parse::<std::net::IpAddr>().is_err();
        if let Some(prefix) = prefix
            && named
        {
            self.authority = format!("{prefix}{}", self.authority);
        }
        self
    }

    /// The address of a request, whose target is path and query.
    pub(crate) fn address(&self, target: &str) -> String {
        let Self { scheme, authority, base, .. } = self;
        format!("{scheme}://{authority}{base}{target}")
    }

    #[cfg(test)]
    fn sample(authority: &str) -> Self {
        Self {
            scheme: "https".to_owned(),
            authority: authority.to_owned(),
            base: String::new(),
            signing_region: "eu-west-1".to_owned(),
            signing_name: "s3".to_owned(),
            custom: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_shapes::service;
    use serde_json::Value;

    use super::*;

    fn at(name: &str, region: &str, custom: Option<&str>) -> Result<Endpoint, EndpointFault> {
        resolve(service(name).unwrap(), region, Flavor::default(), custom)
    }

    /// Made by `scripts/vectors.py` from botocore.
    #[test]
    fn hosts_and_signatures_are_those_of_botocore() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../tests/vectors/endpoints.json")).unwrap();
        let mut differences = Vec::new();
        let vectors = vectors["endpoints"].as_array().unwrap();
        assert!(vectors.len() > 1000);
        for vector in vectors {
            let text = |at: usize| vector[at].as_str().unwrap();
            let flavor =
                Flavor { fips: text(2).contains("fips"), dual_stack: text(2).contains("dual_stack") };
            let found = resolve(service(text(0)).unwrap(), text(1), flavor, None).unwrap();
            let ours = [found.address(""), found.signing_region, found.signing_name];
            let theirs = [text(3), text(4), text(5)].map(str::to_owned);
            if ours != theirs {
                differences.push(format!("{} {} {}: {ours:?}, not {theirs:?}", text(0), text(1), text(2)));
            }
        }
        assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    }

    #[test]
    fn a_configured_address_wins_and_is_signed_for_the_region_that_was_asked() {
        let endpoint = at("iam", "eu-west-1", Some("http://127.0.0.1:5000/aws/")).unwrap();
        assert_eq!(endpoint.address("/?Action=X"), "http://127.0.0.1:5000/aws/?Action=X");
        assert_eq!((endpoint.signing_region.as_str(), endpoint.custom), ("eu-west-1", true));
        for wrong in ["localhost:5000", "ftp://host", "", "http://"] {
            assert!(matches!(at("iam", "eu-west-1", Some(wrong)), Err(EndpointFault::Address(_))), "{wrong}");
        }
        let told = at("iam", "eu-west-1", Some("https://user:hunter2@host/")).unwrap_err().to_string();
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_configured_address_of_aws_is_signed_for_the_region_that_it_is_in() {
        for (name, address, signed) in [
            ("sts", "https://vpce-0a-1b.sts.eu-central-1.vpce.amazonaws.com", "eu-central-1"),
            ("sts", "https://sts.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
            ("sts", "https://sts.amazonaws.com", "us-east-1"),
            ("iam", "https://iam.amazonaws.com", "us-east-1"),
            ("sts", "https://sts.eu-central-1.corp.example", "eu-west-1"),
            ("sts", "https://evil-amazonaws.com", "eu-west-1"),
        ] {
            assert_eq!(at(name, "eu-west-1", Some(address)).unwrap().signing_region, signed, "{address}");
        }
    }

    #[test]
    fn a_region_that_cannot_be_one_is_refused() {
        for wrong in ["", "global", "eu-west-1.evil.example/", "EU-WEST-1"] {
            assert!(matches!(at("ec2", wrong, None), Err(EndpointFault::Region(_))), "{wrong}");
        }
        let future = at("ec2", "eu-moon-1", None).unwrap();
        assert_eq!(future.authority, "ec2.eu-moon-1.amazonaws.com");
    }

    #[test]
    fn prefixes_go_before_names_only() {
        let prefixed = |authority: &str| Endpoint::sample(authority).with_prefix(Some("123.")).authority;
        assert_eq!(prefixed("s3-control.eu-west-1.amazonaws.com"), "123.s3-control.eu-west-1.amazonaws.com");
        assert_eq!(prefixed("127.0.0.1:5000"), "127.0.0.1:5000");
        assert_eq!(prefixed("localhost:5000"), "localhost:5000");
    }
}

//! Partitions, their regions, and the hosts that deviate from a partition's pattern.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::data;

/// All partitions of AWS, as far as they matter to [`crate::services()`].
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Endpoints {
    /// The partitions; the first is `aws`.
    pub partitions: Vec<Partition>,
}

impl Endpoints {
    /// The partition of a region: by its list, else by the form of the name, so that new regions are found too.
    pub fn partition_of(&self, region: &str) -> Option<&Partition> {
        let named =
            self.partitions.iter().find(|partition| partition.regions.iter().any(|known| known == region));
        named.or_else(|| {
            let fitting =
                self.partitions.iter().filter_map(|partition| Some((partition.fits(region)?, partition)));
            // us-gov-west-1 begins with us- too: the longer prefix says more.
            fitting.max_by_key(|(length, _)| *length).map(|(_, partition)| partition)
        })
    }

    /// The partition of this id: `aws-us-gov`.
    pub fn partition(&self, id: &str) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.id == id)
    }
}

/// A partition: regions with common accounts and host names.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Partition {
    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub id: String,
    /// `amazonaws.com`
    pub dns_suffix: String,
    /// `api.aws`
    pub dual_stack_dns_suffix: String,
    /// The region that signs for services without regions.
    pub implicit_global_region: String,
    /// Beginnings of the names of its regions: `us-`, `eu-`.
    pub region_prefixes: Vec<String>,
    /// The regions that are known by name, sorted.
    pub regions: Vec<String>,
    /// What holds for all its services.
    pub defaults: Host,
    /// By [`shapes::Service::endpoint_prefix`]. A service that is missing follows the defaults.
    pub services: BTreeMap<String, ServiceHosts>,
}

impl Partition {
    /// Whether a region that is known by name does not have a service that is known by its endpoint prefix. Of a region or
    /// a service that is newer than the tables nothing can be said.
    pub fn lacks(&self, endpoint_prefix: &str, region: &str) -> bool {
        self.regions.iter().any(|known| known == region)
            && self
                .services
                .get(endpoint_prefix)
                .is_some_and(|hosts| hosts.regionalized && !hosts.endpoints.contains_key(region))
    }

    /// Whether AWS could call a new region of the partition so: one of its beginnings, a word and a number. It is what the
    /// patterns of botocore's partitions say.
    pub fn could_have(&self, region: &str) -> bool {
        let is_end = |end: &str| {
            end.split_once('-').is_some_and(|(word, number)| {
                let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
                !word.is_empty()
                    && word.bytes().all(is_word)
                    && !number.is_empty()
                    && number.bytes().all(|c| c.is_ascii_digit())
            })
        };
        self.region_prefixes.iter().filter_map(|begin| region.strip_prefix(begin.as_str())).any(is_end)
    }

    /// The length of the longest prefix that fits the region.
    fn fits(&self, region: &str) -> Option<usize> {
        self.region_prefixes
            .iter()
            .filter(|prefix| region.starts_with(prefix.as_str()))
            .map(String::len)
            .max()
    }
}

/// The hosts of a service within a partition.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct ServiceHosts {
    /// The key of `endpoints` that stands for the whole partition.
    #[serde(default)]
    pub partition_endpoint: Option<String>,
    /// false: all regions are served by the partition endpoint.
    pub regionalized: bool,
    /// What holds for all regions of the service.
    pub defaults: Host,
    /// By region, or `aws-global` and the like. A region that is missing follows the defaults.
    pub endpoints: BTreeMap<String, Host>,
}

/// A host, or what is known of it; what is missing is said by the next wider level.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Host {
    /// A name, or a pattern with `{service}`, `{region}` and `{dnsSuffix}`.
    pub hostname: Option<String>,
    /// For `{dnsSuffix}`, instead of the partition's.
    pub dns_suffix: Option<String>,
    /// The region in the signature, if it is not the one that is called.
    pub signing_region: Option<String>,
    /// The service in the signature.
    pub signing_name: Option<String>,
    /// Hosts for FIPS and for IPv6.
    pub variants: Vec<HostVariant>,
}

/// A host with special properties.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct HostVariant {
    /// As in [`Host`].
    #[serde(default)]
    pub hostname: Option<String>,
    /// As in [`Host`].
    #[serde(default)]
    pub dns_suffix: Option<String>,
    /// It keeps FIPS 140.
    pub fips: bool,
    /// It answers over IPv4 and IPv6.
    pub dual_stack: bool,
}

/// The partitions, read once.
#[expect(clippy::panic, reason = "the data are part of the program, and a test reads them")]
pub fn endpoints() -> &'static Endpoints {
    static ENDPOINTS: OnceLock<Endpoints> = OnceLock::new();
    ENDPOINTS.get_or_init(|| match read() {
        Ok(endpoints) => endpoints,
        Err(broken) => panic!("the table of endpoints is broken: {broken}"),
    })
}

fn read() -> Result<Endpoints, String> {
    let text = shapes::unpack(data::ENDPOINTS).map_err(|broken| broken.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

//! Host names from the published tables.

use aws_shapes::{Endpoints, Host, HostVariant, Partition, ServiceHosts};
use shapes::Service;

use super::Flavor;

const FIPS: Flavor = Flavor { fips: true, dual_stack: false };
const DUAL_STACK: Flavor = Flavor { fips: false, dual_stack: true };

/// Hosts that are not as the tables say: by endpoint prefix, partition (empty: all) and flavor. The tables are
/// older than the rules that the SDKs follow now; `scripts/vectors.py` shows where they differ.
const EXCEPTIONS: &[(&str, &str, Flavor, &str)] = &[
    ("api.ecr", "", FIPS, "api.ecr-fips.{region}.{dnsSuffix}"),
    ("api.ecr-public", "aws", DUAL_STACK, "ecr-public.{region}.{dnsSuffix}"),
    ("cloudfront", "aws", FIPS, "cloudfront-fips.amazonaws.com"),
    ("cloudfront", "aws", DUAL_STACK, "cloudfront.global.api.aws"),
    ("cloudfront", "aws-cn", DUAL_STACK, "cloudfront.{dnsSuffix}"),
    ("cognito-idp", "aws-us-gov", DUAL_STACK, "cognito-idp.{region}.{dnsSuffix}"),
    ("dynamodb", "aws-us-gov", FIPS, "dynamodb.{region}.{dnsSuffix}"),
    ("elasticfilesystem", "", DUAL_STACK, "efs.{region}.{dnsSuffix}"),
    ("iam", "aws-cn", FIPS, "iam-fips.{dnsSuffix}"),
    ("iam", "aws-cn", DUAL_STACK, "iam.global.{dnsSuffix}"),
    ("iam", "aws-us-gov", DUAL_STACK, "iam.us-gov.{dnsSuffix}"),
    ("redshift", "aws-us-gov", FIPS, "redshift.{region}.{dnsSuffix}"),
    ("route53", "aws", DUAL_STACK, "route53.global.{dnsSuffix}"),
    ("route53", "aws-cn", FIPS, "route53-fips.{dnsSuffix}"),
    ("route53", "aws-cn", DUAL_STACK, "route53.global.{dnsSuffix}"),
    ("route53", "aws-us-gov", DUAL_STACK, "route53.us-gov.{dnsSuffix}"),
    ("secretsmanager", "aws", DUAL_STACK, "secretsmanager.{region}.amazonaws.com"),
    ("secretsmanager", "aws-cn", DUAL_STACK, "secretsmanager.{region}.amazonaws.com.cn"),
    ("secretsmanager", "aws-us-gov", DUAL_STACK, "secretsmanager.{region}.amazonaws.com"),
];

/// The host of a service for a region, and how it wants requests signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) host: String,
    pub(super) signing_region: String,
    pub(super) signing_name: Option<String>,
}

/// Looks the host up. Unknown regions follow the pattern of the partition whose names look like theirs.
pub(super) fn find(endpoints: &Endpoints, service: &Service, region: &str, flavor: Flavor) -> Option<Found> {
    let partition = endpoints.partition_of(region)?;
    let hosts = partition.services.get(service.endpoint_prefix);
    let key = endpoint_key(hosts, region);
    let levels = Levels {
        own: hosts.and_then(|hosts| hosts.endpoints.get(key)),
        service: hosts.map(|hosts| &hosts.defaults),
        partition,
    };
    let wide = if flavor.dual_stack { &partition.dual_stack_dns_suffix } else { &partition.dns_suffix };
    let exception = exception(service.endpoint_prefix, &partition.id, flavor);
    let (hostname, suffix) = match exception.map(|hostname| (hostname, None)) {
        Some(exception) => exception,
        None => levels.pattern(flavor)?,
    };
    let suffix = suffix.unwrap_or(wide);
    let signing_region = levels.first(|host| host.signing_region.as_deref());
    let global = if key == region { region } else { &partition.implicit_global_region };
    let signing_region = signing_region.unwrap_or(global);
    // The key of a service without regions (`aws-global`) stands in no name.
    let named = if key == region { region } else { signing_region };
    Some(Found {
        host: hostname
            .replace("{service}", service.endpoint_prefix)
            .replace("{region}", named)
            .replace("{dnsSuffix}", suffix),
        signing_region: signing_region.to_owned(),
        signing_name: levels.first(|host| host.signing_name.as_deref()).map(str::to_owned),
    })
}

fn exception(prefix: &str, partition: &str, flavor: Flavor) -> Option<&'static str> {
    let fits = |(known, of, wanted, _): &&(&str, &str, Flavor, &str)| {
        *known == prefix && (of.is_empty() || *of == partition) && *wanted == flavor
    };
    EXCEPTIONS.iter().find(fits).map(|(.., hostname)| *hostname)
}

/// The key of the table: the region, or the one endpoint of a service that has no regions.
fn endpoint_key<'a>(hosts: Option<&'a ServiceHosts>, region: &'a str) -> &'a str {
    match hosts {
        Some(hosts) if !hosts.regionalized && !hosts.endpoints.contains_key(region) => {
            hosts.partition_endpoint.as_deref().unwrap_or(region)
        }
        _ => region,
    }
}

/// From the narrowest to the widest: what a level leaves open is said by the next.
struct Levels<'a> {
    own: Option<&'a Host>,
    service: Option<&'a Host>,
    partition: &'a Partition,
}

impl<'a> Levels<'a> {
    fn hosts(&self) -> impl Iterator<Item = &'a Host> {
        [self.own, self.service, Some(&self.partition.defaults)].into_iter().flatten()
    }

    fn first<T>(&self, part: impl Fn(&'a Host) -> Option<T>) -> Option<T> {
        self.hosts().find_map(part)
    }

    /// The pattern of the host name, and the suffix that goes with it.
    fn pattern(&self, flavor: Flavor) -> Option<(&'a str, Option<&'a str>)> {
        if flavor == Flavor::default() {
            let hostname = self.first(|host| host.hostname.as_deref())?;
            return Some((hostname, self.first(|host| host.dns_suffix.as_deref())));
        }
        let variants = || self.hosts().filter_map(|host| variant(host, flavor));
        let hostname = variants().find_map(|variant| variant.hostname.as_deref())?;
        Some((hostname, variants().find_map(|variant| variant.dns_suffix.as_deref())))
    }
}

fn variant(host: &Host, flavor: Flavor) -> Option<&HostVariant> {
    let fits =
        |variant: &&HostVariant| variant.fips == flavor.fips && variant.dual_stack == flavor.dual_stack;
    host.variants.iter().find(fits)
}

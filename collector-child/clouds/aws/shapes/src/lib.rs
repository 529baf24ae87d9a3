//! The operations of AWS as data: [`service()`] gives the tables of a service, and [`endpoints()`] knows the hosts.
//! Names are those that boto3 shows.
//!
//! The tables in `data/` are written by `scripts/export_operations.py` from the API descriptions that botocore
//! publishes, with the pages of listings that it leaves out (`scripts/paging.py`); `data/MANIFEST.json` says from which
//! version.

use shapes::{Catalog, Service, UnknownService};

mod data;
mod endpoints;

pub use endpoints::{Endpoints, Host, HostVariant, Partition, ServiceHosts, endpoints};

/// All services.
pub static CATALOG: Catalog =
    Catalog::new("aws", "names are those of boto3's clients, such as ec2 or cognito-idp", &data::SERVICES);

/// The tables of a service, kept for the life of the process.
pub fn service(name: &str) -> Result<&'static Service, UnknownService> {
    CATALOG.service(name)
}

/// The names of all services, sorted.
pub fn services() -> impl Iterator<Item = &'static str> {
    CATALOG.services()
}

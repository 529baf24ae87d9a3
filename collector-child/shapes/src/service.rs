//! Services by name. Each is unpacked when it is first asked for, each operation and shape read when it is first used.

use std::fmt;
use std::sync::OnceLock;

use crate::data;
use crate::operation::Operation;
use crate::shape::{Shape, ShapeId};
use crate::table::{self, Table};

/// The name is not one of [`services()`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "aws has no service \"{0}\" that is known here; names are those of boto3's clients, such as ec2 or cognito-idp"
)]
pub struct UnknownService(pub String);

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// A form is posted, XML is answered.
    Query,
    /// As query, with other names and lists.
    Ec2,
    /// JSON is posted, the operation is a header.
    Json,
    /// Paths and methods, bodies in JSON.
    RestJson,
    /// Paths and methods, bodies in XML.
    RestXml,
}

/// One service of AWS.
pub struct Service {
    /// The name of boto3's client: `elbv2`.
    pub name: &'static str,
    /// The name in botocore's configuration, `Elastic Load Balancing v2`; with capitals and underscores it is part of
    /// `AWS_ENDPOINT_URL_...`.
    pub id: &'static str,
    /// How it speaks.
    pub protocol: Protocol,
    /// The first part of its host names, and its name in [`crate::endpoints()`].
    pub endpoint_prefix: &'static str,
    /// The service's name in signatures.
    pub signing_name: &'static str,
    /// The version of its API, a date.
    pub api_version: &'static str,
    /// `1.0` or `1.1` with protocol json.
    pub json_version: Option<&'static str>,
    /// What comes before the operation in the header `X-Amz-Target`, with protocol json.
    pub target_prefix: Option<&'static str>,
    /// The one host of a service that has no regions: `iam.amazonaws.com`.
    pub global_endpoint: Option<&'static str>,
    /// It spoke protocol query once, and its errors can still be had under their old codes.
    pub query_compatible: bool,
    pub(crate) table: Table,
}

impl Service {
    /// The operation of this name, written as the service does: `DescribeInstances`.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.table.operation(name)
    }

    /// The names of all operations, sorted.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> {
        self.table.operation_names()
    }

    /// The shape of an id of this service. An id of another service gives some shape or panics.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        self.table.shape(id)
    }

    /// The shape that a path of member names leads to, from the input or output of an operation. Lists and maps are
    /// walked into: in `Reservations.Instances.State.Name` no brackets are needed, and a map's values need no key.
    pub fn shape_at(&self, from: ShapeId, path: &str) -> Option<ShapeId> {
        let mut at = from;
        for name in path.split('.') {
            let structure = self.shape(self.element(at)).as_structure()?;
            at = structure.member(name)?.shape;
        }
        Some(at)
    }

    /// What lists of lists and maps finally hold; the shape itself if it is neither.
    pub fn element(&self, id: ShapeId) -> ShapeId {
        let mut at = id;
        // Shapes may contain themselves, but through a structure; the limit is for tables that say otherwise.
        for _ in 0..16 {
            match self.shape(at) {
                Shape::List(list) => at = list.member.shape,
                Shape::Map(map) => at = map.value.shape,
                _ => break,
            }
        }
        at
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Service")
            .field("name", &self.name)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// The tables of a service, kept for the life of the process.
pub fn service(name: &str) -> Result<&'static Service, UnknownService> {
    static LOADED: [OnceLock<Service>; data::SERVICES.len()] =
        [const { OnceLock::new() }; data::SERVICES.len()];
    let at = data::SERVICES.binary_search_by(|(known, _)| (*known).cmp(name));
    match at {
        Ok(at) => Ok(LOADED[at].get_or_init(|| table::load(data::SERVICES[at].1))),
        Err(_) => Err(UnknownService(name.to_owned())),
    }
}

/// The names of all services, sorted.
pub fn services() -> impl Iterator<Item = &'static str> {
    data::SERVICES.iter().map(|(name, _)| *name)
}

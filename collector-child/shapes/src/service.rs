//! One service.

use std::fmt;

use crate::operation::Operation;
use crate::shape::{Shape, ShapeId};
use crate::table::Table;

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

/// One service of a cloud.
pub struct Service {
    /// The name by which tables call it: `elbv2`.
    pub name: &'static str,
    /// The name in the cloud's own configuration: `Elastic Load Balancing v2`.
    pub id: &'static str,
    /// How it speaks.
    pub protocol: Protocol,
    /// The first part of its host names, and its name in tables of hosts.
    pub endpoint_prefix: &'static str,
    /// The service's name in signatures.
    pub signing_name: &'static str,
    /// The version of its API, a date.
    pub api_version: &'static str,
    /// `1.0` or `1.1` with protocol json.
    pub json_version: Option<&'static str>,
    /// What comes before the operation in the header `X-Amz-Target`, with protocol json.
    pub target_prefix: Option<&'static str>,
    /// The one host of a service that has no regions.
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

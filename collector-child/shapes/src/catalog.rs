//! The services of a cloud by name. Each is unpacked when it is first asked for, each operation and shape read when it
//! is first used.

use std::fmt;
use std::sync::OnceLock;

use crate::service::Service;
use crate::shape::{Shape, ShapeId};
use crate::table;

/// The services of a cloud: a static of the crate that holds its tables.
pub struct Catalog {
    cloud: &'static str,
    names: &'static str,
    packed: &'static [(&'static str, &'static [u8])],
    loaded: OnceLock<Vec<OnceLock<Service>>>,
}

/// The name is none of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{cloud} has no service \"{name}\" that is known here; {names}")]
pub struct UnknownService {
    cloud: &'static str,
    name: String,
    names: &'static str,
}

impl Catalog {
    /// The services of `cloud`: names with packed tables, sorted by name. `names` is a sentence for people about what
    /// services are called.
    pub const fn new(
        cloud: &'static str,
        names: &'static str,
        packed: &'static [(&'static str, &'static [u8])],
    ) -> Self {
        Self { cloud, names, packed, loaded: OnceLock::new() }
    }

    /// The tables of a service, kept as long as the catalog.
    pub fn service(&self, name: &str) -> Result<&Service, UnknownService> {
        let unknown = || UnknownService { cloud: self.cloud, name: name.to_owned(), names: self.names };
        let at = self.packed.binary_search_by(|(known, _)| (*known).cmp(name)).map_err(|_| unknown())?;
        let loaded = self.loaded.get_or_init(|| self.packed.iter().map(|_| OnceLock::new()).collect());
        Ok(loaded[at].get_or_init(|| table::load(self.packed[at].1)))
    }

    /// The names of all services, sorted.
    pub fn services(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.packed.iter().map(|(name, _)| *name)
    }

    /// What is wrong with the tables, for a test of the crate that holds them: a line that is not in the format, a shape
    /// that does not exist. Whoever uses a broken table panics.
    pub fn check(&self) -> Result<(), String> {
        if !self.packed.is_sorted_by_key(|(name, _)| *name) {
            return Err("the services are not sorted for the search".to_owned());
        }
        for name in self.services() {
            let service = self.service(name).map_err(|unknown| unknown.to_string())?;
            check_service(name, service).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
        Ok(())
    }
}

fn check_service(name: &str, service: &Service) -> Result<(), String> {
    if service.name != name {
        return Err(format!("the table is that of {}", service.name));
    }
    let shapes = service.table.check().map_err(|broken| broken.to_string())?;
    for operation in service.operations() {
        let operation = service.operation(operation).ok_or_else(|| format!("{operation} is not found"))?;
        for id in operation.input.into_iter().chain(operation.output) {
            let exists = (id.0 as usize) < shapes;
            let structure = exists.then(|| service.shape(id).as_structure()).flatten();
            if structure.is_none_or(|structure| structure.payload.is_some() != structure.payload().is_some())
            {
                return Err(format!("{} names shape {}", operation.name, id.0));
            }
        }
    }
    for id in (0..shapes).filter_map(|id| u32::try_from(id).ok()) {
        let named: Vec<ShapeId> = match service.shape(ShapeId(id)) {
            Shape::Structure(structure) => structure.members.iter().map(|member| member.shape).collect(),
            Shape::List(list) => vec![list.member.shape],
            Shape::Map(map) => vec![map.key.shape, map.value.shape],
            _ => Vec::new(),
        };
        if named.iter().any(|named| (named.0 as usize) >= shapes) {
            return Err(format!("shape {id} has a member that does not exist"));
        }
    }
    Ok(())
}

impl fmt::Debug for Catalog {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} services of {}", self.packed.len(), self.cloud)
    }
}

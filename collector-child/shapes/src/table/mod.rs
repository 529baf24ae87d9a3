//! The format of the tables.
//!
//! A table is text. Its first line holds `key=value` pairs about the service, separated by tabs. Then comes a line per
//! operation, sorted by name: name, method, template of path and query, then `key=value` pairs. Then a line per shape:
//!
//! ```text
//! S <flags> <member> <member> ...   structure; flags: d document, u union, e event stream, p=<payload member>
//! L <member>                        list
//! M <key> <value>                   map
//! E <value> <value> ...             string with named values
//! ```
//!
//! separated by tabs. A member is `name shape trait trait ...`, separated by blanks; the traits are read in
//! `line.rs`. Shapes are named by number: the first eight are the scalars in [`SCALARS`] and have no line, the
//! others count from the first shape's line.

mod line;

use std::fmt;
use std::io::Read;
use std::sync::OnceLock;

use self::line::{first_field, number, value};
use crate::operation::Operation;
use crate::service::{Protocol, Service};
use crate::shape::{Shape, ShapeId};

/// The version of the format, as in the script that writes it.
pub(crate) const FORMAT: &str = "2";

/// Shapes that carry nothing but their form.
static SCALARS: [Shape; 8] = [
    Shape::String { values: Vec::new() },
    Shape::Integer,
    Shape::Long,
    Shape::Float,
    Shape::Double,
    Shape::Boolean,
    Shape::Timestamp,
    Shape::Blob,
];

/// A table that is not in the format. The tables are part of the program and all read by a test.
#[derive(Debug, thiserror::Error)]
#[error("the table of operations is broken: {0}")]
pub struct Broken(String);

/// The lines of a service, and what was read of them.
pub(crate) struct Table {
    operations: Vec<(&'static str, OnceLock<Box<Operation>>)>,
    shapes: Vec<(&'static str, OnceLock<Box<Shape>>)>,
    xml: bool,
}

impl Table {
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        let at = self.operations.binary_search_by(|(line, _)| first_field(line).cmp(name)).ok()?;
        let (line, slot) = &self.operations[at];
        Some(slot.get_or_init(|| Box::new(sound(line::operation(line)))))
    }

    pub(crate) fn operation_names(&self) -> impl Iterator<Item = &'static str> {
        self.operations.iter().map(|(line, _)| first_field(line))
    }

    pub(crate) fn shape(&self, id: ShapeId) -> &Shape {
        let id = id.0 as usize;
        match id.checked_sub(SCALARS.len()) {
            None => &SCALARS[id],
            Some(at) => {
                let (line, slot) = &self.shapes[at];
                slot.get_or_init(|| Box::new(sound(line::shape(line, &|id| self.flattened_name(id)))))
            }
        }
    }

    /// What the elements of a list are called, by the list itself. Looks at the line only: shapes refer to each other
    /// in circles.
    fn flattened_name(&self, id: ShapeId) -> Option<&'static str> {
        if !self.xml {
            return None;
        }
        let at = (id.0 as usize).checked_sub(SCALARS.len())?;
        let (_, member) = self.shapes.get(at)?.0.split_once('\t').filter(|(kind, _)| *kind == "L")?;
        member.split(' ').find_map(|part| part.strip_prefix("n="))
    }

    /// Reads every line; how many shapes there are.
    pub(crate) fn check(&self) -> Result<usize, Broken> {
        for (line, _) in &self.operations {
            line::operation(line)?;
        }
        for (line, _) in &self.shapes {
            line::shape(line, &|id| self.flattened_name(id))?;
        }
        Ok(self.shapes.len() + SCALARS.len())
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} operations, {} shapes", self.operations.len(), self.shapes.len())
    }
}

#[expect(clippy::panic, reason = "the tables are part of the program, and a test reads all of them")]
fn sound<T>(read: Result<T, Broken>) -> T {
    read.unwrap_or_else(|broken| panic!("{broken}"))
}

/// Unpacks a table that is part of the program.
pub(crate) fn load(packed: &[u8]) -> Service {
    sound(unpack(packed).and_then(|text| service(text.leak())))
}

/// Unpacks text that is part of the program.
pub fn unpack(packed: &[u8]) -> Result<String, Broken> {
    let mut text = String::with_capacity(packed.len() * 6);
    flate2::read::GzDecoder::new(packed)
        .read_to_string(&mut text)
        .map_err(|error| Broken(error.to_string()))?;
    text.shrink_to_fit();
    Ok(text)
}

fn service(text: &'static str) -> Result<Service, Broken> {
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let need = |key| value(head, key).ok_or_else(|| Broken(format!("the first line has no \"{key}\"")));
    if need("format")? != FORMAT {
        return Err(Broken(format!("format {} is not {FORMAT}", need("format")?)));
    }
    let operations = number(need("operations")?)?;
    let protocol = protocol(need("protocol")?)?;
    let table = Table {
        operations: lines.by_ref().take(operations).map(|line| (line, OnceLock::new())).collect(),
        shapes: lines.map(|line| (line, OnceLock::new())).collect(),
        xml: !matches!(protocol, Protocol::Json | Protocol::RestJson),
    };
    if table.operations.len() != operations || table.shapes.len() != number(need("shapes")?)? {
        return Err(Broken("lines are missing".to_owned()));
    }
    Ok(Service {
        name: need("name")?,
        id: need("id")?,
        protocol,
        endpoint_prefix: need("endpoint")?,
        signing_name: value(head, "signing").unwrap_or_default(),
        api_version: need("version")?,
        json_version: value(head, "json"),
        target_prefix: value(head, "target"),
        global_endpoint: value(head, "global"),
        query_compatible: value(head, "compatible") == Some("query"),
        table,
    })
}

fn protocol(name: &str) -> Result<Protocol, Broken> {
    match name {
        "query" => Ok(Protocol::Query),
        "ec2" => Ok(Protocol::Ec2),
        "json" => Ok(Protocol::Json),
        "rest-json" => Ok(Protocol::RestJson),
        "rest-xml" => Ok(Protocol::RestXml),
        _ => Err(Broken(format!("unknown protocol \"{name}\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_format_is_refused() {
        let head =
            "format=2\tname=x\tid=X\tprotocol=json\tendpoint=x\tsigning=x\tversion=1\toperations=1\tshapes=1";
        let good = "A\tPOST\t/\tin=8\nS\t\tName 0 r n=name";
        assert!(service(format!("{head}\n{good}").leak()).is_ok());
        let broken = [
            String::new(),
            head.to_owned(),
            format!("{head}\nA\tPOST\t/").replace("format=2", "format=1"),
            format!("{head}\n{good}").replace("protocol=json", "protocol=morse"),
            format!("{head}\n{good}").replace("shapes=1", "shapes=2"),
        ];
        for text in broken {
            assert!(service(text.leak()).is_err());
        }
    }
}

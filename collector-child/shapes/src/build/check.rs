//! Whether parameters fit an operation. What follows can then rely on their forms.

use serde_json::{Map, Value};

use super::scalar;
use crate::shape::{Member, Structure};
use crate::{InputFault, Operation, Service, Shape, ShapeId};

/// Deeper parameters are refused: shapes that contain themselves set no limit.
const MAX_DEPTH: usize = 64;

struct Checker<'a> {
    service: &'a Service,
    operation: &'a Operation,
    /// Where in the parameters: `Filters[0].Values`.
    path: String,
    depth: usize,
}

/// Compares parameters with the input of an operation.
pub(super) fn check(
    service: &Service,
    operation: &Operation,
    params: &Map<String, Value>,
) -> Result<(), InputFault> {
    let mut checker = Checker { service, operation, path: String::new(), depth: 0 };
    match operation.input.map(|id| service.shape(id)) {
        Some(Shape::Structure(structure)) => checker.members(structure, params),
        _ => match params.iter().find(|(_, value)| !value.is_null()) {
            Some((name, _)) => checker.within(name, |at| Err(at.fault("the operation takes no parameters"))),
            None => Ok(()),
        },
    }
}

impl Checker<'_> {
    fn value(&mut self, id: ShapeId, value: &Value) -> Result<(), InputFault> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault("it is nested too deeply"));
        }
        self.depth += 1;
        let checked = self.by_form(id, value);
        self.depth -= 1;
        checked
    }

    fn by_form(&mut self, id: ShapeId, value: &Value) -> Result<(), InputFault> {
        let service = self.service;
        let shape = service.shape(id);
        match (shape, value) {
            (Shape::Structure(structure), _) if structure.document => Ok(()),
            (Shape::Structure(structure), Value::Object(members)) => self.members(structure, members),
            (Shape::List(list), Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.within(&format!("[{at}]"), |checker| checker.value(list.member.shape, item))?;
                }
                Ok(())
            }
            (Shape::Map(map), Value::Object(entries)) => {
                // A null takes an entry away where an object is patched.
                for (key, entry) in entries.iter().filter(|(_, entry)| !entry.is_null()) {
                    self.within(key, |checker| checker.value(map.value.shape, entry))?;
                }
                Ok(())
            }
            (Shape::Timestamp, _) if scalar::instant(value).is_none() => {
                Err(self.fault("a point in time is needed: text in ISO 8601, or seconds since 1970"))
            }
            _ if fits(shape, value) => Ok(()),
            _ => {
                let article = if matches!(shape, Shape::Integer) { "an" } else { "a" };
                Err(self.fault(&format!("{article} {} is needed, not {}", shape.kind(), form(value))))
            }
        }
    }

    fn members(&mut self, structure: &Structure, given: &Map<String, Value>) -> Result<(), InputFault> {
        let mut set = 0;
        // A null is a parameter left out.
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            set += 1;
            let member = structure.member(name);
            self.within(name, |checker| match member {
                Some(member) => checker.member(member, value),
                None => Err(checker.fault("there is no such parameter")),
            })?;
        }
        if structure.union && set != 1 {
            return Err(self.fault("exactly one of its members is needed"));
        }
        for member in structure.members.iter().filter(|member| member.required) {
            if given.get(member.name).is_none_or(Value::is_null) {
                return self.within(member.name, |checker| Err(checker.fault("it is required and missing")));
            }
        }
        Ok(())
    }

    fn member(&mut self, member: &Member, value: &Value) -> Result<(), InputFault> {
        self.value(member.shape, value)?;
        let empty = value.as_str() == Some("");
        if empty && member.traits.location == crate::shape::Location::Uri {
            // The path would be that of another resource: of the bucket instead of its object.
            return Err(self.fault("it is part of the path and must not be empty"));
        }
        if member.traits.host_label && !is_host_label(value) {
            return Err(
                self.fault("it is part of the host name: only letters, digits, dots and hyphens are allowed")
            );
        }
        Ok(())
    }

    fn within<T>(&mut self, name: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 && !name.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(name);
        let result = check(self);
        self.path.truncate(length);
        result
    }

    fn fault(&self, problem: &str) -> InputFault {
        let path = if self.path.is_empty() { "parameters" } else { &self.path };
        InputFault {
            service: self.service.name,
            operation: self.operation.name,
            path: path.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

fn fits(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::String { .. } | Shape::Blob => value.is_string(),
        Shape::Integer | Shape::Long => value.is_i64() || value.is_u64(),
        Shape::Float | Shape::Double => value.is_number(),
        Shape::Boolean => value.is_boolean(),
        Shape::Timestamp => value.is_number() || value.is_string(),
        Shape::Structure(_) | Shape::List(_) | Shape::Map(_) => false,
    }
}

fn is_host_label(value: &Value) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    value.as_str().is_some_and(|text| !text.is_empty() && text.chars().all(allowed))
}

fn form(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

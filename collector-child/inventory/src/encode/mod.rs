//! Values as JSON text, checked against a type of the model.
//!
//! What fixcore would refuse is left out and becomes a fault. What it would coerce (a number for an optional
//! string) is passed on as it is, because the Python worker does so. Nulls disappear from objects and from
//! objects that stand directly in lists; a null in a list stays, and a list in a list is not looked into.

mod scalar;

use crate::fault::PropertyFault;
use crate::json;
use crate::kinds::{Field, Kind, KindShape, KindTable, PropertyType, TypeShape};
use crate::value::Value;
use scalar::{write_bool, write_date, write_duration, write_float, write_int, write_text, write_time};

/// Encodes the values of one node.
pub(crate) struct Encoder<'a> {
    pub(crate) table: &'a KindTable,
    /// The kind of the node.
    pub(crate) kind: &'static str,
    /// The id of the node.
    pub(crate) id: &'a str,
    /// Values are not converted.
    pub(crate) verbatim: bool,
    pub(crate) faults: &'a mut Vec<PropertyFault>,
}

/// Where in the node a value belongs. Only faults spell it out.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Name(&'a str),
    Index(usize),
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Written {
    /// Its text was appended.
    Yes,
    /// It was null; nothing was appended.
    Null,
    /// It was refused with a fault; nothing was appended.
    Refused,
}

/// Whether nulls are removed from objects here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Removed,
    Kept,
}

impl<'a> Path<'a> {
    /// A property of the node.
    pub(crate) fn property(name: &'a str) -> Self {
        Self { parent: None, segment: Segment::Name(name) }
    }

    /// A member of what stands here.
    pub(crate) fn member(&'a self, name: &'a str) -> Self {
        self.below(Segment::Name(name))
    }

    fn below(&'a self, segment: Segment<'a>) -> Self {
        Self { parent: Some(self), segment }
    }

    fn spell(&self) -> String {
        let parent = self.parent.map(Self::spell).unwrap_or_default();
        match self.segment {
            Segment::Index(index) => format!("{parent}[{index}]"),
            Segment::Name(name) if parent.is_empty() => name.to_owned(),
            Segment::Name(name) => format!("{parent}.{name}"),
        }
    }
}

impl Encoder<'_> {
    /// Appends the value of a property of the node.
    pub(crate) fn property(
        &mut self,
        out: &mut Vec<u8>,
        property_type: &PropertyType,
        value: Value<'_>,
        path: &Path<'_>,
    ) -> Written {
        self.value(out, property_type, value, Nulls::Removed, path)
    }

    /// Reports a value that does not fit.
    pub(crate) fn refuse(&mut self, path: &Path<'_>, expected: Option<String>, found: String) -> Written {
        let (kind, id) = (self.kind, self.id.to_owned());
        self.faults.push(PropertyFault { kind, id, property: path.spell(), expected, found });
        Written::Refused
    }

    fn misfit(&mut self, path: &Path<'_>, expected: &PropertyType, found: Value<'_>) -> Written {
        // Values of enumerations, and texts that are no numbers or times, say more than their type.
        let found = match found.resolve() {
            Value::Text(text) if expected.shape != TypeShape::Text => format!("`{}`", shorten(text)),
            other => other.type_name().to_owned(),
        };
        self.refuse(path, Some(expected.to_string()), found)
    }

    fn value(
        &mut self,
        out: &mut Vec<u8>,
        expected: &PropertyType,
        value: Value<'_>,
        nulls: Nulls,
        path: &Path<'_>,
    ) -> Written {
        let value = value.resolve();
        if value == Value::Null {
            return Written::Null;
        }
        let convert = expected.convert && !self.verbatim;
        let written = match &expected.shape {
            TypeShape::Text => write_text(out, value, convert),
            TypeShape::Int => write_int(out, value, convert),
            TypeShape::Float => write_float(out, value, convert),
            TypeShape::Bool => write_bool(out, value, convert),
            TypeShape::Time => write_time(out, value),
            TypeShape::Date => write_date(out, value),
            TypeShape::Duration => write_duration(out, value),
            TypeShape::Any => return self.any(out, value, nulls, path),
            TypeShape::List(item) => return self.list(out, expected, item, value, nulls, path),
            TypeShape::Dictionary(member) => {
                return self.dictionary(out, expected, member, value, nulls, path);
            }
            TypeShape::Kind(name) => return self.kind(out, expected, name, value, nulls, path),
        };
        if written { Written::Yes } else { self.misfit(path, expected, value) }
    }

    fn list(
        &mut self,
        out: &mut Vec<u8>,
        expected: &PropertyType,
        item: &PropertyType,
        value: Value<'_>,
        nulls: Nulls,
        path: &Path<'_>,
    ) -> Written {
        let Some(items) = value.items() else { return self.misfit(path, expected, value) };
        let inner = match item.shape {
            TypeShape::List(_) => Nulls::Kept,
            _ => nulls,
        };
        let mut list = json::List::open(out);
        for (index, value) in items.enumerate() {
            let before = out.len();
            list.item(out);
            match self.value(out, item, value, inner, &path.below(Segment::Index(index))) {
                Written::Yes => {}
                Written::Null => out.extend_from_slice(b"null"),
                Written::Refused => list.undo(out, before),
            }
        }
        list.close(out);
        Written::Yes
    }

    fn dictionary(
        &mut self,
        out: &mut Vec<u8>,
        expected: &PropertyType,
        member: &PropertyType,
        value: Value<'_>,
        nulls: Nulls,
        path: &Path<'_>,
    ) -> Written {
        let Some(members) = value.members() else { return self.misfit(path, expected, value) };
        let mut object = json::Object::open(out);
        for (name, value) in members {
            let before = out.len();
            object.member(out, name);
            let written = self.value(out, member, value, nulls, &path.below(Segment::Name(name)));
            finish_member(&mut object, out, before, written, nulls);
        }
        object.close(out);
        Written::Yes
    }

    fn kind(
        &mut self,
        out: &mut Vec<u8>,
        expected: &PropertyType,
        name: &str,
        value: Value<'_>,
        nulls: Nulls,
        path: &Path<'_>,
    ) -> Written {
        let table = self.table;
        let kind = match table.kind(name) {
            Ok(kind) => kind,
            Err(error) => return self.refuse(path, Some(expected.to_string()), error.to_string()),
        };
        match (kind.shape(), value) {
            (KindShape::Enumeration, Value::Text(text))
                if kind.model().values.iter().any(|known| known == text) =>
            {
                json::write_string(out, text);
                Written::Yes
            }
            (
                KindShape::Object { fields, .. },
                Value::Object(_) | Value::Json(serde_json::Value::Object(_)),
            ) => {
                self.object(out, kind, fields, value, nulls, path);
                Written::Yes
            }
            _ => self.misfit(path, expected, value),
        }
    }

    fn object(
        &mut self,
        out: &mut Vec<u8>,
        kind: &Kind,
        fields: &[Field],
        value: Value<'_>,
        nulls: Nulls,
        path: &Path<'_>,
    ) {
        let mut object = json::Object::open(out);
        for field in fields {
            let before = out.len();
            object.member(out, field.name);
            let mut written = Written::Null;
            if let Some(value) = value.member(field.name) {
                written = self.value(
                    out,
                    &field.property_type,
                    value,
                    nulls,
                    &path.below(Segment::Name(field.name)),
                );
            }
            if written == Written::Null
                && let Some(default) = &field.default
            {
                out.extend_from_slice(default);
                written = Written::Yes;
            }
            finish_member(&mut object, out, before, written, nulls);
        }
        for (name, value) in value.members().into_iter().flatten() {
            if kind.position(name).is_some() {
                continue;
            }
            let path = path.below(Segment::Name(name));
            if kind.model().allow_unknown_props {
                let before = out.len();
                object.member(out, name);
                let written = self.any(out, value.resolve(), nulls, &path);
                finish_member(&mut object, out, before, written, nulls);
            } else if value.resolve() != Value::Null {
                let _refused = self.refuse(&path, None, value.type_name().to_owned());
            }
        }
        object.close(out);
    }

    fn any(&mut self, out: &mut Vec<u8>, value: Value<'_>, nulls: Nulls, path: &Path<'_>) -> Written {
        match value {
            Value::Null => return Written::Null,
            Value::Bool(value) => json::write_bool(out, value),
            Value::Int(number) => json::write_int(out, number),
            Value::Text(text) => json::write_string(out, text),
            Value::Json(serde_json::Value::Number(number)) => json::write_number(out, number),
            Value::Float(number) => {
                if !json::write_float(out, number) {
                    return self.refuse(path, Some("any".to_owned()), value.type_name().to_owned());
                }
            }
            Value::Time(_) | Value::Date(_) | Value::Duration(_) => {
                if !(write_date(out, value) || write_time(out, value) || write_duration(out, value)) {
                    return self.refuse(path, Some("any".to_owned()), "a time out of range".to_owned());
                }
            }
            Value::Texts(_) | Value::List(_) | Value::Object(_) | Value::Json(_) => {
                self.any_container(out, value, nulls, path);
            }
        }
        Written::Yes
    }

    fn any_container(&mut self, out: &mut Vec<u8>, value: Value<'_>, nulls: Nulls, path: &Path<'_>) {
        if let Some(items) = value.items() {
            let mut list = json::List::open(out);
            for (index, item) in items.enumerate() {
                let before = out.len();
                list.item(out);
                let item = item.resolve();
                let inner = if item.items().is_some() { Nulls::Kept } else { nulls };
                match self.any(out, item, inner, &path.below(Segment::Index(index))) {
                    Written::Yes => {}
                    Written::Null => out.extend_from_slice(b"null"),
                    Written::Refused => list.undo(out, before),
                }
            }
            list.close(out);
        } else {
            let mut object = json::Object::open(out);
            for (name, member) in value.members().into_iter().flatten() {
                let before = out.len();
                object.member(out, name);
                let written = self.any(out, member.resolve(), nulls, &path.below(Segment::Name(name)));
                finish_member(&mut object, out, before, written, nulls);
            }
            object.close(out);
        }
    }
}

/// Ends a member whose name is written already: takes it back if there is no value for it.
fn finish_member(
    object: &mut json::Object,
    out: &mut Vec<u8>,
    before: usize,
    written: Written,
    nulls: Nulls,
) {
    match (written, nulls) {
        (Written::Yes, _) => {}
        (Written::Null, Nulls::Kept) => out.extend_from_slice(b"null"),
        (Written::Null, Nulls::Removed) | (Written::Refused, _) => object.undo(out, before),
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

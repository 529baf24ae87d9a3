//! The lines of a table: operations, shapes, members.

use super::Broken;
use crate::operation::{Auth, Operation, Pagination};
use crate::shape::{List, Location, Map, Member, Shape, ShapeId, Structure, TimestampFormat, Traits};

pub(super) fn first_field(line: &'static str) -> &'static str {
    line.split('\t').next().unwrap_or_default()
}

pub(super) fn value(line: &'static str, key: &str) -> Option<&'static str> {
    line.split('\t').find_map(|field| field.strip_prefix(key)?.strip_prefix('='))
}

pub(super) fn number(text: &str) -> Result<usize, Broken> {
    text.parse().map_err(|_| Broken(format!("\"{text}\" is no number")))
}

fn shape_id(text: &str) -> Result<ShapeId, Broken> {
    text.parse().map(ShapeId).map_err(|_| Broken(format!("\"{text}\" is no shape")))
}

pub(super) fn operation(line: &'static str) -> Result<Operation, Broken> {
    let mut fields = line.split('\t');
    let (Some(name), Some(method), Some(uri)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(Broken(format!("operation \"{line}\"")));
    };
    let flags = value(line, "flags").unwrap_or_default();
    let auth = match value(line, "auth") {
        Some("none") => Auth::Anonymous,
        Some("v4-unsigned-body") => Auth::UnsignedBody,
        Some(other) => return Err(Broken(format!("{name} is signed by \"{other}\""))),
        None if flags.contains('u') => Auth::UnsignedBody,
        None => Auth::Signed,
    };
    Ok(Operation {
        name,
        method,
        uri,
        input: value(line, "in").map(shape_id).transpose()?,
        output: value(line, "out").map(shape_id).transpose()?,
        auth,
        host_prefix: value(line, "host"),
        pagination: pagination(line)?,
        read_only: flags.contains('r'),
        checksum_required: flags.contains('m'),
        root: value(line, "root"),
        namespace: value(line, "ns"),
        wrapper: value(line, "wrap"),
        discovery: flags.contains('d'),
    })
}

fn pagination(line: &'static str) -> Result<Option<Pagination>, Broken> {
    let list = |key| value(line, key).map(|names| names.split(',').collect::<Vec<_>>());
    let (Some(input_tokens), Some(output_tokens)) = (list("page.in"), list("page.out")) else {
        return Ok(None);
    };
    Ok(Some(Pagination {
        input_tokens,
        output_tokens,
        more_results: value(line, "page.more"),
        limit_key: value(line, "page.limit"),
        result_keys: list("page.result").unwrap_or_default(),
        size: value(line, "page.size").map(number).transpose()?,
        no_size_with: list("page.without").unwrap_or_default(),
    }))
}

/// Gives the name that the elements of a list have by the list itself.
type FlattenedName<'a> = &'a dyn Fn(ShapeId) -> Option<&'static str>;

pub(super) fn shape(line: &'static str, flattened: FlattenedName<'_>) -> Result<Shape, Broken> {
    let (kind, rest) = line.split_once('\t').ok_or_else(|| Broken(format!("shape \"{line}\"")))?;
    let mut fields = rest.split('\t');
    match kind {
        "S" => structure(fields, flattened).map(Shape::Structure),
        "L" => Ok(Shape::List(List { member: member(fields.next(), flattened)? })),
        "M" => Ok(Shape::Map(Map {
            key: member(fields.next(), flattened)?,
            value: member(fields.next(), flattened)?,
        })),
        "E" => Ok(Shape::String { values: fields.collect() }),
        _ => Err(Broken(format!("shape \"{line}\""))),
    }
}

fn structure(
    mut fields: impl Iterator<Item = &'static str>,
    flattened: FlattenedName<'_>,
) -> Result<Structure, Broken> {
    let flags = fields.next().unwrap_or_default();
    let members = fields.map(|field| member(Some(field), flattened)).collect::<Result<Vec<_>, _>>()?;
    let count =
        u16::try_from(members.len()).map_err(|_| Broken("a structure has too many members".to_owned()))?;
    let mut by_wire: Vec<u16> =
        (0..count).filter(|at| members[usize::from(*at)].traits.location == Location::Body).collect();
    by_wire.sort_by_key(|at| members[usize::from(*at)].wire());
    let mut structure =
        Structure { members, document: false, union: false, event_stream: false, payload: None, by_wire };
    for flag in flags.split(' ').filter(|flag| !flag.is_empty()) {
        match flag {
            "d" => structure.document = true,
            "u" => structure.union = true,
            "e" => structure.event_stream = true,
            _ => {
                structure.payload =
                    Some(flag.strip_prefix("p=").ok_or_else(|| Broken(format!("flag \"{flag}\"")))?);
            }
        }
    }
    Ok(structure)
}

fn member(field: Option<&'static str>, flattened: FlattenedName<'_>) -> Result<Member, Broken> {
    let mut parts = field.unwrap_or_default().split(' ');
    let (Some(name), Some(shape)) = (parts.next(), parts.next()) else {
        return Err(Broken(format!("member \"{}\"", field.unwrap_or_default())));
    };
    let shape = shape_id(shape)?;
    let (mut traits, required) = member_traits(parts)?;
    if traits.flattened {
        traits.in_xml = flattened(shape);
    }
    Ok(Member { name, shape, required, traits })
}

/// Reads the traits of a member, and whether it is required.
fn member_traits(parts: impl Iterator<Item = &'static str>) -> Result<(Traits, bool), Broken> {
    let mut traits = Traits::default();
    let mut required = false;
    for part in parts {
        match (part, part.split_once('=')) {
            (_, Some(("n", name))) => traits.wire = Some(name),
            (_, Some(("q", name))) => traits.query = Some(name),
            (_, Some(("x", namespace))) => traits.namespace = Some(namespace),
            ("r", _) => required = true,
            ("f", _) => traits.flattened = true,
            ("a", _) => traits.attribute = true,
            ("i", _) => traits.idempotency_token = true,
            ("s", _) => traits.streaming = true,
            ("h", _) => traits.host_label = true,
            ("j", _) => traits.json_header = true,
            ("p", _) => traits.policy = true,
            ("5", _) => traits.last_segment = true,
            ("lh", _) => traits.location = Location::Header,
            ("lH", _) => traits.location = Location::Headers,
            ("lq", _) => traits.location = Location::Query,
            ("lu", _) => traits.location = Location::Uri,
            ("ls", _) => traits.location = Location::Status,
            ("ti", _) => traits.timestamp = Some(TimestampFormat::Iso8601),
            ("tu", _) => traits.timestamp = Some(TimestampFormat::Unix),
            ("tr", _) => traits.timestamp = Some(TimestampFormat::Rfc822),
            _ => return Err(Broken(format!("trait \"{part}\""))),
        }
    }
    Ok((traits, required))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_in_the_format_are_refused() {
        for line in ["", "X\ta", "S\t\tName", "S\t\tName zero", "S\t\tName 0 ?", "S\tq", "L", "M\tkey 0"] {
            assert!(shape(line, &|_| None).is_err(), "{line:?}");
        }
        for line in [
            "A",
            "A\tPOST",
            "A\tPOST\t/\tin=x",
            "A\tPOST\t/\tauth=new",
            "A\tPOST\t/\tpage.in=T\tpage.out=T\tpage.size=x",
        ] {
            assert!(operation(line).is_err(), "{line:?}");
        }
    }
}

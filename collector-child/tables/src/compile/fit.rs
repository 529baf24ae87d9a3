//! Whether a value of a document fits the type of a property.

use inventory::{KindTable, PropertyType, TypeShape};

use super::doc::{Doc, Form, Scalar};

/// How well a value fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fit {
    /// As it is.
    Plain,
    /// If the object becomes one of this nested kind.
    Object(String),
    /// If each object of the list does.
    Objects(String),
    /// If each value of the object does.
    Dictionary(String),
    /// If each element of each value of the object does.
    DictionaryOfLists(String),
    /// If the list of pairs of key and value becomes an object.
    Tags(String, String),
}

/// Why a value does not fit; a phrase that follows "the property is T, but".
pub(crate) type Misfit = String;

/// Whether the document fits the type.
pub(crate) fn fit(kinds: &KindTable, expected: &PropertyType, doc: &Doc) -> Result<Fit, Misfit> {
    let misfit = || Err(format!("`{expected}` cannot be made of {doc}"));
    match (&expected.shape, doc.form()) {
        (TypeShape::Kind(kind), form) => match (is_object(kinds, kind), form) {
            (true, Form::Object | Form::Map(_) | Form::Any) => Ok(Fit::Object(kind.clone())),
            (false, Form::Scalar(Scalar::Text) | Form::Any) => values_fit(kinds, kind, doc),
            _ => misfit(),
        },
        (TypeShape::List(item), form) => list(kinds, expected, item, doc, form),
        (TypeShape::Dictionary(member), form) => dictionary(kinds, expected, member, doc, form),
        (_, Form::Any) | (TypeShape::Any, _) => Ok(Fit::Plain),
        (shape, Form::Scalar(scalar)) if scalar_fits(shape, scalar) => Ok(Fit::Plain),
        (TypeShape::Time, Form::Scalar(Scalar::Int | Scalar::Float)) => {
            Err(format!("`{expected}` is made of a number with `fn = \"epoch_s\"` or `epoch_ms`"))
        }
        (TypeShape::Bool, Form::Scalar(_)) => {
            Err(format!("`{expected}` is made of {doc} with `fn = \"true_if:TEXT\"` or `bool`"))
        }
        _ => misfit(),
    }
}

fn list(
    kinds: &KindTable,
    expected: &PropertyType,
    item: &PropertyType,
    doc: &Doc,
    form: Form,
) -> Result<Fit, Misfit> {
    match form {
        Form::Any => match &item.shape {
            TypeShape::Kind(kind) if is_object(kinds, kind) => Ok(Fit::Objects(kind.clone())),
            _ => Ok(Fit::Plain),
        },
        Form::List(element) => match fit(kinds, item, &element)? {
            Fit::Plain => Ok(Fit::Plain),
            Fit::Object(kind) => Ok(Fit::Objects(kind)),
            _ => Err(format!("`{expected}` is deeper than tables can say")),
        },
        _ => {
            Err(format!("`{expected}` cannot be made of {doc}; `fn = \"list\"` makes a list of one element"))
        }
    }
}

fn dictionary(
    kinds: &KindTable,
    expected: &PropertyType,
    member: &PropertyType,
    doc: &Doc,
    form: Form,
) -> Result<Fit, Misfit> {
    let of_values = |value: &Doc| match fit(kinds, member, value)? {
        Fit::Plain => Ok(Fit::Plain),
        Fit::Object(kind) => Ok(Fit::Dictionary(kind)),
        Fit::Objects(kind) => Ok(Fit::DictionaryOfLists(kind)),
        _ => Err(format!("`{expected}` is deeper than tables can say")),
    };
    match form {
        Form::Any => of_values(&Doc::Any),
        Form::Map(value) => of_values(&value),
        Form::Object => {
            match doc.members().iter().map(|(_, value)| of_values(value)).collect::<Result<Vec<_>, _>>() {
                Ok(fits) if fits.windows(2).all(|pair| pair[0] == pair[1]) => {
                    Ok(fits.into_iter().next().unwrap_or(Fit::Plain))
                }
                Ok(_) => Err(format!("`{expected}` needs members that are all alike")),
                Err(reason) => Err(reason),
            }
        }
        Form::List(element) => match tag_members(&element) {
            Some((key, value)) if scalar_member(member) => Ok(Fit::Tags(key, value)),
            _ => Err(format!("`{expected}` cannot be made of {doc}; `tags = [KEY, VALUE]` says how")),
        },
        Form::Scalar(_) => Err(format!("`{expected}` cannot be made of {doc}")),
    }
}

fn scalar_member(member: &PropertyType) -> bool {
    !matches!(member.shape, TypeShape::List(_) | TypeShape::Dictionary(_))
        && !matches!(&member.shape, TypeShape::Kind(_))
}

/// The members of an object that is a tag.
pub(crate) fn tag_members(element: &Doc) -> Option<(String, String)> {
    const NAMES: [(&str, &str); 3] = [("Key", "Value"), ("key", "value"), ("TagKey", "TagValue")];
    let has = |name: &str| element.members().iter().any(|(known, _)| known == name);
    let found = NAMES.iter().find(|(key, value)| has(key) && has(value));
    found.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
}

/// Whether the kind is one of objects and not an enumeration.
pub(crate) fn is_object(kinds: &KindTable, kind: &str) -> bool {
    kinds.kind(kind).is_ok_and(|kind| kind.model().values.is_empty())
}

/// An enumeration takes its own values only.
fn values_fit(kinds: &KindTable, kind: &str, doc: &Doc) -> Result<Fit, Misfit> {
    let Ok(known) = kinds.kind(kind).map(|kind| &kind.model().values) else { return Ok(Fit::Plain) };
    let strange: Vec<&str> =
        doc.known_texts().into_iter().filter(|text| !known.iter().any(|value| value == text)).collect();
    if strange.is_empty() {
        return Ok(Fit::Plain);
    }
    Err(format!(
        "`{kind}` is one of {}, the service also says {}: `enum = {{ ... }}` says which is which",
        known.join(", "),
        strange.join(", ")
    ))
}

fn scalar_fits(shape: &TypeShape, scalar: Scalar) -> bool {
    match shape {
        TypeShape::Any | TypeShape::Text => true,
        TypeShape::Int => matches!(scalar, Scalar::Int | Scalar::Float | Scalar::Text),
        TypeShape::Float => matches!(scalar, Scalar::Int | Scalar::Float | Scalar::Text),
        TypeShape::Bool => scalar == Scalar::Bool,
        TypeShape::Time | TypeShape::Date => matches!(scalar, Scalar::Time | Scalar::Text),
        TypeShape::Duration => matches!(scalar, Scalar::Text | Scalar::Int | Scalar::Float),
        TypeShape::List(_) | TypeShape::Dictionary(_) | TypeShape::Kind(_) => false,
    }
}

//! The types of documents: what an answer looks like, and what calls add to it.

use std::fmt;
use std::rc::Rc;

use inventory::suggest;
use inventory::{PropertyType, TypeShape};
use shapes::{Service, Shape, ShapeId};

use crate::plan::{ITEM, ITEM_KEY, Path, Step};

/// What a value in a document can be.
#[derive(Clone)]
pub(crate) enum Doc {
    /// What an operation answers, or a part of it.
    Shape(&'static Service, ShapeId),
    /// An object with members that were added to it.
    Object(Rc<Extended>),
    /// A list.
    List(Rc<Doc>),
    /// An object whose keys are data.
    Map(Rc<Doc>),
    /// A value without parts.
    Scalar(Scalar),
    /// Nothing is known about it.
    Any,
}

/// An object and what was added to it.
pub(crate) struct Extended {
    base: Option<Doc>,
    added: Vec<(String, Doc)>,
}

/// Values without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text,
    Int,
    Float,
    Bool,
    Time,
}

/// The form of a document, one level deep.
pub(crate) enum Form {
    Object,
    List(Doc),
    Map(Doc),
    Scalar(Scalar),
    Any,
}

impl Doc {
    pub(crate) fn empty() -> Self {
        Self::Object(Rc::new(Extended { base: None, added: Vec::new() }))
    }

    /// With this member; one that is there already is replaced.
    pub(crate) fn with(&self, name: &str, member: Self) -> Self {
        if matches!(self, Self::Any) {
            return Self::Any;
        }
        let (base, mut added) = match self {
            Self::Object(object) => (object.base.clone(), object.added.clone()),
            other => (Some(other.clone()), Vec::new()),
        };
        added.retain(|(known, _)| known != name);
        added.push((name.to_owned(), member));
        Self::Object(Rc::new(Extended { base, added }))
    }

    /// With the members of another object.
    pub(crate) fn merged(&self, other: &Self) -> Self {
        match other.form() {
            Form::Any => Self::Any,
            _ => {
                other.members().into_iter().fold(self.clone(), |doc, (name, member)| doc.with(&name, member))
            }
        }
    }

    /// With another type for what is in the list there.
    pub(crate) fn with_elements(&self, steps: &[Step], element: &Self) -> Self {
        match (steps, self.form()) {
            ([], Form::List(_)) => Self::List(Rc::new(element.clone())),
            ([], _) => element.clone(),
            ([Step::Member(name), rest @ ..], _) => match self.member(name) {
                Some(member) => self.with(name, member.with_elements(rest, element)),
                None => self.clone(),
            },
            ([Step::Each | Step::Index(_) | Step::Where { .. }, rest @ ..], Form::List(item)) => {
                Self::List(Rc::new(item.with_elements(rest, element)))
            }
            _ => self.clone(),
        }
    }

    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Object(_) => Form::Object,
            Self::List(item) => Form::List(Self::clone(item)),
            Self::Map(value) => Form::Map(Self::clone(value)),
            Self::Scalar(scalar) => Form::Scalar(*scalar),
            Self::Any => Form::Any,
            Self::Shape(service, id) => match service.shape(*id) {
                Shape::Structure(structure) if structure.document => Form::Any,
                Shape::Structure(_) => Form::Object,
                Shape::List(list) => Form::List(Self::Shape(service, list.member.shape)),
                Shape::Map(map) => Form::Map(Self::Shape(service, map.value.shape)),
                Shape::String { .. } | Shape::Blob => Form::Scalar(Scalar::Text),
                Shape::Integer | Shape::Long => Form::Scalar(Scalar::Int),
                Shape::Float | Shape::Double => Form::Scalar(Scalar::Float),
                Shape::Boolean => Form::Scalar(Scalar::Bool),
                Shape::Timestamp => Form::Scalar(Scalar::Time),
            },
        }
    }

    /// The texts that the service names for it; empty if it names none.
    pub(crate) fn known_texts(&self) -> Vec<&'static str> {
        match self {
            Self::Shape(service, id) => match service.shape(*id) {
                Shape::String { values } => values.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The member of an object, the value of a map.
    pub(crate) fn member(&self, name: &str) -> Option<Self> {
        match self {
            Self::Any => Some(Self::Any),
            Self::Map(value) => Some(Self::clone(value)),
            Self::Object(object) => {
                let added = object.added.iter().find(|(known, _)| known == name).map(|(_, doc)| doc.clone());
                added.or_else(|| object.base.as_ref()?.member(name))
            }
            Self::Shape(service, id) => match service.shape(*id) {
                Shape::Structure(structure) if structure.document => Some(Self::Any),
                Shape::Structure(structure) => {
                    structure.member(name).map(|member| Self::Shape(service, member.shape))
                }
                Shape::Map(map) => Some(Self::Shape(service, map.value.shape)),
                _ => None,
            },
            Self::List(_) | Self::Scalar(_) => None,
        }
    }

    /// The members of an object, in the order of the service's description.
    pub(crate) fn members(&self) -> Vec<(String, Self)> {
        match self {
            Self::Object(object) => {
                let mut members = object.base.as_ref().map(Self::members).unwrap_or_default();
                for (name, doc) in &object.added {
                    match members.iter_mut().find(|(known, _)| known == name) {
                        Some(known) => known.1 = doc.clone(),
                        None => members.push((name.clone(), doc.clone())),
                    }
                }
                members
            }
            Self::Shape(service, id) => match service.shape(*id) {
                Shape::Structure(structure) => {
                    let members = structure.members.iter();
                    members
                        .map(|member| (member.name.to_owned(), Self::Shape(service, member.shape)))
                        .collect()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// What a path leads to.
    pub(crate) fn at(&self, path: &Path) -> Result<Self, String> {
        self.walk(&path.steps).map_err(|reason| format!("`{path}` leads nowhere: {reason}"))
    }

    fn walk(&self, steps: &[Step]) -> Result<Self, String> {
        let Some((step, rest)) = steps.split_first() else { return Ok(self.clone()) };
        match (step, self.form()) {
            (_, Form::Any) => Ok(Self::Any),
            (Step::Member(name), Form::Object | Form::Map(_)) => match self.member(name) {
                Some(member) => member.walk(rest),
                None => Err(self.no_member(name)),
            },
            (Step::Index(_), Form::List(item)) => item.walk(rest),
            (Step::Each | Step::Where { .. }, Form::List(item) | Form::Map(item)) => {
                if let Step::Where { condition, .. } = step {
                    item.at(&condition.path)?;
                }
                let found = item.walk(rest)?;
                // A list in a list is flattened by a further `[]`; one element is no list.
                let flat = !step.is_many() || rest.iter().any(Step::is_many);
                Ok(if flat { found } else { Self::List(Rc::new(found)) })
            }
            (Step::Keys, Form::Map(item)) => {
                let item = match item.walk(rest)? {
                    Self::List(element) => Self::clone(&element),
                    found => match found.form() {
                        Form::List(element) => element,
                        _ => found,
                    },
                };
                Ok(Self::List(Rc::new(item.keyed())))
            }
            (Step::Member(name), Form::List(_)) => {
                Err(format!("`{name}` stands behind a list, which needs `[]` or `[0]` first"))
            }
            (Step::Member(name), Form::Scalar(scalar)) => Err(format!("{scalar} has no member `{name}`")),
            (Step::Keys, _) => Err(format!("`{{}}` goes through the members of a map, this is {self}")),
            (Step::Index(_) | Step::Each | Step::Where { .. }, _) => {
                Err(format!("brackets stand behind {self}"))
            }
        }
    }

    /// An item with the name under which it stood in a map.
    fn keyed(self) -> Self {
        let item = match self.form() {
            Form::Object | Form::Map(_) | Form::Any => self,
            Form::List(_) | Form::Scalar(_) => Self::empty().with(ITEM, self),
        };
        item.with(ITEM_KEY, Self::Scalar(Scalar::Text))
    }

    fn no_member(&self, name: &str) -> String {
        let members = self.members();
        let hint = suggest::hint(name, members.iter().map(|(known, _)| known.as_str()));
        format!("there is no `{name}`; {hint}")
    }

    /// The type of a property as a document.
    pub(crate) fn of_type(property: &PropertyType) -> Self {
        match &property.shape {
            TypeShape::Text | TypeShape::Duration | TypeShape::Date => Self::Scalar(Scalar::Text),
            TypeShape::Int => Self::Scalar(Scalar::Int),
            TypeShape::Float => Self::Scalar(Scalar::Float),
            TypeShape::Bool => Self::Scalar(Scalar::Bool),
            TypeShape::Time => Self::Scalar(Scalar::Time),
            TypeShape::Any | TypeShape::Kind(_) => Self::Any,
            TypeShape::List(item) => Self::List(Rc::new(Self::of_type(item))),
            TypeShape::Dictionary(value) => Self::Map(Rc::new(Self::of_type(value))),
        }
    }

    /// Equal for documents that are made of the same shape; `None` if it is no shape of a service.
    pub(crate) fn identity(&self) -> Option<(&'static str, ShapeId)> {
        match self {
            Self::Shape(service, id) => Some((service.name, *id)),
            _ => None,
        }
    }
}

impl fmt::Display for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form() {
            Form::Object => f.write_str("an object"),
            Form::List(item) => match item.form() {
                Form::Object => f.write_str("a list of objects"),
                Form::List(_) => f.write_str("a list of lists"),
                Form::Map(_) => f.write_str("a list of maps"),
                Form::Scalar(scalar) => write!(f, "a list of {}", scalar.plural()),
                Form::Any => f.write_str("a list"),
            },
            Form::Map(_) => f.write_str("a map"),
            Form::Scalar(scalar) => write!(f, "{scalar}"),
            Form::Any => f.write_str("anything"),
        }
    }
}

impl Scalar {
    fn plural(self) -> &'static str {
        match self {
            Self::Text => "texts",
            Self::Int => "whole numbers",
            Self::Float => "numbers",
            Self::Bool => "truth values",
            Self::Time => "times",
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Bool => "true or false",
            Self::Time => "a time",
        })
    }
}

//! Kinds as fixcore's config model has them, as far as values are checked against them.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// The kinds of one section.
#[derive(Debug, Clone)]
pub(crate) struct Kinds(IndexMap<String, Kind>);

#[derive(Debug, Clone)]
enum Kind {
    Complex(Complex),
    Enum(Vec<String>),
    Simple(Type),
}

/// A kind with properties.
#[derive(Debug, Clone)]
pub(crate) struct Complex {
    /// Own and inherited properties, in order.
    pub(crate) properties: IndexMap<String, Property>,
    /// Whether properties that are not listed are fine.
    pub(crate) open: bool,
    bases: Vec<String>,
}

/// A property of a complex kind.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    /// The type of its value.
    pub(crate) kind: Type,
    /// Whether null is refused.
    pub(crate) required: bool,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    /// A string with a syntax that its user checks: `date`, `datetime`, `duration`.
    Text(&'static str),
    Int,
    Float,
    Bool,
    Any,
    List(Box<Type>),
    Dictionary(Box<Type>),
    /// A kind with a name: an enum or a complex kind.
    Named(String),
}

/// What a named kind is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Named<'a> {
    Complex(&'a Complex),
    Enum(&'a [String]),
    Simple(&'a Type),
}

/// Why a list of kinds cannot be used.
#[derive(Debug, Error)]
pub enum KindsError {
    /// It is not a JSON list of kinds.
    #[error("the kinds are not what fixcore's model takes: {0}")]
    Syntax(#[from] serde_json::Error),
    /// The root is missing or has no properties.
    #[error("the kinds have no complex kind called {0}")]
    NoRoot(String),
    /// A kind is used and not defined.
    #[error("the kinds use {0}, which they do not define")]
    Undefined(String),
    /// A kind is its own base.
    #[error("the kind {0} is its own base")]
    Cycle(String),
}

#[derive(Deserialize)]
struct KindJson {
    fqn: String,
    #[serde(default)]
    bases: Option<Vec<String>>,
    properties: Option<Vec<PropertyJson>>,
    #[serde(default)]
    allow_unknown_props: bool,
    runtime_kind: Option<String>,
    #[serde(rename = "enum")]
    members: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct PropertyJson {
    name: String,
    kind: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    synthetic: Option<Value>,
}

impl Type {
    fn parse(text: &str) -> Self {
        if let Some(item) = text.strip_suffix("[]") {
            return Self::List(Box::new(Self::parse(item)));
        }
        let inner = text.strip_prefix("dictionary[").and_then(|rest| rest.strip_suffix(']'));
        if let Some((_key, value)) = inner.and_then(|inner| inner.split_once(',')) {
            return Self::Dictionary(Box::new(Self::parse(value.trim())));
        }
        match text {
            "string" => Self::String,
            "date" => Self::Text("a date"),
            "datetime" => Self::Text("a time"),
            "duration" => Self::Text("a duration"),
            "int32" | "int64" => Self::Int,
            "float" | "double" => Self::Float,
            "boolean" => Self::Bool,
            "any" => Self::Any,
            name => Self::Named(name.to_owned()),
        }
    }

    fn named(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::List(inner) | Self::Dictionary(inner) => inner.named(),
            Self::String | Self::Text(_) | Self::Int | Self::Float | Self::Bool | Self::Any => None,
        }
    }
}

impl Kinds {
    /// Reads the kinds of a section whose root kind is called `root`.
    pub(crate) fn parse(json: &str, root: &str) -> Result<Self, KindsError> {
        let list: Vec<KindJson> = serde_json::from_str(json)?;
        let mut kinds: IndexMap<String, Kind> =
            list.into_iter().map(|kind| (kind.fqn.clone(), Kind::from(kind))).collect();
        for name in kinds.keys().cloned().collect::<Vec<_>>() {
            inherit(&mut kinds, &name, &mut Vec::new())?;
        }
        let kinds = Self(kinds);
        kinds.check_references()?;
        match kinds.0.get(root) {
            Some(Kind::Complex(_)) => Ok(kinds),
            _ => Err(KindsError::NoRoot(root.to_owned())),
        }
    }

    /// The kind called `name`; one that is not there accepts anything (`parse` has refused those).
    pub(crate) fn named(&self, name: &str) -> Named<'_> {
        match self.0.get(name) {
            Some(Kind::Complex(complex)) => Named::Complex(complex),
            Some(Kind::Enum(members)) => Named::Enum(members),
            Some(Kind::Simple(simple)) => Named::Simple(simple),
            None => Named::Simple(&Type::Any),
        }
    }

    fn check_references(&self) -> Result<(), KindsError> {
        let complex = self.0.values().filter_map(|kind| match kind {
            Kind::Complex(complex) => Some(complex),
            Kind::Enum(_) | Kind::Simple(_) => None,
        });
        let used = complex.flat_map(|complex| complex.properties.values()).filter_map(|p| p.kind.named());
        match used.into_iter().find(|name| !self.0.contains_key(*name)) {
            Some(name) => Err(KindsError::Undefined(name.to_owned())),
            None => Ok(()),
        }
    }
}

impl From<KindJson> for Kind {
    fn from(json: KindJson) -> Self {
        if let Some(members) = json.members {
            return Self::Enum(members);
        }
        let Some(properties) = json.properties else {
            return Self::Simple(json.runtime_kind.as_deref().map_or(Type::Any, Type::parse));
        };
        let properties = properties
            .into_iter()
            .filter(|property| property.synthetic.is_none())
            .map(|p| (p.name, Property { kind: Type::parse(&p.kind), required: p.required }))
            .collect();
        Self::Complex(Complex {
            properties,
            open: json.allow_unknown_props,
            bases: json.bases.unwrap_or_default(),
        })
    }
}

/// Copies the properties of all bases into the kind, bases first.
fn inherit(
    kinds: &mut IndexMap<String, Kind>,
    name: &str,
    above: &mut Vec<String>,
) -> Result<(), KindsError> {
    if above.iter().any(|seen| seen == name) {
        return Err(KindsError::Cycle(name.to_owned()));
    }
    let bases = match kinds.get_mut(name) {
        Some(Kind::Complex(complex)) => std::mem::take(&mut complex.bases),
        Some(Kind::Enum(_) | Kind::Simple(_)) => return Ok(()),
        None => return Err(KindsError::Undefined(name.to_owned())),
    };
    above.push(name.to_owned());
    let mut all = IndexMap::new();
    for base in &bases {
        // A base that is still being resolved has lost its list of bases, so the cycle shows here.
        inherit(kinds, base, above)?;
        if let Some(Kind::Complex(complex)) = kinds.get(base) {
            all.extend(complex.properties.clone());
        }
    }
    above.pop();
    if let Some(Kind::Complex(complex)) = kinds.get_mut(name) {
        all.extend(std::mem::take(&mut complex.properties));
        complex.properties = all;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(json: &str) -> Complex {
        match Kinds::parse(json, "a").expect("kinds").named("a") {
            Named::Complex(complex) => complex.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_types_and_bases() {
        let complex = root(
            r#"[{"fqn": "b", "bases": [], "properties": [{"name": "x", "kind": "int64[]", "required": true}]},
                {"fqn": "c", "runtime_kind": "string", "enum": ["u", "v"]},
                {"fqn": "a", "bases": ["b"], "properties": [
                    {"name": "y", "kind": "dictionary[string, c[]]", "required": false},
                    {"name": "age", "kind": "duration", "required": false, "synthetic": {"path": ["y"]}}]}]"#,
        );
        let properties: Vec<_> = complex.properties.iter().map(|(n, p)| (n.as_str(), p.required)).collect();
        assert_eq!(properties, [("x", true), ("y", false)]);
        assert_eq!(complex.properties["x"].kind, Type::List(Box::new(Type::Int)));
        let list = Type::List(Box::new(Type::Named("c".into())));
        assert_eq!(complex.properties["y"].kind, Type::Dictionary(Box::new(list)));
    }

    #[test]
    fn refuses_what_cannot_be_checked_later() {
        let error = |json: &str| Kinds::parse(json, "a").expect_err("must be refused").to_string();
        assert!(error("{}").contains("not what fixcore's model takes"));
        assert!(error("[]").contains("no complex kind called a"));
        let undefined = r#"[{"fqn": "a", "properties": [{"name": "x", "kind": "nope[]"}]}]"#;
        assert!(error(undefined).contains("use nope"));
        assert!(error(r#"[{"fqn": "a", "bases": ["z"], "properties": []}]"#).contains("use z"));
        let cycle = r#"[{"fqn": "a", "bases": ["b"], "properties": []},
                        {"fqn": "b", "bases": ["a"], "properties": []}]"#;
        assert!(error(cycle).contains("its own base"));
    }
}

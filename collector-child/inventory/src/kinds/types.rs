//! The type of a property, as a data file writes it.

use std::fmt;

/// What values a property takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyType {
    /// The type but for its marks.
    pub shape: TypeShape,
    /// `?`: it may be null, and values are passed on as they are (fixcore coerces them).
    pub optional: bool,
    /// Values are converted as the constructor of the Python type does: all that are not optional, and those
    /// marked `!`.
    pub convert: bool,
}

/// A type but for its marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeShape {
    /// `string`
    Text,
    /// `int32`, `int64`
    Int,
    /// `float`, `double`
    Float,
    /// `boolean`
    Bool,
    /// `datetime`
    Time,
    /// `date`
    Date,
    /// `duration`
    Duration,
    /// `any`
    Any,
    /// `T[]`
    List(Box<PropertyType>),
    /// `dictionary[string, T]`
    Dictionary(Box<PropertyType>),
    /// Another kind of the table: an object, or one of the values of an enumeration.
    Kind(String),
}

impl PropertyType {
    /// Reads the notation of the data files, for example `dictionary[string, string?]` or `int64[]?`. `None`
    /// if brackets do not match or a dictionary has no two types.
    pub fn parse(notation: &str) -> Option<Self> {
        let (notation, optional) = strip(notation.trim(), '?');
        let (notation, marked) = strip(notation, '!');
        let shape = if let Some(item) = notation.strip_suffix("[]") {
            TypeShape::List(Box::new(Self::parse(item)?))
        } else if let Some(parts) = notation.strip_prefix("dictionary[") {
            let (_key, value) = parts.strip_suffix(']')?.split_once(',')?;
            TypeShape::Dictionary(Box::new(Self::parse(value)?))
        } else {
            TypeShape::simple(notation)?
        };
        Some(Self { shape, optional, convert: marked || !optional })
    }
}

fn strip(text: &str, mark: char) -> (&str, bool) {
    text.strip_suffix(mark).map_or((text, false), |rest| (rest, true))
}

impl TypeShape {
    fn simple(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::Text,
            "int32" | "int64" => Self::Int,
            "float" | "double" => Self::Float,
            "boolean" => Self::Bool,
            "datetime" => Self::Time,
            "date" => Self::Date,
            "duration" => Self::Duration,
            "any" => Self::Any,
            "" => return None,
            kind if kind.contains(['[', ']', ',', '?', '!', ' ']) => return None,
            kind => Self::Kind(kind.to_owned()),
        })
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.shape {
            TypeShape::Text => f.write_str("string"),
            TypeShape::Int => f.write_str("int64"),
            TypeShape::Float => f.write_str("double"),
            TypeShape::Bool => f.write_str("boolean"),
            TypeShape::Time => f.write_str("datetime"),
            TypeShape::Date => f.write_str("date"),
            TypeShape::Duration => f.write_str("duration"),
            TypeShape::Any => f.write_str("any"),
            TypeShape::List(item) => write!(f, "{item}[]"),
            TypeShape::Dictionary(value) => write!(f, "dictionary[string, {value}]"),
            TypeShape::Kind(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_nest() {
        let tags = PropertyType::parse("dictionary[string, string?]").unwrap();
        assert!(!tags.optional && tags.convert);
        let TypeShape::Dictionary(value) = tags.shape else { panic!("a dictionary") };
        assert!(value.optional && !value.convert);
        let cost = PropertyType::parse("double!?").unwrap();
        assert_eq!((cost.shape, cost.optional, cost.convert), (TypeShape::Float, true, true));
        let deep = PropertyType::parse("dictionary[string, dictionary[string, aws_x[]]]?").unwrap();
        assert_eq!(deep.to_string(), "dictionary[string, dictionary[string, aws_x[]]]");
    }

    #[test]
    fn nonsense_is_no_type() {
        for nonsense in ["", "[]", "dictionary[string]", "dictionary[string, int64", "a b", "string??"] {
            assert_eq!(PropertyType::parse(nonsense), None, "{nonsense}");
        }
    }
}

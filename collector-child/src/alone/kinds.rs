//! The types of a config section, as its kinds describe them: checking values, and making them from text.

use collector::json_type;
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The settings of one section.
#[derive(Debug)]
pub(crate) struct Schema {
    kinds: Vec<ConfigKind>,
    settings: Vec<Property>,
}

#[derive(Debug, Deserialize)]
struct ConfigKind {
    fqn: String,
    #[serde(default)]
    properties: Vec<Property>,
    #[serde(default, rename = "enum")]
    values: Option<Vec<String>>,
    #[serde(default)]
    allow_unknown_props: bool,
}

/// One setting.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) description: Option<String>,
}

impl Schema {
    /// Reads the kinds of a section; the kind called like the section is its root.
    pub(crate) fn of(section: &Section) -> Result<Self, String> {
        let kinds: Vec<ConfigKind> = serde_json::from_str(&section.kinds_json).map_err(|error| {
            format!("the kinds of the config section {} cannot be read: {error}", section.name)
        })?;
        let root = kinds.iter().find(|kind| kind.fqn == section.name);
        let settings = root.map(|root| root.properties.clone()).ok_or_else(|| {
            format!("the kinds of the config section {0} do not have one called {0}", section.name)
        })?;
        Ok(Self { kinds, settings })
    }

    /// All settings in their order.
    pub(crate) fn settings(&self) -> &[Property] {
        &self.settings
    }

    /// The setting called `name`.
    pub(crate) fn setting(&self, name: &str) -> Option<&Property> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The kind of what is at `path` below a value of `kind`.
    pub(crate) fn kind_at<'a>(&'a self, kind: &'a str, path: &[&str]) -> Option<&'a str> {
        let [first, rest @ ..] = path else { return Some(kind) };
        let inner = match Shape::of(kind) {
            Shape::Dictionary(values) => values,
            Shape::List(items) => first.parse::<usize>().ok().map(|_| items)?,
            Shape::Simple(name) => &self.named(name)?.properties.iter().find(|p| p.name == *first)?.kind,
        };
        self.kind_at(inner, rest)
    }

    /// Checks a setting; the error says what it should be, without the value.
    pub(crate) fn check(&self, setting: &Property, value: &Value) -> Result<(), String> {
        if value.is_null() {
            return if setting.required { Err("must not be null".to_owned()) } else { Ok(()) };
        }
        self.check_kind(&setting.kind, value)
    }

    fn check_kind(&self, kind: &str, value: &Value) -> Result<(), String> {
        match (Shape::of(kind), value) {
            (Shape::List(items), Value::Array(list)) => list.iter().enumerate().try_for_each(|(at, item)| {
                self.check_kind(items, item).map_err(|error| format!("item {at} {error}"))
            }),
            (Shape::Dictionary(values), Value::Object(map)) => map.iter().try_for_each(|(key, value)| {
                self.check_kind(values, value).map_err(|error| format!("entry {key} {error}"))
            }),
            (Shape::Simple(name), value) => self.check_simple(name, value),
            (Shape::List(_) | Shape::Dictionary(_), value) => Err(self.wrong(kind, value)),
        }
    }

    fn check_simple(&self, name: &str, value: &Value) -> Result<(), String> {
        let fits = match name {
            "any" => true,
            "int32" | "int64" => value.is_i64() || value.is_u64(),
            "float" | "double" => value.is_number(),
            "boolean" => value.is_boolean(),
            "string" | "date" | "datetime" | "duration" => value.is_string(),
            name => match (self.named(name), value) {
                (Some(ConfigKind { values: Some(allowed), .. }), Value::String(text)) => {
                    if !allowed.contains(text) {
                        return Err(format!("must be one of {}", allowed.join(", ")));
                    }
                    true
                }
                (Some(kind @ ConfigKind { values: None, .. }), Value::Object(map)) => {
                    return self.check_object(kind, map);
                }
                _ => false,
            },
        };
        if fits { Ok(()) } else { Err(self.wrong(name, value)) }
    }

    fn wrong(&self, kind: &str, value: &Value) -> String {
        format!("must be {}, not {}", self.name(kind), json_type(value))
    }

    fn check_object(&self, kind: &ConfigKind, map: &Map<String, Value>) -> Result<(), String> {
        for (key, value) in map {
            match kind.properties.iter().find(|property| property.name == *key) {
                Some(property) => self.check(property, value).map_err(|error| format!("{key} {error}"))?,
                None if kind.allow_unknown_props => {}
                None => {
                    let known = kind.properties.iter().map(|property| property.name.as_str());
                    return Err(format!("has no {key} ({})", inventory::suggest::hint(key, known)));
                }
            }
        }
        Ok(())
    }

    /// Makes a value of `kind` from text: lists by comma, objects as JSON.
    pub(crate) fn parse_text(&self, kind: &str, text: &str) -> Result<Value, String> {
        let wrong = || format!("must be {}", self.name(kind));
        let trimmed = text.trim();
        match Shape::of(kind) {
            // A JSON list is taken as such, so that items may hold commas.
            Shape::List(_) if trimmed.starts_with('[') => serde_json::from_str(trimmed).map_err(|_| wrong()),
            Shape::List(_) if trimmed.is_empty() => Ok(Value::Array(Vec::new())),
            Shape::List(items) => text
                .split(',')
                .map(|item| self.parse_text(items, item.trim()))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Shape::Dictionary(_) => serde_json::from_str(trimmed).map_err(|_| wrong()),
            Shape::Simple("int32" | "int64") => {
                let signed = trimmed.parse::<i64>().map(Value::from);
                signed.or_else(|_| trimmed.parse::<u64>().map(Value::from)).map_err(|_| wrong())
            }
            Shape::Simple("float" | "double") => {
                let number = trimmed.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
                number.map(Value::Number).ok_or_else(wrong)
            }
            Shape::Simple("boolean") => match trimmed.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(Value::Bool(true)),
                "false" | "no" | "off" | "0" => Ok(Value::Bool(false)),
                _ => Err(wrong()),
            },
            Shape::Simple("any") => Ok(serde_json::from_str(trimmed).unwrap_or_else(|_| Value::from(text))),
            Shape::Simple("string" | "date" | "datetime" | "duration") => Ok(Value::from(text)),
            Shape::Simple(name) => match self.named(name) {
                Some(ConfigKind { values: Some(_), .. }) => Ok(Value::from(text)),
                _ => serde_json::from_str(trimmed).map_err(|_| wrong()),
            },
        }
    }

    fn named(&self, fqn: &str) -> Option<&ConfigKind> {
        self.kinds.iter().find(|kind| kind.fqn == fqn)
    }

    /// A kind in words.
    fn name(&self, kind: &str) -> String {
        match Shape::of(kind) {
            Shape::List(items) => format!("a list ({items})"),
            Shape::Dictionary(values) => format!("an object with values of type {values}"),
            Shape::Simple("int32" | "int64") => "an integer".to_owned(),
            Shape::Simple("float" | "double") => "a number".to_owned(),
            Shape::Simple("boolean") => "true or false".to_owned(),
            Shape::Simple("string") => "a text".to_owned(),
            Shape::Simple(name) => match self.named(name) {
                Some(ConfigKind { values: Some(allowed), .. }) => format!("one of {}", allowed.join(", ")),
                Some(_) => format!("an object ({name})"),
                None => format!("a {name}"),
            },
        }
    }
}

/// How a kind is built.
enum Shape<'a> {
    List(&'a str),
    Dictionary(&'a str),
    Simple(&'a str),
}

impl<'a> Shape<'a> {
    fn of(kind: &'a str) -> Self {
        if let Some(items) = kind.strip_suffix("[]") {
            return Self::List(items);
        }
        let inside = kind.strip_prefix("dictionary[").and_then(|rest| rest.strip_suffix(']'));
        match inside.and_then(|inside| inside.split_once(',')) {
            Some((_, values)) => Self::Dictionary(values.trim()),
            None => Self::Simple(kind),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A section with a setting of each type.
    pub(crate) fn sample() -> Section {
        let property = |name: &str, kind: &str, required: bool| json!({"name": name, "kind": kind, "required": required, "description": format!("the {name}")});
        let kinds = json!([
            {"fqn": "sample", "properties": [
                property("seed", "int64", true), property("size", "double", true), property("fast", "boolean", true),
                property("key", "string", false), property("regions", "string[]", true),
                property("limits", "dictionary[string, int64]", true), property("mode", "sample_mode", true),
                property("files", "sample_file[]", true),
            ]},
            {"fqn": "sample_mode", "runtime_kind": "string", "enum": ["slow", "quick"]},
            {"fqn": "sample_file", "properties": [property("path", "string", true), property("all", "boolean", false)]},
        ]);
        let defaults = json!({"seed": 0, "size": 1.0, "fast": false, "key": null, "regions": [], "limits": {},
            "mode": "slow", "files": []});
        Section {
            name: "sample".to_owned(),
            kinds_json: kinds.to_string(),
            defaults_json: defaults.to_string(),
        }
    }

    #[test]
    fn text_becomes_the_type_of_the_setting() {
        let schema = Schema::of(&sample()).unwrap();
        for (setting, text, expected) in [
            ("seed", " 7", json!(7)),
            ("seed", "18446744073709551615", json!(u64::MAX)),
            ("size", "2", json!(2.0)),
            ("fast", "Yes", json!(true)),
            ("key", "7", json!("7")),
            ("regions", "eu-west-1, us-east-1", json!(["eu-west-1", "us-east-1"])),
            ("regions", "", json!([])),
            ("regions", "[\"a,b\"]", json!(["a,b"])),
            ("limits", "{\"a\": 1}", json!({"a": 1})),
            ("mode", "quick", json!("quick")),
            ("files", "[{\"path\": \"x\"}]", json!([{"path": "x"}])),
        ] {
            let setting = schema.setting(setting).unwrap();
            let value = schema.parse_text(&setting.kind, text).unwrap();
            assert_eq!(value, expected, "{}={text}", setting.name);
            schema.check(setting, &value).unwrap();
        }
    }

    #[test]
    fn wrong_values_are_refused_without_being_shown() {
        let schema = Schema::of(&sample()).unwrap();
        for (setting, value, expected) in [
            ("seed", json!("hunter2"), "must be an integer, not a text"),
            ("seed", json!(1.5), "must be an integer, not a fraction"),
            ("seed", json!(null), "must not be null"),
            ("regions", json!(["eu", 3]), "item 1 must be a text, not an integer"),
            ("limits", json!({"a": true}), "entry a must be an integer, not a boolean"),
            ("mode", json!("fast"), "must be one of slow, quick"),
            ("files", json!([{"pth": "x"}]), "item 0 has no pth (did you mean path?)"),
            ("files", json!([{"path": null}]), "item 0 path must not be null"),
        ] {
            assert_eq!(schema.check(schema.setting(setting).unwrap(), &value), Err(expected.to_owned()));
        }
        assert_eq!(schema.parse_text("int64", "hunter2"), Err("must be an integer".to_owned()));
        assert_eq!(schema.check(schema.setting("key").unwrap(), &Value::Null), Ok(()));
    }

    #[test]
    fn kinds_are_found_below_dictionaries_lists_and_objects() {
        let schema = Schema::of(&sample()).unwrap();
        assert_eq!(schema.kind_at("dictionary[string, int64]", &["a"]), Some("int64"));
        assert_eq!(schema.kind_at("sample_file[]", &["0", "all"]), Some("boolean"));
        assert_eq!(schema.kind_at("sample_file[]", &["x"]), None);
        assert_eq!(schema.kind_at("string", &["x"]), None);
    }
}

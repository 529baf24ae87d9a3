//! `$(NAME)` in config values.

use serde_json::{Map, Value};

use super::kinds::Schema;

/// Replaces `$(NAME)` in texts by variables of the environment, coerced to the kind of the place.
pub(super) struct Resolver<'a> {
    /// The types of the section.
    pub(super) schema: &'a Schema,
    /// The variables.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    /// The setting, for the log.
    pub(super) path: String,
    /// Variables that are not set.
    pub(super) unresolved: Vec<String>,
}

impl Resolver<'_> {
    /// `value` with everything replaced; the error says what it should have been.
    pub(super) fn resolve(&mut self, kind: &str, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) if text.contains("$(") => match self.substitute(text) {
                Some(text) => self.schema.parse_text(kind, &text),
                // Reported by the caller, who takes the default.
                None => Ok(value.clone()),
            },
            Value::Array(items) => {
                let inner = self.schema.kind_at(kind, &["0"]).unwrap_or("any").to_owned();
                items
                    .iter()
                    .map(|item| self.resolve(&inner, item))
                    .collect::<Result<_, _>>()
                    .map(Value::Array)
            }
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| {
                    let inner = self.schema.kind_at(kind, &[key]).unwrap_or("any").to_owned();
                    Ok((key.clone(), self.resolve(&inner, value)?))
                });
                entries.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    fn substitute(&mut self, text: &str) -> Option<String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("$(") {
            let Some(length) = rest[start..].find(')') else { break };
            let name = &rest[start + 2..start + length];
            result.push_str(&rest[..start]);
            let Some(value) = (self.environment)(name) else {
                tracing::debug!(path = self.path, name, "unresolved");
                self.unresolved.push(name.to_owned());
                return None;
            };
            result.push_str(&value);
            rest = &rest[start + length + 1..];
        }
        result.push_str(rest);
        Some(result)
    }
}

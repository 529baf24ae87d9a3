//! The config section of a collector.

use std::fmt;

use ipc_proto::fault::{Fault, FaultKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::credentials::Credentials;
use crate::fault::{Failure, FaultExt, fault};

/// The config section of a collector: a JSON object. It may hold credentials, so `Debug` prints names only.
#[derive(Clone, Default, PartialEq)]
pub struct ConfigSection {
    name: String,
    settings: Map<String, Value>,
    credentials: Option<Credentials>,
}

impl ConfigSection {
    /// The section called `name` in the config document.
    pub fn new(name: impl Into<String>, settings: Map<String, Value>) -> Self {
        Self { name: name.into(), settings, credentials: None }
    }

    /// The same with the credentials of one account, if there are such.
    #[must_use]
    pub fn with_credentials(self, credentials: Option<Credentials>) -> Self {
        Self { credentials, ..self }
    }

    /// The credentials of the account that the job is for. If there are some, this process has no others.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Reads the JSON text of a section; empty text and `null` are a section without settings.
    pub fn parse(name: &str, json: &str) -> Result<Self, Failure> {
        let wrong = |what: String| {
            fault(FaultKind::Config, format!("the config section {name} is not valid: {what}"))
                .scope_service(name)
        };
        if json.trim().is_empty() {
            return Ok(Self::new(name, Map::new()));
        }
        match serde_json::from_str(json) {
            Ok(Value::Object(settings)) => Ok(Self::new(name, settings)),
            Ok(Value::Null) => Ok(Self::new(name, Map::new())),
            Ok(other) => Err(wrong(format!("expected an object, found {}", json_type(&other))).into()),
            Err(error) => {
                // The error itself may quote the text, which may be a credential.
                Err(wrong(format!("no JSON at line {}, column {}", error.line(), error.column())).into())
            }
        }
    }

    /// The name of the section.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One setting.
    pub fn get(&self, setting: &str) -> Option<&Value> {
        self.settings.get(setting)
    }

    /// All settings.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// The section as the collector's own type, which should have a default for each setting
    /// (`#[serde(default)]`). An error names the setting and never its value.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match T::deserialize_from(&self.settings) {
            Ok(section) => Ok(section),
            Err(()) => Err(self.misfit::<T>().into()),
        }
    }

    fn misfit<T: DeserializeOwned>(&self) -> Fault {
        // Without the guilty setting the rest is fine.
        let guilty = self.settings.iter().find(|(setting, _)| {
            let mut rest = self.settings.clone();
            rest.shift_remove(setting.as_str());
            T::deserialize_from(&rest).is_ok()
        });
        let message = match guilty {
            Some((setting, value)) => {
                format!("the setting {}.{setting} does not accept {}", self.name, json_type(value))
            }
            None => format!("the settings of the config section {} do not fit", self.name),
        };
        let hint =
            format!("fix-collector describe --collector {} shows all settings with their types", self.name);
        fault(FaultKind::Config, message).scope_service(&self.name).with_hint(hint)
    }
}

trait DeserializeFrom: Sized {
    fn deserialize_from(settings: &Map<String, Value>) -> Result<Self, ()>;
}

impl<T: DeserializeOwned> DeserializeFrom for T {
    fn deserialize_from(settings: &Map<String, Value>) -> Result<Self, ()> {
        // The text of the error is dropped on purpose: it may quote a credential.
        T::deserialize(settings).map_err(|_| ())
    }
}

impl fmt::Debug for ConfigSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings: Vec<&String> = self.settings.keys().collect();
        let mut shown = f.debug_struct("ConfigSection");
        let shown = shown.field("name", &self.name).field("settings", &settings);
        shown.field("credentials", &self.credentials).finish()
    }
}

/// What kind of JSON value it is, for messages that must not show it.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Sample {
        seed: u64,
        key: Option<u32>,
    }

    fn section(value: &Value) -> ConfigSection {
        ConfigSection::parse("sample", &value.to_string()).unwrap()
    }

    fn message(failure: &Failure) -> String {
        match failure {
            Failure::Fault(fault) => fault.message.clone(),
            Failure::Stopped => panic!("expected a fault"),
        }
    }

    #[test]
    fn misfit_names_the_setting_but_not_its_value() {
        let failure = section(&json!({"seed": 3, "key": "hunter2"})).to::<Sample>().unwrap_err();
        assert_eq!(message(&failure), "the setting sample.key does not accept a text");
    }

    #[test]
    fn unknown_settings_are_ignored_and_missing_ones_default() {
        let sample = section(&json!({"seed": 3, "other": []})).to::<Sample>().unwrap();
        assert_eq!((sample.seed, sample.key), (3, None));
    }

    #[test]
    fn broken_text_is_not_quoted() {
        let failure = ConfigSection::parse("sample", "{\"key\": hunter2}").unwrap_err();
        assert_eq!(message(&failure), "the config section sample is not valid: no JSON at line 1, column 9");
        assert!(ConfigSection::parse("sample", "[]").is_err());
        assert_eq!(ConfigSection::parse("sample", "null").unwrap().settings().len(), 0);
    }

    #[test]
    fn debug_shows_no_values() {
        assert!(!format!("{:?}", section(&json!({"key": "hunter2"}))).contains("hunter2"));
    }
}

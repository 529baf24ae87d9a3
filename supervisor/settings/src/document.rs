//! The config document as it is stored: what we do not know in it stays as it was, byte for byte.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::sections::{Section, Sections};

/// The largest config document that is read, in bytes.
pub const MAX_DOCUMENT: usize = 16 << 20;

/// Why a config document cannot be read.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// Not JSON, or not an object.
    #[error("the config is not a JSON object: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Over [`MAX_DOCUMENT`].
    #[error("the config has more than {} MiB", MAX_DOCUMENT >> 20)]
    TooLarge,
}

/// Why a config file cannot be used.
#[derive(Debug, Error)]
pub enum ConfigFileError {
    /// It cannot be read.
    #[error("cannot read the config file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no config document.
    #[error(
        "cannot use the config file {}: {source}; it has the shape of the config document in fixcore, \
         as JSON: {{\"fixworker\": {{\"pool_size\": 5}}}}",
        path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DocumentError,
    },
}

/// The answer of fixcore to `GET /config/{id}` with overrides and raw config.
#[derive(Clone)]
pub struct Fetched {
    /// With the overrides and placeholders of fixcore: what counts.
    pub effective: Map<String, Value>,
    /// As it is stored: what is written back.
    pub raw: RawDocument,
}

/// The document as it is stored: top level sections in order, each as its text.
#[derive(Clone, Default)]
pub struct RawDocument(IndexMap<String, Box<RawValue>>);

/// A document with all defaults.
#[derive(Debug, Clone)]
pub struct Filled {
    /// What to `PUT /config/{id}`.
    pub document: RawDocument,
    /// Whether anything was added; if not, there is nothing to write.
    pub changed: bool,
    /// Whether a section of ours has keys that its kind lacks. fixcore refuses to store such a document unless
    /// it is asked with `validate=false`.
    pub has_unknown_keys: bool,
}

impl Fetched {
    /// Reads the body of the answer.
    pub fn parse(body: &str) -> Result<Self, DocumentError> {
        if body.len() > MAX_DOCUMENT {
            return Err(DocumentError::TooLarge);
        }
        let mut parts: IndexMap<String, &RawValue> = serde_json::from_str(body)?;
        let mut part = |name: &str| parts.swap_remove(name).map_or("null", RawValue::get);
        let effective: Option<Map<String, Value>> = serde_json::from_str(part("config"))?;
        let raw: Option<IndexMap<String, Box<RawValue>>> = serde_json::from_str(part("raw_config"))?;
        Ok(Self { effective: effective.unwrap_or_default(), raw: RawDocument(raw.unwrap_or_default()) })
    }

    /// No document is stored: the first start.
    pub fn nothing() -> Self {
        Self { effective: Map::new(), raw: RawDocument::default() }
    }

    /// Whether there is no section at all. At start this is like no document; later it is a mistake that must
    /// not take the settings in use away.
    pub fn is_empty(&self) -> bool {
        self.effective.is_empty()
    }
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.effective.keys()).finish()
    }
}

impl std::fmt::Debug for RawDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl RawDocument {
    /// Reads a stored document.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        Ok(Self(serde_json::from_str(text)?))
    }

    /// The document as JSON.
    pub fn to_json(&self) -> String {
        write_object(&self.0)
    }

    /// Adds every section, setting and entry of a default dictionary that is missing, at the end of where it
    /// belongs. A null where the default is something else becomes the default. Both as the peer does it.
    /// Placeholders stay placeholders.
    pub fn fill_defaults(&self, sections: &Sections) -> Filled {
        let mut filled = Filled { document: self.clone(), changed: false, has_unknown_keys: false };
        for section in sections.all() {
            let stored = self.0.get(&section.name);
            let text = stored.map_or("null", |stored| stored.get());
            filled.has_unknown_keys |= has_unknown_keys(section, text);
            if let Some(new) = fill(text, &Value::Object(section.defaults.clone())) {
                filled.changed = true;
                filled.document.0.insert(section.name.clone(), new);
            }
        }
        filled
    }
}

/// The text with the defaults in it, or `None` if nothing is missing.
fn fill(text: &str, default: &Value) -> Option<Box<RawValue>> {
    if text.trim() == "null" {
        return if default.is_null() { None } else { Some(raw(default.to_string())) };
    }
    let defaults = default.as_object()?;
    // Something else than an object is reported where it is used, and kept here.
    let mut stored: IndexMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    let mut changed = false;
    for (key, default) in defaults {
        let new = match stored.get(key) {
            Some(value) => fill(value.get(), default),
            None => Some(raw(default.to_string())),
        };
        if let Some(new) = new {
            changed = true;
            stored.insert(key.clone(), new);
        }
    }
    changed.then(|| raw(write_object(&stored)))
}

fn has_unknown_keys(section: &Section, text: &str) -> bool {
    let stored: IndexMap<String, &RawValue> = serde_json::from_str(text).unwrap_or_default();
    let root = section.root();
    !root.open && stored.keys().any(|key| key != "kind" && !root.properties.contains_key(key))
}

fn write_object(entries: &IndexMap<String, Box<RawValue>>) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), value.get()))
        .collect();
    format!("{{{}}}", entries.join(", "))
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("text that serde_json has written is JSON")
}

/// Puts the defaults under the values that count, by the same rules.
pub(crate) fn with_defaults(
    mut values: Map<String, Value>,
    defaults: &Map<String, Value>,
) -> Map<String, Value> {
    for (key, default) in defaults {
        let value = match (values.remove(key), default) {
            (None | Some(Value::Null), default) => default.clone(),
            (Some(Value::Object(values)), Value::Object(defaults)) => {
                Value::Object(with_defaults(values, defaults))
            }
            (Some(value), _) => value,
        };
        values.insert(key.clone(), value);
    }
    values
}

/// Reads the file of `--config`.
pub fn read_config_file(path: &Path) -> Result<Map<String, Value>, ConfigFileError> {
    let read = || -> std::io::Result<String> {
        let mut text = String::new();
        File::open(path)?.take(MAX_DOCUMENT as u64 + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|source| ConfigFileError::Read { path: path.to_owned(), source })?;
    let document = if text.len() > MAX_DOCUMENT {
        Err(DocumentError::TooLarge)
    } else {
        serde_json::from_str(&text).map_err(DocumentError::Syntax)
    };
    document.map_err(|source| ConfigFileError::Content { path: path.to_owned(), source })
}

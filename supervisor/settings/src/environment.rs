//! The environment of the process as a value, with the names of the predecessor understood.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Environment variables. Their values may be credentials: `Debug` shows no value.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, SecretString>);

impl Environment {
    /// The environment of this process. Names and values that are not UTF-8 are left out.
    pub fn of_this_process() -> Self {
        let text = |os: OsString| os.into_string().ok();
        std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    /// A variable `RESOTO...` also counts under its new name, and wins over one that has it: this is what the
    /// peer does. It stays under its old name too, for placeholders.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let mut all: BTreeMap<String, SecretString> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), SecretString::from(value.into())))
            .collect();
        let old: Vec<_> = all
            .iter()
            .filter(|(name, _)| name.starts_with("RESOTO"))
            .map(|(name, value)| (name.replace("RESOTO", "FIX"), value.clone()))
            .collect();
        all.extend(old);
        Self(all)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

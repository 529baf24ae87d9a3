//! What can be wrong with the configuration, as values: who reports them decides how loud.

use std::fmt;

use crate::suggest::Close;

/// Where a setting is: `fixworker.pool_size`, `fixworker.collector[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SettingPath(String);

impl SettingPath {
    /// The path of a whole section.
    pub fn section(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// A key below this path.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// An item of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `other`, or something below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.strip_prefix(&other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl fmt::Display for SettingPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The daemon logs it as an error and goes on; the one-shot ends with exit code 2.
    Error,
    /// Logged as a warning in both.
    Warning,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The config document, or the config file.
    Document,
    /// An `--override`.
    Override,
}

/// One thing that is wrong with the configuration, as a sentence for people through `Display`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it comes from.
    pub origin: Origin,
    /// The setting.
    pub path: SettingPath,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a setting. Found values are described in a way that never shows a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// No collector of ours has such a section; it is kept.
    #[error("unknown section{0}")]
    UnknownSection(Close),
    /// The section has no such setting; in a document it is kept.
    #[error("unknown setting{0}")]
    UnknownKey(Close),
    /// The value is of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// For example `a whole number`.
        expected: String,
        /// For example `"five"`, or only `a string` where the value may be a credential.
        found: String,
    },
    /// A setting without default is not there.
    #[error("this setting is required and missing")]
    Missing,
    /// A variable of a placeholder is not set.
    #[error(
        "the environment variable {0} is not set or empty, so the default is used; set it, or change the setting"
    )]
    Unresolved(String),
    /// A variable of a placeholder is one of the worker's own.
    #[error(
        "the environment variable {0} is the worker's own and goes into no setting, so the default is used"
    )]
    Withheld(String),
    /// Two settings contradict each other.
    #[error("{0}")]
    Conflict(String),
    /// An override is not of the form `section.key=value`.
    #[error("an override has the form section.key=value")]
    NotAnOverride,
    /// A path goes on below a value that has nothing below it.
    #[error("there is nothing below this setting; it is {0}")]
    NothingBelow(String),
}

impl Problem {
    pub(crate) fn document(path: SettingPath, what: What) -> Self {
        Self { origin: Origin::Document, path, what }
    }

    pub(crate) fn of_override(path: SettingPath, what: What) -> Self {
        Self { origin: Origin::Override, path, what }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self.what {
            What::Unresolved(_) | What::Withheld(_) => Severity::Warning,
            What::UnknownSection(_)
            | What::UnknownKey(_)
            | What::WrongType { .. }
            | What::Missing
            | What::Conflict(_)
            | What::NotAnOverride
            | What::NothingBelow(_) => Severity::Error,
        }
    }

    /// Whether the value at the path cannot be used, as opposed to being ignored or replaced by intention. A
    /// refused override leaves the value of the document in place.
    pub(crate) fn spoils_value(&self) -> bool {
        match (self.origin, &self.what) {
            (Origin::Document, What::WrongType { .. } | What::Missing | What::Conflict(_)) => true,
            (Origin::Override, _)
            | (
                Origin::Document,
                What::UnknownSection(_)
                | What::UnknownKey(_)
                | What::Unresolved(_)
                | What::Withheld(_)
                | What::NotAnOverride
                | What::NothingBelow(_),
            ) => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.origin, &self.what) {
            (Origin::Document, What::UnknownSection(_) | What::UnknownKey(_)) => {
                write!(f, "{}: {} (it is kept and not used)", self.path, self.what)
            }
            (Origin::Document, what) => write!(f, "{}: {what}", self.path),
            (Origin::Override, what) => write!(f, "--override {}: {what}", self.path),
        }
    }
}

impl std::error::Error for Problem {}

//! Options that come from the environment.

use std::path::PathBuf;

use super::UsageError;
use crate::environment::Environment;

/// Looks up options by their long name.
pub(super) struct Variables<'a>(pub(super) &'a Environment);

/// The highest number of a numbered variable.
const LAST_NUMBER: u8 = 254;

impl<'a> Variables<'a> {
    /// The value of `FIXWORKER_<NAME>`. An empty one counts as not set.
    pub(super) fn text(&self, option: &str) -> Option<&'a str> {
        self.0.get(&variable(option)).filter(|value| !value.is_empty())
    }

    pub(super) fn path(&self, option: &str) -> Option<PathBuf> {
        self.text(option).map(PathBuf::from)
    }

    /// By the peer's rule: `true`, `1` and `yes` in any case are true, everything else is false.
    pub(super) fn flag(&self, option: &str) -> Option<bool> {
        self.text(option).map(is_true)
    }

    /// A value that has to be understood.
    pub(super) fn parsed<T>(
        &self,
        option: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, UsageError> {
        let Some(text) = self.text(option) else { return Ok(None) };
        let unusable = || {
            let variable = variable(option);
            UsageError::new(format!("{variable}: expected {expected}, found {text:?}"))
        };
        parse(text).ok_or_else(unusable).map(Some)
    }

    /// The values with spaces between them, else those of the numbered variables.
    pub(super) fn list(&self, option: &str) -> Vec<String> {
        if let Some(text) = self.text(option) {
            return text.split(' ').filter(|item| !item.is_empty()).map(str::to_owned).collect();
        }
        let name = variable(option);
        let numbered = (0..=LAST_NUMBER).filter_map(|number| self.0.get(&format!("{name}{number}")));
        numbered.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }
}

/// Whether a switch in the environment is on.
pub(super) fn is_true(text: &str) -> bool {
    ["true", "1", "yes"].contains(&text.to_lowercase().as_str())
}

fn variable(option: &str) -> String {
    format!("FIXWORKER_{}", option.replace('-', "_").to_uppercase())
}

//! The settings.

use std::fmt;

use collector::settings::{self, Setting, set};
use collector::{Failure, config_fault};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::json;

/// The section `scarf`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ScarfConfig {
    email: Option<String>,
    password: Option<String>,
    organizations: Vec<String>,
}

/// Who logs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Login<'c> {
    pub(crate) email: &'c str,
    pub(crate) password: &'c str,
}

impl ScarfConfig {
    /// Who logs in, if anybody does. One half of it is a mistake: without an account nothing would be told.
    pub(crate) fn login(&self) -> Result<Option<Login<'_>>, Failure> {
        // A password may begin or end with a space.
        let password = self.password.as_deref().filter(|password| !password.is_empty());
        let half = |there: &str, missing: &str| {
            let message = format!("scarf.{there} is set, but not scarf.{missing}");
            Err(config_fault(message, "both are needed to log in").into())
        };
        match (set(self.email.as_ref()), password) {
            (Some(email), Some(password)) => Ok(Some(Login { email, password })),
            (None, None) => Ok(None),
            (Some(_), None) => half("email", "password"),
            (None, Some(_)) => half("password", "email"),
        }
    }

    /// The names of the organizations, each once.
    pub(crate) fn organizations(&self) -> Vec<&str> {
        settings::names(&self.organizations)
    }
}

impl fmt::Debug for ScarfConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScarfConfig").field("organizations", &self.organizations).finish_non_exhaustive()
    }
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    settings::section(
        "scarf",
        &[
            Setting::new("email", "string", json!(""), "E-mail address of a user of Scarf"),
            Setting::new("password", "string", json!(""), "Password of the user"),
            Setting::new(
                "organizations",
                "string[]",
                json!([]),
                "Names of the organizations, of which the user is a member",
            ),
        ],
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_login_is_a_mistake_and_a_password_is_not_shown() {
        let config = |settings| serde_json::from_value::<ScarfConfig>(settings).unwrap();
        let whole = config(json!({"email": " me@x ", "password": "s3cret"}));
        let login = whole.login().unwrap().unwrap();
        assert_eq!((login.email, login.password), ("me@x", "s3cret"));
        assert!(!format!("{whole:?}").contains("s3cret"));
        assert!(config(json!({})).login().unwrap().is_none());
        let Err(Failure::Fault(told)) = config(json!({"password": "s3cret"})).login() else { panic!("half") };
        assert_eq!(told.message, "scarf.password is set, but not scarf.email");
    }
}

//! How an account is reached: what travels from the listing of accounts to their collection.

use serde::{Deserialize, Serialize};

/// How an account is reached. JSON on the wire; nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope {
    /// Name of the role to assume in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The profile whose credentials are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The partition it belongs to.
    pub partition: String,
    /// The regions to collect, as configured; empty are those that the account has enabled.
    #[serde(default)]
    pub regions: Vec<String>,
}

impl Scope {
    /// As it travels.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Scope::to_bytes`] wrote; `None` if it is something else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_survives_the_journey() {
        let scope = Scope {
            role: Some("Fix".to_owned()),
            profile: None,
            partition: "aws-cn".to_owned(),
            regions: vec!["cn-north-1".to_owned()],
        };
        assert_eq!(Scope::from_bytes(&scope.to_bytes()), Some(scope));
        assert_eq!(Scope::from_bytes(b""), None);
    }
}

//! The settings: credentials of teams.

use std::fmt;

use collector::{Failure, config_fault};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::{Value, json};

/// The section `digitalocean`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct DigitalOceanConfig {
    api_tokens: Vec<String>,
    spaces_access_keys: Vec<String>,
    credentials: Vec<Given>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
struct Given {
    api_token: String,
    #[serde(default)]
    spaces_keys: Option<GivenKeys>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
struct GivenKeys {
    access_key: String,
    secret_key: String,
}

impl fmt::Debug for DigitalOceanConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.credentials.len().max(self.api_tokens.len());
        write!(f, "DigitalOceanConfig {{ {of} credentials [redacted] }}")
    }
}

/// The credentials of one team.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credentials<'c> {
    pub(crate) token: &'c str,
    /// Key and secret for Spaces.
    pub(crate) keys: Option<(&'c str, &'c str)>,
}

impl DigitalOceanConfig {
    /// The credentials of all teams. Those in `credentials` take the place of the older lists.
    pub(crate) fn all(&self) -> Result<Vec<Credentials<'_>>, Failure> {
        let all = if self.credentials.is_empty() { self.of_lists()? } else { self.given()? };
        for (at, one) in all.iter().enumerate() {
            if one.token.is_empty() {
                return Err(wrong(at, "has no token", "give it the API token of a team"));
            }
            if all[..at].iter().any(|other| other.token == one.token) {
                return Err(wrong(
                    at,
                    "has the token of another one",
                    "a token belongs to one team: leave it out",
                ));
            }
        }
        Ok(all)
    }

    fn given(&self) -> Result<Vec<Credentials<'_>>, Failure> {
        let all = self.credentials.iter().enumerate().map(|(at, given)| {
            let keys = given.spaces_keys.as_ref();
            let keys = keys.map(|keys| (keys.access_key.trim(), keys.secret_key.trim()));
            let keys = keys.filter(|(key, secret)| !(key.is_empty() && secret.is_empty()));
            if keys.is_some_and(|(key, secret)| key.is_empty() || secret.is_empty()) {
                return Err(wrong(
                    at,
                    "has half a pair of spaces_keys",
                    "set both access_key and secret_key",
                ));
            }
            Ok(Credentials { token: given.api_token.trim(), keys })
        });
        all.collect()
    }

    fn of_lists(&self) -> Result<Vec<Credentials<'_>>, Failure> {
        let (tokens, keys) = (&self.api_tokens, &self.spaces_access_keys);
        if keys.len() > tokens.len() {
            let message = "digitalocean.spaces_access_keys has more entries than digitalocean.api_tokens";
            let hint = "give each token its keys, in the same order; or use digitalocean.credentials";
            return Err(config_fault(message, hint).into());
        }
        let all = tokens.iter().enumerate().map(|(at, token)| {
            let pair = keys.get(at).map(|pair| pair.trim()).filter(|pair| !matches!(*pair, "" | ":"));
            let keys = pair.map(|pair| {
                let parts =
                    pair.split_once(':').filter(|(key, secret)| !key.is_empty() && !secret.is_empty());
                parts.ok_or_else(|| {
                    wrong(at, "has keys of Spaces that are no pair", "write them like ACCESS_KEY:SECRET_KEY")
                })
            });
            Ok(Credentials { token: token.trim(), keys: keys.transpose()? })
        });
        all.collect()
    }
}

fn wrong(at: usize, what: &str, hint: &str) -> Failure {
    config_fault(format!("team number {} of the section digitalocean {what}", at + 1), hint).into()
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let setting = |name: &str, kind: &str, required: bool, description: &str| json!({"name": name, "kind": kind, "required": required, "description": description});
    let kind = |name: &str, properties: Vec<Value>, root: bool| {
        json!({
            "fqn": name,
            "bases": [],
            "properties": properties,
            "allow_unknown_props": false,
            "successor_kinds": null,
            "aggregate_root": root,
            "metadata": {"source": "digitalocean"},
        })
    };
    let keys = vec![
        setting("access_key", "string", true, "Access key of Spaces"),
        setting("secret_key", "string", true, "Secret key of Spaces"),
    ];
    let credentials = vec![
        setting(
            "api_token",
            "string",
            true,
            "API token of a team. Reading ones collect, deleting and tagging needs those that may write",
        ),
        setting(
            "spaces_keys",
            "digitalocean_spaces_keys",
            false,
            "Keys with which the team's Spaces are collected",
        ),
    ];
    let own = vec![
        setting("api_tokens", "string[]", false, "Older form of credentials: API tokens of the teams"),
        setting(
            "spaces_access_keys",
            "string[]",
            false,
            "Older form of credentials: keys of Spaces, ACCESS_KEY:SECRET_KEY, in the order of the tokens",
        ),
        setting(
            "credentials",
            "digitalocean_team_credentials[]",
            false,
            "Credentials of the teams to collect: [{'api_token': 'foo', 'spaces_keys': {'access_key': 'bar', 'secret_key': 'baz'}}]. With them, api_tokens and spaces_access_keys are without effect",
        ),
    ];
    let kinds = json!([
        kind("digitalocean_spaces_keys", keys, false),
        kind("digitalocean_team_credentials", credentials, false),
        kind("digitalocean", own, true),
    ]);
    Section {
        name: "digitalocean".to_owned(),
        kinds_json: kinds.to_string(),
        defaults_json: json!({"api_tokens": [], "spaces_access_keys": [], "credentials": []}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(section: Value) -> DigitalOceanConfig {
        serde_json::from_value(section).unwrap()
    }

    fn wrong(section: Value) -> String {
        match config(section).all() {
            Err(Failure::Fault(fault)) => fault.message,
            other => panic!("{:?}", other.map(|all| all.len())),
        }
    }

    #[test]
    fn both_forms_are_read() {
        let both = config(json!({
            "api_tokens": ["old"], "spaces_access_keys": ["broken"],
            "credentials": [{"api_token": " a ", "spaces_keys": {"access_key": "k", "secret_key": "s"}}, {"api_token": "b", "spaces_keys": null}],
        }));
        let all = both.all().unwrap();
        assert!(all[0].token == "a" && all[0].keys == Some(("k", "s")));
        assert!(all[1].token == "b" && all[1].keys.is_none());
        let lists = config(json!({"api_tokens": ["a", "b", "c"], "spaces_access_keys": ["k:s:t", ":"]}));
        let all = lists.all().unwrap();
        assert!(all[0].keys == Some(("k", "s:t")) && all[1].keys.is_none() && all[2].keys.is_none());
        assert!(config(json!({})).all().unwrap().is_empty());
    }

    #[test]
    fn mistakes_name_the_team() {
        let team = "team number 1 of the section digitalocean";
        assert_eq!(wrong(json!({"api_tokens": [" "]})), format!("{team} has no token"));
        let keys = json!({"api_tokens": ["a"], "spaces_access_keys": ["k"]});
        assert_eq!(wrong(keys), format!("{team} has keys of Spaces that are no pair"));
        let half = json!({"credentials": [{"api_token": "a", "spaces_keys": {"access_key": "k", "secret_key": ""}}]});
        assert_eq!(wrong(half), format!("{team} has half a pair of spaces_keys"));
        assert!(wrong(json!({"api_tokens": ["a", "a"]})).starts_with("team number 2"));
        assert!(wrong(json!({"api_tokens": [], "spaces_access_keys": ["k:s"]})).contains("more entries"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown =
            format!("{:?}", config(json!({"api_tokens": ["s3cret"], "spaces_access_keys": ["k:s3cret"]})));
        assert_eq!(shown, "DigitalOceanConfig { 1 credentials [redacted] }");
    }
}

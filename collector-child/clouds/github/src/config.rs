//! The settings.

use std::fmt;
use std::time::Duration;

use collector::settings::{self, Setting};
use collector::{Failure, config_fault};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::duration;

/// The section `github`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct GitHubConfig {
    access_token: Option<String>,
    organizations: Vec<String>,
    repos: Vec<String>,
    users: Vec<String>,
    pull_request_state: String,
    pull_request_sort: String,
    pull_request_direction: String,
    pull_request_limit: Option<u64>,
    pull_request_age: Option<String>,
}

impl Default for GitHubConfig {
    fn default() -> Self {
        Self {
            access_token: None,
            organizations: Vec::new(),
            repos: Vec::new(),
            users: Vec::new(),
            pull_request_state: "open".to_owned(),
            pull_request_sort: "created".to_owned(),
            pull_request_direction: "desc".to_owned(),
            pull_request_limit: None,
            pull_request_age: None,
        }
    }
}

/// What may be chosen: the setting, the name of its kind, the choices.
const CHOICES: [(&str, &str, &[&str]); 3] = [
    ("pull_request_state", "pull_request_state", &["open", "closed", "all"]),
    ("pull_request_sort", "pull_request_sort", &["created", "updated", "popularity", "long-running"]),
    ("pull_request_direction", "pull_request_direction", &["asc", "desc"]),
];

/// What is wanted of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) organizations: Vec<String>,
    pub(crate) users: Vec<String>,
    pub(crate) repositories: Vec<Name>,
    /// Names of repositories that are none.
    pub(crate) wrong: Vec<String>,
    pub(crate) pulls: Pulls,
}

/// A repository and its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) owner: String,
    pub(crate) repository: String,
}

/// Which pull requests are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pulls {
    pub(crate) state: String,
    pub(crate) sort: String,
    pub(crate) direction: String,
    pub(crate) limit: Option<u64>,
    pub(crate) age: Option<Duration>,
}

impl GitHubConfig {
    /// The token, if there is one.
    pub(crate) fn token(&self) -> Option<&str> {
        settings::set(self.access_token.as_ref())
    }

    /// What is wanted.
    pub(crate) fn wishes(&self) -> Result<Wishes, Failure> {
        let chosen = [&self.pull_request_state, &self.pull_request_sort, &self.pull_request_direction];
        for ((setting, _, choices), chosen) in CHOICES.iter().zip(chosen) {
            if !choices.contains(&chosen.as_str()) {
                let message = format!("github.{setting} is none of its choices");
                return Err(config_fault(message, format!("they are {}", choices.join(", "))).into());
            }
        }
        let age = match settings::set(self.pull_request_age.as_ref()) {
            None => None,
            Some(text) => Some(duration::parse(text).ok_or_else(|| {
                config_fault("github.pull_request_age is no duration", "write it like 7d, 2w or 12h")
            })?),
        };
        let (repositories, wrong) = names(&self.repos);
        Ok(Wishes {
            organizations: once(&self.organizations),
            users: once(&self.users),
            repositories,
            wrong,
            pulls: Pulls {
                state: self.pull_request_state.clone(),
                sort: self.pull_request_sort.clone(),
                direction: self.pull_request_direction.clone(),
                limit: self.pull_request_limit,
                age,
            },
        })
    }
}

/// Names of GitHub are the same in any case of letters.
fn once(list: &[String]) -> Vec<String> {
    let mut once: Vec<String> = Vec::with_capacity(list.len());
    for name in settings::names(list) {
        if !once.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            once.push(name.to_owned());
        }
    }
    once
}

fn names(list: &[String]) -> (Vec<Name>, Vec<String>) {
    let (mut names, mut wrong) = (Vec::new(), Vec::new());
    for text in once(list) {
        match text.split_once('/') {
            Some((owner, repository))
                if !owner.is_empty() && !repository.is_empty() && !repository.contains('/') =>
            {
                names.push(Name { owner: owner.to_owned(), repository: repository.to_owned() });
            }
            _ => wrong.push(text),
        }
    }
    (names, wrong)
}

impl fmt::Debug for GitHubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubConfig")
            .field("organizations", &self.organizations)
            .field("repos", &self.repos)
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let choices = |(_, kind, choices): &(&str, &str, &[&str])| -> Value {
        json!({"fqn": kind, "runtime_kind": "string", "enum": choices})
    };
    settings::section(
        "github",
        &[
            Setting::new(
                "access_token",
                "string",
                Value::Null,
                "Token that may read what is collected; traffic of repositories needs one that may push",
            ),
            Setting::new("organizations", "string[]", json!([]), "Names of organizations"),
            Setting::new(
                "repos",
                "string[]",
                json!([]),
                "Names of repositories with their owner: OWNER/NAME",
            ),
            Setting::new("users", "string[]", json!([]), "Names of users"),
            Setting::new(
                "pull_request_state",
                "pull_request_state",
                json!("open"),
                "Pull requests in this state: open, closed or all",
            ),
            Setting::new(
                "pull_request_sort",
                "pull_request_sort",
                json!("created"),
                "Order of pull requests: created, updated, popularity or long-running",
            ),
            Setting::new(
                "pull_request_direction",
                "pull_request_direction",
                json!("desc"),
                "Direction of that order: asc or desc",
            ),
            Setting::new(
                "pull_request_limit",
                "int64",
                Value::Null,
                "So many pull requests of each repository at most",
            ),
            Setting::new(
                "pull_request_age",
                "string",
                Value::Null,
                "Pull requests that are not older than this: 7d, 2w",
            ),
        ],
        CHOICES.iter().map(choices).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: Value) -> GitHubConfig {
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn names_are_told_once_in_any_case_and_wrong_ones_are_known() {
        let wishes =
            config(json!({"repos": ["a/b", "A/B ", "c", "d/", "e/f/g", "a/c"], "users": ["u", "U"]}));
        let wishes = wishes.wishes().unwrap();
        assert_eq!(wishes.repositories.len(), 2);
        assert_eq!(wishes.wrong, ["c", "d/", "e/f/g"]);
        assert_eq!(wishes.users, ["u"]);
    }

    #[test]
    fn choices_and_durations_are_looked_at() {
        assert!(config(json!({"pull_request_state": "ajar"})).wishes().is_err());
        assert!(config(json!({"pull_request_age": "old"})).wishes().is_err());
        let age = config(json!({"pull_request_age": "2w"})).wishes().unwrap().pulls.age;
        assert_eq!(age, Some(Duration::from_hours(14 * 24)));
    }

    #[test]
    fn a_token_is_not_shown() {
        let config = config(json!({"access_token": " ghp_1 "}));
        assert_eq!(config.token(), Some("ghp_1"));
        assert!(!format!("{config:?}").contains("ghp"));
    }
}

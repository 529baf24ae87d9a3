//! The settings: names of projects, and their tokens in the same order.

use std::fmt;

use collector::{Failure, config_fault};
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::{Value, json};

/// The section `hetzner`. Names and types are those of the Python worker, so that both can share a fixcore.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct HetznerConfig {
    pub(crate) hcloud_project_names: Vec<String>,
    pub(crate) hcloud_tokens: Vec<String>,
}

impl fmt::Debug for HetznerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hcloud_project_names, hcloud_tokens } = self;
        write!(f, "HetznerConfig {{ {hcloud_project_names:?}, {} tokens [redacted] }}", hcloud_tokens.len())
    }
}

/// A project and its token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Project<'c> {
    pub(crate) name: &'c str,
    pub(crate) token: &'c str,
}

impl HetznerConfig {
    /// The projects. Names and tokens that do not belong together are a mistake: a change would reach another project.
    pub(crate) fn projects(&self) -> Result<Vec<Project<'_>>, Failure> {
        let Self { hcloud_project_names: names, hcloud_tokens: tokens } = self;
        if names.len() != tokens.len() {
            let message = format!(
                "hetzner.hcloud_project_names has {}, hetzner.hcloud_tokens has {}",
                counted(names.len(), "name"),
                counted(tokens.len(), "token")
            );
            return Err(
                config_fault(message, "give each project a name and a token, in the same order").into()
            );
        }
        let projects: Vec<Project<'_>> = names
            .iter()
            .zip(tokens)
            .map(|(name, token)| Project { name: name.trim(), token: token.trim() })
            .collect();
        for (at, project) in projects.iter().enumerate() {
            let number = at + 1;
            if project.name.is_empty() || project.token.is_empty() {
                let message =
                    format!("project number {number} of the section hetzner has no name or no token");
                return Err(
                    config_fault(message, "give each project a name and a token, in the same order").into()
                );
            }
            let before = &projects[..at];
            if before.iter().any(|other| other.name == project.name) {
                let message = format!("hetzner.hcloud_project_names has {:?} twice", project.name);
                return Err(config_fault(message, "names tell projects apart: give each its own").into());
            }
            if let Some(other) = before.iter().find(|other| other.token == project.token) {
                let message =
                    format!("the projects {:?} and {:?} have the same token", other.name, project.name);
                return Err(config_fault(message, "a token belongs to one project").into());
            }
        }
        Ok(projects)
    }

    /// The project of this name.
    pub(crate) fn project(&self, name: &str) -> Result<Option<Project<'_>>, Failure> {
        Ok(self.projects()?.into_iter().find(|project| project.name == name))
    }
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let setting = |name: &str, description: &str| json!({"name": name, "kind": "string[]", "required": false, "description": description});
    let properties: Vec<Value> = vec![
        setting(
            "hcloud_project_names",
            "Names of the projects, in the order of their tokens. The API does not tell the name of a project, so it is given here",
        ),
        setting(
            "hcloud_tokens",
            "API tokens of the projects. Reading ones collect, deleting and labelling needs those that may write",
        ),
    ];
    let kinds = json!([{
        "fqn": "hetzner",
        "bases": [],
        "properties": properties,
        "allow_unknown_props": false,
        "successor_kinds": null,
        "aggregate_root": true,
        "metadata": {"source": "hetzner"},
    }]);
    Section {
        name: "hetzner".to_owned(),
        kinds_json: kinds.to_string(),
        defaults_json: json!({"hcloud_project_names": [], "hcloud_tokens": []}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(names: &[&str], tokens: &[&str]) -> HetznerConfig {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        HetznerConfig { hcloud_project_names: texts(names), hcloud_tokens: texts(tokens) }
    }

    fn wrong(names: &[&str], tokens: &[&str]) -> String {
        match config(names, tokens).projects() {
            Err(Failure::Fault(fault)) => fault.message,
            other => panic!("{:?}", other.map(|projects| projects.len())),
        }
    }

    #[test]
    fn names_and_tokens_belong_together() {
        let config = config(&["a", " b "], &["1", "2"]);
        assert_eq!(config.project("b").unwrap().unwrap().token, "2");
        assert!(config.project("c").unwrap().is_none());
        assert_eq!(
            wrong(&["a"], &["1", "2"]),
            "hetzner.hcloud_project_names has 1 name, hetzner.hcloud_tokens has 2 tokens"
        );
        assert_eq!(wrong(&["a", "a"], &["1", "2"]), "hetzner.hcloud_project_names has \"a\" twice");
        assert_eq!(wrong(&["a", "b"], &["1", "1"]), "the projects \"a\" and \"b\" have the same token");
        assert_eq!(
            wrong(&["a", ""], &["1", "2"]),
            "project number 2 of the section hetzner has no name or no token"
        );
    }

    #[test]
    fn tokens_are_not_shown() {
        assert_eq!(
            format!("{:?}", config(&["a"], &["s3cret"])),
            "HetznerConfig { [\"a\"], 1 tokens [redacted] }"
        );
    }
}

//! The settings: where kubeconfigs are, and which kinds are wanted.

use std::fmt;

use engine::Wanted;
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::{Value, json};

/// The section `k8s`. Names and types are those of the Python worker, so that both can share a fixcore; sections of its first
/// version are understood.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct K8sConfig {
    /// Kubeconfigs, written into the settings.
    pub(crate) configs: Vec<Value>,
    pub(crate) config_files: Vec<ConfigFile>,
    pub(crate) collect: Vec<String>,
    pub(crate) no_collect: Vec<String>,
}

/// A kubeconfig, and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenFile")]
pub(crate) struct ConfigFile {
    pub(crate) path: String,
    /// Names of contexts; `None` is all.
    pub(crate) contexts: Option<Vec<String>>,
}

/// The section as it may be written: as it is now, and as its first version was.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    configs: Option<Vec<Value>>,
    config_files: Option<Vec<ConfigFile>>,
    collect: Option<Vec<String>>,
    no_collect: Option<Vec<String>>,
    /// Without effect on an account, but checked as all settings are.
    #[serde(rename = "pool_size")]
    _pool_size: Option<u64>,
    #[serde(rename = "fork_process")]
    _fork_process: Option<bool>,
    #[serde(flatten)]
    before: FirstVersion,
}

/// Lists that belong together by position: a name, an address, a token; and files with a context each.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FirstVersion {
    cluster: Option<Vec<String>>,
    apiserver: Option<Vec<String>>,
    token: Option<Vec<String>>,
    cacert: Option<Vec<String>>,
    config: Option<Vec<String>>,
    context: Option<Vec<String>>,
    all_contexts: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenFile {
    Path(String),
    File {
        path: String,
        #[serde(default)]
        contexts: Option<Vec<String>>,
        #[serde(default)]
        all_contexts: Option<bool>,
    },
}

impl fmt::Debug for K8sConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { configs, config_files, collect, no_collect } = self;
        f.debug_struct("K8sConfig")
            .field("configs", &format!("{} [redacted]", configs.len()))
            .field("config_files", config_files)
            .field("collect", collect)
            .field("no_collect", no_collect)
            .finish()
    }
}

impl From<Written> for K8sConfig {
    fn from(written: Written) -> Self {
        let (collect, no_collect) =
            (written.collect.unwrap_or_default(), written.no_collect.unwrap_or_default());
        if written.before.is_there() {
            let (configs, config_files) = written.before.migrated();
            return Self { configs, config_files, collect, no_collect };
        }
        let configs = written.configs.unwrap_or_default().iter().map(whole).collect();
        Self { configs, config_files: written.config_files.unwrap_or_default(), collect, no_collect }
    }
}

impl From<WrittenFile> for ConfigFile {
    fn from(written: WrittenFile) -> Self {
        match written {
            WrittenFile::Path(path) => Self { path, contexts: None },
            WrittenFile::File { path, contexts, all_contexts } => {
                let some = !all_contexts.unwrap_or(true);
                Self { path, contexts: some.then(|| contexts.unwrap_or_default()) }
            }
        }
    }
}

impl Wanted for K8sConfig {
    fn collects(&self, kind: &str) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == kind);
        (self.collect.is_empty() || named(&self.collect)) && !named(&self.no_collect)
    }

    fn empty_regions(&self) -> bool {
        true
    }
}

impl FirstVersion {
    fn is_there(&self) -> bool {
        let Self { cluster, apiserver, token, config, context, cacert: _, all_contexts: _ } = self;
        [cluster, apiserver, token, config, context].into_iter().any(Option::is_some)
    }

    fn migrated(self) -> (Vec<Value>, Vec<ConfigFile>) {
        let Self { cluster, apiserver, token, cacert, config, context, all_contexts } = self;
        let at = |texts: &Option<Vec<String>>, position: usize| {
            texts.as_ref().and_then(|texts| texts.get(position)).cloned().unwrap_or_default()
        };
        let named = cluster.unwrap_or_default();
        let configs = named.iter().enumerate().map(|(position, name)| {
            kubeconfig(name, &at(&apiserver, position), &at(&token, position), &at(&cacert, position))
        });
        let all = all_contexts.unwrap_or_default();
        let files = config.unwrap_or_default().into_iter().enumerate().map(|(position, path)| ConfigFile {
            path,
            contexts: (!all).then(|| vec![at(&context, position)]),
        });
        (configs.collect(), files.collect())
    }
}

/// A kubeconfig as it is; one that is only name, server and token becomes one.
fn whole(config: &Value) -> Value {
    let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
    if config.get("name").is_none_or(Value::is_null) {
        return config.clone();
    }
    kubeconfig(text("name"), text("server"), text("token"), text("certificate_authority_data"))
}

fn kubeconfig(name: &str, server: &str, token: &str, authority: &str) -> Value {
    let mut cluster = json!({"server": server});
    if !authority.is_empty() {
        cluster["certificate-authority-data"] = authority.into();
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    })
}

/// The section with all settings and defaults.
pub(crate) fn section() -> Section {
    let setting = |name: &str, kind: &str, description: &str| json!({"name": name, "kind": kind, "required": false, "description": description});
    let kind = |name: &str, properties: Vec<Value>| {
        json!({
            "fqn": name,
            "bases": [],
            "properties": properties,
            "allow_unknown_props": false,
            "successor_kinds": null,
            "aggregate_root": true,
            "metadata": {"source": "k8s"},
        })
    };
    let of_file = vec![
        setting("path", "string", "Path of the kubeconfig"),
        setting(
            "contexts",
            "string[]",
            "The contexts to collect, if all_contexts is false. Each is a cluster, called by the name of its context",
        ),
        setting("all_contexts", "boolean", "Collect all contexts of the file (the default)"),
    ];
    let mut properties = vec![
        setting(
            "configs",
            "dictionary[string, any][]",
            "Kubeconfigs, each as one entry, or name, server, token and certificate_authority_data of a cluster. \
             Plugins that get credentials (exec) are only started, and credentials in files only read, for config_files",
        ),
        setting(
            "config_files",
            "k8s_config_file[]",
            "Kubeconfig files. Without configs and config_files: $KUBECONFIG or ~/.kube/config, else the cluster that the \
             worker runs in",
        ),
        setting("collect", "string[]", "Kinds to collect (default: all)"),
        setting("no_collect", "string[]", "Kinds not to collect (default: none)"),
        setting("pool_size", "int64", "How many clusters are collected at once"),
        setting(
            "fork_process",
            "boolean",
            "Without effect: each cluster is collected in a process of its own",
        ),
    ];
    // Without defaults, so that nobody finds them who does not have them.
    let before = ["token", "context", "cluster", "apiserver", "config", "cacert"];
    properties.extend(before.into_iter().map(|name| {
        setting(
            name,
            "string[]",
            "Of the first version of this section: configs and config_files have taken its place",
        )
    }));
    properties.push(setting(
        "all_contexts",
        "boolean",
        "Of the first version of this section: collect all contexts of the files in config",
    ));
    let kinds = json!([kind("k8s", properties), kind("k8s_config_file", of_file)]);
    let defaults = json!({
        "configs": [], "config_files": [], "collect": [], "no_collect": [], "pool_size": 4, "fork_process": false,
    });
    Section { name: "k8s".to_owned(), kinds_json: kinds.to_string(), defaults_json: defaults.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(section: Value) -> K8sConfig {
        serde_json::from_value(section).unwrap()
    }

    #[test]
    fn files_and_kubeconfigs_are_read() {
        let config = config(json!({
            "configs": [{"clusters": []}, {"name": "short", "server": "https://a", "token": "t"}],
            "config_files": [
                {"path": "/a"}, {"path": "/b", "contexts": ["x"], "all_contexts": false}, {"path": "/c", "contexts": ["x"]}, "/d"
            ],
            "collect": null,
        }));
        let contexts: Vec<_> = config.config_files.iter().map(|file| file.contexts.clone()).collect();
        assert_eq!(contexts, [None, Some(vec!["x".to_owned()]), None, None]);
        assert_eq!(config.configs[1]["clusters"][0]["cluster"], json!({"server": "https://a"}));
        assert!(config.collects("kubernetes_pod"));
    }

    #[test]
    fn sections_of_the_first_version_are_migrated() {
        let config = config(json!({
            "context": ["one"], "config": ["/a", "/b"], "cluster": ["c", "d"], "apiserver": ["https://c", "https://d"],
            "token": ["t"], "cacert": ["Q0E="], "no_collect": ["kubernetes_pod"],
        }));
        assert_eq!(config.config_files[0].contexts, Some(vec!["one".to_owned()]));
        assert_eq!(config.config_files[1].contexts, Some(vec![String::new()]));
        assert_eq!(
            config.configs[0]["clusters"][0]["cluster"],
            json!({"server": "https://c", "certificate-authority-data": "Q0E="})
        );
        assert_eq!(config.configs[1]["users"][0]["user"]["token"], "");
        assert!(!config.collects("kubernetes_pod") && config.collects("kubernetes_node"));
    }

    #[test]
    fn tokens_are_not_shown() {
        let config = config(json!({"configs": [{"name": "a", "server": "b", "token": "s3cret"}]}));
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}

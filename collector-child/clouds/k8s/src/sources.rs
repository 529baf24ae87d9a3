//! Where kubeconfigs come from: the settings, files, or the cluster that the worker runs in.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{ConfigFile, K8sConfig};
use crate::kubeconfig::{Cluster, Given, Kubeconfig, Target, User};

/// What the kubelet gives to a pod.
const POD: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The cluster that the worker runs in, which has no name there.
pub(crate) const IN_CLUSTER: &str = "in-cluster";

/// The machine, as far as it is asked.
pub(crate) struct Machine<'m> {
    pub(crate) variable: &'m dyn Fn(&str) -> Option<String>,
    pub(crate) read: &'m dyn Fn(&Path) -> io::Result<String>,
}

/// Clusters that are found, and what is wrong with others: sentences for people.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) targets: Vec<Target>,
    pub(crate) wrong: Vec<String>,
}

impl Found {
    fn add(&mut self, source: &str, target: Result<Target, String>) {
        match target {
            Err(why) => self.wrong.push(format!("{source}: {why}")),
            Ok(target) => match self.targets.iter().find(|known| known.name == target.name) {
                None => self.targets.push(target),
                // The same file twice.
                Some(known) if known.cluster == target.cluster => {}
                Some(_) => self.wrong.push(format!(
                    "{source}: there is another context {} already, and clusters are told apart by that name",
                    target.name
                )),
            },
        }
    }
}

/// The clusters that the settings name.
pub(crate) fn find(config: &K8sConfig, machine: &Machine<'_>) -> Found {
    let mut found = Found::default();
    for file in &config.config_files {
        of_file(file, machine, &mut found);
    }
    for (at, inline) in config.configs.iter().enumerate() {
        of_settings(&format!("k8s.configs[{at}]"), inline, &mut found);
    }
    if config.config_files.is_empty() && config.configs.is_empty() {
        of_machine(machine, &mut found);
    }
    found
}

fn of_file(file: &ConfigFile, machine: &Machine<'_>, found: &mut Found) {
    let path = at_home(&file.path, machine);
    let source = path.display().to_string();
    match read(&path, machine) {
        Err(why) => found.wrong.push(format!("{source}: {why}")),
        Ok(kubeconfig) => {
            let all = || kubeconfig.names().map(str::to_owned).collect();
            for name in file.contexts.clone().unwrap_or_else(all).iter().filter(|name| !name.is_empty()) {
                found.add(&source, kubeconfig.target(name));
            }
        }
    }
}

/// Programs are only started, and credentials only read, for files of this machine: the settings come from fixcore, and who may
/// write them must neither run anything here nor have what is here sent to a server of his.
fn of_settings(source: &str, inline: &Value, found: &mut Found) {
    let Some(members) = inline.as_object() else {
        found.wrong.push(format!("{source}: it is no kubeconfig: an object is expected"));
        return;
    };
    let kubeconfig = Kubeconfig::read(members, Path::new("/"));
    for name in kubeconfig.names() {
        found.add(source, kubeconfig.target(name).and_then(without_this_machine));
    }
}

fn without_this_machine(target: Target) -> Result<Target, String> {
    let Target { name, user, .. } = &target;
    let file = |given: &Option<Given>| matches!(given, Some(Given::File(_)));
    let does = if let Some(exec) = &user.exec {
        format!("starts the program {}", exec.command)
    } else if user.token_file.is_some() || file(&user.certificate) || file(&user.key) {
        "reads credentials from a file of this machine".to_owned()
    } else {
        return Ok(target);
    };
    Err(format!(
        "the context {name} {does}, which is only done for files: name a kubeconfig in k8s.config_files"
    ))
}

/// As `kubectl` without a word: the files of a variable, that of the user, or what a pod is given.
fn of_machine(machine: &Machine<'_>, found: &mut Found) {
    let named = (machine.variable)("KUBECONFIG").unwrap_or_default();
    let mut paths: Vec<PathBuf> =
        std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
    let own = paths.is_empty();
    if own {
        paths.push(at_home("~/.kube/config", machine));
    }
    let mut merged = Kubeconfig::default();
    let mut there = false;
    for path in &paths {
        match (machine.read)(path) {
            // Not all that the variable names has to be there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => found.wrong.push(format!("{}: it cannot be read: {error}", path.display())),
            Ok(text) => match Kubeconfig::parse(&text, folder(path)) {
                Ok(kubeconfig) => (merged, there) = (merged.merged(kubeconfig), true),
                Err(why) => found.wrong.push(format!("{}: {why}", path.display())),
            },
        }
    }
    let source = if own { "~/.kube/config" } else { "$KUBECONFIG" };
    for name in merged.names() {
        found.add(source, merged.target(name));
    }
    if !there && found.wrong.is_empty() {
        found.targets.extend(of_pod(machine));
    }
}

fn of_pod(machine: &Machine<'_>) -> Option<Target> {
    let variable = |name: &str| (machine.variable)(name).filter(|value| !value.is_empty());
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    let folder = Path::new(POD);
    let token = folder.join("token");
    (machine.read)(&token).ok()?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let cluster = Cluster {
        server: format!("https://{host}:{port}"),
        authority: Some(Given::File(folder.join("ca.crt"))),
        ..Cluster::default()
    };
    let user = User { token_file: Some(token), ..User::default() };
    Some(Target { name: IN_CLUSTER.to_owned(), cluster, user })
}

fn read(path: &Path, machine: &Machine<'_>) -> Result<Kubeconfig, String> {
    let text = (machine.read)(path).map_err(|error| format!("it cannot be read: {error}"))?;
    Kubeconfig::parse(&text, folder(path))
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn at_home(path: &str, machine: &Machine<'_>) -> PathBuf {
    let home = (machine.variable)("HOME");
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONE: &str = "clusters: [{name: c, cluster: {server: https://one}}]\ncontexts: [{name: a, context: {cluster: c}}, {name: b, context: {cluster: c}}]";
    const TWO: &str = "clusters: [{name: c, cluster: {server: https://two}}]\ncontexts: [{name: a, context: {cluster: c}}, {name: d, context: {cluster: c}}]";

    fn found(section: Value, variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let read = |path: &Path| match path.to_str().unwrap() {
            "/one" => Ok(ONE.to_owned()),
            "/two" | "/home/x/.kube/config" => Ok(TWO.to_owned()),
            "/var/run/secrets/kubernetes.io/serviceaccount/token" => Ok("t".to_owned()),
            "/broken" => Ok("- no".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        let config: K8sConfig = serde_json::from_value(section).unwrap();
        let found = find(&config, &Machine { variable: &variable, read: &read });
        let targets =
            found.targets.into_iter().map(|target| format!("{} {}", target.name, target.cluster.server));
        (targets.collect(), found.wrong)
    }

    #[test]
    fn files_of_the_settings_are_read_with_their_contexts() {
        let (targets, wrong) = found(
            json!({"config_files": [{"path": "/one", "all_contexts": false, "contexts": ["b", "z"]}, {"path": "/two"}, {"path": "/none"}, {"path": "/broken"}]}),
            &[("KUBECONFIG", "/one")],
        );
        assert_eq!(targets, ["b https://one", "a https://two", "d https://two"]);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(wrong[1].starts_with("/none: it cannot be read"), "{wrong:?}");
    }

    #[test]
    fn settings_start_no_programs_and_read_no_credentials() {
        let of_user = |user: Value| {
            json!({"clusters": [{"name": "c", "cluster": {"server": "https://c", "certificate-authority": "/ca.crt"}}], "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}, {"name": "y", "context": {"cluster": "c"}}]})
        };
        let program = of_user(json!({"exec": {"command": "rm"}}));
        let (targets, wrong) = found(json!({"configs": [program, ONE]}), &[]);
        assert_eq!(targets, ["y https://c"]);
        assert!(wrong[0].contains("starts the program rm, which is only done for files"), "{wrong:?}");
        assert_eq!(wrong.len(), 2);
        for user in [
            json!({"tokenFile": "/token"}),
            json!({"client-certificate-data": "Q0VSVA==", "client-key": "/key"}),
            json!({"client-certificate": "/cert", "client-key-data": "S0VZ"}),
        ] {
            let (targets, wrong) = found(json!({"configs": [of_user(user)]}), &[]);
            assert_eq!(targets, ["y https://c"]);
            assert!(wrong[0].contains("reads credentials from a file of this machine"), "{wrong:?}");
        }
    }

    #[test]
    fn without_settings_it_is_what_kubectl_takes() {
        let both = found(json!({}), &[("KUBECONFIG", "/one:/nowhere:/two")]);
        assert_eq!(
            both,
            (vec!["a https://one".into(), "b https://one".into(), "d https://one".into()], Vec::new())
        );
        assert_eq!(found(json!({}), &[("HOME", "/home/x")]).0, ["a https://two", "d https://two"]);
        let pod = [("KUBERNETES_SERVICE_HOST", "fd00::1"), ("KUBERNETES_SERVICE_PORT", "443")];
        assert_eq!(found(json!({}), &pod).0, ["in-cluster https://[fd00::1]:443"]);
        assert_eq!(found(json!({}), &[]), (Vec::new(), Vec::new()));
        let other = found(json!({"config_files": [{"path": "/one"}, {"path": "/two"}]}), &[]);
        assert_eq!(other.0, ["a https://one", "b https://one", "d https://two"]);
        assert!(other.1[0].contains("there is another context a already"), "{other:?}");
    }
}

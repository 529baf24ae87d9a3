//! Kubeconfigs: read, merged, and what a context leads to. No I/O.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// One or several kubeconfigs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kubeconfig {
    clusters: Vec<(String, Cluster)>,
    users: Vec<(String, User)>,
    contexts: Vec<(String, Context)>,
}

/// A secret text.
pub(crate) type Secret = Zeroizing<String>;

/// Something that stands in the kubeconfig, or in a file beside it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// Base64.
    Data(Secret),
    /// Where it is.
    File(PathBuf),
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(_) => f.write_str("Data([redacted])"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// How a cluster is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) server: String,
    pub(crate) authority: Option<Given>,
    pub(crate) server_name: Option<String>,
    pub(crate) proxy: Option<String>,
    /// It says that certificates are not to be verified.
    pub(crate) insecure: bool,
}

/// Who asks.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) certificate: Option<Given>,
    pub(crate) key: Option<Given>,
    pub(crate) token: Option<Secret>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) basic: Option<(String, Secret)>,
    pub(crate) exec: Option<Exec>,
    pub(crate) provider: Option<Provider>,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("token_file", &self.token_file)
            .field("exec", &self.exec)
            .finish_non_exhaustive()
    }
}

/// A program that gives credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Exec {
    pub(crate) command: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, Secret)>,
    pub(crate) version: String,
    pub(crate) provide_cluster: bool,
    pub(crate) install_hint: Option<String>,
    /// The folder of its kubeconfig, for commands that are paths.
    pub(crate) folder: PathBuf,
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").field("command", &self.command).finish_non_exhaustive()
    }
}

/// A way to get credentials that clients have built in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) config: Vec<(String, Secret)>,
}

impl Provider {
    /// A setting of it.
    pub(crate) fn get(&self, name: &str) -> Option<&Secret> {
        self.config.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Default)]
struct Context {
    cluster: String,
    user: String,
}

/// What a context leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name of the context, which is that of the account.
    pub(crate) name: String,
    pub(crate) cluster: Cluster,
    pub(crate) user: User,
}

impl Kubeconfig {
    /// Reads the text of a file, YAML or JSON. Paths in it begin at `folder`. The error never quotes the text.
    pub(crate) fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        match serde_saphyr::from_str::<Value>(text) {
            Ok(Value::Object(members)) => Ok(Self::read(&members, folder)),
            Ok(Value::Null) => Ok(Self::default()),
            Ok(_) => Err("it is no kubeconfig: an object is expected".to_owned()),
            Err(_) => Err("it is no kubeconfig: neither YAML nor JSON".to_owned()),
        }
    }

    /// Reads one that is written into the settings.
    pub(crate) fn read(members: &Map<String, Value>, folder: &Path) -> Self {
        let entries = |many: &str, one: &str| {
            let all = members.get(many).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let entry =
                |entry: &Value| Some((text(entry, "name")?, entry.get(one).cloned().unwrap_or_default()));
            all.iter().filter_map(entry).collect::<Vec<_>>()
        };
        let clusters =
            entries("clusters", "cluster").into_iter().map(|(name, of)| (name, cluster(&of, folder)));
        let users = entries("users", "user").into_iter().map(|(name, of)| (name, user(&of, folder)));
        let contexts = entries("contexts", "context").into_iter().map(|(name, of)| {
            let part = |name| text(&of, name).unwrap_or_default();
            (name, Context { cluster: part("cluster"), user: part("user") })
        });
        Self { clusters: clusters.collect(), users: users.collect(), contexts: contexts.collect() }
    }

    /// With what another one has besides: of two things of one name the first counts.
    #[must_use]
    pub(crate) fn merged(mut self, other: Self) -> Self {
        fn add<T>(mine: &mut Vec<(String, T)>, theirs: Vec<(String, T)>) {
            for (name, thing) in theirs {
                if !mine.iter().any(|(known, _)| *known == name) {
                    mine.push((name, thing));
                }
            }
        }
        add(&mut self.clusters, other.clusters);
        add(&mut self.users, other.users);
        add(&mut self.contexts, other.contexts);
        self
    }

    /// Names of the contexts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.contexts.iter().map(|(name, _)| name.as_str())
    }

    /// What a context leads to; an error, for people, if that is not there.
    pub(crate) fn target(&self, name: &str) -> Result<Target, String> {
        fn found<'t, T>(all: &'t [(String, T)], name: &str) -> Option<&'t T> {
            all.iter().find(|(known, _)| known == name).map(|(_, thing)| thing)
        }
        let context = found(&self.contexts, name).ok_or_else(|| format!("there is no context {name}"))?;
        let cluster = found(&self.clusters, &context.cluster).ok_or_else(|| {
            format!("the context {name} names the cluster {:?}, which is not there", context.cluster)
        })?;
        if cluster.server.is_empty() {
            return Err(format!("the cluster {} has no server", context.cluster));
        }
        // A cluster may let in whoever comes.
        let nobody = User::default();
        let user = match found(&self.users, &context.user) {
            Some(user) => user,
            None if context.user.is_empty() => &nobody,
            None => {
                return Err(format!(
                    "the context {name} names the user {:?}, who is not there",
                    context.user
                ));
            }
        };
        Ok(Target { name: name.to_owned(), cluster: cluster.clone(), user: user.clone() })
    }
}

fn cluster(of: &Value, folder: &Path) -> Cluster {
    Cluster {
        server: text(of, "server").unwrap_or_default().trim_end_matches('/').to_owned(),
        authority: given(of, "certificate-authority", folder),
        server_name: text(of, "tls-server-name"),
        proxy: text(of, "proxy-url"),
        insecure: of.get("insecure-skip-tls-verify").and_then(Value::as_bool).unwrap_or_default(),
    }
}

fn user(of: &Value, folder: &Path) -> User {
    User {
        certificate: given(of, "client-certificate", folder),
        key: given(of, "client-key", folder),
        token: secret(of, "token"),
        token_file: text(of, "tokenFile").map(|path| folder.join(path)),
        basic: text(of, "username").map(|name| (name, secret(of, "password").unwrap_or_default())),
        exec: of.get("exec").and_then(|of| exec(of, folder)),
        provider: of.get("auth-provider").and_then(provider),
    }
}

fn exec(of: &Value, folder: &Path) -> Option<Exec> {
    let list = |name: &str| of.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let pair = |pair: &Value| Some((text(pair, "name")?, secret(pair, "value").unwrap_or_default()));
    Some(Exec {
        command: text(of, "command")?,
        args: list("args").iter().filter_map(plain).collect(),
        env: list("env").iter().filter_map(pair).collect(),
        version: text(of, "apiVersion").unwrap_or_else(|| "client.authentication.k8s.io/v1".to_owned()),
        provide_cluster: of.get("provideClusterInfo").and_then(Value::as_bool).unwrap_or_default(),
        install_hint: text(of, "installHint"),
        folder: folder.to_owned(),
    })
}

fn provider(of: &Value) -> Option<Provider> {
    let members = of.get("config").and_then(Value::as_object);
    let pairs = members.into_iter().flatten();
    let config =
        pairs.filter_map(|(name, value)| Some((name.clone(), Zeroizing::new(plain(value)?)))).collect();
    Some(Provider { name: text(of, "name")?, config })
}

/// What stands in the member `NAME-data`, which counts more, or in the file `NAME`.
fn given(of: &Value, name: &str, folder: &Path) -> Option<Given> {
    let data = secret(of, &format!("{name}-data")).map(Given::Data);
    data.or_else(|| Some(Given::File(folder.join(text(of, name)?))))
}

/// A text that is there and not empty. What somebody forgot to quote is a number.
fn text(of: &Value, name: &str) -> Option<String> {
    plain(of.get(name)?).filter(|text| !text.is_empty())
}

fn secret(of: &Value, name: &str) -> Option<Secret> {
    text(of, name).map(Zeroizing::new)
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
apiVersion: v1
kind: Config
preferences: {}
future: {member: 1}
clusters:
- name: one
  cluster: {server: "https://one:6443/", certificate-authority: ca.crt, tls-server-name: kubernetes, proxy-url: "http://p:3128"}
- name: two
  cluster:
    server: https://two
    certificate-authority-data: Q0E=
    insecure-skip-tls-verify: true
users:
- name: cert
  user: {client-certificate-data: Q0VSVA==, client-key: /keys/k.pem}
- name: exec
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: ./bin/get-token
      args: [--cluster, 7]
      env:
      - {name: PROFILE, value: x}
      interactiveMode: IfAvailable
      provideClusterInfo: true
- name: oidc
  user: {auth-provider: {name: oidc, config: {id-token: t, client-id: c}}}
- name: file
  user: {tokenFile: token, token: ""}
contexts:
- {name: a, context: {cluster: one, user: cert, namespace: shop}}
- {name: b, context: {cluster: two, user: exec}}
- {name: c, context: {cluster: none, user: exec}}
- {name: d, context: {cluster: one, user: ""}}
- {name: e, context: {cluster: one, user: nobody}}
current-context: a
"#;

    fn parsed() -> Kubeconfig {
        Kubeconfig::parse(TEXT, Path::new("/home/x/.kube")).unwrap()
    }

    #[test]
    fn a_context_leads_to_a_cluster_and_a_user() {
        let Target { cluster, user, .. } = parsed().target("a").unwrap();
        assert_eq!(cluster.server, "https://one:6443");
        assert_eq!(cluster.authority, Some(Given::File("/home/x/.kube/ca.crt".into())));
        assert_eq!(cluster.server_name.as_deref(), Some("kubernetes"));
        assert_eq!(cluster.proxy.as_deref(), Some("http://p:3128"));
        assert_eq!(user.certificate, Some(Given::Data(Zeroizing::new("Q0VSVA==".to_owned()))));
        assert_eq!(user.key, Some(Given::File("/keys/k.pem".into())));
        let Target { cluster, user, .. } = parsed().target("b").unwrap();
        assert!(cluster.insecure);
        let exec = user.exec.unwrap();
        assert_eq!(
            (exec.command.as_str(), exec.args),
            ("./bin/get-token", vec!["--cluster".into(), "7".into()])
        );
        assert!(exec.provide_cluster && exec.env[0].0 == "PROFILE");
        assert_eq!(parsed().target("d").unwrap().user, User::default());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let told = |name| parsed().target(name).unwrap_err();
        assert_eq!(told("c"), "the context c names the cluster \"none\", which is not there");
        assert_eq!(told("e"), "the context e names the user \"nobody\", who is not there");
        assert_eq!(told("z"), "there is no context z");
    }

    #[test]
    fn of_several_files_the_first_counts() {
        let other = "clusters: [{name: one, cluster: {server: https://other}}, {name: none, cluster: {server: https://none}}]\ncontexts: [{name: f, context: {cluster: one}}]";
        let merged = parsed().merged(Kubeconfig::parse(other, Path::new("/")).unwrap());
        assert_eq!(merged.names().collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(merged.target("f").unwrap().cluster.server, "https://one:6443");
        assert_eq!(merged.target("c").unwrap().cluster.server, "https://none");
    }

    #[test]
    fn what_is_no_kubeconfig_is_told_without_its_text() {
        for text in ["s3cret", "- s3cret", "{s3cret: [", "a: b: s3cret: c"] {
            let error = Kubeconfig::parse(text, Path::new("/")).unwrap_err();
            assert!(error.starts_with("it is no kubeconfig") && !error.contains("s3cret"), "{error}");
        }
        assert_eq!(Kubeconfig::parse("\n", Path::new("/")).unwrap().names().count(), 0);
        assert!(!format!("{:?}", parsed()).contains("Q0VSVA"));
    }
}

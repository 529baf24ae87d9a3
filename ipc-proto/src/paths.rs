//! What the path of a [`PathGrant`] stands for. Pure: whoever expands it brings home, variables and settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::job::{PathAccess, PathGrant};

/// Variable with which a child learns of paths that the operator grants: one a line, as [`operator_grant`] reads it.
pub const OPERATOR_PATHS: &str = "FIXWORKER_CHILD_PATHS";
/// Variable that names the folder with the descriptions of programs that are collectors; else it is
/// [`DEFAULT_EXTERNAL_DIR`].
pub const EXTERNAL_DIR: &str = "FIXWORKER_EXTERNAL_DIR";
/// See [`EXTERNAL_DIR`].
pub const DEFAULT_EXTERNAL_DIR: &str = "/etc/fixworker/external.d";

/// The folder with the descriptions of programs, by the value of [`EXTERNAL_DIR`].
pub fn external_dir(named: Option<OsString>) -> PathBuf {
    let named = named.filter(|value| !value.is_empty());
    named.map_or_else(|| PathBuf::from(DEFAULT_EXTERNAL_DIR), PathBuf::from)
}

/// Variables whose value is a file or a folder with certificates; in lower case too.
pub const CERTIFICATES: [&str; 5] =
    ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"];

/// Reads `PATH`, `r:PATH`, `w:PATH` or `x:PATH`, with an absolute path: what to read, write, execute.
pub fn operator_grant(text: &str) -> Option<(&Path, PathAccess)> {
    let (access, path) = match text.split_once(':') {
        Some(("r", path)) => (PathAccess::Read, path),
        Some(("w", path)) => (PathAccess::Write, path),
        Some(("x", path)) => (PathAccess::Execute, path),
        _ => (PathAccess::Read, text),
    };
    path.starts_with('/').then(|| (Path::new(path), access))
}

/// The mark of a path that is the value of a setting.
const SETTING: &str = "config:";

/// Where the parts of a path come from.
#[derive(Debug)]
pub struct Sources<'a, V, S> {
    /// The home directory, for `~/`.
    pub home: Option<&'a Path>,
    /// The value of an environment variable, for `$NAME`.
    pub variable: V,
    /// The texts of a setting in the collector's section, for `config:NAME`.
    pub setting: S,
}

impl PathGrant {
    /// The paths that are meant: none if what they come from is not set. `$NAME` is the value of a variable,
    /// `config:NAME` are the texts of a setting, and `~/` is the home directory, in these as well.
    pub fn expand<V, S>(&self, sources: &Sources<'_, V, S>) -> Vec<PathBuf>
    where
        V: Fn(&str) -> Option<String>,
        S: Fn(&str) -> Vec<String>,
    {
        let texts = if let Some(name) = self.path.strip_prefix(SETTING) {
            (sources.setting)(name)
        } else if let Some(name) = self.path.strip_prefix('$') {
            match name.strip_suffix(':') {
                // A list of paths.
                Some(name) => (sources.variable)(name)
                    .iter()
                    .flat_map(|all| all.split(':'))
                    .map(str::to_owned)
                    .collect(),
                None => (sources.variable)(name).into_iter().collect(),
            }
        } else {
            vec![self.path.clone()]
        };
        let path = |text: String| match text.strip_prefix("~/") {
            Some(rest) => sources.home.map(|home| home.join(rest)),
            None => Some(PathBuf::from(text)),
        };
        texts.into_iter().filter(|text| !text.is_empty()).filter_map(path).collect()
    }
}

/// Whether this text of a file that was granted as [`PathAccess::Programs`] names a program.
pub fn names_programs(text: &str) -> bool {
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_ascii_lowercase());
    // A kubeconfig has it as YAML or as JSON. What is none of its kind takes no walls down, whatever words are in it.
    let is_kubeconfig = text.contains("clusters") && text.contains("users");
    let exec = |line: &str| {
        line.trim_start().starts_with("exec:")
            || ["\"exec\"", "'exec'", "{exec:", " exec:"].iter().any(|key| line.contains(key))
    };
    text.lines()
        .any(|line| key(line).is_some_and(|key| key == "credential_process") || is_kubeconfig && exec(line))
}

/// The ports of all addresses in a text: digits behind `://HOST:`, and 80 where `http` has none.
pub fn ports_in(text: &str) -> Vec<u16> {
    let mut pieces = text.split("://");
    let mut before = pieces.next().unwrap_or_default();
    let mut ports = Vec::new();
    for rest in pieces {
        let scheme = std::mem::replace(&mut before, rest);
        let end = |c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | '#' | ',' | '\\' | '}');
        let authority = rest.split(end).next().unwrap_or_default();
        // Colons within brackets are those of an IPv6 address.
        let behind = authority.rsplit_once(']').map_or(authority, |(_, behind)| behind);
        match behind.rsplit_once(':') {
            Some((_, digits)) => ports.extend(digits.parse::<u16>().ok()),
            None if scheme.ends_with("http") => ports.push(80),
            None => {}
        }
    }
    ports
}

impl PathAccess {
    /// Its name for people and machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
            Self::Programs => "programs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(path: &str) -> Vec<PathBuf> {
        let grant = PathGrant { path: path.to_owned(), access: PathAccess::Read };
        let texts = |name: &str| match name {
            "paths" => vec!["/data/a.ndjson".to_owned(), "~/b".to_owned(), String::new()],
            _ => Vec::new(),
        };
        let sources = Sources {
            home: Some(Path::new("/home/x")),
            variable: |name: &str| match name {
                "TOKEN" => Some("/run/token".to_owned()),
                "LIST" => Some("/a:/b".to_owned()),
                _ => None,
            },
            setting: texts,
        };
        grant.expand(&sources)
    }

    #[test]
    fn paths_come_from_home_variables_and_settings() {
        assert_eq!(expand("/usr"), [Path::new("/usr")]);
        assert_eq!(expand("~/.aws"), [Path::new("/home/x/.aws")]);
        assert_eq!(expand("$TOKEN"), [Path::new("/run/token")]);
        assert_eq!(expand("config:paths"), [Path::new("/data/a.ndjson"), Path::new("/home/x/b")]);
        assert_eq!(expand("$LIST:"), [Path::new("/a"), Path::new("/b")]);
        for unset in ["$NOTHING", "config:nothing", ""] {
            assert!(expand(unset).is_empty(), "{unset}");
        }
    }

    #[test]
    fn grants_of_the_operator_say_what_may_be_done() {
        assert_eq!(operator_grant("/data"), Some((Path::new("/data"), PathAccess::Read)));
        assert_eq!(operator_grant("r:/data"), Some((Path::new("/data"), PathAccess::Read)));
        assert_eq!(operator_grant("w:/a:b"), Some((Path::new("/a:b"), PathAccess::Write)));
        assert_eq!(operator_grant("x:/opt/vault"), Some((Path::new("/opt/vault"), PathAccess::Execute)));
        for wrong in ["data", "q:/data", "w:data", ""] {
            assert_eq!(operator_grant(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn programs_are_found_in_any_spelling() {
        assert!(names_programs("[default]\nregion = x\n Credential_Process=/bin/x --y\n"));
        assert!(!names_programs("[default]\n# credential_process = /bin/x\nregion = credential_process\n"));
        let kubeconfig =
            |user: &str| names_programs(&format!("clusters: []\nusers:\n- name: x\n  user: {user}\n"));
        for user in [
            "\n    exec:\n      command: x",
            "{exec: {command: x}}",
            "{\"exec\": {}}",
            "{token: t, exec: {}}",
        ] {
            assert!(kubeconfig(user), "{user}");
        }
        assert!(!kubeconfig("{token: exec, tokenFile: /exec}"));
        assert!(!names_programs("how exec: works"));
    }

    #[test]
    fn ports_are_those_of_addresses() {
        let text =
            r#"{"endpoint": "http://127.0.0.1:4566/x", "other": "https://[::1]:8443", "time": "12:30"}"#;
        assert_eq!(ports_in(text), [4566, 8443]);
        assert_eq!(ports_in("http://user:pw@proxy:3128"), [3128]);
        assert_eq!(ports_in("cluster: {server: https://host:6443}"), [6443]);
        assert!(ports_in("https://example.com/a:1 mailto:x:5").is_empty());
        assert!(ports_in("http://host:99999").is_empty());
        assert_eq!(ports_in("http://proxy http://[::1]/x https://[fe80::1]"), [80, 80]);
        assert_eq!(ports_in(r#"{"text": "url = http://127.0.0.1:5000\nregion = x"}"#), [5000]);
    }
}

//! Which files of `files_in_home_dir` are written. Pure.
//!
//! The config document comes from fixcore, and whoever may change it would run programs as the worker if it could
//! write what a shell, ssh, or a tool of a cloud reads. The command line says how far it is trusted.

use super::{HomeFileError, Place};

/// What the config document may write if nobody says otherwise: files of the tools of clouds.
const DEFAULT: [&str; 3] = [".aws/**", ".kube/**", ".config/gcloud/**"];

/// Never written, whatever the patterns say: what shells, ssh and sessions run or trust.
const NEVER: [&str; 27] = [
    ".ssh",
    ".gnupg",
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".kshrc",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".logout",
    ".pam_environment",
    ".xprofile",
    ".xinitrc",
    ".xsession",
    ".config/fish",
    ".config/autostart",
    ".config/systemd",
    ".config/environment.d",
    ".local/bin",
];

/// Words at the beginning of a line, or as a key of JSON or YAML, that name a program to run.
const PROGRAMS: [&str; 5] = ["credential_process", "exec", "cmd-path", "executable", "command"];

/// How far the config document is trusted with the home directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeFilePolicy {
    patterns: Vec<String>,
    may_run_programs: bool,
}

impl Default for HomeFilePolicy {
    fn default() -> Self {
        Self::new(Vec::new(), false)
    }
}

impl HomeFilePolicy {
    /// Files that fit one of `patterns` (none are the default ones), which may name programs or not. A pattern is a
    /// path below the home directory; `*` is anything but a slash, `**` at the end any path below.
    pub fn new(patterns: Vec<String>, may_run_programs: bool) -> Self {
        let default = || DEFAULT.map(str::to_owned).to_vec();
        Self { patterns: if patterns.is_empty() { default() } else { patterns }, may_run_programs }
    }

    /// Refuses a file that is not to be written; `path` is as configured.
    pub(super) fn check(&self, place: &Place, path: &str, content: &str) -> Result<(), HomeFileError> {
        let parts: Vec<&str> = place.directories.iter().chain([&place.name]).map(String::as_str).collect();
        let never = NEVER.iter().any(|beginning| {
            beginning.split('/').zip(&parts).filter(|(one, other)| one.eq_ignore_ascii_case(other)).count()
                == beginning.split('/').count()
        });
        let allowed = self.patterns.iter().any(|pattern| {
            let pattern = pattern.strip_prefix("~/").unwrap_or(pattern);
            fits(&pattern.split('/').collect::<Vec<_>>(), &parts)
        });
        if never || !allowed {
            return Err(HomeFileError::NotAllowed(path.to_owned()));
        }
        match content.lines().find_map(program).filter(|_| !self.may_run_programs) {
            Some(word) => Err(HomeFileError::RunsProgram { path: path.to_owned(), word }),
            None => Ok(()),
        }
    }
}

fn fits(pattern: &[&str], parts: &[&str]) -> bool {
    match (pattern, parts) {
        ([], []) | (["**"], [_, ..]) => true,
        ([one, pattern @ ..], [part, parts @ ..]) => fits_part(one, part) && fits(pattern, parts),
        _ => false,
    }
}

fn fits_part(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((before, after)) => part.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| fits_part(after, rest)))
        }),
    }
}

/// The word in a line that names a program to run. Several keys of JSON may be in one line.
fn program(line: &str) -> Option<&'static str> {
    line.split(['{', ',']).find_map(|part| {
        let key = part.trim_start_matches(|c: char| c.is_whitespace() || "-\"'".contains(c)).to_lowercase();
        PROGRAMS.into_iter().find(|word| {
            let rest = key.strip_prefix(word).map(|rest| rest.trim_start_matches(['"', '\'', ' ', '\t']));
            rest.is_some_and(|rest| rest.starts_with([':', '=']))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::place;
    use super::*;

    fn check(policy: &HomeFilePolicy, path: &str, content: &str) -> Result<(), HomeFileError> {
        policy.check(&place(path, Path::new("/home/x")).expect("a place"), path, content)
    }

    #[test]
    fn only_files_of_cloud_tools_are_written_unless_the_operator_says_more() {
        let policy = HomeFilePolicy::default();
        for path in [".aws/credentials", "~/.aws/config", ".kube/a/b", "/home/x/.config/gcloud/key.json"] {
            assert!(check(&policy, path, "x").is_ok(), "{path}");
        }
        for path in
            [".bashrc", ".ssh/authorized_keys", "bin/x", ".aws", ".awsx/y", ".config/x", ".kube/../.profile"]
        {
            assert!(matches!(check(&policy, path, "x"), Err(HomeFileError::NotAllowed(_))), "{path}");
        }
        let more = HomeFilePolicy::new(vec![".azure/*.json".into(), "**".into()], false);
        assert!(check(&more, ".azure/a.json", "x").is_ok() && check(&more, "any/thing", "x").is_ok());
        for path in [".SSH/config", ".zshenv", ".config/systemd/user/x.service", ".local/bin/ls", ".profile"]
        {
            assert!(matches!(check(&more, path, "x"), Err(HomeFileError::NotAllowed(_))), "{path}");
        }
        let one = HomeFilePolicy::new(vec!["~/.azure/*.json".into()], false);
        assert!(check(&one, ".azure/a.json", "x").is_ok() && check(&one, ".azure/a/b.json", "x").is_err());
    }

    #[test]
    fn a_file_that_names_a_program_needs_a_flag() {
        let (careful, trusting) = (HomeFilePolicy::default(), HomeFilePolicy::new(Vec::new(), true));
        for content in [
            "[profile x]\ncredential_process = /bin/sh -c evil",
            "[profile x]\n  Credential_Process=/bin/sh",
            "users:\n- user:\n    exec:\n      command: sh",
            "      cmd-path: /bin/sh",
            r#"{"credential_source": {"executable": {"command": "sh"}}}"#,
            r#"{"users": [{"user": {"exec" : {}}}]}"#,
        ] {
            assert!(
                matches!(check(&careful, ".aws/config", content), Err(HomeFileError::RunsProgram { .. })),
                "{content}"
            );
            assert!(check(&trusting, ".aws/config", content).is_ok(), "{content}");
        }
        for content in
            ["[profile exec]\nregion = us", "aws_access_key_id = executable", "# credential_process is off"]
        {
            assert!(check(&careful, ".aws/config", content).is_ok(), "{content}");
        }
    }
}

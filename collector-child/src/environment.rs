//! The environment variables that a collector declared, set by the process in itself.
//!
//! They come over the socket and not at exec, so that `/proc/PID/environ` never shows them.

use ipc_proto::job::Variable;
use ipc_proto::variables;
use thiserror::Error;

/// Why the variables were not set.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum EnvironmentError {
    /// A name or a value that no environment can hold.
    #[error("the supervisor sent an environment variable that cannot be set: {0:?}")]
    Malformed(String),
    /// Another thread could read the environment while it changes.
    #[error("the environment cannot be set any more: this process has {0} threads")]
    Threads(usize),
}

/// Sets all variables, or none. Only possible while the process has one thread.
pub(crate) fn set(variables: &[Variable]) -> Result<(), EnvironmentError> {
    change(variables, &[])
}

/// Sets these variables, and removes all others that a collector reads which declares these patterns. Only possible while
/// the process has one thread.
pub(crate) fn replace(declared: &[String], variables: &[(String, String)]) -> Result<(), EnvironmentError> {
    let variable =
        |(name, value): &(String, String)| Variable { name: name.clone(), value: value.clone().into() };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let gone: Vec<String> = names.filter(|name| variables::names(declared, name)).collect();
    change(&variables.iter().map(variable).collect::<Vec<_>>(), &gone)
}

fn change(variables: &[Variable], gone: &[String]) -> Result<(), EnvironmentError> {
    check(variables)?;
    if variables.is_empty() && gone.is_empty() {
        return Ok(());
    }
    // An unreadable /proc counts as "who knows".
    let threads = std::fs::read_dir("/proc/self/task").map_or(usize::MAX, Iterator::count);
    if threads != 1 {
        return Err(EnvironmentError::Threads(threads));
    }
    for name in gone {
        // SAFETY: as below.
        #[expect(unsafe_code, reason = "the only place where the environment changes")]
        #[expect(clippy::disallowed_methods, reason = "the only place where the environment changes")]
        unsafe {
            std::env::remove_var(name);
        }
    }
    for variable in variables {
        // SAFETY: the calling thread is the only one, as counted above, and starts no other one meanwhile; so
        // nobody reads or writes the environment at the same time.
        #[expect(unsafe_code, reason = "the only place where the environment changes")]
        #[expect(clippy::disallowed_methods, reason = "the only place where the environment changes")]
        unsafe {
            std::env::set_var(&variable.name, variable.value.expose());
        }
    }
    Ok(())
}

// The standard library panics on these.
fn check(variables: &[Variable]) -> Result<(), EnvironmentError> {
    let bad = |variable: &&Variable| {
        let name = &variable.name;
        name.is_empty() || name.contains(['=', '\0']) || variable.value.expose().contains('\0')
    };
    match variables.iter().find(bad) {
        None => Ok(()),
        Some(variable) => Err(EnvironmentError::Malformed(variable.name.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_variables_are_refused_by_name_only() {
        let variable =
            |name: &str, value: &str| Variable { name: name.to_owned(), value: value.to_owned().into() };
        assert_eq!(check(&[variable("AWS_PROFILE", "x=y"), variable("EMPTY", "")]), Ok(()));
        for (name, value) in [("", "secret"), ("A=B", "secret"), ("A\0", "secret"), ("A", "secret\0")] {
            let refused = check(&[variable("FINE", "1"), variable(name, value)]).unwrap_err();
            assert_eq!(refused, EnvironmentError::Malformed(name.to_owned()));
            assert!(!refused.to_string().contains("secret"));
        }
    }

    #[test]
    fn nothing_is_set_while_other_threads_exist() {
        let (_stop, stopped) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || stopped.recv());
        let variable = Variable { name: "FIX_TEST_NEVER_SET".to_owned(), value: "1".to_owned().into() };
        assert!(matches!(set(&[variable]), Err(EnvironmentError::Threads(2..))));
        assert!(std::env::var_os("FIX_TEST_NEVER_SET").is_none());
    }
}

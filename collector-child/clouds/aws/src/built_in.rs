//! What is built in: kind tables, kinds of the data model, hooks.

use std::sync::{LazyLock, OnceLock};

use collector::{Failure, Kinds, fault};
use engine::Plans;
use engine::hooks::Hooks;
use inventory::KindTable;
use ipc_proto::fault::FaultKind;

use crate::hooks;

static HOOKS: LazyLock<Hooks> = LazyLock::new(hooks::all);
pub(crate) static KINDS: Kinds = Kinds::of(&["base", "aws"]);
static PLANS: OnceLock<Result<Plans, String>> = OnceLock::new();

/// The hooks.
pub(crate) fn hooks() -> &'static Hooks {
    &HOOKS
}

/// The data model: `base` and `aws`.
pub(crate) fn kinds() -> Result<&'static KindTable, Failure> {
    KINDS.table()
}

/// The data model as fixcore takes it.
pub(crate) fn model() -> String {
    KINDS.model()
}

/// The plans of all kinds, read when first asked for.
pub(crate) fn plans() -> Result<&'static Plans, Failure> {
    let plans = PLANS.get_or_init(|| Plans::compiled(FILES));
    plans.as_ref().map_err(|error| fault(FaultKind::Internal, error.clone()).into())
}

/// The compiled kind tables by name, written by the build script.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/plans.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hook_that_a_table_names_exists() {
        let known: Vec<&str> = hooks().names().collect();
        for plan in plans().unwrap().all() {
            if let Some(name) = &plan.hook {
                assert!(known.contains(&name.as_str()), "{} names the hook {name}", plan.kind);
            }
        }
    }

    #[test]
    fn hooks_have_names_of_their_own() {
        let mut names: Vec<&str> = hooks().names().collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    /// Service and operation of each call in the sources of hooks.
    fn asked(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                asked(&path, found);
                continue;
            }
            for call in std::fs::read_to_string(&path).unwrap().split(".ask(").skip(1) {
                let texts: Vec<&str> = call.split(')').next().unwrap().split('"').collect();
                if let [_, service, _, operation, ..] = texts.as_slice() {
                    found.push(((*service).to_owned(), (*operation).to_owned()));
                }
            }
        }
    }

    #[test]
    fn hooks_ask_for_what_exists_and_can_be_read_to_its_end() {
        let mut found = Vec::new();
        asked(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/hooks"), &mut found);
        assert!(found.len() > 20, "{found:?}");
        for (name, operation) in found {
            let service = aws_shapes::service(&name).unwrap();
            let known = service.operation(&operation).unwrap_or_else(|| panic!("{name}:{operation}"));
            assert_eq!(known.unfollowed_token(service), None, "{name}:{operation}");
            assert_eq!(known.failures(service), None, "{name}:{operation} needs `failing`");
        }
    }

    #[test]
    fn every_child_has_its_parent() {
        let plans = plans().unwrap();
        for plan in plans.all() {
            if let Some(parent) = plan.parent() {
                assert!(plans.get(parent).is_some(), "{} needs {parent}", plan.kind);
            }
        }
    }
}

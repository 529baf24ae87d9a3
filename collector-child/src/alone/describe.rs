//! `fix-collector describe`.

use ipc_proto::exit_code::ExitCode;
use ipc_proto::job::{AutoEnable, Described, PathGrant, Section};
use serde_json::{Map, Value, json};

use super::cli::Describe;
use super::kinds::Schema;
use super::print;
use super::trouble::Trouble;
use crate::job::{self, Collectors};

/// Prints one collector as an object, or all of them as a list.
pub(super) fn run(collectors: &Collectors, command: &Describe) -> Result<ExitCode, Trouble> {
    let whole_kinds = command.verbose > 0;
    let value = match &command.collector {
        Some(name) => {
            let collector = job::find(collectors, name)
                .map_err(|fault| Trouble { code: ExitCode::Usage, ..(*fault).into() })?;
            readable(&collector.describe(), whole_kinds)?
        }
        None => collectors
            .iter()
            .map(|collector| readable(&collector.describe(), whole_kinds))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array)?,
    };
    print(&format!("{value:#}\n"))?;
    Ok(ExitCode::Done)
}

fn readable(described: &Described, whole_kinds: bool) -> Result<Value, Trouble> {
    let Described {
        collector,
        clouds,
        account_noun,
        kinds_json,
        section,
        pool_setting,
        tasks_json,
        environment,
        paths,
        auto_enable,
        account_kinds,
    } = described;
    let kinds = parse(collector, kinds_json)?;
    let kinds = if whole_kinds { kinds } else { names(&kinds) };
    Ok(json!({
        "collector": collector,
        "clouds": clouds,
        "account_noun": account_noun,
        "account_kinds": account_kinds,
        "config": section.as_ref().map(settings).transpose()?,
        "pool_setting": pool_setting,
        "environment": environment,
        "paths": paths.iter().map(grant).collect::<Vec<_>>(),
        "on_by_default_if": auto_enable.iter().map(sign).collect::<Vec<_>>(),
        "tasks": parse(collector, tasks_json)?,
        "kinds": kinds,
    }))
}

/// The settings of a section with type, default and meaning.
fn settings(section: &Section) -> Result<Value, Trouble> {
    let schema = Schema::of(section).map_err(|error| Trouble::new(ExitCode::Internal, error))?;
    let defaults = parse(&section.name, &section.defaults_json)?;
    let settings = schema.settings().iter().map(|setting| {
        let about = json!({
            "type": setting.kind,
            "required": setting.required,
            "default": defaults.get(&setting.name),
            "description": setting.description,
        });
        (setting.name.clone(), about)
    });
    Ok(json!({ section.name.clone(): settings.collect::<Map<_, _>>() }))
}

fn grant(grant: &PathGrant) -> Value {
    json!({ "path": grant.path, "access": grant.access.name() })
}

fn sign(sign: &AutoEnable) -> Value {
    match sign {
        AutoEnable::Variable(name) => json!({ "variable": name }),
        AutoEnable::File(path) => json!({ "file": path }),
    }
}

fn names(kinds: &Value) -> Value {
    let kinds = kinds.as_array().into_iter().flatten();
    kinds.filter_map(|kind| kind.get("fqn").cloned()).collect()
}

fn parse(whose: &str, json: &str) -> Result<Value, Trouble> {
    serde_json::from_str(json).map_err(|error| {
        Trouble::new(ExitCode::Internal, format!("{whose} does not describe itself as JSON: {error}"))
    })
}

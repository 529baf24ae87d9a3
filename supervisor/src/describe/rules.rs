//! What a collector may say about itself. One that says something about others is not what it seems, and none of
//! its words are taken. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use fixworker_fixcore::messages::TaskDefinition;
use ipc_proto::job::{AutoEnable, Described, MAX_NAME, is_name};
use ipc_proto::seal::Brokering;
use ipc_proto::variables::{self, SHORTEST_BEGINNING};
use serde_json::Value;

/// The most collectors that a program may describe.
const MOST: usize = 64;
/// The most bytes of all descriptions together; the kinds of a large cloud have 600 kB.
const MOST_BYTES: usize = 16 << 20;
/// The most names and paths that a collector needs beside the credentials of an account, and the longest of them.
const MOST_OPEN: usize = 256;
const MAX_OPEN: usize = 256;
/// The kinds that all clouds share, as fixcore's model has them, without what is only shown to people.
const BASE_KINDS: &str = include_str!("base_kinds.json");

/// Whether a variable of this name never goes to a child: ours, and those that change what a program is.
pub(crate) fn is_own_variable(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let ours = ["FIX", "RESOTO", "LD_", "DYLD_"].iter().any(|beginning| upper.starts_with(beginning));
    ours || upper.contains("PSK") || upper == "PATH"
}

/// Refuses the description of a collector that reaches beyond itself; the sentence fits after "it ".
pub(super) fn check(described: &Described, earlier: &[Described]) -> Result<(), String> {
    let name = &described.collector;
    check_name("a collector", name)?;
    for cloud in &described.clouds {
        check_name("a cloud", cloud)?;
    }
    if earlier.iter().any(|known| known.collector == *name) {
        return Err(format!("described collector {name} twice"));
    }
    if earlier.len() == MOST {
        return Err(format!("described more than {MOST} collectors"));
    }
    if earlier.iter().chain([described]).map(size).sum::<usize>() > MOST_BYTES {
        return Err(format!("described its collectors with more than {MOST_BYTES} bytes"));
    }
    if let Some(section) = described.section.as_ref().filter(|section| section.name != *name) {
        return Err(format!("wants the section {:?} for collector {name}", section.name));
    }
    check_variables(described)?;
    check_tasks(described)?;
    check_kinds(described)
}

fn size(described: &Described) -> usize {
    let section = described.section.as_ref().map_or(0, |one| one.kinds_json.len() + one.defaults_json.len());
    let paths = described.paths.iter().map(|path| &path.path);
    let signs = described.auto_enable.iter().map(|sign| match sign {
        AutoEnable::Variable(text) | AutoEnable::File(text) => text,
    });
    let texts = described.environment.iter().chain(&described.account_kinds).chain(paths).chain(signs);
    let texts = texts.map(|text| text.len() + size_of::<String>()).sum::<usize>();
    described.kinds_json.len() + described.tasks_json.len() + described.account_noun.len() + section + texts
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    let short: String = name.chars().take(MAX_NAME).collect();
    Err(format!("calls {what} {short:?}; 1 to {MAX_NAME} of a to z, 0 to 9, - and _ are allowed"))
}

/// Refuses what a collector says about the credentials of accounts if it is about another one, or without end; the
/// sentence fits after "it ". What it names is only ever taken from what it has described.
pub(super) fn check_brokering(
    brokering: &Brokering,
    described: &[Described],
    earlier: &BTreeMap<String, Brokering>,
) -> Result<(), String> {
    let Brokering { collector, environment, paths, secrets } = brokering;
    let name: String = collector.chars().take(MAX_NAME).collect();
    if described.last().is_none_or(|last| last.collector != *collector) {
        return Err(format!("speaks of credentials of collector {name:?}, which it has not just described"));
    }
    if earlier.contains_key(collector) {
        return Err(format!("speaks of credentials of collector {name} twice"));
    }
    let texts = environment.iter().chain(secrets).chain(paths.iter().map(|grant| &grant.path));
    let (count, longest) = texts.fold((0, 0), |(count, longest), text| (count + 1, text.len().max(longest)));
    if count > MOST_OPEN || longest > MAX_OPEN {
        return Err(format!("says more than fits about the credentials of collector {name}"));
    }
    Ok(())
}

/// A collector sees variables that are called like its cloud's, not any, and none of ours.
fn check_variables(described: &Described) -> Result<(), String> {
    let name = &described.collector;
    for pattern in &described.environment {
        let literal = pattern.strip_suffix('*').unwrap_or(pattern);
        if literal.len() < SHORTEST_BEGINNING || literal.contains('*') || is_own_variable(literal) {
            return Err(format!("wants the variables {pattern:?} for collector {name}"));
        }
    }
    for sign in &described.auto_enable {
        let own = match sign {
            AutoEnable::Variable(variable) => sees(described, variable),
            AutoEnable::File(path) => path.starts_with("~/") && !path.contains(".."),
        };
        if !own {
            return Err(format!("wants collector {name} to run by the sign of others: {sign:?}"));
        }
    }
    Ok(())
}

/// Whether the collector has declared a variable of this name.
pub(crate) fn sees(described: &Described, variable: &str) -> bool {
    !is_own_variable(variable) && variables::names(&described.environment, variable)
}

/// Tags of its own cloud, and a command that is called like it. What cannot be read is told elsewhere.
fn check_tasks(described: &Described) -> Result<(), String> {
    let name = &described.collector;
    let definitions: Vec<TaskDefinition> = serde_json::from_str(&described.tasks_json).unwrap_or_default();
    for definition in definitions {
        let clouds = definition.filter.get("cloud").map(Vec::as_slice);
        let of_own = |cloud: &String| described.clouds.contains(cloud);
        let fits = match definition.name.as_str() {
            "tag" => clouds.is_some_and(|clouds| !clouds.is_empty() && clouds.iter().all(of_own)),
            command => command == name && clouds.is_none_or(|clouds| clouds.iter().all(of_own)),
        };
        if !fits {
            let what: String = definition.name.chars().take(MAX_NAME).collect();
            return Err(format!("wants the task {what:?} of {clouds:?} for collector {name}"));
        }
    }
    Ok(())
}

/// Kinds that all clouds share are the same for everybody, and no kind is a base of itself.
fn check_kinds(described: &Described) -> Result<(), String> {
    let name = &described.collector;
    let kinds: Vec<Value> = serde_json::from_str(&described.kinds_json).unwrap_or_default();
    let base = base_kinds();
    let mut bases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in &kinds {
        let Some(fqn) = kind["fqn"].as_str() else { continue };
        if base.get(fqn).is_some_and(|ours| *ours != without_metadata(kind)) {
            return Err(format!("describes the kind {fqn:?} for collector {name} otherwise than it is"));
        }
        let of_kind = kind["bases"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if bases.insert(fqn, of_kind.collect()).is_some() {
            return Err(format!("describes the kind {fqn:?} for collector {name} twice"));
        }
    }
    match bases.keys().find(|kind| is_own_base(kind, &bases)) {
        Some(kind) => Err(format!("describes the kind {kind:?} for collector {name} as a base of itself")),
        None => Ok(()),
    }
}

fn is_own_base(kind: &str, bases: &BTreeMap<&str, Vec<&str>>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = bases.get(kind).into_iter().flatten().copied().collect();
    while let Some(base) = open.pop() {
        if base == kind {
            return true;
        }
        if seen.insert(base) {
            open.extend(bases.get(base).into_iter().flatten().copied());
        }
    }
    false
}

fn base_kinds() -> &'static BTreeMap<String, Value> {
    static KINDS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let kinds: Vec<Value> = serde_json::from_str(BASE_KINDS).expect("a test reads the base kinds");
        let named = |kind: Value| Some((kind["fqn"].as_str()?.to_owned(), kind));
        kinds.into_iter().filter_map(named).collect()
    })
}

fn without_metadata(kind: &Value) -> Value {
    let mut kind = kind.clone();
    if let Some(kind) = kind.as_object_mut() {
        kind.remove("metadata");
    }
    kind
}

#[cfg(test)]
mod tests {
    use ipc_proto::job::Section;
    use serde_json::json;

    use super::*;

    fn described(collector: &str) -> Described {
        Described {
            collector: collector.into(),
            clouds: vec!["aws".into()],
            account_noun: "account".into(),
            kinds_json: r#"[{"fqn": "aws_volume", "bases": ["aws_resource"]}, {"fqn": "aws_resource"}]"#
                .into(),
            section: None,
            pool_setting: None,
            tasks_json: json!([
                {"name": "tag", "info": "x", "filter": {"cloud": ["aws"]}},
                {"name": "aws", "info": "x"},
            ])
            .to_string(),
            environment: vec!["AWS_*".into(), "HOME".into()],
            paths: Vec::new(),
            auto_enable: vec![
                AutoEnable::Variable("AWS_PROFILE".into()),
                AutoEnable::File("~/.aws/x".into()),
            ],
            account_kinds: vec!["aws_account".into()],
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Described), says: &str) {
        let mut one = described("aws");
        assert_eq!(check(&one, &[]), Ok(()));
        change(&mut one);
        let why = check(&one, &[]).unwrap_err();
        assert!(why.contains(says), "{why}");
    }

    #[test]
    fn variables_of_the_worker_and_of_everybody_are_refused() {
        for pattern in
            ["*", "A*", "AWS*", "", "X", "FIX*", "FIXWORKER_PSK", "RESOTO_X", "MY_PSK_FILE", "PATH"]
        {
            refused(|one| one.environment.push(pattern.into()), "wants the variables");
        }
        for pattern in ["LD_PRELOAD", "ld_library_path", "fixworker_*", "AWS_*_*"] {
            refused(|one| one.environment.push(pattern.into()), "wants the variables");
        }
    }

    #[test]
    fn sections_names_and_signs_of_others_are_refused() {
        let section =
            |name: &str| Section { name: name.into(), kinds_json: "[]".into(), defaults_json: "{}".into() };
        for name in ["fixworker", "supervisor", "gcp"] {
            refused(|one| one.section = Some(section(name)), "wants the section");
        }
        refused(|one| one.collector = "a b\n".into(), "calls a collector");
        refused(|one| one.clouds.push(String::new()), "calls a cloud");
        for sign in ["HOME2", "GOOGLE_APPLICATION_CREDENTIALS", "FIXWORKER_PSK"] {
            refused(|one| one.auto_enable.push(AutoEnable::Variable(sign.into())), "by the sign of others");
        }
        for sign in ["/etc/passwd", "~/../x"] {
            refused(|one| one.auto_enable.push(AutoEnable::File(sign.into())), "by the sign of others");
        }
    }

    #[test]
    fn tasks_of_others_are_refused() {
        for task in [
            json!({"name": "tag"}),
            json!({"name": "tag", "filter": {"cloud": []}}),
            json!({"name": "tag", "filter": {"cloud": ["aws", "gcp"]}}),
            json!({"name": "gcp"}),
            json!({"name": "aws", "filter": {"cloud": ["gcp"]}}),
        ] {
            refused(|one| one.tasks_json = json!([task]).to_string(), "wants the task");
        }
        refused(|one| one.clouds.clear(), "wants the task");
    }

    #[test]
    fn of_credentials_a_collector_speaks_once_and_of_its_own() {
        let brokering = |collector: &str, names: usize, length: usize| Brokering {
            collector: collector.into(),
            environment: vec!["x".repeat(length); names],
            paths: Vec::new(),
            secrets: Vec::new(),
        };
        let (all, none) = ([described("gcp"), described("aws")], BTreeMap::new());
        assert_eq!(check_brokering(&brokering("aws", MOST_OPEN, MAX_OPEN), &all, &none), Ok(()));
        for wrong in [
            brokering("gcp", 1, 1),
            brokering("x\n", 1, 1),
            brokering("aws", MOST_OPEN + 1, 1),
            brokering("aws", 1, MAX_OPEN + 1),
        ] {
            check_brokering(&wrong, &all, &none).unwrap_err();
        }
        let once = BTreeMap::from([("aws".to_owned(), brokering("aws", 1, 1))]);
        assert!(check_brokering(&brokering("aws", 1, 1), &all, &once).unwrap_err().contains("twice"));
    }

    #[test]
    fn base_kinds_are_what_they_are() {
        assert!(base_kinds().len() > 70 && base_kinds().contains_key("account"));
        let account = base_kinds()["account"].clone();
        let shown = |mut kind: Value| {
            kind["metadata"] = json!({"icon": "x"});
            json!([kind]).to_string()
        };
        let mut same = described("aws");
        same.kinds_json = shown(account.clone());
        assert_eq!(check(&same, &[]), Ok(()));
        let mut other = account;
        other["bases"] = json!([]);
        refused(|one| one.kinds_json = shown(other), "otherwise than it is");
        let loops = r#"[{"fqn": "a", "bases": ["b"]}, {"fqn": "b", "bases": ["c", "a"]}]"#;
        refused(|one| one.kinds_json = loops.into(), "as a base of itself");
        refused(|one| one.kinds_json = r#"[{"fqn": "a"}, {"fqn": "a"}]"#.into(), "twice");
    }

    #[test]
    fn their_number_and_size_are_bounded() {
        let all: Vec<_> = (0..MOST).map(|number| described(&format!("c{number}"))).collect();
        assert!(check(&described("x"), &all).unwrap_err().contains("more than 64 collectors"));
        assert!(check(&described("c1"), &all[..2]).unwrap_err().contains("twice"));
        refused(|one| one.account_noun = "x".repeat(MOST_BYTES), "more than");
    }
}

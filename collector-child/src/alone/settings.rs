//! The config section of a collector, from its defaults, a config file, `$(NAME)` placeholders and overrides.
//!
//! Pure: the file is text, the environment a function.

use collector::ConfigSection;
use inventory::suggest;
use ipc_proto::exit_code::ExitCode;
use ipc_proto::job::Described;
use serde_json::{Map, Value};

use super::kinds::Schema;
use super::placeholders::Resolver;
use super::trouble::Trouble;

/// The section of the worker itself, of which the child reads one setting.
const WORKER: &str = "fixworker";
const MAX_RESOURCES: &str = "max_resources_per_account";

/// What a job is started with.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    /// The collector's section, complete.
    pub(crate) section: ConfigSection,
    /// `fixworker.max_resources_per_account`.
    pub(crate) max_resources: Option<u64>,
    /// Sentences about values that were not usable.
    pub(crate) warnings: Vec<String>,
}

/// Builds the settings of a collector. `file` is the text of the config document, `overrides` are `PATH=VALUE`.
pub(crate) fn build(
    described: &Described,
    file: Option<&str>,
    overrides: &[String],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, Trouble> {
    let name = described.section.as_ref().map_or(&described.collector, |section| &section.name);
    let mut builder = Builder::new(described, name)?;
    if let Some(text) = file {
        let document = parse_document(text)?;
        builder.read_document(&document, environment)?;
    }
    for text in overrides {
        builder.apply_override(text)?;
    }
    let Builder { values, max_resources, warnings, .. } = builder;
    Ok(Settings { section: ConfigSection::new(name.as_str(), values), max_resources, warnings })
}

struct Builder<'a> {
    name: &'a str,
    schema: Option<Schema>,
    defaults: Map<String, Value>,
    values: Map<String, Value>,
    max_resources: Option<u64>,
    warnings: Vec<String>,
}

impl<'a> Builder<'a> {
    fn new(described: &Described, name: &'a str) -> Result<Self, Trouble> {
        let internal = |error: String| Trouble::new(ExitCode::Internal, error);
        let (schema, defaults) = match &described.section {
            None => (None, Map::new()),
            Some(section) => {
                let defaults = serde_json::from_str(&section.defaults_json).map_err(|error| {
                    internal(format!("the defaults of the config section {name}: {error}"))
                })?;
                (Some(Schema::of(section).map_err(internal)?), defaults)
            }
        };
        Ok(Self {
            name,
            schema,
            values: defaults.clone(),
            defaults,
            max_resources: None,
            warnings: Vec::new(),
        })
    }

    fn read_document(
        &mut self,
        document: &Map<String, Value>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Trouble> {
        if let Some(max) = document.get(WORKER).and_then(|worker| worker.get(MAX_RESOURCES)) {
            self.max_resources =
                read_max(max).map_err(|error| wrong_in_file(WORKER, MAX_RESOURCES, error))?;
        }
        let section = match document.get(self.name) {
            Some(Value::Object(section)) => section,
            Some(Value::Null) => return Ok(()),
            Some(_) => {
                let message = format!("the section {} of the config file is no object", self.name);
                return Err(Trouble::new(ExitCode::Config, message));
            }
            None => {
                if self.schema.is_some() {
                    let has = suggest::hint(self.name, document.keys().map(String::as_str));
                    self.warnings.push(format!(
                        "the config file has no section {}, so defaults are used ({has})",
                        self.name
                    ));
                }
                return Ok(());
            }
        };
        section.iter().try_for_each(|(setting, value)| self.read_setting(setting, value, environment))
    }

    fn read_setting(
        &mut self,
        name: &str,
        value: &Value,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Trouble> {
        let known = self.schema.iter().flat_map(Schema::settings).map(|setting| setting.name.as_str());
        let Some((schema, setting)) =
            self.schema.as_ref().and_then(|schema| Some((schema, schema.setting(name)?)))
        else {
            let message = format!("the config file has an unknown setting {}.{name}", self.name);
            return Err(Trouble::new(ExitCode::Config, message).hint(suggest::hint(name, known)));
        };
        let mut resolver =
            Resolver { schema, environment, path: format!("{}.{name}", self.name), unresolved: Vec::new() };
        let value = resolver
            .resolve(&setting.kind, value)
            .and_then(|value| schema.check(setting, &value).map(|()| value))
            .map_err(|error| wrong_in_file(self.name, name, &error));
        if let Some(variable) = resolver.unresolved.first() {
            self.warnings.push(format!(
                "{}.{name} needs the environment variable {variable}, which is not set: the default is used",
                self.name
            ));
            let default = self.defaults.get(name).cloned().unwrap_or(Value::Null);
            self.values.insert(name.to_owned(), default);
            return Ok(());
        }
        self.values.insert(name.to_owned(), value?);
        Ok(())
    }

    fn apply_override(&mut self, text: &str) -> Result<(), Trouble> {
        let usage = |message: String| Trouble::new(ExitCode::Usage, message);
        // The text of an override may be a credential: only its path is ever shown.
        let (path, value) = text.split_once('=').ok_or_else(|| {
            usage("an override has no equals sign".to_owned())
                .hint("write it as SECTION.SETTING=VALUE, for example random.seed=7")
        })?;
        let parts: Vec<&str> = path.split('.').collect();
        let [section, setting, rest @ ..] = &parts[..] else {
            return Err(usage(format!("the override {path} does not name a setting"))
                .hint(format!("write it as SECTION.SETTING=VALUE, for example {}.{path}=VALUE", self.name)));
        };
        if (*section, *setting, rest.is_empty()) == (WORKER, MAX_RESOURCES, true) {
            let max =
                value.parse::<u64>().map_err(|_| usage(format!("the override {path} must be a number")))?;
            self.max_resources = Some(max);
            return Ok(());
        }
        if *section != self.name {
            return Err(usage(format!(
                "the override {path} is about the section {section}, which this collector does not read"
            ))
            .hint(suggest::hint(section, [self.name, WORKER].into_iter())));
        }
        self.override_setting(path, setting, rest, value)
    }

    fn override_setting(&mut self, path: &str, name: &str, rest: &[&str], text: &str) -> Result<(), Trouble> {
        let usage = |message: String| Trouble::new(ExitCode::Usage, message);
        let known: Vec<&str> =
            self.schema.iter().flat_map(Schema::settings).map(|setting| setting.name.as_str()).collect();
        let Some((schema, setting)) =
            self.schema.as_ref().and_then(|schema| Some((schema, schema.setting(name)?)))
        else {
            return Err(usage(format!("there is no setting {}.{name}", self.name))
                .hint(suggest::hint(name, known.into_iter())));
        };
        let Some(kind) = schema.kind_at(&setting.kind, rest) else {
            return Err(usage(format!("the setting {}.{name} has nothing at {}", self.name, rest.join("."))));
        };
        let wrong = |error: String| usage(format!("the override {path} {error}"));
        let value = if !setting.required && rest.is_empty() && text == "null" {
            Value::Null
        } else {
            schema.parse_text(kind, text).map_err(wrong)?
        };
        let mut whole = self.values.get(name).cloned().unwrap_or(Value::Null);
        let place =
            place_at(&mut whole, rest).ok_or_else(|| wrong("is beyond the end of its list".to_owned()))?;
        *place = value;
        schema.check(setting, &whole).map_err(wrong)?;
        self.values.insert(name.to_owned(), whole);
        Ok(())
    }
}

fn parse_document(text: &str) -> Result<Map<String, Value>, Trouble> {
    let hint = "it has the shape of the config document in fixcore, as JSON: {\"random\": {\"seed\": 7}}";
    match serde_json::from_str(text) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(Trouble::new(ExitCode::Config, "the config file is no JSON object").hint(hint)),
        Err(error) => {
            // The error may quote the file, which may hold credentials.
            let message =
                format!("the config file is no JSON at line {}, column {}", error.line(), error.column());
            Err(Trouble::new(ExitCode::Config, message).hint(hint))
        }
    }
}

fn read_max(value: &Value) -> Result<Option<u64>, &'static str> {
    match value {
        Value::Null => Ok(None),
        value => value.as_u64().map(Some).ok_or("must be null or a number that is not negative"),
    }
}

fn wrong_in_file(section: &str, setting: &str, error: &str) -> Trouble {
    Trouble::new(ExitCode::Config, format!("in the config file, {section}.{setting} {error}"))
}

/// The place at `path`; objects and entries that are missing are made.
fn place_at<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    let [first, rest @ ..] = path else { return Some(value) };
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let inner = match value {
        Value::Array(items) => items.get_mut(first.parse::<usize>().ok()?)?,
        Value::Object(map) => map.entry(*first).or_insert(Value::Null),
        _ => return None,
    };
    place_at(inner, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::tests::sample;
    use super::*;

    fn described() -> Described {
        Described {
            collector: "sample".to_owned(),
            clouds: Vec::new(),
            account_noun: "account".to_owned(),
            kinds_json: "[]".to_owned(),
            section: Some(sample()),
            pool_setting: None,
            tasks_json: "[]".to_owned(),
            environment: vec![],
            paths: vec![],
            auto_enable: vec![],
            account_kinds: vec![],
        }
    }

    fn with(file: Option<Value>, overrides: &[&str]) -> Result<Settings, Trouble> {
        let file = file.map(|file| file.to_string());
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        let environment = |name: &str| (name == "SEED").then(|| "42".to_owned());
        build(&described(), file.as_deref(), &overrides, &environment)
    }

    fn refused(file: Option<Value>, overrides: &[&str]) -> (u8, String) {
        let trouble = with(file, overrides).unwrap_err();
        (trouble.code.code(), format!("{}; {}", trouble.message, trouble.hint.unwrap_or_default()))
    }

    #[test]
    fn file_over_defaults_and_overrides_over_file() {
        let file =
            json!({"sample": {"seed": 3, "key": "k"}, "other": {"anything": 1}, WORKER: {MAX_RESOURCES: 9}});
        let settings =
            with(Some(file), &["sample.seed=4", "sample.regions=a,b", "sample.limits.ec2=7"]).unwrap();
        let section = settings.section;
        let of = |name: &str| section.get(name).unwrap().clone();
        assert_eq!([of("seed"), of("key"), of("fast")], [json!(4), json!("k"), json!(false)]);
        assert_eq!([of("regions"), of("limits")], [json!(["a", "b"]), json!({"ec2": 7})]);
        assert_eq!((settings.max_resources, settings.warnings), (Some(9), vec![]));
        assert_eq!(with(None, &["fixworker.max_resources_per_account=5"]).unwrap().max_resources, Some(5));
    }

    #[test]
    fn placeholders_become_the_type_of_their_setting() {
        let settings = with(
            Some(json!({"sample": {"seed": "$(SEED)", "regions": ["r$(SEED)"], "limits": {"a": "$(SEED)"}}})),
            &[],
        );
        let section = settings.unwrap().section;
        assert_eq!(section.get("seed"), Some(&json!(42)));
        assert_eq!(section.get("regions"), Some(&json!(["r42"])));
        assert_eq!(section.get("limits"), Some(&json!({"a": 42})));
    }

    #[test]
    fn an_unset_variable_means_the_default_and_a_warning() {
        let settings = with(Some(json!({"sample": {"seed": "$(NOPE)", "fast": true}})), &[]).unwrap();
        assert_eq!(settings.section.get("seed"), Some(&json!(0)));
        assert_eq!(settings.section.get("fast"), Some(&json!(true)));
        let warning =
            "sample.seed needs the environment variable NOPE, which is not set: the default is used";
        assert_eq!(settings.warnings, [warning]);
    }

    #[test]
    fn mistakes_name_the_place_and_what_was_meant() {
        for (file, overrides, code, text) in [
            (None, &["sample.sede=1"][..], 64, "there is no setting sample.sede; did you mean seed?"),
            (
                None,
                &["smaple.seed=1"],
                64,
                "the override smaple.seed is about the section smaple, which this collector does not read; did you mean sample?",
            ),
            (
                None,
                &["seed=1"],
                64,
                "the override seed does not name a setting; write it as SECTION.SETTING=VALUE, for example sample.seed=VALUE",
            ),
            (
                None,
                &["hunter2"],
                64,
                "an override has no equals sign; write it as SECTION.SETTING=VALUE, for example random.seed=7",
            ),
            (None, &["sample.seed=hunter2"], 64, "the override sample.seed must be an integer; "),
            (
                None,
                &["sample.files.3.path=x"],
                64,
                "the override sample.files.3.path is beyond the end of its list; ",
            ),
            (None, &["sample.seed.x=1"], 64, "the setting sample.seed has nothing at x; "),
            (
                Some(json!({"sample": {"sed": 1}})),
                &[],
                78,
                "the config file has an unknown setting sample.sed; did you mean seed?",
            ),
            (
                Some(json!({"sample": {"seed": "hunter2"}})),
                &[],
                78,
                "in the config file, sample.seed must be an integer, not a text; ",
            ),
            (Some(json!({"sample": []})), &[], 78, "the section sample of the config file is no object; "),
            (
                Some(json!({WORKER: {MAX_RESOURCES: -1}})),
                &[],
                78,
                "in the config file, fixworker.max_resources_per_account must be null or a number that is not negative; ",
            ),
        ] {
            assert_eq!(refused(file, overrides), (code, text.to_owned()));
        }
    }

    #[test]
    fn a_file_that_only_holds_the_section_itself_is_noticed() {
        let settings = with(Some(json!({"Sample": {"seed": 1}})), &[]).unwrap();
        let warning = "the config file has no section sample, so defaults are used (did you mean Sample?)";
        assert_eq!(settings.warnings, [warning]);
    }
}

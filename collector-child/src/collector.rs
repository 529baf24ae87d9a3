//! What a collector is: the interface between the child's machinery and the code that knows a cloud.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ipc_proto::clean::CleanOutcome;
use ipc_proto::fault::{Fault, FaultKind};
use ipc_proto::job::{Account, Described, PathGrant};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::changes::{
    Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest, refused,
};
use crate::fault::{FaultExt, fault};
use crate::identity::{Errand, Identity};
use crate::output::Output;

/// A future that a collector returns. It may hop between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Collects accounts of one cloud.
///
/// One value serves all jobs of the process, several at once. A collector that calls a cloud awaits its
/// calls; blocking work goes through `tokio::task::spawn_blocking`. Futures may be dropped at any `await`
/// (a cancelled job), so whatever must be undone is undone by `Drop`.
pub trait Collector: Send + Sync {
    /// Its name, as in `fixworker.collector`. Overridden where [`Self::describe`] is not cheap, because the
    /// name is asked of every collector at the start of every job.
    fn name(&self) -> Cow<'static, str> {
        self.describe().collector.into()
    }

    /// What the collector is: name, kinds, config section, environment. No I/O.
    fn describe(&self) -> Described;

    /// Paths it must reach: those of its description, without the cost of making that.
    fn paths(&self) -> Vec<PathGrant> {
        self.describe().paths
    }

    /// The accounts that `config` gives access to. Troubles that cost some of them but not all go to
    /// `output` as faults.
    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        output: &'a Output,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>>;

    /// To which account the credentials belong that an errand would be done with. Asked before every errand, and there
    /// is no default: whose account they are has to be known before anything is changed. The machinery compares, and
    /// refuses what is for another account.
    ///
    /// The cloud is asked once for the same credentials, and again when others have replaced them; the answer holds
    /// for those that [`Self::collect`], [`Self::clean`], [`Self::tag`] and [`Self::command`] use, or they fail.
    /// Credentials that do not get into the account are [`FaultKind::WrongAccount`], with a sentence that says whose
    /// they are.
    fn identity<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        output: &'a Output,
    ) -> BoxFuture<'a, Result<Identity, Failure>>;

    /// Puts the graph of one account into `output`: graph root, cloud, the account and everything below it,
    /// with the edges that join them.
    ///
    /// Troubles that cost some resources are faults; an error costs the account.
    fn collect<'a>(
        &'a self,
        request: &'a CollectRequest,
        output: &'a Output,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Whether `change` can be made to resources of `kind`. No I/O. Unless it says `Yes`, [`Self::clean`] and
    /// [`Self::tag`] are not called.
    fn ability(&self, change: Change, kind: &str) -> Ability {
        let _ = (change, kind);
        Ability::Unsupported
    }

    /// Deletes one resource with everything the cloud demands before; several calls run at once.
    ///
    /// Not found is `Gone`. What something else still depends on, or what is on its way out, is `Later`. In a
    /// dry run nothing may be changed, the log says what would be done, and the answer is `Planned`. An error
    /// costs the resource; of kind Credentials or Config it ends the whole job, because the next resource
    /// would end the same. What is kept from one resource to the next (sessions) is in `self`.
    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        output: &'a Output,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        let _ = (request, log, output);
        let reason = Ability::Unsupported.refusal(Change::Clean, &self.name(), &target.node.kind);
        Box::pin(async { Ok(CleanOutcome::Refused { reason: reason.unwrap_or_default() }) })
    }

    /// Changes tags in the cloud: removes, then sets. The node that goes back is changed by the caller.
    fn tag<'a>(&'a self, request: &'a TagRequest, output: &'a Output) -> BoxFuture<'a, Result<(), Failure>> {
        let _ = output;
        let reason = Ability::Unsupported.refusal(Change::Tag, &self.name(), &request.node.kind);
        Box::pin(async { Err(refused(reason.unwrap_or_default()).into()) })
    }

    /// Executes a command. The answer goes to the user as it is.
    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        output: &'a Output,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        let _ = output;
        let message = format!("the collector {} has no command {:?}", self.name(), request.name);
        Box::pin(async { Err(refused(message).into()) })
    }
}

/// One account to collect.
#[derive(Debug)]
pub struct CollectRequest {
    /// The collector's config section.
    pub config: ConfigSection,
    /// The account, as [`Collector::accounts`] listed it.
    pub account: Account,
    /// How long ago the last run started; `None` on the first one. Bounds the window of usage metrics.
    pub last_run_started_ago: Option<Duration>,
    /// Time left for the job when it started; `None` is no limit. Only advice: the supervisor ends a job that
    /// takes longer.
    pub remaining: Option<Duration>,
}

/// Why a collector ends without success.
#[derive(Debug, Error)]
pub enum Failure {
    /// The job was cancelled, or reached a limit: [`Output`] accepts nothing more. The machinery knows why;
    /// a collector just returns.
    #[error("the job was stopped")]
    Stopped,
    /// A trouble that costs the whole account.
    #[error("{}", .0.message)]
    Fault(Box<Fault>),
}

impl From<Box<Fault>> for Failure {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

/// The config section of a collector: a JSON object. It may hold credentials, so `Debug` prints names only.
#[derive(Clone, Default, PartialEq)]
pub struct ConfigSection {
    name: String,
    settings: Map<String, Value>,
}

impl ConfigSection {
    /// The section called `name` in the config document.
    pub fn new(name: impl Into<String>, settings: Map<String, Value>) -> Self {
        Self { name: name.into(), settings }
    }

    /// Reads the JSON text of a section; empty text and `null` are a section without settings.
    pub fn parse(name: &str, json: &str) -> Result<Self, Failure> {
        let wrong = |what: String| {
            fault(FaultKind::Config, format!("the config section {name} is not valid: {what}"))
                .scope_service(name)
        };
        if json.trim().is_empty() {
            return Ok(Self::new(name, Map::new()));
        }
        match serde_json::from_str(json) {
            Ok(Value::Object(settings)) => Ok(Self::new(name, settings)),
            Ok(Value::Null) => Ok(Self::new(name, Map::new())),
            Ok(other) => Err(wrong(format!("expected an object, found {}", json_type(&other))).into()),
            Err(error) => {
                // The error itself may quote the text, which may be a credential.
                Err(wrong(format!("no JSON at line {}, column {}", error.line(), error.column())).into())
            }
        }
    }

    /// The name of the section.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One setting.
    pub fn get(&self, setting: &str) -> Option<&Value> {
        self.settings.get(setting)
    }

    /// All settings.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// The section as the collector's own type, which should have a default for each setting
    /// (`#[serde(default)]`). An error names the setting and never its value.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match T::deserialize_from(&self.settings) {
            Ok(section) => Ok(section),
            Err(()) => Err(self.misfit::<T>().into()),
        }
    }

    fn misfit<T: DeserializeOwned>(&self) -> Fault {
        // Without the guilty setting the rest is fine.
        let guilty = self.settings.iter().find(|(setting, _)| {
            let mut rest = self.settings.clone();
            rest.shift_remove(setting.as_str());
            T::deserialize_from(&rest).is_ok()
        });
        let message = match guilty {
            Some((setting, value)) => {
                format!("the setting {}.{setting} does not accept {}", self.name, json_type(value))
            }
            None => format!("the settings of the config section {} do not fit", self.name),
        };
        let hint =
            format!("fix-collector describe --collector {} shows all settings with their types", self.name);
        fault(FaultKind::Config, message).scope_service(&self.name).with_hint(hint)
    }
}

trait DeserializeFrom: Sized {
    fn deserialize_from(settings: &Map<String, Value>) -> Result<Self, ()>;
}

impl<T: DeserializeOwned> DeserializeFrom for T {
    fn deserialize_from(settings: &Map<String, Value>) -> Result<Self, ()> {
        // The text of the error is dropped on purpose: it may quote a credential.
        T::deserialize(settings).map_err(|_| ())
    }
}

impl fmt::Debug for ConfigSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings: Vec<&String> = self.settings.keys().collect();
        f.debug_struct("ConfigSection").field("name", &self.name).field("settings", &settings).finish()
    }
}

/// What kind of JSON value it is, for messages that must not show it.
pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Sample {
        seed: u64,
        key: Option<u32>,
    }

    fn section(value: &Value) -> ConfigSection {
        ConfigSection::parse("sample", &value.to_string()).unwrap()
    }

    fn message(failure: &Failure) -> String {
        match failure {
            Failure::Fault(fault) => fault.message.clone(),
            Failure::Stopped => panic!("expected a fault"),
        }
    }

    #[test]
    fn misfit_names_the_setting_but_not_its_value() {
        let failure = section(&json!({"seed": 3, "key": "hunter2"})).to::<Sample>().unwrap_err();
        assert_eq!(message(&failure), "the setting sample.key does not accept a text");
    }

    #[test]
    fn unknown_settings_are_ignored_and_missing_ones_default() {
        let sample = section(&json!({"seed": 3, "other": []})).to::<Sample>().unwrap();
        assert_eq!((sample.seed, sample.key), (3, None));
    }

    #[test]
    fn broken_text_is_not_quoted() {
        let failure = ConfigSection::parse("sample", "{\"key\": hunter2}").unwrap_err();
        assert_eq!(message(&failure), "the config section sample is not valid: no JSON at line 1, column 9");
        assert!(ConfigSection::parse("sample", "[]").is_err());
        assert_eq!(ConfigSection::parse("sample", "null").unwrap().settings().len(), 0);
    }

    #[test]
    fn debug_shows_no_values() {
        assert!(!format!("{:?}", section(&json!({"key": "hunter2"}))).contains("hunter2"));
    }
}

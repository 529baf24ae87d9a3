//! Executing a command.

use collector::{Failure, Sink};
use engine::change::Access;
use http_client::{CallError, Class};
use serde_json::{Map, Value};
use shapes::{Joined, Operation, Service};

use super::super::access::Changer;
use super::super::resource::partition_of;
use super::allowed;
use super::line::{self, Line, Options};
use super::names::{kebab, operation, service};
use super::value::params;
use super::{Command, Wrong};
use crate::accounts::known::{every_region, names};
use crate::accounts::{Identity, Scope};
use crate::config::names::{check_typed_region, unknown_region};
use crate::job::Credentials;
use crate::partition::global_region;

/// Begins sentences about a command.
const WHOSE: &str = "the command";

impl Changer {
    /// Executes a command, and gives what the user sees: the answer, an empty list if it is empty, and of a list with
    /// one element that element.
    pub(crate) async fn command(&self, command: &Command<'_>, sink: &dyn Sink) -> Result<Value, Failure> {
        let Understood { line, service, operation, params, whom } = Understood::of(command)?;
        self.check_region(command, &whom, sink).await?;
        let access = self
            .access(command.config, &whom.account, &whom.scope, &whom.region, command.remaining, sink)
            .await?;
        let answer = ask(&access, service, operation, params, &line).await.map_err(said)?;
        Ok(shown(answer))
    }

    /// Refuses a region that is newer than this program, if AWS does not name it either. What is not known is refused as
    /// well: a command is for one region, and nobody looks at what became of it elsewhere.
    async fn check_region(&self, command: &Command<'_>, whom: &Whom, sink: &dyn Sink) -> Result<(), Failure> {
        if !whom.asks_region {
            return Ok(());
        }
        let Whom { account, scope, region, .. } = whom;
        let home = global_region(&scope.partition);
        let access = self.access(command.config, account, scope, home, command.remaining, sink).await?;
        match access.call("ec2", "DescribeRegions", every_region()).await {
            Ok(answer) if names(&answer, region) => Ok(()),
            Ok(_) => Err(unknown_region(region, WHOSE, ", and neither does AWS")),
            Err(error) => {
                let more =
                    format!(", and AWS does not say whether there is one: {}", error.to_fault().message);
                Err(unknown_region(region, WHOSE, &more))
            }
        }
    }

    /// The account that a command is for, and whose credentials it would be executed with. `None` if it is for no account
    /// in particular.
    pub(crate) async fn identity_of_command(
        &self,
        command: &Command<'_>,
    ) -> Result<Option<(String, Identity)>, Failure> {
        let Whom { account, scope, .. } = Understood::of(command)?.whom;
        if account.is_empty() {
            return Ok(None);
        }
        let identity = self.identity_in(command.config, &account, &scope).await?;
        Ok(Some((account, identity)))
    }
}

impl Changer {
    /// The credentials for a command; `again` replaces those that this process has.
    pub(crate) async fn credentials_of_command(
        &self,
        command: &Command<'_>,
        again: bool,
    ) -> Result<Credentials, Failure> {
        let Whom { account, scope, .. } = Understood::of(command)?.whom;
        self.credentials_in(command.config, &account, &scope, again).await
    }
}

/// A command that makes sense.
struct Understood {
    line: Line,
    service: &'static Service,
    operation: &'static Operation,
    params: Map<String, Value>,
    whom: Whom,
}

impl Understood {
    fn of(command: &Command<'_>) -> Result<Self, Failure> {
        let line = line::read(command.args)?;
        let service = service(&line.service)?;
        let operation = operation(service, &line.operation)?;
        allowed::check(&command.config.command_operations, service.name, &kebab(operation.name))?;
        let params = params(service, operation, line.options.input.as_deref(), &line.params)?;
        can_be_answered(service, operation)?;
        let whom = Whom::of(command, &line.options)?;
        if whom.account.is_empty() && !allowed::reads(&kebab(operation.name)) {
            let message = format!(
                "{} {} may change something: say with --account in which account",
                service.name,
                kebab(operation.name)
            );
            return Err(Wrong::new(message).into());
        }
        Ok(Self { line, service, operation, params, whom })
    }
}

/// As whom and where.
#[derive(Debug, PartialEq, Eq)]
struct Whom {
    account: String,
    scope: Scope,
    region: String,
    /// It was typed, and this program does not know it.
    asks_region: bool,
}

impl Whom {
    /// What the command names, else what the resource has, else what is configured.
    fn of(command: &Command<'_>, options: &Options) -> Result<Self, Failure> {
        let Command { config, resource, .. } = *command;
        let own = match resource {
            Some(resource) => Some((resource.account()?.to_owned(), resource.scope(config))),
            None => None,
        };
        let (own_account, own_scope) = own.unzip();
        let elsewhere = options.account.as_ref().filter(|account| Some(*account) != own_account.as_ref());
        let told = own_scope.as_ref();
        let configured = config.role.clone().filter(|_| elsewhere.is_some());
        let role = options.role.clone().or(configured).or_else(|| told.and_then(|scope| scope.role.clone()));
        let profile = options.profile.clone().or_else(|| told.and_then(|scope| scope.profile.clone()));
        // Without a resource it may be the account of the credentials: they are asked whose they are.
        let own = resource.is_some() && role.is_none() && options.profile.is_none();
        if let Some(account) = elsewhere.filter(|_| own) {
            let message = format!("to get into the account {account}, name a role in it with --role");
            return Err(Wrong::new(message).into());
        }
        let account = options.account.clone().or(own_account).unwrap_or_default();
        if role.is_some() && account.is_empty() {
            return Err(Wrong::new("--role needs --account, the account that the role is in").into());
        }
        let partition = match (&options.region, told) {
            (Some(region), _) => partition_of(region).to_owned(),
            (None, Some(scope)) => scope.partition.clone(),
            (None, None) => "aws".to_owned(),
        };
        let asks_region = match (&options.region, resource) {
            (Some(region), _) => check_typed_region(region, WHOSE)?,
            (None, Some(resource)) => resource.check_region().map(|()| false)?,
            (None, None) => false,
        };
        let region = options.region.clone().or_else(|| resource.map(|resource| resource.region().to_owned()));
        let region = region.unwrap_or_else(|| global_region(&partition).to_owned());
        let regions = config.region.clone().unwrap_or_default();
        let scope = Scope { role, profile, partition, regions };
        Ok(Self { account, scope, region, asks_region })
    }
}

/// Events that go on and on are no answer.
fn can_be_answered(service: &Service, operation: &Operation) -> Result<(), Wrong> {
    let output = operation.output.and_then(|id| service.shape(id).as_structure());
    let members = output.into_iter().flat_map(|output| &output.members);
    let streams = members.filter_map(|member| service.shape(member.shape).as_structure());
    if streams.into_iter().any(|member| member.event_stream) {
        let name = kebab(operation.name);
        return Err(Wrong::new(format!(
            "{} {name} answers with a stream of events, which cannot be shown",
            service.name
        )));
    }
    Ok(())
}

async fn ask(
    access: &Access<'_>,
    service: &'static Service,
    operation: &'static Operation,
    mut params: Map<String, Value>,
    line: &Line,
) -> Result<Value, CallError> {
    let options = &line.options;
    let pagination = operation.pagination.as_ref();
    // Whoever says where a page begins or how long it is wants that page.
    let by_hand = pagination.is_some_and(|pagination| {
        pagination.input_tokens.iter().chain(&pagination.limit_key).any(|name| params.contains_key(*name))
    });
    if let (Some(size), Some(name)) = (&options.page_size, pagination.and_then(|pages| pages.limit_key)) {
        // Some services take text there.
        let number = size.parse::<i64>().map_or_else(|_| Value::from(size.as_str()), Value::from);
        params.insert(name.to_owned(), number);
    }
    if options.first_page || by_hand {
        return access.call(service.name, operation.name, params).await;
    }
    let mut joined = Joined::new(pagination);
    let mut pages = access.pages(service.name, operation.name, params);
    while let Some(page) = pages.next().await {
        access.progress();
        joined.add(page?);
        if options.max_items.is_some_and(|most| joined.items() >= most) {
            break;
        }
    }
    Ok(joined.finish(options.max_items))
}

/// A call that does not fit the operation is the user's.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn said(error: CallError) -> Failure {
    match error.class {
        Class::Input => Wrong::new(error.message.clone()).into(),
        _ => error.to_fault().into(),
    }
}

fn shown(answer: Value) -> Value {
    match answer {
        Value::Object(members) if members.is_empty() => Value::Array(Vec::new()),
        Value::Null => Value::Array(Vec::new()),
        Value::Array(mut items) if items.len() == 1 => items.remove(0),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Resource;
    use super::*;
    use crate::config::AwsConfig;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn whom(settings: Value, resource: bool, words: &str) -> Result<Whom, String> {
        let config: AwsConfig = serde_json::from_value(settings).unwrap();
        let args: Vec<String> =
            format!("sts get-caller-identity {words}").split_whitespace().map(str::to_owned).collect();
        let node = Resource::new(
            "aws_ec2_volume",
            object(json!({"id": "v"})),
            object(json!({"id": "1", "role": "Own", "partition": "aws"})),
            object(json!({"id": "eu-west-1", "name": "eu-west-1"})),
        );
        let command =
            Command { config: &config, args: &args, resource: resource.then_some(&node), remaining: None };
        Whom::of(&command, &line::read(&args).unwrap().options).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_the_command_names_counts_more_than_what_the_resource_has() {
        let own = whom(json!({}), true, "").unwrap();
        assert_eq!(
            (own.account.as_str(), own.scope.role.as_deref(), own.region.as_str()),
            ("1", Some("Own"), "eu-west-1")
        );
        let other = whom(json!({"role": "Fix"}), true, "--account 2 --region us-gov-west-1").unwrap();
        assert_eq!(
            (other.account.as_str(), other.scope.role.as_deref(), other.scope.partition.as_str()),
            ("2", Some("Fix"), "aws-us-gov")
        );
        let role = whom(json!({}), true, "--role Admin --profile p").unwrap();
        assert_eq!((role.scope.role.as_deref(), role.scope.profile.as_deref()), (Some("Admin"), Some("p")));
    }

    #[test]
    fn without_a_resource_the_credentials_of_the_configuration_are_used() {
        let nobody = whom(json!({"role": "Fix"}), false, "").unwrap();
        assert_eq!(
            (nobody.account.as_str(), nobody.scope.role, nobody.region.as_str()),
            ("", None, "us-east-1")
        );
    }

    #[test]
    fn nothing_is_called_in_another_account_than_the_one_that_was_named() {
        let named = whom(json!({}), false, "--account 2").unwrap();
        assert_eq!(
            (named.account.as_str(), named.scope.role),
            ("2", None),
            "whose the credentials are is compared"
        );
        assert!(whom(json!({}), false, "--role Fix").unwrap_err().contains("needs --account"));
    }

    #[test]
    fn a_region_that_is_none_and_a_change_of_no_account_are_refused() {
        let understood = |operations: &[&str], line: &str| {
            let config: AwsConfig =
                serde_json::from_value(json!({"command_operations": operations})).unwrap();
            let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let command = Command { config: &config, args: &args, resource: None, remaining: None };
            Understood::of(&command).map(drop).map_err(|failure| failure.to_string())
        };
        let told = understood(&["describe-*"], "ec2 describe-vpcs --region eu-west-1a").unwrap_err();
        assert!(told.contains("names the region \"eu-west-1a\""), "{told}");
        let stop = "ec2 stop-instances --instance-ids i-1";
        assert!(understood(&["ec2:stop-instances"], stop).unwrap_err().contains("--account"));
        assert_eq!(understood(&["ec2:stop-instances"], &format!("{stop} --account 1")), Ok(()));
        assert_eq!(understood(&["describe-*"], "ec2 describe-vpcs"), Ok(()));
    }

    #[test]
    fn answers_are_shown_as_the_python_worker_shows_them() {
        assert_eq!(shown(json!({})), json!([]));
        assert_eq!(shown(json!({"a": 1})), json!({"a": 1}));
    }
}

//! AWS as the engine sees it.

use collector::changes::tag_handler;
use collector::identity::{Identity, Owner};
use collector::{BoxFuture, ConfigSection, Failure, Kinds, Sink};
use engine::hooks::Hooks;
use engine::metrics::Query;
use engine::{
    Changes, Check, Client, Cloud, CloudFacts, Context, Entered, Measuring, Plans, Region, Wanted, Way,
};
use http_client::{CallError, LeftOut, Pages};
use ipc_proto::job::{Account, Described, PathGrant};
use ipc_proto::seal::{Brokering, Seal};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;
use std::time::Duration;

use crate::accounts::{self, Scope};
use crate::api::Api;
use crate::change::command_definition;
use crate::changes::AwsChanges;
use crate::config::AwsConfig;
use crate::handed::{self, settings};
use crate::job::{self, Way as AwsWay};
use crate::listed::Listed;
use crate::metrics::{self, METRICS_OF_CALL};
use crate::own::made_by_aws;
use crate::regions::regions;
use crate::{built_in, describe, top};

/// The id of the cloud.
pub(crate) const CLOUD: &str = "aws";

/// What is the same for all accounts.
pub(crate) static FACTS: CloudFacts = CloudFacts {
    cloud: CLOUD,
    name: "AWS",
    account_kind: "aws_account",
    region_kind: "aws_region",
    resource_kind: "aws_resource",
    has_global_region: true,
    drops_unused: true,
    check: Check::WithFirstCalls,
    region_setting: "aws.region",
    holes_setting: "aws.discard_account_on_resource_error",
    catalog: Some(&aws_shapes::CATALOG),
    // The first answer about a bucket tells where it is; the others would be sent to the wrong region, too.
    alone: &["GetBucketLocation"],
    // An operation that EC2 does not authorize is an error for the Python worker, too.
    denials_told: &["UnauthorizedOperation"],
    without_host: &["bedrock-agent", "qapps", "qbusiness"],
    only_above: &["aws_bedrock_foundation_model"],
    made_by_cloud: made_by_aws,
    measuring: Measuring::InRegion(METRICS_OF_CALL),
    ..CloudFacts::PLAIN
};

/// AWS.
#[derive(Debug, Default)]
pub(crate) struct Aws {
    changes: AwsChanges,
    /// A process that lists accounts and then collects them assumes each role and runs each credential process once.
    listed: Listed,
}

impl Cloud for Aws {
    fn facts(&self) -> &'static CloudFacts {
        &FACTS
    }

    fn kinds(&self) -> &'static Kinds {
        &built_in::KINDS
    }

    fn plans(&self) -> Result<&'static Plans, Failure> {
        built_in::plans()
    }

    fn hooks(&self) -> &'static Hooks {
        built_in::hooks()
    }

    fn describe(&self) -> Described {
        let tasks = json!([tag_handler(CLOUD), command_definition()]);
        Described { tasks_json: tasks.to_string(), ..describe::describe() }
    }

    fn paths(&self) -> Vec<PathGrant> {
        describe::paths()
    }

    fn accounts<'a>(
        &'a self,
        config: &'a ConfigSection,
        sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async move {
            let config: AwsConfig = config.to()?;
            let accounts = job::accounts(&config, sink).await?;
            Ok(self.listed.keep(config, accounts))
        })
    }

    fn open<'a>(
        &'a self,
        config: &'a ConfigSection,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<Box<dyn Way>, Failure>> {
        Box::pin(async move {
            let config = settings(config)?;
            let way = AwsWay::open(&config, account, self.listed.take(&config, account)).await?;
            let (name, owner) = (account.name.clone(), OnceLock::new());
            Ok(Box::new(Opened { way, config, name, owner }) as Box<dyn Way>)
        })
    }

    fn brokering(&self) -> Option<Brokering> {
        Some(describe::brokering())
    }

    fn changes(&self) -> Option<&dyn Changes> {
        Some(&self.changes)
    }
}

/// The way into an account.
struct Opened {
    way: AwsWay,
    config: AwsConfig,
    name: String,
    /// Whose the credentials are, as far as that was asked for.
    owner: OnceLock<accounts::Identity>,
}

impl Way for Opened {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, Failure>> {
        Box::pin(async {
            let identity = self.way.identity(&self.config).await?;
            drop(self.owner.set(identity.clone()));
            Ok(owner(identity, None))
        })
    }

    fn seal(&self) -> BoxFuture<'_, Result<Seal, Failure>> {
        Box::pin(async { self.way.credentials(&self.config).await.map(handed::seal) })
    }

    fn enter(self: Box<Self>, sink: &dyn Sink) -> BoxFuture<'_, Result<Entered, Failure>> {
        Box::pin(async move {
            let Self { way, config, name, owner } = *self;
            if let Some(owner) = owner.get() {
                way.stays_with(owner);
            }
            let AwsWay { client, session, scope, account } = way;
            let api = Api::new(client.clone(), session, &account);
            sink.step("asking for the regions of the account".to_owned());
            let found = accounts::regions::of_account(&api, &scope, sink).await;
            let found = found.map_err(|error| error.to_fault())?;
            Ok(entered(api, AwsAccount { config, scope, client }, &account, &name, &found))
        })
    }
}

/// Whose credentials they are, and how a worker gets others.
pub(crate) fn owner(identity: accounts::Identity, wanted: Option<String>) -> Identity {
    let accounts::Identity { account, credentials, .. } = identity;
    let remedy = "set aws.role to a role that these credentials may assume there".to_owned();
    Identity::Of(Owner { account, credentials, wanted, remedy })
}

/// An account with these regions.
pub(crate) fn entered(api: Api, own: AwsAccount, account: &str, name: &str, found: &[String]) -> Entered {
    let regions = regions(account, &own.scope.partition, found);
    let home = api.home(&own.scope);
    Entered {
        account: top::account(account, name, &own.scope),
        region_nodes: top::regions(&regions),
        zone_nodes: Vec::new(),
        client: Box::new(AwsClient { api, home }),
        regions,
        wanted: Box::new(own),
    }
}

/// What is wanted of an account, and how it is reached.
#[derive(Debug)]
pub(crate) struct AwsAccount {
    pub(crate) config: AwsConfig,
    pub(crate) scope: Scope,
    /// What answers have told so far, besides what they are about.
    pub(crate) client: aws_client::Client,
}

impl Wanted for AwsAccount {
    fn collects(&self, kind: &str) -> bool {
        self.config.should_collect(kind)
    }

    fn collects_child(&self, kind: &str) -> bool {
        self.config.should_collect_child(kind)
    }

    fn calls_at_once(&self, service: &str) -> u32 {
        self.config.tasks_of(service)
    }

    fn without_holes(&self) -> bool {
        self.config.discard_account_on_resource_error
    }

    fn usage_metrics(&self) -> bool {
        self.config.collect_usage_metrics == Some(true)
    }

    fn empty_regions(&self) -> bool {
        self.config.narrows()
    }

    fn names_regions(&self) -> bool {
        self.config.names_regions()
    }
}

/// What hooks see of AWS.
pub(crate) trait OfAws<'a> {
    /// The settings.
    fn config(self) -> &'a AwsConfig;
    /// How the account is reached.
    fn scope(self) -> &'a Scope;
    /// The region of a bucket, as far as answers have told it.
    fn region_of_bucket(self, bucket: &str) -> Option<String>;
}

#[expect(clippy::panic, reason = "the hooks of AWS are for accounts of AWS only")]
fn own(context: Context<'_>) -> &AwsAccount {
    context.own().unwrap_or_else(|| panic!("an account of another cloud"))
}

impl<'a> OfAws<'a> for Context<'a> {
    fn config(self) -> &'a AwsConfig {
        &own(self).config
    }

    fn scope(self) -> &'a Scope {
        &own(self).scope
    }

    fn region_of_bucket(self, bucket: &str) -> Option<String> {
        own(self).client.region_of_bucket(bucket)
    }
}

/// Calls with the credentials of an account.
struct AwsClient {
    api: Api,
    /// The region whose STS is asked.
    home: String,
}

impl Client for AwsClient {
    fn call<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(self.api.call(&region.id, service, operation, params))
    }

    fn pages<'a>(
        &'a self,
        region: &'a Region,
        service: &'a str,
        operation: &'a str,
        params: Map<String, Value>,
    ) -> Pages<'a> {
        self.api.pages(&region.id, service, operation, params)
    }

    /// Whoever handed them over has said of which account they are; AWS knows.
    fn still_valid(&self) -> BoxFuture<'_, Result<(), CallError>> {
        Box::pin(async {
            let answer = self.api.call(&self.home, "sts", "GetCallerIdentity", Map::new()).await?;
            self.api.expect_account(&self.home, &answer)
        })
    }

    fn is_there<'a>(&'a self, region: &'a Region) -> BoxFuture<'a, bool> {
        Box::pin(async {
            let answer = self.api.call(&region.id, "sts", "GetCallerIdentity", Map::new()).await;
            answer.inspect_err(|error| tracing::debug!("the region is not there either: {error}")).is_ok()
        })
    }

    fn left_out(&self) -> Vec<LeftOut> {
        self.api.left_out()
    }

    fn measure<'a>(
        &'a self,
        context: Context<'a>,
        now: Timestamp,
        length: Duration,
        queries: &'a [Query<'a>],
    ) -> BoxFuture<'a, Result<Vec<Vec<f64>>, Failure>> {
        Box::pin(metrics::ask(context, now, length, queries))
    }
}

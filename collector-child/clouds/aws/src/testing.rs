//! A cloud in the process, a sink that remembers, and tables of a few kinds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_client::{Client, Login, RetryPolicy, Settings};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use collector::{BoxFuture, Entry, Failure, Placed, Sink};
use engine::{AccountFacts, Assignment, Entered, Top};
use inventory::KindTable;
use ipc_proto::fault::Fault;
use ipc_proto::graph::EdgeType;
use ipc_proto::message::{Denied, Progress};
use serde_json::{Value, json};
use tables::compile::{Dialect, SourceFile, cloud, compile};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::accounts::Scope;
use crate::api::Api;
use crate::cloud::{AwsAccount, FACTS, entered};
use crate::config::AwsConfig;
use engine::Plans;
use engine::hooks::Hooks;

/// The account of all tests.
pub(crate) const ACCOUNT: &str = "100000000001";

/// A call as the cloud got it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Called {
    pub(crate) service: String,
    pub(crate) region: String,
    /// The access key that signed it.
    pub(crate) key: String,
    /// The operation, or method and path where the address says it.
    pub(crate) operation: String,
    /// What follows the path in the address.
    pub(crate) query: String,
    /// The body of JSON protocols.
    pub(crate) params: Value,
    /// The body as it came.
    pub(crate) body: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    body: String,
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Self {
        Self { status: 200, content_type: "application/x-amz-json-1.1", body: body.to_string() }
    }

    /// What a service sends that is nearly JSON.
    pub(crate) fn nearly_json(body: &str) -> Self {
        Self { body: body.to_owned(), ..Self::json(&Value::Null) }
    }

    pub(crate) fn json_error(code: &str) -> Self {
        let body = json!({"__type": code, "message": "no"}).to_string();
        Self { status: 400, content_type: "application/x-amz-json-1.1", body }
    }

    pub(crate) fn xml(body: &str) -> Self {
        Self { status: 200, content_type: "text/xml", body: body.to_owned() }
    }

    pub(crate) fn xml_error(code: &str) -> Self {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        );
        Self { status: 403, content_type: "text/xml", body }
    }

    pub(crate) fn json_status(status: u16, body: &Value) -> Self {
        Self { status, ..Self::json(body) }
    }

    pub(crate) fn xml_status(status: u16, body: &str) -> Self {
        Self { status, ..Self::xml(body) }
    }

    pub(crate) fn page_of_a_proxy() -> Self {
        Self { status: 403, content_type: "text/html", body: "<html><body>blocked</body></html>".to_owned() }
    }
}

/// What the cloud answers; `None` for calls that the test does not care about.
pub(crate) type Answers = dyn Fn(&Called) -> Option<Reply> + Send + Sync;

struct Cloud {
    answers: Box<Answers>,
    calls: Mutex<Vec<Called>>,
}

/// What a collection sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) nodes: Vec<Value>,
    pub(crate) edges: Vec<(String, String, EdgeType)>,
    pub(crate) deferred: usize,
    pub(crate) faults: Vec<Fault>,
    /// The remark about regions that were left out, which most tests have one of.
    pub(crate) left_out: Vec<Fault>,
    pub(crate) denied: Vec<Denied>,
    pub(crate) progress: Vec<(String, u32)>,
}

impl Sent {
    /// The nodes of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.nodes.iter().filter(|node| node["reported"]["kind"] == kind).collect()
    }

    /// Ids of what is below a node.
    pub(crate) fn below(&self, node: &Value, edge_type: EdgeType) -> Vec<&str> {
        let from = node["id"].as_str().unwrap();
        let ends = self.edges.iter().filter(|(start, _, kind)| start == from && *kind == edge_type);
        let mut ids: Vec<&str> = ends
            .filter_map(|(_, to, _)| self.nodes.iter().find(|node| node["id"] == to.as_str()))
            .map(|node| node["reported"]["id"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        ids
    }
}

/// Remembers what it gets.
#[derive(Debug, Default)]
pub(crate) struct Recorder(pub(crate) Mutex<Sent>);

impl Sink for Recorder {
    fn put(&self, entry: Entry<'_>) -> Result<Placed, Failure> {
        let mut sent = self.0.lock().unwrap();
        match entry {
            Entry::Node(node) => sent.nodes.push(serde_json::from_slice(node.json).unwrap()),
            Entry::Edge(edge) => sent.edges.push((edge.from.to_owned(), edge.to.to_owned(), edge.edge_type)),
            Entry::Deferred(_) => sent.deferred += 1,
        }
        Ok(Placed::Yes)
    }

    fn make_room(&self, _bytes: usize) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn fault(&self, fault: Fault) {
        self.0.lock().unwrap().faults.push(fault);
    }

    fn denied(&self, calls: Vec<Denied>) {
        self.0.lock().unwrap().denied.extend(calls);
    }

    fn progress(&self, progress: Progress) {
        self.0.lock().unwrap().progress.push((progress.name, progress.current));
    }

    fn step(&self, _step: String) {}

    fn work(&self, _amount: u64) {}

    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn share(&self) -> Arc<dyn Sink> {
        unreachable!("nothing here runs in another thread")
    }
}

/// What came of a collection.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) result: Result<(), Failure>,
    pub(crate) sent: Sent,
    pub(crate) calls: Vec<Called>,
}

/// A collection to be tried.
pub(crate) struct Trial {
    pub(crate) tables: &'static str,
    pub(crate) config: Value,
    pub(crate) hooks: Hooks,
    pub(crate) answers: Box<Answers>,
}

impl Trial {
    /// The kinds of [`TABLES`] in a cloud.
    pub(crate) fn of(answers: impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let hooks = Hooks::new(Vec::new());
        Self { tables: TABLES, config: json!({}), hooks, answers: Box::new(answers) }
    }

    pub(crate) fn run(self) -> BoxFuture<'static, Collected> {
        Box::pin(self.run_here())
    }

    async fn run_here(self) -> Collected {
        let cloud = Arc::new(Cloud { answers: self.answers, calls: Mutex::default() });
        let client = client(&cloud).await;
        let session = client.session(keys()).await.unwrap();
        let config: AwsConfig = serde_json::from_value(self.config).unwrap();
        let regions = ["eu-west-1", "us-east-1"].map(str::to_owned).to_vec();
        let scope = Scope { role: None, profile: None, partition: "aws".to_owned(), regions };
        let found = scope.regions.clone();
        let api = Api::new(client.clone(), session, ACCOUNT);
        let entered = entered(api, AwsAccount { config, scope, client }, ACCOUNT, "test", &found);
        let Entered { client, regions, account, region_nodes, zone_nodes, wanted } = entered;
        let assignment = Assignment {
            top: Top::new(kinds(), &FACTS, &account, &regions, &region_nodes, &zone_nodes).unwrap(),
            facts: &FACTS,
            account: AccountFacts { id: ACCOUNT.to_owned(), name: "test".to_owned() },
            wanted,
            regions,
            plans: Box::leak(Box::new(plans(self.tables))),
            hooks: Box::leak(Box::new(self.hooks.led_by(crate::hooks::account()))),
            last_run_started_ago: Some(Duration::from_hours(1)),
        };
        let recorder = Recorder::default();
        let result = Box::pin(engine::collect(assignment, client, &recorder)).await;
        let calls = cloud.calls.lock().unwrap().clone();
        let mut sent = recorder.0.into_inner().unwrap();
        let about_regions = |fault: &Fault| fault.message.contains("without resources of your own");
        (sent.left_out, sent.faults) = sent.faults.into_iter().partition(about_regions);
        Collected { result, sent, calls }
    }
}

pub(crate) fn kinds() -> &'static KindTable {
    Box::leak(Box::new(KindTable::load(&["base", "aws"]).unwrap()))
}

pub(crate) fn plans(text: &str) -> Plans {
    let file = SourceFile { name: "test", path: "test.toml", text };
    let about = include_str!("../cloud.toml");
    let cloud = cloud(&SourceFile { name: "cloud", path: "cloud.toml", text: about }).unwrap();
    let compiled = compile(&[file], kinds(), Dialect { cloud: &cloud, catalog: Some(&aws_shapes::CATALOG) });
    assert!(compiled.mistakes.is_empty(), "{:#?}", compiled.mistakes);
    Plans::new(compiled.plans)
}

/// A client of a cloud that answers as `answers` says, for tests of what is not a collection.
pub(crate) async fn client_of(answers: impl Fn(&Called) -> Option<Reply> + Send + Sync + 'static) -> Client {
    client(&Arc::new(Cloud { answers: Box::new(answers), calls: Mutex::default() })).await
}

async fn client(cloud: &Arc<Cloud>) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer).with_state(cloud.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let retry = RetryPolicy { attempts: 1, rounds: 1, ..RetryPolicy::default() };
    let variables = [("AWS_ENDPOINT_URL", address.as_str())];
    Client::with_variables(Settings { retry, ..Settings::default() }, &variables).await.unwrap()
}

/// Credentials as good as any.
pub(crate) fn keys() -> Login {
    Login::Keys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Zeroizing::new("secret".to_owned()),
    }
}

async fn answer(
    State(cloud): State<Arc<Cloud>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let called = called(&method, &uri, &headers, &body);
    cloud.calls.lock().unwrap().push(called.clone());
    let reply = (cloud.answers)(&called).unwrap_or_else(|| usual(&called));
    let status = StatusCode::from_u16(reply.status).unwrap();
    (status, [("content-type", reply.content_type)], reply.body).into_response()
}

fn called(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Called {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...
    let scope: Vec<&str> = text("authorization").split('/').collect();
    let body = String::from_utf8_lossy(body).into_owned();
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let operation = match (text("x-amz-target").rsplit_once('.'), action) {
        (Some((_, operation)), _) => operation.to_owned(),
        (None, Some(action)) => action.to_owned(),
        (None, None) => format!("{method} {}", uri.path()),
    };
    Called {
        service: (*scope.get(3).unwrap_or(&"")).to_owned(),
        region: (*scope.get(2).unwrap_or(&"")).to_owned(),
        key: scope[0].rsplit('=').next().unwrap_or_default().to_owned(),
        operation,
        query: uri.query().unwrap_or_default().to_owned(),
        params: serde_json::from_str(&body).unwrap_or_default(),
        body,
    }
}

/// What an account that is fine and empty answers.
fn usual(called: &Called) -> Reply {
    match (called.service.as_str(), called.operation.as_str()) {
        ("sts", "GetCallerIdentity") => Reply::xml(&format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )),
        ("iam", "GetAccountPasswordPolicy") => Reply::xml_error("NoSuchEntity"),
        ("iam", operation) => {
            Reply::xml(&format!("<{operation}Response><{operation}Result/></{operation}Response>"))
        }
        ("organizations", _) => Reply::json_error("AWSOrganizationsNotInUseException"),
        _ => Reply::json(&json!({})),
    }
}

/// Keys and their secrets, vaults and their jobs.
pub(crate) const TABLES: &str = r#"
service = "kms"

[aws_kms_key]
list = { op = "ListKeys", items = "Keys" }
calls = [
    { op = "DescribeKey", args = { KeyId = "{KeyId}" }, take = "KeyMetadata", into = ".", required = true },
    { op = "GetKeyPolicy", args = { KeyId = "{KeyId}", PolicyName = "default" }, take = "Policy", expect = ["NotFoundException"] },
    { op = "GetKeyRotationStatus", args = { KeyId = "{KeyId}" }, take = "KeyRotationEnabled", when = ["KeyManager == CUSTOMER"] },
]
arn = "arn:{partition}:kms:{region}:{account}:key/{id}"
link = "https://{region_id}.console.aws.amazon.com/kms/home?region={region}#/kms/keys/{id}"

[aws_kms_key.map]
name = "KeyId"
arn = "Arn"
access_key_status = "KeyState"
kms_key_policy = { path = "Policy", fn = "policy" }

[aws_secretsmanager_secret]
service = "secretsmanager"
list = { op = "ListSecrets", items = "SecretList" }
unset = ["policy"]
edges = [{ to = "aws_kms_key", id = "KmsKeyId", fn = "arn_last", delete = "reverse" }]

[aws_secretsmanager_secret.map]
id = "Name"

[aws_athena_work_group]
service = "athena"
scope = "global"
list = { op = "ListWorkGroups", items = "WorkGroups[].Name" }
batch = { op = "BatchGetNamedQuery", arg = "NamedQueryIds", from = "$item", size = 2, items = "NamedQueries", failed = "UnprocessedNamedQueryIds", by = "NamedQueryId", take = "Description", into = "Extra" }
calls = [{ op = "GetWorkGroup", args = { WorkGroup = "{$item}" }, take = "WorkGroup", into = ".", required = true }]
prefix = ["workgroup_"]

[aws_athena_work_group.map]
id = "Name"
"#;

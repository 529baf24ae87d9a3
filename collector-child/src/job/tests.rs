//! Jobs that change a cloud, from Start to their last message.

use collector::Sink;
use collector::changes::{Ability, Change, CleanLog, CleanRequest, CleanTarget, CommandRequest, TagRequest};
use collector::identity::{Identity, Owner};
use ipc_proto::clean::{
    CleanEvent, CleanJob, CleanOutcome, CleanResource, Cleaned, CommandJob, Related, TagJob,
};
use ipc_proto::codec;
use ipc_proto::frame::HEADER_LEN;
use ipc_proto::graph::EdgeType;
use ipc_proto::job::{Account, Described};
use ipc_proto::limits::{MAX_LOG, MAX_TEXT};
use ipc_proto::message::{JobId, ToSupervisor};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::output::OutputLimits;

/// Does with a resource what its id says.
struct Probe;

impl Collector for Probe {
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "probe".into()
    }

    fn describe(&self) -> Described {
        Described {
            collector: "probe".to_owned(),
            clouds: vec!["probe".to_owned()],
            account_noun: "account".to_owned(),
            kinds_json: "[]".to_owned(),
            section: None,
            pool_setting: None,
            tasks_json: "[]".to_owned(),
            environment: vec![],
            paths: vec![],
            auto_enable: vec![],
            account_kinds: vec![],
        }
    }

    fn accounts<'a>(
        &'a self,
        _config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Has the credentials that the config says, by default those of the account of all tests.
    fn identity<'a>(
        &'a self,
        errand: &'a Errand<'a>,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async move {
            let config = match errand {
                Errand::Collect(request) => &request.config,
                Errand::Clean(request, _) => &request.config,
                Errand::Tag(request) => &request.config,
                Errand::Command(request) => &request.config,
            };
            let text = |setting: &str| config.get(setting).and_then(Value::as_str);
            match text("trouble") {
                Some("throttled") => return Err(fault(FaultKind::Throttled, "slow down").into()),
                Some("denied") => return Err(fault(FaultKind::AccessDenied, "not allowed").into()),
                Some("typo") => return Err(collector::changes::refused("did you mean that?").into()),
                _ => {}
            }
            if text("owner") == Some("nobody") {
                return Ok(Identity::NoCredentials);
            }
            if matches!(errand, Errand::Command(CommandRequest { node: None, .. })) {
                return Ok(Identity::AnyAccount);
            }
            Ok(Identity::Of(Owner {
                account: text("owner").unwrap_or("42").to_owned(),
                credentials: "the profile prod".to_owned(),
                wanted: text("wanted").map(str::to_owned),
                remedy: "set a role".to_owned(),
            }))
        })
    }

    fn collect<'a>(
        &'a self,
        _request: &'a CollectRequest,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    fn ability(&self, change: Change, kind: &str) -> Ability {
        match kind {
            "thing" => Ability::Yes,
            "untagged" if change == Change::Clean => Ability::Yes,
            "untagged" => Ability::No,
            "region" => Ability::Phantom,
            _ => Ability::Unknown,
        }
    }

    fn clean<'a>(
        &'a self,
        request: &'a CleanRequest,
        target: &'a CleanTarget,
        log: &'a CleanLog,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<CleanOutcome, Failure>> {
        Box::pin(async move {
            log.done("detached");
            let later = || CleanOutcome::Later { reason: "terminating".to_owned() };
            match target.node.cloud_id() {
                "later" => Ok(later()),
                "denied" => Err(fault(FaultKind::AccessDenied, "not allowed").with_hint("ask").into()),
                "busy" => Err(fault(FaultKind::Throttled, "slow down").into()),
                "expired" => Err(fault(FaultKind::Credentials, "the key has expired").into()),
                "panics" => panic!("probe panic"),
                "long" => {
                    for _ in 0..MAX_LOG * 2 {
                        log.failed("x".repeat(MAX_TEXT * 2));
                    }
                    Ok(CleanOutcome::Failed { reason: "y".repeat(MAX_TEXT * 2) })
                }
                "slow" => {
                    tokio::time::sleep(Duration::from_mins(1)).await;
                    Ok(CleanOutcome::Gone)
                }
                "never" => std::future::pending().await,
                "shows" => {
                    let above = &target.node.ancestors;
                    let role = above.account.as_ref().and_then(|account| account.text("role"));
                    let more = above.region.as_ref().and_then(|region| region.text("more"));
                    log.done(format!("role {role:?}, region {more:?}, cut {}", target.related_cut));
                    for other in target.related.iter().filter(|other| other.node.kind == "group") {
                        log.done(format!("related {}", other.node.cloud_id()));
                    }
                    Ok(CleanOutcome::Gone)
                }
                _ if request.dry_run => Ok(CleanOutcome::Planned),
                _ => Ok(CleanOutcome::Gone),
            }
        })
    }

    fn tag<'a>(&'a self, request: &'a TagRequest, _sink: &'a dyn Sink) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match request.node.cloud_id() {
                "denied" => Err(fault(FaultKind::AccessDenied, "not allowed").into()),
                _ => Ok(()),
            }
        })
    }

    fn command<'a>(
        &'a self,
        request: &'a CommandRequest,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let node = request.node.as_ref().map(|node| node.cloud_id().to_owned());
            let large = request.args.first().filter(|arg| *arg == "large").map(|_| "z".repeat(5 << 20));
            Ok(json!({"name": request.name, "args": request.args, "node": node, "large": large}))
        })
    }
}

/// A collector that can only collect.
struct Plain;

impl Collector for Plain {
    fn name(&self) -> std::borrow::Cow<'static, str> {
        "plain".into()
    }

    fn describe(&self) -> Described {
        Described { collector: "plain".to_owned(), ..Probe.describe() }
    }

    fn accounts<'a>(
        &'a self,
        _config: &'a ConfigSection,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Vec<Account>, Failure>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn identity<'a>(
        &'a self,
        _errand: &'a Errand<'a>,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<Identity, Failure>> {
        Box::pin(async { Ok(Identity::NoCredentials) })
    }

    fn collect<'a>(
        &'a self,
        _request: &'a CollectRequest,
        _sink: &'a dyn Sink,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
}

/// What a job answered.
#[derive(Debug, Default)]
struct Heard {
    cleaned: Vec<Cleaned>,
    answers: Vec<String>,
    fatal: Option<Fault>,
    done: Option<Done>,
}

impl Heard {
    fn take(&mut self, frame: &[u8]) {
        assert!(self.fatal.is_none() && self.done.is_none(), "nothing follows the last message");
        let message: ToSupervisor<'_> = codec::decode(&frame[HEADER_LEN..]).unwrap();
        match message.body {
            Report::Cleaned(cleaned) => self.cleaned.push(*cleaned),
            Report::Tagged(json) | Report::Output(json) => self.answers.push(json),
            Report::Fatal(fault) => self.fatal = Some(fault),
            Report::Done(done) => self.done = Some(done),
            Report::Ready => {}
            other => panic!("unexpected {other:?}"),
        }
    }

    fn outcome(&self, id: &str) -> &CleanOutcome {
        &self.cleaned.iter().find(|cleaned| cleaned.node_id == id).unwrap().outcome
    }

    fn complaint(&self) -> &str {
        &self.fatal.as_ref().unwrap().message
    }
}

/// Runs a job; with `stop` it is cancelled as soon as that many resources are answered.
async fn hear(job: Job, stop: Option<usize>) -> (Outcome, Heard) {
    let collectors: Vec<Box<dyn Collector>> = vec![Box::new(Probe), Box::new(Plain)];
    let (lane, mut frames) = mpsc::channel(4);
    let output = Output::new(JobId(1), lane, OutputLimits::default());
    let start = Start { job, remaining: None, environment: Vec::new() };
    let its_sink = output.clone();
    let task = tokio::spawn(async move { run(&collectors, start, &its_sink).await });
    let mut output = Some(output);
    let mut heard = Heard::default();
    let abort = task.abort_handle();
    while let Some(frame) = frames.recv().await {
        heard.take(&frame);
        if stop.is_some_and(|stop| stop <= heard.cleaned.len())
            && let Some(output) = output.take()
        {
            output.end_from_outside(cancelled("enough"));
            abort.abort();
        }
        if heard.done.is_some() || heard.fatal.is_some() {
            break;
        }
    }
    let outcome = task.await.unwrap_or(Outcome::Cut);
    (outcome, heard)
}

fn account() -> Account {
    Account {
        cloud: "probe".to_owned(),
        id: "42".to_owned(),
        name: "Prod".to_owned(),
        node_id: "account-node".to_owned(),
        scope: Vec::new().into(),
    }
}

fn node(kind: &str, id: &str) -> Value {
    json!({
        "id": format!("n-{id}"),
        "reported": {"id": id, "kind": kind, "tags": {"Name": "x"}},
        "metadata": {"python_type": "a.B", "provider_link": "https://x"},
        "desired": {"clean": true},
        "ancestors": {"account": {"reported": {"id": "42"}}, "region": {"reported": {"id": "eu"}}},
    })
}

fn resource(node: &Value) -> CleanResource {
    CleanResource { node_json: node.to_string(), related_json: Vec::new(), related_cut: false }
}

fn clean_job(resources: Vec<CleanResource>) -> CleanJob {
    let above = |id: &str, cloud_id: &str, more: Value| {
        json!({"id": id, "reported": {"id": cloud_id, "kind": "k", "more": more, "role": "admin"}})
            .to_string()
    };
    CleanJob {
        collector: "probe".to_owned(),
        config: "{}".to_owned().into(),
        account: account(),
        ancestors_json: vec![above("account-node", "42", json!("a")), above("region-node", "eu", json!("r"))],
        resources,
        dry_run: false,
        parallel: 1,
    }
}

async fn clean(nodes: &[Value]) -> (Outcome, Heard) {
    let job = clean_job(nodes.iter().map(resource).collect());
    hear(Job::Clean(Box::new(job)), None).await
}

fn refused(reason: &str) -> CleanOutcome {
    CleanOutcome::Refused { reason: reason.to_owned() }
}

#[tokio::test]
async fn every_resource_is_answered_in_order_and_one_that_panics_costs_itself() {
    let ids = ["one", "later", "denied", "busy", "panics", "two"];
    let (outcome, heard) = clean(&ids.map(|id| node("thing", id))).await;
    assert!(matches!(outcome, Outcome::Done(_)));
    let order: Vec<_> = heard.cleaned.iter().map(|cleaned| cleaned.node_id.as_str()).collect();
    assert_eq!(order, ["n-one", "n-later", "n-denied", "n-busy", "n-panics", "n-two"]);
    assert_eq!(heard.outcome("n-one"), &CleanOutcome::Gone);
    assert_eq!(heard.outcome("n-later"), &CleanOutcome::Later { reason: "terminating".to_owned() });
    assert_eq!(heard.outcome("n-denied"), &CleanOutcome::Failed { reason: "not allowed (ask)".to_owned() });
    assert_eq!(heard.outcome("n-busy"), &CleanOutcome::Later { reason: "slow down".to_owned() });
    assert!(heard.outcome("n-panics").reason().unwrap().contains("probe panic"));
    assert_eq!(heard.outcome("n-two"), &CleanOutcome::Gone);
    for cleaned in &heard.cleaned {
        assert_eq!(cleaned.log, [CleanEvent::done("detached")], "{}", cleaned.node_id);
    }
    assert_eq!(heard.done.unwrap().totals, ipc_proto::graph::Totals::default());
}

#[tokio::test]
async fn what_must_not_be_touched_never_reaches_the_collector() {
    let mut protected = node("thing", "protected");
    protected["metadata"]["protected"] = json!(true);
    let mut unmarked = node("thing", "unmarked");
    unmarked["desired"] = json!({"clean": false});
    let mut foreign = node("thing", "foreign");
    foreign["ancestors"]["account"]["reported"]["id"] = json!("43");
    let mut homeless = node("thing", "homeless");
    homeless["ancestors"] = Value::Null;
    let nodes = [protected, unmarked, foreign, homeless, node("region", "eu"), node("what", "what")];
    let (_, heard) = clean(&nodes).await;
    let expected = [
        ("n-protected", "it is protected"),
        ("n-unmarked", "it is not marked for cleanup"),
        ("n-foreign", "it belongs to the account 43, not to 42"),
        ("n-homeless", "it is not known which account it belongs to"),
        ("n-eu", "resources of kind region are not things that can be deleted"),
        ("n-what", "the collector probe does not know the kind what"),
    ];
    for (id, reason) in expected {
        assert_eq!(heard.outcome(id), &refused(reason));
    }
    assert!(heard.cleaned.iter().all(|cleaned| cleaned.log.is_empty()));
}

#[tokio::test]
async fn nothing_looks_deleted_in_a_dry_run() {
    let nodes = ["one", "later", "shows", "denied"].map(|id| resource(&node("thing", id)));
    let job = CleanJob { dry_run: true, ..clean_job(nodes.to_vec()) };
    let (_, heard) = hear(Job::Clean(Box::new(job)), None).await;
    assert_eq!(heard.outcome("n-one"), &CleanOutcome::Planned);
    assert_eq!(heard.outcome("n-shows"), &CleanOutcome::Planned, "though the collector says that it is gone");
    assert_eq!(heard.outcome("n-later"), &CleanOutcome::Planned);
    assert_eq!(heard.cleaned[1].log[1].message, "would have to wait: terminating");
    assert_eq!(heard.outcome("n-denied").name(), "failed");
}

#[tokio::test]
async fn neighbours_and_complete_ancestors_are_at_hand() {
    let related = |id: &str, edge, outgoing| {
        let node_json = json!({"id": id, "reported": {"id": id, "kind": "group"}}).to_string();
        Related { edge, outgoing, node_json }
    };
    let mut shows = resource(&node("thing", "shows"));
    // One of them is a neighbour in two ways.
    shows.related_json = vec![
        related("g1", EdgeType::Default, false),
        related("g1", EdgeType::Delete, true),
        related("g2", EdgeType::Delete, true),
    ];
    shows.related_cut = true;
    let (_, heard) = hear(Job::Clean(Box::new(clean_job(vec![shows]))), None).await;
    let log: Vec<_> = heard.cleaned[0].log.iter().map(|event| event.message.as_str()).collect();
    let above = "role Some(\"admin\"), region Some(\"r\"), cut true";
    assert_eq!(log, ["detached", above, "related g1", "related g1", "related g2"]);
}

#[tokio::test]
async fn wrong_credentials_end_the_job_and_keep_what_was_answered() {
    let ids = ["one", "expired", "two"];
    let (outcome, heard) = clean(&ids.map(|id| node("thing", id))).await;
    assert_eq!(outcome.exit_code(), ExitCode::Credentials);
    assert_eq!((heard.cleaned.len(), heard.complaint()), (1, "the key has expired"));
}

#[tokio::test]
async fn a_cancelled_job_keeps_what_was_answered_and_answers_nothing_more() {
    let ids = ["one", "two", "never", "three"];
    let job = clean_job(ids.map(|id| resource(&node("thing", id))).to_vec());
    let (_, heard) = hear(Job::Clean(Box::new(job)), Some(2)).await;
    assert_eq!(heard.cleaned.len(), 2);
    assert_eq!(heard.complaint(), "cancelled: enough");
}

#[tokio::test(start_paused = true)]
async fn as_many_at_once_as_allowed() {
    for (parallel, minutes) in [(0, 6), (1, 6), (2, 3), (6, 1), (100, 1)] {
        let nodes = (0..6).map(|n| {
            let mut node = node("thing", "slow");
            node["id"] = json!(format!("n{n}"));
            resource(&node)
        });
        let began = tokio::time::Instant::now();
        let job = CleanJob { parallel, ..clean_job(nodes.collect()) };
        let (_, heard) = hear(Job::Clean(Box::new(job)), None).await;
        assert_eq!(heard.cleaned.len(), 6);
        assert_eq!(began.elapsed().as_secs() / 60, minutes, "{parallel} at once");
    }
}

#[tokio::test]
async fn texts_are_cut_to_what_the_protocol_allows() {
    let (_, heard) = clean(&[node("thing", "long")]).await;
    let cleaned = &heard.cleaned[0];
    assert_eq!(cleaned.outcome.reason().unwrap().len(), MAX_TEXT);
    assert_eq!(cleaned.log.len(), MAX_LOG);
    assert!(cleaned.log.iter().all(|event| event.message.len() <= MAX_TEXT));
}

#[tokio::test]
async fn a_node_that_cannot_be_read_ends_the_job_without_being_quoted() {
    let broken = CleanResource { node_json: "{hunter2".to_owned(), related_json: vec![], related_cut: false };
    let (_, heard) = hear(Job::Clean(Box::new(clean_job(vec![broken]))), None).await;
    assert!(heard.complaint().starts_with("a node to clean up: it is no node"), "{}", heard.complaint());
    assert!(!heard.complaint().contains("hunter2"));
}

fn tag_job(node: &Value, set: &[(&str, &str)], remove: &[&str]) -> Job {
    Job::Tag(Box::new(TagJob {
        collector: "probe".to_owned(),
        config: "{}".to_owned().into(),
        node_json: node.to_string(),
        set: set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        remove: remove.iter().map(|name| (*name).to_owned()).collect(),
    }))
}

#[tokio::test]
async fn a_tagged_node_comes_back_whole() {
    let (outcome, heard) = hear(tag_job(&node("thing", "one"), &[("owner", "me")], &["Name"]), None).await;
    assert_eq!(outcome.exit_code(), ExitCode::Done);
    let [answer] = &heard.answers[..] else { panic!("{heard:?}") };
    let expected = json!({
        "id": "n-one",
        "reported": {"id": "one", "kind": "thing", "tags": {"owner": "me"}},
        "metadata": {"python_type": "a.B", "provider_link": "https://x"},
    });
    assert_eq!(serde_json::from_str::<Value>(answer).unwrap(), expected);
}

#[tokio::test]
async fn what_cannot_be_tagged_says_why_to_the_user() {
    let mut protected = node("thing", "one");
    protected["metadata"]["protected"] = json!(true);
    let one = node("thing", "one");
    let set: &[(&str, &str)] = &[("a", "b")];
    for (node, set, remove, complaint) in [
        (&protected, set, &[][..], "thing one is protected, its tags stay as they are"),
        (&node("untagged", "u"), set, &[], "resources of kind untagged have no tags that can be changed"),
        (&node("region", "r"), set, &[], "resources of kind region are not things that have tags"),
        (&node("what", "w"), set, &[], "the collector probe does not know the kind what"),
        (&one, &[], &["nope"], "thing one: there is no tag \"nope\" to remove"),
        (&one, &[], &[], "thing one: no tag to set or to remove is given"),
        (&node("thing", "denied"), set, &[], "not allowed"),
    ] {
        let (_, heard) = hear(tag_job(node, set, remove), None).await;
        assert_eq!(heard.complaint(), complaint);
        assert!(heard.answers.is_empty());
    }
}

fn command_job(collector: &str, args: &[&str], node: Option<&Value>) -> Job {
    Job::Command(Box::new(CommandJob {
        collector: collector.to_owned(),
        config: "{}".to_owned().into(),
        name: "echo".to_owned(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        node_json: node.map(Value::to_string),
    }))
}

#[tokio::test]
async fn commands_answer_json_with_and_without_a_node() {
    let node = node("thing", "one");
    for (node, id) in [(Some(&node), json!("one")), (None, Value::Null)] {
        let (_, heard) = hear(command_job("probe", &["a", "--b"], node), None).await;
        let answer: Value = serde_json::from_str(&heard.answers[0]).unwrap();
        assert_eq!(answer, json!({"name": "echo", "args": ["a", "--b"], "node": id, "large": null}));
    }
    let (_, heard) = hear(command_job("probe", &["large"], None), None).await;
    assert!(heard.complaint().starts_with("the answer of the command has 52"), "{}", heard.complaint());
    assert_eq!(heard.fatal.unwrap().kind, FaultKind::Limit);
}

#[tokio::test]
async fn a_collector_that_only_collects_says_so() {
    let (_, heard) = hear(command_job("plain", &[], None), None).await;
    assert_eq!(heard.complaint(), "the collector plain has no command \"echo\"");
    let Job::Tag(mut tag) = tag_job(&node("thing", "one"), &[("a", "b")], &[]) else { panic!() };
    tag.collector = "plain".to_owned();
    let (_, heard) = hear(Job::Tag(tag), None).await;
    assert_eq!(heard.complaint(), "the collector plain cannot change tags");
    let job = CleanJob { collector: "plain".to_owned(), ..clean_job(vec![resource(&node("thing", "one"))]) };
    let (_, heard) = hear(Job::Clean(Box::new(job)), None).await;
    assert_eq!(heard.outcome("n-one"), &refused("the collector plain cannot delete resources"));
}

#[test]
fn the_title_of_a_command_leaves_out_its_arguments() {
    assert_eq!(title(&command_job("probe", &["hunter2"], None)), "command probe echo");
}

/// The four jobs that are done with credentials, with this config.
fn all_jobs(config: &Value) -> Vec<(Job, &'static str)> {
    let config = || config.to_string().into();
    let node = node("thing", "one");
    let clean =
        |dry_run| CleanJob { dry_run, config: config(), ..clean_job(vec![resource(&node), resource(&node)]) };
    let Job::Tag(tag) = tag_job(&node, &[("a", "b")], &[]) else { panic!() };
    let Job::Command(command) = command_job("probe", &[], Some(&node)) else { panic!() };
    let collect = CollectJob {
        collector: "probe".to_owned(),
        config: config(),
        account: account(),
        last_run_started_ago: None,
        max_resources: None,
    };
    vec![
        (Job::Clean(Box::new(clean(false))), "nothing is deleted there"),
        (Job::Clean(Box::new(clean(true))), "nothing would be deleted there"),
        (Job::Tag(Box::new(TagJob { config: config(), ..*tag })), "nothing is changed there"),
        (Job::Command(Box::new(CommandJob { config: config(), ..*command })), "nothing is called there"),
        (Job::Collect(Box::new(collect.clone())), "nothing is collected"),
        (Job::Identify(Box::new(collect)), "nothing is collected"),
    ]
}

#[tokio::test]
async fn nothing_is_done_with_the_credentials_of_another_account() {
    for (job, not_done) in all_jobs(&json!({"owner": "43"})) {
        let is_tag = matches!(job, Job::Tag(_));
        let (outcome, heard) = hear(job, None).await;
        let fatal = heard.fatal.as_ref().unwrap();
        let prod = if not_done.contains("collected") { "42 (Prod)" } else { "42" };
        assert_eq!(
            fatal.message,
            format!(
                "the credentials of this worker (the profile prod) belong to the account 43, not to {prod}: {not_done}"
            )
        );
        let hint = "set a role; or leave 42 to a worker that has credentials of it";
        assert_eq!((fatal.kind, fatal.hint.as_deref()), (FaultKind::WrongAccount, Some(hint)));
        assert_eq!(outcome.exit_code(), ExitCode::Credentials);
        assert!(heard.cleaned.is_empty() && heard.answers.is_empty(), "told once, tag: {is_tag}");
    }
}

#[tokio::test]
async fn without_knowing_whose_the_credentials_are_nothing_is_done() {
    for (trouble, kind, words) in [
        ("throttled", FaultKind::Throttled, "; try again later: slow down"),
        ("denied", FaultKind::AccessDenied, ": not allowed"),
    ] {
        for (job, not_done) in all_jobs(&json!({"trouble": trouble})) {
            let (_, heard) = hear(job, None).await;
            let fatal = heard.fatal.as_ref().unwrap();
            let why = "because it cannot be learned to which account the credentials belong";
            assert_eq!(fatal.message, format!("{not_done}, {why}{words}"));
            assert_eq!(fatal.kind, kind, "whether it is tried again is as usual");
            assert!(heard.cleaned.is_empty() && heard.answers.is_empty());
        }
    }
    let (job, _) = all_jobs(&json!({"trouble": "typo"})).remove(3);
    assert_eq!(hear(job, None).await.1.complaint(), "did you mean that?");
}

#[tokio::test]
async fn the_account_of_the_credentials_is_enough() {
    for config in [json!({"owner": "42"}), json!({"owner": "nobody"})] {
        for (job, _) in all_jobs(&config) {
            let (outcome, heard) = hear(job, None).await;
            assert!(matches!(outcome, Outcome::Done(_)), "{heard:?}");
        }
    }
}

#[tokio::test]
async fn a_command_may_name_another_account_than_its_node() {
    for (wanted, owner, fine) in [("43", "43", true), ("43", "42", false), ("42", "43", false)] {
        let (job, _) = all_jobs(&json!({"wanted": wanted, "owner": owner})).remove(3);
        let (_, heard) = hear(job, None).await;
        assert_eq!(heard.fatal.is_none(), fine, "{heard:?}");
        if let Some(fatal) = heard.fatal {
            assert!(fatal.message.contains(wanted) && fatal.message.contains(owner), "{}", fatal.message);
        }
    }
    let Job::Command(command) = command_job("probe", &[], None) else { panic!() };
    let nobodys = CommandJob { config: json!({"owner": "43"}).to_string().into(), ..*command };
    assert_eq!(
        hear(Job::Command(Box::new(nobodys)), None).await.1.answers.len(),
        1,
        "it is about no account"
    );
}

#[tokio::test]
async fn what_has_no_account_or_two_is_not_touched() {
    let mut homeless = node("thing", "one");
    homeless["ancestors"] = json!({"account": {"reported": {"id": ""}}});
    let (_, heard) = hear(tag_job(&homeless, &[("a", "b")], &[]), None).await;
    assert_eq!(heard.complaint(), "it is not known which account it belongs to, so nothing is changed");
    let (_, heard) = hear(command_job("probe", &[], Some(&homeless)), None).await;
    assert!(heard.complaint().contains("it is not known which account"), "{}", heard.complaint());
    let mut two = clean_job(vec![resource(&node("thing", "one"))]);
    two.ancestors_json[0] = json!({"id": "account-node", "reported": {"id": "43", "kind": "k"}}).to_string();
    let (_, heard) = hear(Job::Clean(Box::new(two)), None).await;
    let reason = "fixcore says that its account is 42, and that the node of 42 is 43";
    assert_eq!(heard.outcome("n-one"), &refused(reason));
}

//! The websockets against a server that a test drives.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::actions::{self, ActionEvent, Actions};
use super::events::{self, CoreEvent};
use super::health::LinkHealth;
use super::work_queue;
use crate::endpoint::Endpoint;
use crate::fake_core::{FakeCore, Reply, Request, Socket};
use crate::http::client::CoreClient;
use crate::http::subscribe::Subscription;
use crate::messages::{Level, Progress, TaskDefinition};

/// Long enough for a loaded machine; nothing waits for it unless the test fails.
const PATIENCE: Duration = Duration::from_mins(1);

fn client(core: &FakeCore) -> CoreClient {
    let endpoint = Endpoint::new(&core.uri).unwrap().with_psk(Some("changeme".into()));
    CoreClient::new(endpoint, "fix.worker", None, None).unwrap()
}

fn upgrade(request: &Request) -> Reply {
    if request.headers.contains_key("upgrade") { Reply::Upgrade } else { Reply::Text(200, "{}".into()) }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens")
}

async fn health(watch: &mut watch::Receiver<LinkHealth>, wanted: impl Fn(&LinkHealth) -> bool) -> LinkHealth {
    soon(watch.wait_for(wanted)).await.unwrap().clone()
}

fn connected(health: &LinkHealth) -> bool {
    matches!(health, LinkHealth::Connected { .. })
}

async fn send(socket: &mut Socket, value: &Value) {
    socket.send(Message::text(format!("{value}\n"))).await.unwrap();
}

async fn text(socket: &mut Socket) -> Value {
    loop {
        match soon(socket.next()).await.expect("still open").unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("not a text: {other:?}"),
        }
    }
}

fn collect(task: &str) -> Value {
    json!({"kind": "action", "message_type": "collect", "data": {"task": task, "step": "collect", "timing": {}}})
}

fn start_actions(core: &FakeCore, stop: &CancellationToken) -> Actions {
    let wanted = ["collect", "cleanup"]
        .map(|action| Subscription { action: action.to_owned(), timeout: Duration::from_hours(3) });
    actions::start(&client(core), watch::channel(wanted.to_vec()).1, stop.clone())
}

async fn next_action(actions: &mut Actions) -> crate::messages::Action {
    match soon(actions.events.recv()).await.expect("the link lives") {
        ActionEvent::Do(action) => action,
        ActionEvent::Abort(key) => panic!("abort of {key}"),
    }
}

#[tokio::test]
async fn an_action_is_done_with_messages_on_the_way() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let mut actions = start_actions(&core, &stop);
    let (path, mut socket) = core.socket().await;
    assert_eq!(path, "/subscriber/fix.worker-collector/handle");
    let subscribe = |action| {
        format!("POST /subscriber/fix.worker-collector/{action}?timeout=10800&wait_for_completion=True")
    };
    assert_eq!(core.log(), [subscribe("collect"), subscribe("cleanup"), format!("GET {path}")]);
    {
        let requests = core.requests.lock().unwrap();
        let token = |at: usize| requests[at].headers["authorization"].clone();
        assert!(token(2).starts_with("Bearer ") && !requests[2].headers.contains_key("origin"));
    }
    health(&mut actions.health, connected).await;
    send(&mut socket, &json!({"kind": "weather", "data": {}})).await;
    socket.send(Message::text("junk")).await.unwrap();
    send(&mut socket, &collect("t1")).await;
    let action = next_action(&mut actions).await;
    let progress = Progress::Done { name: "example".into(), path: vec![], current: 0, total: 1 };
    actions.replies.progress(&action, &[], &progress);
    actions.replies.info(&action, Level::Error, &["aws".into()], "no");
    actions.replies.done(&action);
    assert_eq!(text(&mut socket).await["kind"], "action_progress");
    assert_eq!(text(&mut socket).await["data"]["message"], "[aws] no");
    let expected = json!({"kind": "action_done", "message_type": "collect", "data": collect("t1")["data"]});
    assert_eq!(text(&mut socket).await, expected);
    assert!(actions.replies.drained(PATIENCE).await);
    send(&mut socket, &json!({"kind": "action_abort", "message_type": "collect", "data": {"task": "t2", "step": "collect"}})).await;
    let ActionEvent::Abort(key) = soon(actions.events.recv()).await.unwrap() else { panic!("not an abort") };
    assert_eq!(key.to_string(), "t2:collect");
    stop.cancel();
    let Some(Ok(Message::Close(Some(frame)))) = soon(socket.next()).await else { panic!("no close frame") };
    assert_eq!(u16::from(frame.code), 1000);
    soon(actions.task).await.unwrap();
    assert_eq!(*actions.health.borrow(), LinkHealth::Stopped);
}

#[tokio::test]
async fn a_result_waits_for_the_next_connection_and_is_repeated_on_demand() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let mut actions = start_actions(&core, &stop);
    let (_, mut socket) = core.socket().await;
    send(&mut socket, &collect("t1")).await;
    let action = next_action(&mut actions).await;
    drop(socket);
    health(&mut actions.health, |health| !health.is_healthy()).await;
    actions.replies.info(&action, Level::Info, &[], "nobody hears this");
    actions.replies.error(&action, "Failed to collect: x");
    assert!(!actions.replies.drained(Duration::from_millis(1)).await);
    let (_, mut socket) = core.socket().await;
    // As fixcore does after a reconnect, without timing.
    let repeated =
        json!({"kind": "action", "message_type": "collect", "data": {"task": "t1", "step": "collect"}});
    send(&mut socket, &repeated).await;
    let result = text(&mut socket).await;
    assert_eq!(
        (&result["kind"], &result["data"]["error"]),
        (&"action_error".into(), &"Failed to collect: x".into())
    );
    drop(socket);
    let (_, mut socket) = core.socket().await;
    send(&mut socket, &repeated).await;
    assert_eq!(text(&mut socket).await, result, "fixcore did not get it, so it is sent again");
    send(&mut socket, &collect("t2")).await;
    assert_eq!(next_action(&mut actions).await.key.task, "t2", "the first was not given out again");
    let subscriptions = core.log().iter().filter(|line| line.starts_with("POST")).count();
    assert_eq!(subscriptions, 6, "both before each of three connections");
    stop.cancel();
}

#[tokio::test]
async fn an_abort_drops_the_result_that_waits() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let mut actions = start_actions(&core, &stop);
    let (_, mut socket) = core.socket().await;
    for task in ["t1", "t2"] {
        send(&mut socket, &collect(task)).await;
    }
    let (first, second) = (next_action(&mut actions).await, next_action(&mut actions).await);
    let abort =
        json!({"kind": "action_abort", "message_type": "collect", "data": {"task": "t1", "step": "collect"}});
    send(&mut socket, &abort).await;
    assert!(matches!(soon(actions.events.recv()).await, Some(ActionEvent::Abort(_))));
    actions.replies.done(&second);
    assert_eq!(text(&mut socket).await["data"]["task"], "t2");
    send(&mut socket, &collect("t1")).await;
    assert_eq!(next_action(&mut actions).await.key, first.key, "an aborted one may come again");
    stop.cancel();
}

#[tokio::test]
async fn whoever_does_not_take_actions_gets_them_later() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let mut actions = start_actions(&core, &stop);
    let (_, mut socket) = core.socket().await;
    for task in 0..400 {
        // The connection is given up on the way.
        if socket.send(Message::text(collect(&task.to_string()).to_string())).await.is_err() {
            break;
        }
    }
    let (_, mut socket) = core.socket().await;
    for expected in 0..256 {
        assert_eq!(next_action(&mut actions).await.key.task, expected.to_string());
    }
    send(&mut socket, &collect("later")).await;
    assert_eq!(next_action(&mut actions).await.key.task, "later");
    stop.cancel();
}

#[tokio::test]
async fn refusals_have_their_reasons() {
    for (status, text, expected) in [
        (429, "Only one connection per subscriber is allowed!", "still holds another connection"),
        (404, "No subscriber with this id", "does not know this subscriber"),
        (401, "401: Unauthorized", "does not accept our token"),
        (503, "", "answered 503"),
    ] {
        let core = FakeCore::start(move |request| match upgrade(request) {
            Reply::Upgrade => Reply::Text(status, text.to_owned()),
            reply => reply,
        })
        .await;
        let stop = CancellationToken::new();
        let mut actions = start_actions(&core, &stop);
        let said = health(
            &mut actions.health,
            |h| matches!(h, LinkHealth::Disconnected { why, .. } if why.contains(expected)),
        );
        said.await;
        stop.cancel();
        soon(actions.task).await.unwrap();
    }
}

#[tokio::test]
async fn a_subscription_that_fails_is_said_and_tried_again() {
    let refuse = std::sync::atomic::AtomicBool::new(true);
    let core = FakeCore::start(move |request| match upgrade(request) {
        Reply::Text(..) if refuse.swap(false, std::sync::atomic::Ordering::SeqCst) => {
            Reply::Text(500, "Error: X\nMessage: starting".into())
        }
        reply => reply,
    })
    .await;
    let stop = CancellationToken::new();
    let mut actions = start_actions(&core, &stop);
    let why = "cannot subscribe the action collect: fixcore answered 500: X: starting";
    health(&mut actions.health, |h| matches!(h, LinkHealth::Disconnected { why: w, .. } if w == why)).await;
    health(&mut actions.health, connected).await;
    stop.cancel();
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection_only() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let mut events = events::start(&client(&core), stop.clone());
    let (path, mut socket) = core.socket().await;
    assert_eq!(path, "/events?show=config-updated");
    assert_eq!(soon(events.events.recv()).await, Some(CoreEvent::Connected { first: true }));
    let long = Message::text("x".repeat(17 * 1024 * 1024));
    let sending = tokio::spawn(async move { socket.send(long).await.ok() });
    health(&mut events.health, |h| {
        matches!(h, LinkHealth::Disconnected { why, .. } if why.contains("more than the 16777216 we take"))
    })
    .await;
    let (_, mut socket) = core.socket().await;
    assert_eq!(soon(events.events.recv()).await, Some(CoreEvent::Connected { first: false }));
    let data = json!({"id": "fix.worker", "revision": "_r1"});
    send(&mut socket, &json!({"kind": "event", "message_type": "config-updated", "data": data})).await;
    let expected = CoreEvent::ConfigUpdated { id: "fix.worker".into(), revision: Some("_r1".into()) };
    assert_eq!(soon(events.events.recv()).await, Some(expected));
    stop.cancel();
    sending.abort();
}

#[tokio::test]
async fn pings_of_fixcore_are_answered_while_nobody_takes_events() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let _events = events::start(&client(&core), stop.clone());
    let (_, mut socket) = core.socket().await;
    let update = json!({"kind": "event", "message_type": "config-updated", "data": {"id": "x"}});
    for _ in 0..500 {
        send(&mut socket, &update).await;
    }
    socket.send(Message::Ping(b"hello".to_vec().into())).await.unwrap();
    let Some(Ok(Message::Pong(answer))) = soon(socket.next()).await else { panic!("no pong") };
    assert_eq!(&answer[..], b"hello");
    stop.cancel();
}

fn definition(name: &str) -> TaskDefinition {
    serde_json::from_value(json!({"name": name, "filter": {"cloud": ["example"]}})).unwrap()
}

#[tokio::test]
async fn tasks_are_answered_on_their_connection_only() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let (list, definitions) = watch::channel(vec![definition("tag")]);
    let mut queue = work_queue::start(&client(&core), definitions, stop.clone());
    let (path, mut socket) = core.socket().await;
    assert_eq!(path, "/work/queue");
    assert_eq!(text(&mut socket).await[0]["name"], "tag", "the list comes first");
    let task = |id: &str| json!({"task_id": id, "task_name": "tag", "data": {"update": {"a": "b"}}, "attrs": {"cloud": "example"}});
    for id in ["1", "2", "3"] {
        send(&mut socket, &task(id)).await;
    }
    let first = soon(queue.tasks.recv()).await.unwrap();
    assert!(list.borrow()[0].matches(&first.task));
    assert_eq!(first.task.data, json!({"update": {"a": "b"}}));
    first.reply.done(&json!({"id": "x"})).await.unwrap();
    soon(queue.tasks.recv()).await.unwrap().reply.error("no").await.unwrap();
    assert_eq!(text(&mut socket).await, json!({"task_id": "1", "result": "done", "data": {"id": "x"}}));
    assert_eq!(text(&mut socket).await, json!({"task_id": "2", "result": "error", "error": "no"}));
    let late = soon(queue.tasks.recv()).await.unwrap();
    drop(socket);
    let (_, mut socket) = core.socket().await;
    assert_eq!(text(&mut socket).await[0]["name"], "tag");
    health(&mut queue.health, connected).await;
    assert_eq!(late.reply.done(&Value::Null).await, Err(super::SendError::Gone));
    send(&mut socket, &task("4")).await;
    soon(queue.tasks.recv()).await.unwrap().reply.error("yes").await.unwrap();
    assert_eq!(text(&mut socket).await["task_id"], "4", "nothing of the old connection came before");
    stop.cancel();
}

#[tokio::test]
async fn an_empty_list_never_connects_and_a_new_one_connects_again() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let (list, definitions) = watch::channel(Vec::new());
    let mut queue = work_queue::start(&client(&core), definitions, stop.clone());
    health(&mut queue.health, |h| *h == LinkHealth::Idle).await;
    list.send_replace(vec![definition("tag")]);
    let (_, mut socket) = core.socket().await;
    assert_eq!(core.log().len(), 1, "not before there was something to offer");
    assert_eq!(text(&mut socket).await.as_array().unwrap().len(), 1);
    list.send_replace(vec![definition("tag"), definition("aws")]);
    let (_, mut second) = core.socket().await;
    assert_eq!(text(&mut second).await.as_array().unwrap().len(), 2);
    assert!(matches!(soon(socket.next()).await, Some(Ok(Message::Close(_)))));
    list.send_replace(Vec::new());
    health(&mut queue.health, |h| *h == LinkHealth::Idle).await;
    assert!(matches!(soon(second.next()).await, Some(Ok(Message::Close(_)))));
    stop.cancel();
    soon(queue.task).await.unwrap();
}

#[tokio::test]
async fn too_many_tasks_are_answered_with_an_error() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let (_list, definitions) = watch::channel(vec![definition("tag")]);
    let mut queue = work_queue::start(&client(&core), definitions, stop.clone());
    let (_, mut socket) = core.socket().await;
    text(&mut socket).await;
    for id in 0..=256 {
        send(&mut socket, &json!({"task_id": id.to_string(), "task_name": "tag"})).await;
    }
    let answer = text(&mut socket).await;
    assert_eq!((&answer["task_id"], &answer["result"]), (&"256".into(), &"error".into()));
    assert_eq!(soon(queue.tasks.recv()).await.unwrap().task.task_id, "0");
    stop.cancel();
}

#[tokio::test]
async fn what_is_no_task_is_answered_if_it_says_to_whom() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let (_list, definitions) = watch::channel(vec![definition("tag")]);
    let mut queue = work_queue::start(&client(&core), definitions, stop.clone());
    let (_, mut socket) = core.socket().await;
    text(&mut socket).await;
    socket.send(Message::text("junk")).await.unwrap();
    send(&mut socket, &json!({"task_id": "1", "task_name": 5})).await;
    let answer = text(&mut socket).await;
    assert_eq!((&answer["task_id"], &answer["result"]), (&"1".into(), &"error".into()));
    assert!(answer["error"].as_str().unwrap().starts_with("the task makes no sense"), "{answer}");
    send(&mut socket, &json!({"task_id": "2", "task_name": "tag"})).await;
    assert_eq!(soon(queue.tasks.recv()).await.unwrap().task.task_id, "2");
    stop.cancel();
}

/// Fixcore would cut the connection, with all tasks that are on it.
#[tokio::test]
async fn an_answer_above_the_limit_of_fixcore_becomes_an_error() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let (_list, definitions) = watch::channel(vec![definition("aws")]);
    let mut queue = work_queue::start(&client(&core), definitions, stop.clone());
    let (_, mut socket) = core.socket().await;
    text(&mut socket).await;
    let envelope = r#"{"task_id":"1","result":"done","data":""}"#.len();
    for (size, result) in [((4 << 20) - 1 - envelope, "done"), ((4 << 20) - envelope, "error")] {
        send(&mut socket, &json!({"task_id": "1", "task_name": "aws"})).await;
        let task = soon(queue.tasks.recv()).await.unwrap();
        let sending = tokio::spawn(async move { task.reply.done(&json!("x".repeat(size))).await });
        let answer = text(&mut socket).await;
        assert_eq!(answer["result"], result);
        assert!(answer.to_string().len() < 4 << 20);
        soon(sending).await.unwrap().unwrap();
    }
    send(&mut socket, &json!({"task_id": "2", "task_name": "aws"})).await;
    soon(queue.tasks.recv()).await.unwrap().reply.error(&"€".repeat(10_000)).await.unwrap();
    assert!(text(&mut socket).await["error"].as_str().unwrap().len() < 5000);
    stop.cancel();
}

#[tokio::test]
async fn a_task_knows_when_its_connection_is_gone() {
    let (core, stop) = (FakeCore::start(upgrade).await, CancellationToken::new());
    let (_list, definitions) = watch::channel(vec![definition("tag")]);
    let mut queue = work_queue::start(&client(&core), definitions, stop.clone());
    let (_, mut socket) = core.socket().await;
    text(&mut socket).await;
    send(&mut socket, &json!({"task_id": "1", "task_name": "tag"})).await;
    let task = soon(queue.tasks.recv()).await.unwrap();
    let mut lost = Box::pin(task.reply.lost());
    tokio::select! {
        biased;
        () = &mut lost => panic!("it is there"),
        () = tokio::task::yield_now() => {}
    }
    drop(socket);
    soon(lost).await;
    stop.cancel();
}

use serde_json::json;

use super::super::handlers::tests::aws_and_example;
use super::*;

/// A task as fixcore 4.2 sends it, shortened.
fn task(data: Value) -> Task {
    let attrs = [("cloud", "example"), ("account", "Example Account"), ("region", "us-west")];
    let attrs = attrs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Task { task_id: "1".into(), task_name: "tag".into(), data, attrs }
}

fn node() -> Value {
    json!({
        "id": "27C24lN1MusHq2K-di8EpA", "type": "node", "revision": "_h00000be---",
        "reported": {"id": "someVolume1", "tags": {"Name": "Example Volume 1"}, "name": "volume 1", "kind": "example_volume"},
        "metadata": {"python_type": "x.ExampleVolume", "provider_link": "https://example.org"},
        "ancestors": {"account": {"id": "a", "reported": {"id": "Example Account", "name": "The Account"}}, "zone": null},
    })
}

fn of(data: Value) -> Result<Request, TaskError> {
    Request::of(&task(data), &aws_and_example())
}

fn problem(data: Value) -> String {
    of(data).unwrap_err().to_string()
}

fn changes(data: Value) -> (Vec<(String, String)>, Vec<String>) {
    let Work::Tag { set, remove, .. } = of(data).unwrap().work else { panic!("no tag") };
    (set, remove)
}

#[test]
fn a_tag_task_becomes_a_job_with_the_whole_node() {
    let request = of(json!({"update": {"owner": "me"}, "node": node()})).unwrap();
    assert_eq!(request.collector, "example");
    assert_eq!(request.title, "example_volume volume 1 (someVolume1)");
    let account = request.account.clone().unwrap();
    assert_eq!((account.id.as_str(), account.name.as_str()), ("Example Account", "The Account"));
    assert_eq!(request.whom().account.as_deref(), Some("Example Account"));
    let Job::Tag(job) = request.job(Secret::new("{}".into())).unwrap() else { panic!("no tag job") };
    assert_eq!(serde_json::from_str::<Value>(&job.node_json).unwrap(), node());
    assert_eq!(job.set, [("owner".to_owned(), "me".to_owned())]);
    assert!(job.remove.is_empty());
}

#[test]
fn tags_without_value_and_other_scalars_are_texts() {
    let data = json!({"update": {"b": null, "a": 1, "c": true}, "delete": ["x", "y"], "node": node()});
    let (set, remove) = changes(data);
    let expected = [("b", ""), ("a", "1"), ("c", "true")];
    let mut set: Vec<_> = set.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    set.sort_by_key(|(_, value)| value.len());
    assert_eq!(set, expected);
    assert_eq!(remove, ["x", "y"]);
}

#[test]
fn a_task_that_makes_no_sense_is_told_why() {
    let with = |key: &str, value: Value| {
        let mut node = node();
        node[key] = value;
        json!({"update": {"a": "b"}, "node": node})
    };
    for (data, expected) in [
        (json!([]), "its data is no object"),
        (json!({"update": {"a": "b"}}), "it has no node"),
        (json!({"update": {"a": "b"}, "node": 1}), "its node is no object"),
        (json!({"node": node()}), "it names no tag"),
        (json!({"update": {}, "delete": [], "node": node()}), "it names no tag"),
        (json!({"update": ["a"], "node": node()}), "its update is no object"),
        (json!({"update": {"a": {}}, "node": node()}), "the value of the tag a is no text"),
        (json!({"update": {"": "x"}, "node": node()}), "a tag needs a name"),
        (json!({"delete": "a", "node": node()}), "its delete is no list"),
        (json!({"delete": [1], "node": node()}), "a tag to delete is no text"),
        (json!({"delete": ["a", "a"], "node": node()}), "it names the tag a twice"),
        (json!({"update": {"a": "b"}, "delete": ["a"], "node": node()}), "it names the tag a twice"),
        (with("id", Value::Null), "its node has no id"),
        (with("reported", json!({"id": "x"})), "its node has no reported.kind"),
        (with("reported", json!({"kind": "x"})), "its node has no reported.id"),
        (with("metadata", json!([])), "the metadata of its node is no object"),
    ] {
        let problem = problem(data.clone());
        assert!(
            problem.starts_with("the task makes no sense") && problem.contains(expected),
            "{data}: {problem}"
        );
    }
}

#[test]
fn a_protected_resource_keeps_its_tags() {
    let mut node = node();
    node["metadata"]["protected"] = json!(true);
    let problem = problem(json!({"delete": ["Name"], "node": node}));
    assert_eq!(problem, "example_volume volume 1 (someVolume1) is protected: its tags are not changed");
    node["metadata"]["protected"] = json!(false);
    assert!(of(json!({"delete": ["Name"], "node": node})).is_ok());
}

#[test]
fn a_cloud_that_nobody_collects_is_named() {
    let mut task = task(json!({"delete": ["a"], "node": node()}));
    task.attrs.insert("cloud".into(), "gcp".into());
    let problem = Request::of(&task, &aws_and_example()).unwrap_err().to_string();
    assert!(problem.contains("tag of cloud gcp"), "{problem}");
}

#[test]
fn a_node_that_fits_no_message_is_refused() {
    let mut node = node();
    node["reported"]["text"] = json!("x".repeat(MAX_NODE_JSON));
    let request = of(json!({"update": {"a": "b"}, "node": node})).unwrap();
    let problem = request.job(Secret::new("{}".into())).unwrap_err().to_string();
    assert!(problem.starts_with("example_volume volume 1 (someVolume1) has 4"), "{problem}");
}

fn command(data: Value, attrs: &[(&str, &str)]) -> Result<Request, TaskError> {
    let attrs = attrs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let task = Task { task_id: "1".into(), task_name: "aws".into(), data, attrs };
    Request::of(&task, &aws_and_example())
}

#[test]
fn a_command_comes_with_a_node_or_without() {
    let request = command(json!({"args": ["sts", "get-caller-identity"]}), &[]).unwrap();
    assert_eq!((request.title.as_str(), request.account.as_ref()), ("command aws", None));
    assert!(request.budget() < Duration::from_secs(10));
    let Job::Command(job) = request.job(Secret::new("{}".into())).unwrap() else { panic!("no command") };
    assert_eq!((job.name.as_str(), job.args.len(), job.node_json), ("aws", 2, None));

    let attrs = [("cloud", "aws"), ("account", "123")];
    let request = command(json!({"args": ["x"], "node": node()}), &attrs).unwrap();
    assert_eq!(request.title, "command aws on example_volume volume 1 (someVolume1)");
    assert_eq!(request.whom().account.as_deref(), Some("123"));
    assert!(command(json!({}), &[]).is_ok(), "what is missing is the command's to say");
    let problem = command(json!({"args": [1]}), &[]).unwrap_err().to_string();
    assert!(problem.contains("an argument is no text"), "{problem}");
}

#[test]
fn a_command_on_a_resource_of_another_cloud_is_refused() {
    let problem = command(json!({"node": node()}), &[("cloud", "example")]).unwrap_err().to_string();
    assert_eq!(
        problem,
        "example_volume volume 1 (someVolume1) is a resource of cloud example, and the command aws is for cloud aws"
    );
}

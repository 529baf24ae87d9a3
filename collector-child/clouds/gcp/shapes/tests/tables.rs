//! Requests and answers of Google Cloud by the tables.

use gcp_shapes::CATALOG;
use serde_json::{Map, Value, json};
use shapes::{Operation, Pager, Request, Service, build, parse};

fn of(at: &str) -> (&'static Service, &'static Operation) {
    let (service, operation) = at.split_once(' ').expect("a service and an operation");
    let service = CATALOG.service(service).expect("a service");
    (service, service.operation(operation).unwrap_or_else(|| panic!("{at} is not there")))
}

fn params(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn asked(at: &str, given: &Value) -> Request {
    let (service, operation) = of(at);
    build(service, operation, &params(given), "").unwrap_or_else(|fault| panic!("{at}: {fault}"))
}

fn answered(at: &str, body: &str) -> Value {
    let (service, operation) = of(at);
    let headers: Vec<(String, String)> = Vec::new();
    parse(service, operation, 200, &headers, body.as_bytes())
        .unwrap_or_else(|answer| panic!("{at}: {answer:?}"))
}

#[test]
fn every_table_is_in_the_format() {
    CATALOG.check().expect("the tables");
}

#[test]
fn every_address_is_one_of_google() {
    for name in CATALOG.services() {
        let address = CATALOG.service(name).expect("it is listed").endpoint_prefix;
        let host = address.strip_prefix("https://").expect("TLS");
        let host = host.split('/').next().expect("a host");
        assert_eq!(host, format!("{name}.googleapis.com"));
        assert!(!address.ends_with('/'), "{address}");
    }
}

#[test]
fn no_listing_ends_early() {
    for name in CATALOG.services() {
        let service = CATALOG.service(name).expect("it is listed");
        for operation in service.operations().filter_map(|operation| service.operation(operation)) {
            assert_eq!(operation.unfollowed_token(service), None, "{name} {}", operation.name);
            let Some(pages) = &operation.pagination else { continue };
            assert!(!pages.result_keys.is_empty(), "{name} {}", operation.name);
        }
    }
}

#[test]
fn parameters_go_where_they_belong() {
    let labels = json!({
        "project": "demo", "zone": "europe-west1-b", "resource": "disk-1",
        "labels": {"env": "prod"}, "labelFingerprint": "nT7_dAxskBs=",
    });
    let request = asked("compute disks.setLabels", &labels);
    assert_eq!(request.method, "POST");
    assert_eq!(request.target(), "/projects/demo/zones/europe-west1-b/disks/disk-1/setLabels");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body, json!({"labels": {"env": "prod"}, "labelFingerprint": "nT7_dAxskBs="}));

    let request = asked(
        "pubsub projects.topics.patch",
        &json!({"name": "projects/demo/topics/a b", "topic": {"labels": {"a": "b"}}, "updateMask": "labels"}),
    );
    assert_eq!(request.target(), "/v1/projects/demo/topics/a%20b");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body, json!({"topic": {"labels": {"a": "b"}}, "updateMask": "labels"}));

    let request =
        asked("container projects.locations.clusters.list", &json!({"parent": "projects/demo/locations/-"}));
    assert_eq!(request.target(), "/v1/projects/demo/locations/-/clusters");
    assert!(request.body.is_empty(), "nothing is listed with a body");
}

#[test]
fn pages_are_asked_for() {
    let (_, operation) = of("compute instances.aggregatedList");
    let mut pager = Pager::new(operation.pagination.as_ref());
    let mut asked_with = params(&json!({"project": "demo"}));
    let answer = answered(
        "compute instances.aggregatedList",
        r#"{"kind": "compute#instanceAggregatedList", "nextPageToken": "abc", "items": {
            "zones/europe-west1-b": {"instances": [{"id": "1234567890123456789", "name": "one", "canIpForward": true}]},
            "zones/europe-west1-c": {"warning": {"code": "NO_RESULTS_ON_PAGE", "data": [{"key": "scope", "value": "x"}]}}}}"#,
    );
    assert_eq!(answer["items"]["zones/europe-west1-b"]["instances"][0]["id"], "1234567890123456789");
    assert_eq!(pager.next(&mut asked_with, &answer), Ok(true));
    let request = asked("compute instances.aggregatedList", &Value::Object(asked_with));
    assert_eq!(request.target(), "/projects/demo/aggregated/instances?pageToken=abc");
}

#[test]
fn nothing_there_is_an_answer() {
    for (at, body) in [
        ("compute instances.aggregatedList", r#"{"kind": "compute#instanceAggregatedList", "items": {}}"#),
        ("storage buckets.list", r#"{"kind": "storage#buckets"}"#),
        ("pubsub projects.topics.list", "{}"),
        ("storage buckets.delete", ""),
    ] {
        let answer = answered(at, body);
        assert!(answer.get("items").and_then(Value::as_array).is_none_or(Vec::is_empty), "{at}: {answer}");
    }
}

#[test]
fn what_has_no_form_is_kept_as_it_is() {
    let model = r#"{"models": [{"name": "projects/p/locations/l/models/1", "metadata": {"a": [1, {"b": null}]},
        "createTime": "2024-05-07T11:12:13.123456Z", "explanationSpec": {"metadata": {"inputs": {"x": {"modality": "numeric"}}}}}]}"#;
    let answer = answered("aiplatform projects.locations.models.list", model);
    let model = &answer["models"][0];
    assert_eq!(model["metadata"], json!({"a": [1, {"b": null}]}));
    assert_eq!(model["explanationSpec"]["metadata"]["inputs"]["x"]["modality"], "numeric");
}

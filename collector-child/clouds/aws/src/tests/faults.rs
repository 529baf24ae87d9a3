//! Failed calls, told by cause.

use aws_client::CallError;
use engine::ErrorLog;
use ipc_proto::fault::{FaultKind, Level};
use ipc_proto::message::Denied;

use crate::api::Api;
use crate::cloud::FACTS;
use crate::testing::{Reply, client_of, keys};

/// The error of a call that is answered so.
async fn error(service: &'static str, operation: &'static str, reply: Reply) -> CallError {
    let client = client_of(move |_| Some(reply.clone())).await;
    let session = client.session(keys()).await.unwrap();
    let api = Api::new(client, session, "1");
    api.call("eu-west-1", service, operation, serde_json::Map::new()).await.unwrap_err()
}

#[tokio::test]
async fn calls_of_one_cause_are_one_sentence() {
    let mut log = ErrorLog::new(&FACTS);
    let denied = error("kms", "ListKeys", Reply::json_error("AccessDeniedException")).await;
    for region in ["eu-west-1", "eu-west-1", "us-east-1"] {
        log.add(region, &denied);
    }
    for operation in ["ListWorkGroups", "ListDataCatalogs"] {
        log.add("eu-west-1", &error("athena", operation, Reply::json_error("AccessDenied")).await);
    }
    let call = |service: &str, operation: &str, regions: &[&str], calls| Denied {
        service: service.to_owned(),
        operation: operation.to_owned(),
        regions: regions.iter().map(ToString::to_string).collect(),
        calls,
    };
    assert_eq!(
        log.denied(),
        [
            call("athena", "ListDataCatalogs", &["eu-west-1"], 1),
            call("athena", "ListWorkGroups", &["eu-west-1"], 1),
            call("kms", "ListKeys", &["eu-west-1", "us-east-1"], 3),
        ]
    );
    let told = log.into_faults();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].count, told[0].level, told[0].kind), (5, Level::Info, FaultKind::AccessDenied));
    assert_eq!(
        told[0].message,
        "[AccessDenied] access denied in eu-west-1 and us-east-1. Affected services and actions: athena: \
         ListDataCatalogs, ListWorkGroups, kms: ListKeys. AWS says: no"
    );
    assert_eq!((&told[0].scope.service, &told[0].scope.region), (&None, &None), "two of each");
    assert_eq!(told[0].hint.as_deref(), Some("allow these actions to the user or role that collects"));
}

#[tokio::test]
async fn a_service_that_is_given_up_is_one_fault_with_the_calls_that_were_not_made() {
    let client =
        client_of(|_| Some(Reply::json_status(500, &serde_json::json!({"__type": "InternalFailure"})))).await;
    let session = client.session(keys()).await.unwrap();
    let api = Api::new(client, session, "1");
    let mut log = ErrorLog::new(&FACTS);
    for operation in ["ListKeys", "ListAliases", "ListKeys", "ListKeys", "ListAliases"] {
        log.add(
            "eu-west-1",
            &api.call("eu-west-1", "kms", operation, serde_json::Map::new()).await.unwrap_err(),
        );
    }
    let told = log.into_faults();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].count, told[0].level, told[0].kind), (5, Level::Error, FaultKind::Unavailable));
    assert_eq!(told[0].retry, ipc_proto::fault::Retry::Later);
    let message = &told[0].message;
    assert!(message.ends_with("2 calls were not made, as several before them had failed so"), "{message}");
}

#[tokio::test]
async fn a_cause_in_one_place_has_it_in_its_scope() {
    let mut log = ErrorLog::new(&FACTS);
    let failed = error("kms", "ListKeys", Reply::json_error("Odd")).await;
    log.add("eu-west-1", &failed);
    log.add("eu-west-1", &failed);
    assert!(log.denied().is_empty());
    let told = log.into_faults();
    let scope = &told[0].scope;
    assert_eq!(
        (told.len(), scope.region.as_deref(), scope.service.as_deref(), scope.action.as_deref()),
        (1, Some("eu-west-1"), Some("kms"), Some("ListKeys"))
    );
}

#[tokio::test]
async fn long_lists_are_cut_in_sentences_only() {
    let mut log = ErrorLog::new(&FACTS);
    let denied = error("kms", "ListKeys", Reply::json_error("AccessDenied")).await;
    for (service, action) in (0..12).flat_map(|service| (0..5).map(move |action| (service, action))) {
        let other = denied.clone().change(|trouble| {
            trouble.service = format!("s{service:02}");
            trouble.operation = format!("A{action}");
        });
        log.add("eu-west-1", &other);
    }
    let message = &log.into_faults()[0].message;
    assert!(message.contains("s00: A0, A1, A2 and more, s01:"), "{message}");
    assert!(message.contains("s09: A0, A1, A2 and more and more"), "{message}");
}

#[tokio::test]
async fn what_is_expected_is_not_told() {
    let mut log = ErrorLog::new(&FACTS);
    let error = error("kms", "ListKeys", Reply::json_error("NotFoundException")).await;
    log.add("eu-west-1", &error.clone().expecting(&["NotFoundException"]));
    log.add("eu-west-1", &error);
    let told = log.into_faults();
    assert_eq!((told.len(), told[0].count, told[0].level), (1, 1, Level::Error));
}

#[tokio::test]
async fn what_differs_from_call_to_call_makes_no_sentence_of_its_own() {
    let mut log = ErrorLog::new(&FACTS);
    let odd = |number: u32| Reply::xml(&format!("<p>{number}</p>"));
    let (first, second) =
        (error("kms", "ListKeys", odd(1)).await, error("athena", "ListWorkGroups", odd(2)).await);
    assert_ne!(first.message, second.message);
    log.add("eu-west-1", &first);
    log.add("eu-west-1", &second);
    let told = log.into_faults();
    assert_eq!((told.len(), told[0].count, told[0].kind), (1, 2, FaultKind::InvalidAnswer), "{told:?}");
    assert!(told[0].message.contains(&first.message), "{}", told[0].message);
    assert!(told[0].message.ends_with("athena: ListWorkGroups, kms: ListKeys"), "{}", told[0].message);
}

#[tokio::test]
async fn regions_that_are_not_enabled_are_one_sentence_with_what_to_do() {
    let mut log = ErrorLog::new(&FACTS);
    for (service, operation) in [("kms", "ListKeys"), ("athena", "ListWorkGroups")] {
        log.add("ap-east-1", &error(service, operation, Reply::json_error("OptInRequired")).await);
    }
    let told = log.into_faults();
    assert_eq!(told.len(), 1, "{told:?}");
    let hint = told[0].hint.as_deref();
    assert_eq!(hint, Some("enable ap-east-1 for the account, or leave it out with aws.region"));
}

#[tokio::test]
async fn what_aws_says_differently_is_told_each_once() {
    let reply = |message: &str| {
        let body = serde_json::json!({"__type": "AccessDeniedException", "message": message});
        Reply::json_status(400, &body)
    };
    let mut log = ErrorLog::new(&FACTS);
    for (operation, message) in [("ListKeys", "no"), ("ListKeys", "no"), ("ListAliases", "never")] {
        log.add("eu-west-1", &error("kms", operation, reply(message)).await);
    }
    let told = log.into_faults();
    assert!(told.len() == 1 && told[0].message.ends_with("AWS says: never; no"), "{told:?}");
    let mut log = ErrorLog::new(&FACTS);
    for (operation, body) in [("ListKeys", "7"), ("ListAliases", "{")] {
        log.add("eu-west-1", &error("kms", operation, Reply::nearly_json(body)).await);
    }
    let told = log.into_faults();
    let message = &told[0].message;
    assert!(message.contains("it should be an object but is the number 7"), "{message}");
    assert!(message.ends_with("Other calls: the answer is cut off (status 200)"), "{message}");
}

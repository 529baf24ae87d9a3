//! What is sent and what is read, compared with botocore: `scripts/vectors.py` has asked it.
//!
//! With `AWS_SHAPES_VECTORS=FILE`, a file that the script wrote with `--all`, every operation is compared.

use std::collections::BTreeMap;
use std::io::Read;

use aws_shapes::service;
use serde_json::{Map, Value, json};
use shapes::{Answer, Operation, Request, Service, build, parse};

const TOKEN: &str = "00000000-0000-4000-8000-000000000000";

fn vectors() -> Vec<Value> {
    let mut packed = vec![include_bytes!("vectors.json.gz").to_vec()];
    if let Ok(file) = std::env::var("AWS_SHAPES_VECTORS") {
        packed.push(std::fs::read(file).expect("the file that AWS_SHAPES_VECTORS names"));
    }
    let unpack = |packed: Vec<u8>| {
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("gzip");
        serde_json::from_str(&text).expect("JSON")
    };
    packed.into_iter().map(unpack).collect()
}

fn named(vector: &Value) -> (&'static Service, &'static Operation) {
    let text = |key: &str| vector[key].as_str().expect("a name");
    let service = service(text("service")).expect("a service");
    (service, service.operation(text("operation")).expect("an operation"))
}

/// Numbers are compared by value, and objects without regard to order.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => ours == theirs,
    }
}

fn pairs(form: &[u8]) -> Value {
    let text = std::str::from_utf8(form).expect("a form is text");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("a pair");
        json!([decoded(name), decoded(value)])
    };
    text.split('&').map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex =
                [rest.next(), rest.next()].map(|digit| char::from(digit.expect("a digit")).to_digit(16));
            bytes.push(u8::try_from(hex[0].expect("hex") * 16 + hex[1].expect("hex")).expect("a byte"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// A request in the words of the script.
fn told(request: &Request, expected: &Value) -> Value {
    let mut query = request.query.clone();
    query.sort();
    // The script leaves out what depends on the transport. Checksums have a test of their own.
    let left_out = ["content-md5", "content-length", "x-amz-sdk-checksum", "x-amz-checksum-crc32"];
    let headers = request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    let headers: BTreeMap<String, String> =
        headers.filter(|(name, _)| !left_out.iter().any(|out| name.starts_with(out))).collect();
    let mut told = json!({
        "method": request.method,
        "path": request.path,
        "query": query,
        "headers": headers,
        "host_prefix": request.host_prefix,
    });
    if expected.get("form").is_some() {
        told["form"] = pairs(&request.body);
    } else {
        told["body"] = String::from_utf8(request.body.clone()).expect("text").into();
    }
    told
}

/// Both bodies as JSON where they are JSON: blanks do not matter.
fn with_read_body(mut request: Value) -> Value {
    let read = request["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    if let Some(read) = read.filter(Value::is_object) {
        request["body"] = read;
    }
    request
}

#[test]
fn requests_are_those_of_botocore() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for vector in vectors().iter().flat_map(|file| file["requests"].as_array().cloned().unwrap_or_default()) {
        count += 1;
        let (service, operation) = named(&vector);
        let params = vector["params"].as_object().expect("parameters");
        let expected = with_read_body(vector["request"].clone());
        match build(service, operation, params, TOKEN) {
            Ok(request) => {
                let ours = with_read_body(told(&request, &expected));
                if !same(&ours, &expected) {
                    wrong.push(format!(
                        "{}:{}\n  ours   {ours}\n  theirs {expected}",
                        service.name, operation.name
                    ));
                }
            }
            Err(fault) => wrong.push(fault.to_string()),
        }
    }
    assert!(count >= 120, "{count} requests are too few to say anything");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn answers_are_read_as_botocore_reads_them() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for vector in vectors().iter().flat_map(|file| file["answers"].as_array().cloned().unwrap_or_default()) {
        count += 1;
        let (service, operation) = named(&vector);
        let headers: Vec<(String, String)> =
            serde_json::from_value(vector["headers"].clone()).expect("headers");
        let status = u16::try_from(vector["status"].as_u64().expect("a status")).expect("a status");
        let body = vector["body"].as_str().expect("a body");
        let read = parse(service, operation, status, &headers, body.as_bytes());
        let (ours, expected) = match (&read, vector.get("value")) {
            (Ok(value), Some(expected)) => (value.clone(), expected.clone()),
            (Err(Answer::Error(error)), None) => {
                (json!({"code": error.code, "message": error.message}), vector["error"].clone())
            }
            (Ok(value), None) => (value.clone(), vector["error"].clone()),
            (Err(other), _) => (other.to_string().into(), vector["value"].clone()),
        };
        if !same(&ours, &expected) {
            wrong.push(format!(
                "{}:{}\n  ours   {ours}\n  theirs {expected}\n  of     {body}",
                service.name, operation.name
            ));
        }
    }
    assert!(count >= 120, "{count} answers are too few to say anything");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn checksums_of_bodies_are_sent_where_they_are_demanded() {
    let s3 = service("s3").expect("s3");
    let operation = s3.operation("DeleteObjects").expect("an operation");
    let params: Map<String, Value> =
        serde_json::from_value(json!({"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}}))
            .expect("an object");
    let request = build(s3, operation, &params, TOKEN).expect("a request");
    assert_eq!(
        request.body,
        br#"<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>k</Key></Object></Delete>"#
    );
    // printf '<Delete ...' | openssl md5 -binary | base64
    assert_eq!(request.header("content-md5"), Some("cDL/HO6237pKgcrKF+HYeA=="));
    let given = json!({"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}, "ChecksumAlgorithm": "SHA256"});
    let given: Map<String, Value> = serde_json::from_value(given).expect("an object");
    let request = build(s3, operation, &given, TOKEN).expect("a request");
    assert!(request.header("content-md5").is_some(), "the name of an algorithm is no checksum");
    let plain = s3.operation("GetBucketPolicy").expect("an operation");
    let params: Map<String, Value> = serde_json::from_value(json!({"Bucket": "b"})).expect("an object");
    assert_eq!(build(s3, plain, &params, TOKEN).expect("a request").header("content-md5"), None);
}

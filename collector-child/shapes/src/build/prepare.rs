//! What the services' own clients do to parameters before they are sent, and to requests before they are signed.

use data_encoding::BASE64;
use md5::{Digest, Md5};
use serde_json::{Map, Value};

use crate::shape::Structure;
use crate::{Operation, Request, Service};

/// Operations of S3 whose keys may hold what XML cannot: they are asked for percent-encoded.
const ENCODED_KEYS: [&str; 3] = ["ListObjects", "ListObjectsV2", "ListObjectVersions"];

/// Parameters with aliases resolved and with what every caller would have to add.
pub(super) fn prepared(
    service: &Service,
    operation: &Operation,
    given: &Map<String, Value>,
    idempotency_token: &str,
) -> Map<String, Value> {
    let mut params = given.clone();
    let Some(structure) = operation.input.and_then(|id| service.shape(id).as_structure()) else {
        return params;
    };
    let missing = |params: &Map<String, Value>, name: &str| params.get(name).is_none_or(Value::is_null);
    for member in structure.members.iter().filter(|member| member.traits.idempotency_token) {
        if missing(&params, member.name) {
            params.insert(member.name.to_owned(), idempotency_token.into());
        }
    }
    match (service.name, operation.name) {
        ("ec2", name) => {
            rename(structure, &mut params, "Filters", "Filter");
            if name == "RunInstances" {
                encode_user_data(&mut params);
            }
        }
        ("autoscaling", "CreateLaunchConfiguration") => encode_user_data(&mut params),
        ("logs", "CreateExportTask") => rename(structure, &mut params, "fromTime", "from"),
        ("glacier", _) if structure.member("accountId").is_some() && missing(&params, "accountId") => {
            // The account of the credentials.
            params.insert("accountId".to_owned(), "-".into());
        }
        ("s3", name) if ENCODED_KEYS.contains(&name) && missing(&params, "EncodingType") => {
            params.insert("EncodingType".to_owned(), "url".into());
        }
        ("route53", _) => strip_ids(structure, &mut params),
        // A parameter of the SDKs only: they make a signed URL of it, and the service knows that alone.
        ("rds", _) if !missing(&params, "PreSignedUrl") => drop(params.remove("SourceRegion")),
        _ => {}
    }
    params
}

/// The services' own clients show some members under other names.
fn rename(structure: &Structure, params: &mut Map<String, Value>, shown: &str, real: &str) {
    if structure.member(shown).is_none()
        && structure.member(real).is_some()
        && !params.contains_key(real)
        && let Some(value) = params.remove(shown)
    {
        params.insert(real.to_owned(), value);
    }
}

fn encode_user_data(params: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = params.get_mut("UserData") {
        *text = BASE64.encode(text.as_bytes());
    }
}

/// Route 53 answers `/hostedzone/Z1` and wants `Z1`.
fn strip_ids(structure: &Structure, params: &mut Map<String, Value>) {
    for member in structure.members.iter().filter(|member| member.traits.last_segment) {
        if let Some(Value::String(id)) = params.get_mut(member.name)
            && let Some((_, last)) = id.rsplit_once('/')
        {
            *id = last.to_owned();
        }
    }
}

/// Adds the headers that single services want.
pub(super) fn finish(service: &Service, operation: &Operation, request: &mut Request) {
    let mut add = |name: &str, value: String| {
        if request.header(name).is_none() {
            request.headers.push((name.to_owned(), value));
        }
    };
    match service.name {
        "glacier" => add("x-amz-glacier-version", service.api_version.to_owned()),
        "apigateway" => add("Accept", "application/json".to_owned()),
        _ => {}
    }
    if operation.discovery {
        add("x-amz-api-version", service.api_version.to_owned());
    }
    if operation.checksum_required && !has_checksum(request) {
        // MD5 is what all of S3, and all that imitates it, understands.
        let digest = BASE64.encode(&Md5::digest(&request.body));
        request.headers.push(("Content-MD5".to_owned(), digest));
    }
}

fn has_checksum(request: &Request) -> bool {
    // The name of the algorithm alone is no checksum.
    let checksum = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "content-md5" || (name.starts_with("x-amz-checksum-") && !name.ends_with("-algorithm"))
    };
    request.headers.iter().any(|(name, _)| checksum(name))
}

//! What the services' own clients do to the answers of single operations, so that its users see data instead of encodings.

use data_encoding::BASE64_MIME_PERMISSIVE;
use serde_json::{Map, Value};

use super::{Source, document, text, xml};
use crate::answer::Answer;

/// Lists of keys: members of the answer, and members of what its lists hold, that are percent-encoded.
type Encoded = (&'static [&'static str], &'static [(&'static str, &'static str)]);

const LIST_OBJECTS: Encoded =
    (&["Delimiter", "Marker", "NextMarker"], &[("Contents", "Key"), ("CommonPrefixes", "Prefix")]);
const LIST_OBJECTS_V2: Encoded =
    (&["Delimiter", "Prefix", "StartAfter"], &[("Contents", "Key"), ("CommonPrefixes", "Prefix")]);
const LIST_OBJECT_VERSIONS: Encoded = (
    &["KeyMarker", "NextKeyMarker", "Prefix", "Delimiter"],
    &[("Versions", "Key"), ("DeleteMarkers", "Key"), ("CommonPrefixes", "Prefix")],
);

/// Changes the answers of operations that need it.
pub(super) fn finish(source: &Source<'_>, members: &mut Map<String, Value>) -> Result<(), Answer> {
    if source.service.name == "s3" {
        expires(source, members);
    }
    match (source.service.name, source.operation.name) {
        ("s3", "GetBucketLocation") => return bucket_location(source, members),
        ("s3", "ListObjects") => decode_keys(members, LIST_OBJECTS),
        ("s3", "ListObjectsV2") => decode_keys(members, LIST_OBJECTS_V2),
        ("s3", "ListObjectVersions") => decode_keys(members, LIST_OBJECT_VERSIONS),
        ("ec2", "GetConsoleOutput") => console_output(members),
        ("cloudformation", "GetTemplate") => template(members),
        _ => {}
    }
    Ok(())
}

/// Whoever uploads an object can put any text into this header: it is shown as it is, and as a time if it is one.
fn expires(source: &Source<'_>, members: &mut Map<String, Value>) {
    let Some(Value::String(shown)) = members.get("Expires") else { return };
    let is_time = text::is_time(shown);
    if let Some(sent) = source.headers.header("Expires") {
        members.insert("ExpiresString".to_owned(), sent.into());
        if !is_time {
            members.remove("Expires");
        }
    }
}

/// The region is the text of the root, or nothing: that is us-east-1.
fn bucket_location(source: &Source<'_>, members: &mut Map<String, Value>) -> Result<(), Answer> {
    let read = |document: &roxmltree::Document<'_>| {
        let region = xml::own_text(document.root_element());
        if region.is_empty() { Value::Null } else { region.into() }
    };
    let region = document::read(source.status, source.body, read).map_err(Answer::Garbage)?;
    members.insert("LocationConstraint".to_owned(), region);
    Ok(())
}

/// S3 was asked for encoded keys, see `build`.
fn decode_keys(members: &mut Map<String, Value>, (own, nested): Encoded) {
    if members.get("EncodingType").and_then(Value::as_str) != Some("url") {
        return;
    }
    let decode = |value: Option<&mut Value>| {
        if let Some(Value::String(key)) = value {
            // S3 encodes as forms do: a blank is a plus sign.
            *key = text::percent_decode(&key.replace('+', " "));
        }
    };
    for name in own {
        decode(members.get_mut(*name));
    }
    for (list, name) in nested {
        if let Some(Value::Array(items)) = members.get_mut(*list) {
            for item in items {
                decode(item.get_mut(*name));
            }
        }
    }
}

/// Base64 of what the console showed, which can be any bytes.
fn console_output(members: &mut Map<String, Value>) {
    if let Some(Value::String(output)) = members.get_mut("Output") {
        let compact: String = output.split_ascii_whitespace().collect();
        if let Ok(bytes) = BASE64_MIME_PERMISSIVE.decode(compact.as_bytes()) {
            *output = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

/// Templates in JSON are data; those in YAML stay text.
fn template(members: &mut Map<String, Value>) {
    let body = members.get("TemplateBody").and_then(Value::as_str);
    if let Some(template) = body.and_then(|body| serde_json::from_str::<Value>(body).ok()) {
        members.insert("TemplateBody".to_owned(), template);
    }
}

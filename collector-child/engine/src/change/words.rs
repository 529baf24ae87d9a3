//! Calls in words, for logs that people read.

use serde_json::{Map, Value};

/// Elements of a list that are shown.
const SHOWN: usize = 3;
/// Longer descriptions of parameters are cut, in characters.
const LONGEST: usize = 300;

/// An operation: `ec2:TerminateInstances`, or its method and path, which say enough.
pub fn operation(service: &str, operation: &str) -> String {
    if operation.contains(' ') { operation.to_owned() } else { format!("{service}:{operation}") }
}

/// A call with its parameters: `ec2:TerminateInstances(InstanceIds=[i-1])`, `DELETE /servers/42`.
pub fn call(service: &str, operation: &str, params: &Map<String, Value>) -> String {
    if operation.contains(' ') {
        return with_path(operation, params);
    }
    let mut inside = String::new();
    members(params, &mut inside);
    if let Some((end, _)) = inside.char_indices().nth(LONGEST) {
        inside.truncate(end);
        inside.push_str("...");
    }
    format!("{service}:{operation}({inside})")
}

/// A method and path, filled in.
fn with_path(operation: &str, params: &Map<String, Value>) -> String {
    let mut words = operation.to_owned();
    for (name, value) in params.get("path").and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        words = words.replace(&format!("{{{name}}}"), &text);
    }
    words
}

fn members(params: &Map<String, Value>, out: &mut String) {
    for (at, (name, param)) in params.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        out.push_str(name);
        out.push('=');
        value(param, out);
    }
}

fn value(given: &Value, out: &mut String) {
    match given {
        Value::String(text) => out.push_str(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&given.to_string()),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().take(SHOWN).enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                value(item, out);
            }
            if items.len() > SHOWN {
                out.push_str(" and ");
                out.push_str(&(items.len() - SHOWN).to_string());
                out.push_str(" more");
            }
            out.push(']');
        }
        Value::Object(inside) => {
            out.push('{');
            members(inside, out);
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(params: &Value) -> String {
        call("s3", "DeleteObjects", params.as_object().unwrap())
    }

    #[test]
    fn the_main_parameters_are_readable() {
        let params =
            json!({"Bucket": "b", "Delete": {"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": true}});
        assert_eq!(
            words(&params),
            "s3:DeleteObjects(Bucket=b, Delete={Objects=[{Key=a}, {Key=b}], Quiet=true})"
        );
    }

    #[test]
    fn a_path_is_filled_in_and_says_enough() {
        let params = json!({"path": {"id": 42}, "body": {"name": "secret"}});
        let words = call("hosts", "DELETE /servers/{id}", params.as_object().unwrap());
        assert_eq!(words, "DELETE /servers/42");
        assert_eq!(operation("hosts", "GET /servers"), "GET /servers");
        assert_eq!(operation("ec2", "DeleteVpc"), "ec2:DeleteVpc");
    }

    #[test]
    fn long_lists_and_texts_are_cut() {
        assert_eq!(words(&json!({"A": [1, 2, 3, 4, 5]})), "s3:DeleteObjects(A=[1, 2, 3 and 2 more])");
        let long = words(&json!({"A": "ü".repeat(1000)}));
        assert!(long.ends_with("ü...)") && long.chars().count() < 330, "{long}");
    }
}

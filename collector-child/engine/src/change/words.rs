//! Calls in words, for logs that people read.

use serde_json::{Map, Value};

/// Elements of a list that are shown.
const SHOWN: usize = 3;
/// Longer descriptions of parameters are cut, in characters.
const LONGEST: usize = 300;

/// A call with its parameters: `ec2:TerminateInstances(InstanceIds=[i-1])`.
pub fn call(service: &str, operation: &str, params: &Map<String, Value>) -> String {
    let mut inside = String::new();
    members(params, &mut inside);
    if let Some((end, _)) = inside.char_indices().nth(LONGEST) {
        inside.truncate(end);
        inside.push_str("...");
    }
    format!("{service}:{operation}({inside})")
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
    fn long_lists_and_texts_are_cut() {
        assert_eq!(words(&json!({"A": [1, 2, 3, 4, 5]})), "s3:DeleteObjects(A=[1, 2, 3 and 2 more])");
        let long = words(&json!({"A": "ü".repeat(1000)}));
        assert!(long.ends_with("ü...)") && long.chars().count() < 330, "{long}");
    }
}

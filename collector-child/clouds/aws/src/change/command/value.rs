//! The values of parameters, from words to JSON by the shapes of the operation.

use serde_json::{Map, Value};
use shapes::{Member, Operation, Service, Shape, ShapeId, Structure};

use super::names::{close, kebab, member};
use super::{Wrong, shorthand};

/// The parameters of an operation from what was given: first those of `input`, a JSON object, then the others.
pub(super) fn params(
    service: &'static Service,
    operation: &'static Operation,
    input: Option<&str>,
    given: &[(String, Vec<String>)],
) -> Result<Map<String, Value>, Wrong> {
    let mut params = match input {
        None => Map::new(),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(params)) => params,
            Ok(_) => return Err(Wrong::new("--cli-input-json is no JSON object")),
            Err(error) => return Err(not_json("--cli-input-json", &error)),
        },
    };
    let structure = operation.input.and_then(|id| service.shape(id).as_structure());
    for (name, values) in given {
        let (member, value) = param(service, operation, structure, name, values)?;
        if params.insert(member.name.to_owned(), value).is_some() && input.is_none() {
            return Err(Wrong::new(format!("--{name} is given twice")));
        }
    }
    let required = structure.into_iter().flat_map(|structure| &structure.members);
    let missing: Vec<String> = required
        .filter(|member| member.required && !params.contains_key(member.name))
        .map(|member| format!("--{}", kebab(member.name)))
        .collect();
    if missing.is_empty() {
        Ok(params)
    } else {
        let which = called(service, operation);
        Err(Wrong::new(format!("{which} needs {}", missing.join(" and "))))
    }
}

fn called(service: &Service, operation: &Operation) -> String {
    format!("{} {}", service.name, kebab(operation.name))
}

fn param<'a>(
    service: &'static Service,
    operation: &'static Operation,
    structure: Option<&'a Structure>,
    name: &str,
    values: &[String],
) -> Result<(&'a Member, Value), Wrong> {
    let which = called(service, operation);
    let Some(structure) = structure else {
        return Err(Wrong::new(format!("{which} takes no parameters, but --{name} is given")));
    };
    let (found, negated) = match (member(structure, name), name.strip_prefix("no-")) {
        (Some(found), _) => (Some(found), false),
        (None, Some(positive)) => (member(structure, positive), true),
        (None, None) => (None, false),
    };
    let found = found.filter(|found| !negated || matches!(service.shape(found.shape), Shape::Boolean));
    let Some(found) = found else {
        let hint = close(name, structure.members.iter().map(|member| kebab(member.name)));
        return Err(Wrong::new(format!("{which} has no parameter --{name}{hint}")));
    };
    if let Some(file) =
        values.iter().find(|value| value.starts_with("file://") || value.starts_with("fileb://"))
    {
        let scheme = file.split("//").next().unwrap_or_default();
        return Err(Wrong::new(format!(
            "--{name} cannot be read from a file ({scheme}//): give the value itself"
        )));
    }
    let of = Of { service, name };
    let value = if negated { of.negated(values)? } else { of.top(found.shape, values)? };
    Ok((found, value))
}

/// A parameter while its values are read.
#[derive(Clone, Copy)]
struct Of<'a> {
    service: &'static Service,
    name: &'a str,
}

impl Of<'_> {
    fn wrong(self, what: &str) -> Wrong {
        Wrong::new(format!("--{} {what}", self.name))
    }

    fn negated(self, values: &[String]) -> Result<Value, Wrong> {
        if values.is_empty() { Ok(false.into()) } else { Err(self.wrong("takes no value")) }
    }

    fn top(self, id: ShapeId, values: &[String]) -> Result<Value, Wrong> {
        match (self.service.shape(id), values) {
            (Shape::Boolean, []) => Ok(true.into()),
            (_, []) => Err(self.wrong("needs a value")),
            (Shape::List(_), [one]) if one.trim_start().starts_with('[') => self.json(one),
            (Shape::List(list), values) => {
                let items = values.iter().map(|value| self.element(list.member.shape, value));
                items.collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            (Shape::Structure(_) | Shape::Map(_), [one]) => self.composed(id, one),
            (_, [one]) => self.scalar(id, one),
            (_, values) => Err(self.wrong(&format!("takes one value, but {} are given", values.len()))),
        }
    }

    fn element(self, id: ShapeId, text: &str) -> Result<Value, Wrong> {
        match self.service.shape(id) {
            Shape::Structure(structure) => match structure.members.as_slice() {
                // A structure of one scalar needs no name for it.
                [only] if !text.contains('=') && !text.trim_start().starts_with('{') => {
                    let value = self.scalar(only.shape, text)?;
                    Ok(Value::Object(Map::from_iter([(only.name.to_owned(), value)])))
                }
                _ => self.composed(id, text),
            },
            Shape::Map(_) | Shape::List(_) => self.composed(id, text),
            _ => self.scalar(id, text),
        }
    }

    /// JSON, or the short form.
    fn composed(self, id: ShapeId, text: &str) -> Result<Value, Wrong> {
        if text.trim_start().starts_with(['{', '[']) {
            return self.json(text);
        }
        if matches!(self.service.shape(id), Shape::List(_)) {
            return Err(self.wrong("holds lists in a list: give it as JSON"));
        }
        let found = shorthand::pairs(text)
            .map_err(|what| self.wrong(&format!("is neither JSON nor in the form Name=value,...: {what}")))?;
        self.shaped(id, Value::Object(found))
    }

    fn json(self, text: &str) -> Result<Value, Wrong> {
        serde_json::from_str(text).map_err(|error| not_json(&format!("--{}", self.name), &error))
    }

    /// What was read in the short form, in which all scalars are texts.
    fn shaped(self, id: ShapeId, value: Value) -> Result<Value, Wrong> {
        match (self.service.shape(id), value) {
            (Shape::Structure(structure), value) if structure.document => Ok(value),
            (Shape::Structure(structure), Value::Object(members)) => {
                let members = members.into_iter().map(|(name, value)| {
                    let found = structure.member(&name).ok_or_else(|| {
                        let hint =
                            close(&name, structure.members.iter().map(|member| member.name.to_owned()));
                        self.wrong(&format!("has no member {name}{hint}"))
                    })?;
                    Ok((name, self.shaped(found.shape, value)?))
                });
                members.collect::<Result<_, Wrong>>().map(Value::Object)
            }
            (Shape::Map(map), Value::Object(members)) => {
                let members =
                    members.into_iter().map(|(key, value)| Ok((key, self.shaped(map.value.shape, value)?)));
                members.collect::<Result<_, Wrong>>().map(Value::Object)
            }
            (Shape::List(list), value) => {
                let items = match value {
                    Value::Array(items) => items,
                    one => vec![one],
                };
                let items = items.into_iter().map(|item| self.shaped(list.member.shape, item));
                items.collect::<Result<_, Wrong>>().map(Value::Array)
            }
            (_, Value::String(text)) => self.scalar(id, &text),
            (shape, _) => {
                Err(self.wrong(&format!("has another form than the {} that is needed", shape.kind())))
            }
        }
    }

    fn scalar(self, id: ShapeId, text: &str) -> Result<Value, Wrong> {
        let shape = self.service.shape(id);
        let number = |number: Option<Value>| {
            number.ok_or_else(|| self.wrong(&format!("needs a number ({})", shape.kind())))
        };
        match shape {
            Shape::String { .. } | Shape::Blob => Ok(text.into()),
            Shape::Integer | Shape::Long => number(text.parse::<i64>().ok().map(Value::from)),
            Shape::Float | Shape::Double => {
                number(text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from))
            }
            Shape::Boolean => match text {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => Err(self.wrong("needs true or false")),
            },
            Shape::Timestamp => Ok(text.parse::<f64>().map_or_else(|_| text.into(), Value::from)),
            Shape::Structure(_) | Shape::List(_) | Shape::Map(_) => self.composed(id, text),
        }
    }
}

/// The error itself may quote the text.
fn not_json(what: &str, error: &serde_json::Error) -> Wrong {
    Wrong::new(format!("{what} is no JSON at line {}, column {}", error.line(), error.column()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{line, names};
    use super::*;

    fn read(text: &[&str]) -> Result<Value, String> {
        let words: Vec<String> = text.iter().map(|word| (*word).to_owned()).collect();
        let line = line::read(&words).map_err(|wrong| wrong.to_string())?;
        let service = names::service(&line.service).map_err(|wrong| wrong.to_string())?;
        let operation = names::operation(service, &line.operation).map_err(|wrong| wrong.to_string())?;
        let params = params(service, operation, line.options.input.as_deref(), &line.params);
        params.map(Value::Object).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn values_get_the_types_of_the_operation() {
        for (words, expected) in [
            (
                vec!["ec2", "describe-volumes", "--volume-ids", "a", "b", "--max-results", "5", "--dry-run"],
                json!({"VolumeIds": ["a", "b"], "MaxResults": 5, "DryRun": true}),
            ),
            (
                vec![
                    "ec2",
                    "describe-volumes",
                    "--no-dry-run",
                    "--filters",
                    "Name=x,Values=a,b",
                    "Name=y,Values=c",
                ],
                json!({"DryRun": false, "Filters": [
                    {"Name": "x", "Values": ["a", "b"]}, {"Name": "y", "Values": ["c"]}]}),
            ),
            (
                vec!["ec2", "describe-volumes", "--filters", r#"[{"Name": "x", "Values": ["a"]}]"#],
                json!({"Filters": [{"Name": "x", "Values": ["a"]}]}),
            ),
            (
                vec!["ec2", "describe-volumes", "--filters", r#"{"Name": "x", "Values": ["a"]}"#],
                json!({"Filters": [{"Name": "x", "Values": ["a"]}]}),
            ),
            (
                vec!["sqs", "tag-queue", "--queue-url", "u", "--tags", "a=b,c=d"],
                json!({"QueueUrl": "u", "Tags": {"a": "b", "c": "d"}}),
            ),
            (
                vec![
                    "elb",
                    "register-instances-with-load-balancer",
                    "--load-balancer-name",
                    "l",
                    "--instances",
                    "i-1",
                    "i-2",
                ],
                json!({"LoadBalancerName": "l", "Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]}),
            ),
            (
                vec![
                    "rds",
                    "describe-db-instances",
                    "--cli-input-json",
                    r#"{"MaxRecords": 20}"#,
                    "--db-instance-identifier",
                    "d",
                ],
                json!({"MaxRecords": 20, "DBInstanceIdentifier": "d"}),
            ),
            (
                vec!["iam", "create-role", "--role-name", "r", "--assume-role-policy-document", "{}"],
                json!({"RoleName": "r", "AssumeRolePolicyDocument": "{}"}),
            ),
            (
                vec!["ec2", "create-image", "--instance-id", "i", "--name", "n", "--no-reboot"],
                json!({"InstanceId": "i", "Name": "n", "NoReboot": true}),
            ),
        ] {
            assert_eq!(read(&words), Ok(expected), "{words:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (words, told) in [
            (vec!["ec2", "describe-volumes", "--volume-id", "v"], "did you mean volume-ids?"),
            (vec!["ec2", "delete-volume"], "ec2 delete-volume needs --volume-id"),
            (
                vec!["ec2", "delete-volume", "--volume-id", "a", "b"],
                "--volume-id takes one value, but 2 are given",
            ),
            (vec!["ec2", "delete-volume", "--volume-id"], "--volume-id needs a value"),
            (vec!["ec2", "describe-volumes", "--max-results", "x"], "--max-results needs a number"),
            (vec!["ec2", "describe-volumes", "--filters", "vpc"], "neither JSON nor"),
            (vec!["ec2", "describe-volumes", "--filters", "Nam=x"], "has no member Nam; did you mean Name?"),
            (vec!["ec2", "describe-volumes", "--filters", "{x"], "--filters is no JSON at line 1"),
            (vec!["ec2", "describe-volumes", "--no-volume-ids"], "no parameter --no-volume-ids"),
            (vec!["sts", "get-caller-identity", "--x", "y"], "--x"),
            (
                vec!["iam", "create-role", "--role-name", "file:///etc/passwd"],
                "cannot be read from a file (file://)",
            ),
        ] {
            let message = read(&words).unwrap_err();
            assert!(message.contains(told), "{words:?}: {message}");
        }
    }
}

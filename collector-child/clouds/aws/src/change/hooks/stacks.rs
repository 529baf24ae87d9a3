//! Tags of stacks and stack sets of CloudFormation: there is no operation for them, so the stack is updated with its own
//! template, its own parameters and all of its tags.

use collector::{Failure, fault};
use engine::change::{Access, Tagging, applied};
use ipc_proto::fault::FaultKind;
use serde_json::{Map, Value, json};

use super::{FIRST_LOOK, pause, told};

const SERVICE: &str = "cloudformation";
/// Templates that make roles with names are refused without it, also if nothing of them changes.
const NAMED_ROLES: &str = "CAPABILITY_NAMED_IAM";
/// What a stack set takes back although nothing of it changes.
const KEPT: [&str; 6] = [
    "AdministrationRoleARN",
    "AutoDeployment",
    "Description",
    "ExecutionRoleName",
    "ManagedExecution",
    "PermissionModel",
];

/// Changes the tags of a stack, as soon as no other update runs.
pub(super) async fn stack(access: &Access<'_>, tagging: &Tagging<'_>) -> Result<(), Failure> {
    let name = tagging.resource.document()["name"].clone();
    let mut wait = FIRST_LOOK;
    let stack = loop {
        let asked = Map::from_iter([("StackName".to_owned(), name.clone())]);
        let answer = access.call(SERVICE, "DescribeStacks", asked).await.map_err(told)?;
        let stack = answer["Stacks"][0].clone();
        let status = stack["StackStatus"].as_str().unwrap_or_default();
        if !status.ends_with("_IN_PROGRESS") {
            break stack;
        }
        if !pause(access, &mut wait).await {
            let message =
                format!("the stack is being changed already ({status}); try again when that is done");
            return Err(fault(FaultKind::Unavailable, message).into());
        }
    };
    let Some(params) = update(&stack, tagging)? else { return Ok(()) };
    send(access, "UpdateStack", "StackName", name, params).await
}

/// Changes the tags of a stack set.
pub(super) async fn stack_set(access: &Access<'_>, tagging: &Tagging<'_>) -> Result<(), Failure> {
    let name = tagging.resource.document()["name"].clone();
    let asked = Map::from_iter([("StackSetName".to_owned(), name.clone())]);
    let answer = access.call(SERVICE, "DescribeStackSet", asked).await.map_err(told)?;
    let set = &answer["StackSet"];
    let Some(mut params) = update(set, tagging)? else { return Ok(()) };
    for kept in KEPT {
        if let Some(value) = set.get(kept).filter(|value| !value.is_null()) {
            params.insert(kept.to_owned(), value.clone());
        }
    }
    send(access, "UpdateStackSet", "StackSetName", name, params).await
}

async fn send(
    access: &Access<'_>,
    operation: &str,
    whose: &str,
    name: Value,
    mut params: Map<String, Value>,
) -> Result<(), Failure> {
    params.insert(whose.to_owned(), name);
    access.call(SERVICE, operation, params).await.map(drop).map_err(told)
}

/// The parameters of an update that changes nothing but the tags; `None` if they are as they are to be.
fn update(stack: &Value, tagging: &Tagging<'_>) -> Result<Option<Map<String, Value>>, Failure> {
    let before = stack["Tags"].as_array().cloned().unwrap_or_default();
    let tags = applied(before.clone(), tagging)?;
    if tags == before {
        return Ok(None);
    }
    let parameters = stack["Parameters"].as_array().into_iter().flatten();
    let parameters: Vec<Value> = parameters
        .map(|parameter| json!({"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": true}))
        .collect();
    let mut capabilities = stack["Capabilities"].as_array().cloned().unwrap_or_default();
    if !capabilities.iter().any(|known| known == NAMED_ROLES) {
        capabilities.push(NAMED_ROLES.into());
    }
    Ok(Some(Map::from_iter([
        ("UsePreviousTemplate".to_owned(), true.into()),
        ("Capabilities".to_owned(), capabilities.into()),
        ("Parameters".to_owned(), parameters.into()),
        ("Tags".to_owned(), tags.into()),
    ])))
}

#[cfg(test)]
mod tests {
    use super::super::super::Resource;
    use super::*;

    fn updated(set: &[(String, String)], remove: &[String]) -> Result<Option<Map<String, Value>>, Failure> {
        let resource = Resource::new("aws_cloudformation_stack", Map::new(), Map::new(), Map::new());
        let tagging = Tagging { resource: &resource, remove, set };
        let stack = json!({
            "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
            "Parameters": [{"ParameterKey": "Size", "ParameterValue": "secret"}],
            "Capabilities": ["CAPABILITY_AUTO_EXPAND"],
        });
        update(&stack, &tagging)
    }

    #[test]
    fn an_update_changes_nothing_but_the_tags() {
        let params = updated(&[("b".to_owned(), "3".to_owned())], &["a".to_owned()]).unwrap().unwrap();
        let expected = json!({
            "UsePreviousTemplate": true,
            "Capabilities": ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_NAMED_IAM"],
            "Parameters": [{"ParameterKey": "Size", "UsePreviousValue": true}],
            "Tags": [{"Key": "b", "Value": "3"}],
        });
        assert_eq!(Value::Object(params), expected);
    }

    #[test]
    fn an_update_without_a_change_would_be_refused_and_is_not_made() {
        assert_eq!(updated(&[("a".to_owned(), "1".to_owned())], &[]).unwrap(), None);
        let failure = updated(&[], &["x".to_owned()]).unwrap_err();
        assert!(failure.to_string().contains("no tag \"x\""), "{failure}");
    }
}

use super::*;
use crate::testing::{Called, Reply, TABLES, Trial};
use engine::hooks::Hooks;

const FUNCTIONS: &str = r#"
service = "lambda"
[aws_lambda_function]
list = { op = "ListFunctions", items = "Functions" }
unset = ["function_policy", "function_url_config"]
[aws_lambda_function.map]
id = "FunctionName"
[nested.aws_lambda_file_system_config.map]
local_mount_source_arn = "LocalMountPath"
"#;

/// A function of the same name in both regions; 60 threats and a vulnerability of it in one of them.
fn answers(called: &Called) -> Option<Reply> {
    let eu = called.region == "eu-west-1";
    let ids: Vec<String> = (0..60).map(|number| format!("f{number}")).collect();
    Some(match (called.service.as_str(), called.operation.as_str()) {
        ("lambda", _) => {
            let function = |name: &str| json!({"FunctionName": name, "FunctionArn": format!("arn:aws:lambda:{}:1:function:{name}", called.region)});
            let functions: Vec<Value> = ["f", "g", "h", "i"].into_iter().map(function).collect();
            Reply::json(&json!({"Functions": functions}))
        }
        ("guardduty", "GET /detector") => {
            Reply::json(&json!({"detectorIds": if eu { vec!["d"] } else { Vec::new() }}))
        }
        ("guardduty", "POST /detector/d/findings") => Reply::json(&json!({"findingIds": ids})),
        ("guardduty", "POST /detector/d/findings/get") => {
            let asked = called.params["findingIds"].as_array().unwrap().iter();
            let resource = json!({"lambdaDetails": {"functionName": "f"}});
            let findings =
                asked.map(|id| json!({"id": id, "title": id, "severity": 5, "resource": resource}));
            Reply::json(&json!({"findings": findings.collect::<Vec<_>>()}))
        }
        ("inspector2", _) if eu => Reply::json(&json!({"findings": [{
            "title": "old", "severity": "HIGH",
            "resources": [{"type": "AWS_LAMBDA_FUNCTION", "id": "arn:aws:lambda:eu-west-1:1:function:f:$LATEST"}],
        }]})),
        ("inspector2", _) => Reply::json_error("AccessDeniedException"),
        _ => return None,
    })
}

#[tokio::test]
async fn findings_are_at_the_resource_of_their_region() {
    let hooks = Hooks::new(vec![Box::new(Findings)]);
    let done = Trial { tables: FUNCTIONS, hooks, ..Trial::of(answers) }.run().await;
    done.result.unwrap();
    assert!(done.sent.faults.is_empty(), "{:?}", done.sent.faults);
    let with: Vec<&Value> =
        done.sent.nodes.iter().filter(|node| !node["metadata"]["assessments"].is_null()).collect();
    let [function] = with[..] else { panic!("{with:?}") };
    assert_eq!(function["reported"]["arn"], "arn:aws:lambda:eu-west-1:1:function:f");
    let assessments = &function["metadata"]["assessments"];
    assert_eq!(
        (&assessments[0]["provider"], &assessments[1]["provider"]),
        (&json!("amazon_guard_duty"), &json!("amazon_inspector"))
    );
    assert_eq!(assessments[0]["findings"].as_array().unwrap().len(), 60);
    assert_eq!(assessments[0]["findings"][59]["title"], "f59");
    assert_eq!(assessments[1]["findings"][0]["severity"], "high");
}

#[tokio::test]
async fn what_is_not_to_be_collected_is_not_asked_for() {
    let hooks = Hooks::new(vec![Box::new(Findings)]);
    let config = json!({"no_collect": ["aws_guard_duty_*", "aws_inspector_*"]});
    let done = Trial { tables: TABLES, hooks, config, ..Trial::of(answers) }.run().await;
    done.result.unwrap();
    assert!(done.calls.iter().all(|call| call.service != "guardduty" && call.service != "inspector2"));
}

//! What IAM tells about users in other places than with them: the credential report, virtual MFA devices. And
//! which version of a policy is in force.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::credential_report::{CredentialReport, Key, Line};
use super::prelude::*;

const USER: &str = "aws_iam_user";
const KEY: &str = "aws_iam_access_key";
const ROOT: &str = "aws_root_user";
const POLICY: &str = "aws_iam_policy";
/// The root user in the credential report.
const ROOT_LINE: &str = "<root_account>";

pub(super) struct Iam;

/// Shared by all stages of an account.
#[derive(Debug, Default)]
struct Users {
    report: CredentialReport,
    root_made: AtomicBool,
}

impl Hook for Iam {
    fn name(&self) -> &'static str {
        "iam"
    }

    fn listed<'a>(
        &'a self,
        context: Context<'a>,
        plan: &'static KindPlan,
        mut items: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let users = context.shared::<Users>();
            match plan.kind.as_str() {
                USER => {
                    let lines = users.report.lines(context).await?;
                    if let Some(line) = lines.get(ROOT_LINE)
                        && !users.root_made.swap(true, Ordering::Relaxed)
                    {
                        make_root(context, line).await?;
                    }
                }
                KEY => complete_keys(&mut items, users.report.lines(context).await?),
                _ => {}
            }
            Ok(items)
        })
    }

    fn prepare<'a>(
        &'a self,
        context: Context<'a>,
        plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            match plan.kind.as_str() {
                USER => {
                    let users = context.shared::<Users>();
                    let lines = users.report.lines(context).await?;
                    let line = document["UserName"].as_str().and_then(|name| lines.get(name));
                    for (name, value) in line.map(Line::user).into_iter().flatten() {
                        // What the user itself says counts.
                        if document[name.as_str()].is_null() {
                            document[name] = value;
                        }
                    }
                }
                POLICY => document["DefaultVersion"] = default_version(document),
                _ => {}
            }
            Ok(Verdict::Keep)
        })
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(&[USER])
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let wanted = context.graph(|graph| {
                let devices = graph.property(context.account_node(), "mfa_devices");
                devices.as_ref().and_then(Value::as_i64) > Some(0)
                    && [USER, ROOT].iter().any(|kind| !graph.of_kind(kind).is_empty())
            });
            if wanted { add_devices(context).await } else { Ok(()) }
        })
    }
}

/// The root user and its keys, which only the credential report knows.
async fn make_root(context: Context<'_>, line: &Line) -> Result<(), Failure> {
    let config = context.config();
    if !config.should_collect_child(ROOT) {
        return Ok(());
    }
    let Some(root) = context.make(ROOT, Value::Object(line.user())).await? else { return Ok(()) };
    let keys = line.keys().into_iter().filter(|key| key.active || !key.last_used.is_empty());
    for key in keys.filter(|_| config.should_collect_child(KEY)) {
        let mut document = json!({
            "AccessKeyId": format!("root_key_{}", key.number),
            "Status": if key.active { "Active" } else { "Inactive" },
        });
        add_last_used(&mut document, &key);
        if let Some(key) = context.make(KEY, document).await? {
            context.graph(|graph| graph.edge(root, key, EdgeType::Default));
        }
    }
    Ok(())
}

/// Adds to the keys of a user when they were used last.
fn complete_keys(keys: &mut [Value], lines: &HashMap<String, Line>) {
    for (place, document) in keys.iter_mut().enumerate() {
        let Some(line) = document["UserName"].as_str().and_then(|name| lines.get(name)) else { continue };
        let reported = line.keys();
        if let Some(key) = Key::of(&reported, document["CreateDate"].as_str(), place) {
            add_last_used(document, key);
        }
    }
}

fn add_last_used(document: &mut Value, key: &Key) {
    if !key.last_used.is_empty() {
        document["LastUsed"] = Value::Object(key.last_used.clone());
    }
}

/// The version of a policy that is in force, if it is among those that are listed.
fn default_version(policy: &Value) -> Value {
    let versions = policy["PolicyVersionList"].as_array();
    let is_default = |version: &&Value| version["VersionId"] == policy["DefaultVersionId"];
    versions.into_iter().flatten().find(is_default).cloned().unwrap_or_default()
}

/// Virtual devices are listed for the whole account.
async fn add_devices(context: Context<'_>) -> Result<(), Failure> {
    let ask = context.ask("iam", "ListVirtualMFADevices").with("AssignmentStatus", "Assigned");
    let mut of_users: HashMap<String, Vec<Value>> = HashMap::new();
    for device in ask.all("VirtualMFADevices").await? {
        if let Some(arn) = device["User"]["Arn"].as_str() {
            let known = json!({"serial_number": device["SerialNumber"], "enable_date": device["EnableDate"]});
            of_users.entry(arn.to_owned()).or_default().push(known);
        }
    }
    context.graph(|graph| {
        for (arn, devices) in of_users {
            for kind in [USER, ROOT] {
                if let Some(user) = graph.find(Target::Kind(kind), &Lookup::Arn, &arn, None, true) {
                    graph.set(user, "user_virtual_mfa_devices", Value::Array(devices.clone()));
                }
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_in_force_is_the_one_that_the_policy_names() {
        let versions = json!([{"VersionId": "v1"}, {"VersionId": "v2", "Document": {}}]);
        let policy = json!({"DefaultVersionId": "v2", "PolicyVersionList": versions});
        assert_eq!(default_version(&policy), json!({"VersionId": "v2", "Document": {}}));
        assert_eq!(
            default_version(&json!({"DefaultVersionId": "v3", "PolicyVersionList": versions})),
            Value::Null
        );
        assert_eq!(default_version(&json!({})), Value::Null);
    }
}

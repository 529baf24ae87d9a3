//! The policies of an organization: each of them has a call of its own, and members of its own.

use engine::hooks::prelude::*;

pub(super) struct Policies;

/// What a policy is called here, and in addresses. Those whose addresses end with `ies` are lists.
const POLICIES: [(&str, &str); 16] = [
    ("admin_consent request", "GET /v1.0/policies/adminConsentRequestPolicy"),
    ("authorization", "GET /v1.0/policies/authorizationPolicy"),
    ("authentication_flow", "GET /v1.0/policies/authenticationFlowsPolicy"),
    ("authentication_method", "GET /v1.0/policies/authenticationMethodsPolicy"),
    ("cross_tenant_access", "GET /v1.0/policies/crossTenantAccessPolicy"),
    ("default_app_management", "GET /v1.0/policies/defaultAppManagementPolicy"),
    ("device_registration", "GET /v1.0/policies/deviceRegistrationPolicy"),
    (
        "identity_security_defaults_enforcement",
        "GET /v1.0/policies/identitySecurityDefaultsEnforcementPolicy",
    ),
    ("activity_based_timeout", "GET /v1.0/policies/activityBasedTimeoutPolicies"),
    ("app_management", "GET /v1.0/policies/appManagementPolicies"),
    ("authentication_strength", "GET /v1.0/policies/authenticationStrengthPolicies"),
    ("claims_mapping", "GET /v1.0/policies/claimsMappingPolicies"),
    ("conditional_access", "GET /v1.0/policies/conditionalAccessPolicies"),
    ("feature_rollout", "GET /v1.0/policies/featureRolloutPolicies"),
    ("home_realm_discovery", "GET /v1.0/policies/homeRealmDiscoveryPolicies"),
    ("token_issuance", "GET /v1.0/policies/tokenIssuancePolicies"),
];

/// Not every tenant has each of them.
const ABSENT: [&str; 4] = ["404", "NotFound", "Request_ResourceNotFound", "ResourceNotFound"];

impl Hook for Policies {
    fn name(&self) -> &'static str {
        "policies"
    }

    fn collect<'a>(
        &'a self,
        context: Context<'a>,
        _plan: &'static KindPlan,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for (kind, operation) in POLICIES {
                let ask = context.ask("graph", operation).expecting(&ABSENT);
                let told = if operation.ends_with("ies") {
                    ask.all("value").await?
                } else {
                    Vec::from_iter(ask.answer().await?)
                };
                found.extend(told.into_iter().filter_map(|told| policy(kind, told)));
            }
            Ok(found)
        })
    }
}

/// The document of a policy: what all have, and the rest by the names that the Python worker gives it.
fn policy(kind: &str, told: Value) -> Option<Value> {
    let Value::Object(mut told) = told else { return None };
    let mut take = |name: &str| told.remove(name).filter(|value| !value.is_null());
    let id = take("id").unwrap_or_else(|| kind.into());
    let name = take("displayName").unwrap_or_else(|| kind.into());
    let (flag, state) = (take("isEnabled"), take("state"));
    let enabled = flag.or_else(|| Some(state?.as_str()?.eq_ignore_ascii_case("enabled").into()));
    let mut document = json!({
        "id": id, "name": name, "policyKind": kind, "enabled": enabled.unwrap_or(Value::Bool(true)),
        "description": take("description"), "created": take("createdDateTime"), "modified": take("modifiedDateTime"),
    });
    told.retain(|name, _| !name.starts_with("@odata"));
    document["policy"] = in_snake_case(Value::Object(told));
    Some(document)
}

fn in_snake_case(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (snake(&name), in_snake_case(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(in_snake_case).collect(),
        other => other,
    }
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(if matches!(letter, '-' | ' ') { '_' } else { letter.to_ascii_lowercase() });
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_what_all_have_and_the_rest() {
        let told = json!({
            "@odata.context": "x", "id": "authorizationPolicy", "displayName": "Authorization", "state": "disabled",
            "allowInvitesFrom": "everyone", "defaultUserRolePermissions": {"allowedToCreateApps": true},
        });
        let made = policy("authorization", told).unwrap();
        assert_eq!(
            (made["id"].as_str(), made["enabled"].as_bool()),
            (Some("authorizationPolicy"), Some(false))
        );
        let rest = json!({"allow_invites_from": "everyone", "default_user_role_permissions": {"allowed_to_create_apps": true}});
        assert_eq!(made["policy"], rest);
        let bare = policy("authorization", json!({"isEnabled": null})).unwrap();
        assert_eq!((bare["id"].as_str(), bare["enabled"].as_bool()), (Some("authorization"), Some(true)));
        assert_eq!(policy("authorization", json!("text")), None);
    }
}

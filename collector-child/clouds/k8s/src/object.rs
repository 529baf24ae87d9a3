//! What every object is before it becomes a node: in order, and without what must not leave the cluster. No I/O.

use serde_json::Value;

/// The annotation that quotes a whole object, secrets among them.
pub(crate) const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Members of a volume that are objects in the model, too.
const STRUCTURED: [&str; 4] = ["awsElasticBlockStore", "capacity", "claimRef", "csi"];
/// When a condition came about that does not say it.
const LONG_AGO: &str = "1970-01-01T00:00:00Z";

/// Puts conditions in the order of time, and takes away what is nobody's business.
pub(crate) fn tidy(kind: &str, object: &mut Value) {
    if kind == "kubernetes_secret"
        && let Value::Object(members) = object
    {
        // Only the metadata was asked for; not every server knows how to give that alone.
        members.retain(|name, _| name == "metadata");
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.shift_remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations") {
            without_applied(annotations);
        }
    }
    if let Some(conditions) = object.pointer_mut("/status/conditions") {
        in_order(conditions, "lastTransitionTime");
    }
    match kind {
        "kubernetes_persistent_volume" => {
            as_texts(object.pointer_mut("/spec"), |name| !STRUCTURED.contains(&name));
        }
        "kubernetes_persistent_volume_claim" => {
            as_texts(object.pointer_mut("/status"), |name| name == "allocatedResources");
        }
        _ => {}
    }
    if kind == "kubernetes_endpoint" {
        let subsets = object.get_mut("subsets").and_then(Value::as_array_mut);
        for addresses in subsets.into_iter().flatten().filter_map(|subset| subset.get_mut("addresses")) {
            if let Some(addresses) = addresses.as_array_mut() {
                let ip = |address: &Value| address.get("ip").and_then(Value::as_str).map(str::to_owned);
                addresses.sort_by_cached_key(ip);
            }
        }
    }
}

/// Members that are objects become their JSON, where the model knows of a text only.
fn as_texts(object: Option<&mut Value>, is_text: impl Fn(&str) -> bool) {
    for (name, value) in object.and_then(Value::as_object_mut).into_iter().flatten() {
        if value.is_object() && is_text(name) {
            *value = value.to_string().into();
        }
    }
}

/// Annotations without the one that quotes the object.
pub(crate) fn without_applied(annotations: &mut Value) {
    if let Value::Object(annotations) = annotations {
        annotations.shift_remove(APPLIED);
    }
}

/// Conditions by the time in the member of this name; those of the same time stay in their order.
pub(crate) fn in_order(conditions: &mut Value, member: &str) {
    if let Value::Array(conditions) = conditions {
        conditions.retain(Value::is_object);
        conditions.sort_by(|one, other| time(one, member).cmp(time(other, member)));
    }
}

/// Times of one form are in the order of their texts.
fn time<'c>(condition: &'c Value, member: &str) -> &'c str {
    condition.get(member).and_then(Value::as_str).unwrap_or(LONG_AGO)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_and_what_was_applied_are_gone() {
        let mut secret = json!({
            "type": "Opaque", "data": {"a": "czNjcmV0"}, "stringData": {"a": "s3cret"},
            "metadata": {"name": "a", "annotations": {APPLIED: "s3cret", "other": "x"}, "managedFields": [{}]},
        });
        tidy("kubernetes_secret", &mut secret);
        assert_eq!(secret, json!({"metadata": {"name": "a", "annotations": {"other": "x"}}}));
        for nothing in [Value::Null, json!([]), json!({"metadata": null, "status": {"conditions": null}})] {
            let mut object = nothing.clone();
            tidy("kubernetes_pod", &mut object);
            assert_eq!(object, nothing);
        }
    }

    #[test]
    fn what_is_a_text_in_the_model_is_json() {
        let mut volume =
            json!({"spec": {"hostPath": {"path": "/a"}, "csi": {"driver": "d"}, "volumeMode": "Block"}});
        tidy("kubernetes_persistent_volume", &mut volume);
        assert_eq!(
            volume["spec"],
            json!({"hostPath": "{\"path\":\"/a\"}", "csi": {"driver": "d"}, "volumeMode": "Block"})
        );
        let mut claim = json!({"status": {"allocatedResources": {"storage": "1Gi"}, "capacity": {}}});
        tidy("kubernetes_persistent_volume_claim", &mut claim);
        assert_eq!(claim["status"], json!({"allocatedResources": "{\"storage\":\"1Gi\"}", "capacity": {}}));
    }

    #[test]
    fn conditions_and_addresses_are_in_order() {
        let condition = |time: Value| json!({"lastTransitionTime": time});
        let mut object = json!({"status": {"conditions": [
            condition("2024-03-02T00:00:00Z".into()), condition(Value::Null), 7, condition("2024-03-01T00:00:00Z".into()),
        ]}});
        tidy("kubernetes_pod", &mut object);
        let times: Vec<_> = object["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["lastTransitionTime"].clone())
            .collect();
        assert_eq!(times, [Value::Null, "2024-03-01T00:00:00Z".into(), "2024-03-02T00:00:00Z".into()]);
        let mut endpoints = json!({"subsets": [{"addresses": [{"ip": "b"}, {"ip": "a"}]}, {}]});
        tidy("kubernetes_endpoint", &mut endpoints);
        assert_eq!(endpoints["subsets"][0]["addresses"][0]["ip"], "a");
    }
}

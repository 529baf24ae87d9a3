//! The parameters of database servers: one node for each server, with all of them by name.

use engine::hooks::prelude::*;

pub(super) struct Configurations;

impl Hook for Configurations {
    fn name(&self) -> &'static str {
        "configurations"
    }

    /// Makes `config` of `configurations`.
    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            let told = document["configurations"].take();
            let config: Map<String, Value> =
                told.as_array().into_iter().flatten().filter_map(parameter).collect();
            if config.is_empty() {
                return Ok(Verdict::Drop);
            }
            document["config"] = config.into();
            Ok(Verdict::Keep)
        })
    }
}

/// Name and value of a parameter. Those of a cluster have a value for each role of its servers: the last one counts.
fn parameter(told: &Value) -> Option<(String, Value)> {
    let (name, properties) = (told["name"].as_str()?, &told["properties"]);
    let filled = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let of_roles = properties["serverRoleGroupConfigurations"].as_array();
    let mut of_roles = of_roles.into_iter().flatten().filter_map(|role| filled(&role["value"]));
    let value = filled(&properties["currentValue"]).or_else(|| filled(&properties["value"]));
    let value = typed(properties["dataType"].as_str()?, &value.or_else(|| of_roles.next_back())?)?;
    Some((name.to_owned(), value))
}

/// A value by the type that the service tells of it.
fn typed(kind: &str, text: &str) -> Option<Value> {
    let is_on = |text: &str| text.eq_ignore_ascii_case("on");
    Some(match kind {
        "Enumeration" if is_on(text) || text.eq_ignore_ascii_case("off") => is_on(text).into(),
        "Boolean" => is_on(text).into(),
        "Integer" => text.trim().parse::<i64>().ok()?.into(),
        "Numeric" => text.trim().parse::<f64>().ok()?.into(),
        "Set" => text.split(',').map(|part| Value::from(part.trim())).collect(),
        "Enumeration" | "String" => text.into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_types() {
        let of = |kind, value| {
            let told = json!({"name": "n", "properties": {"dataType": kind, "value": value}});
            parameter(&told).map(|(_, value)| value)
        };
        assert_eq!(of("Integer", "5"), Some(json!(5)));
        assert_eq!(of("Integer", "many"), None);
        assert_eq!(of("Numeric", "0.5"), Some(json!(0.5)));
        assert_eq!(
            (of("Enumeration", "OFF"), of("Enumeration", "ROW")),
            (Some(json!(false)), Some(json!("ROW")))
        );
        assert_eq!(of("Set", "a, b"), Some(json!(["a", "b"])));
    }

    #[test]
    fn what_is_in_force_counts() {
        let told =
            json!({"name": "n", "properties": {"dataType": "String", "value": "a", "currentValue": "b"}});
        assert_eq!(parameter(&told), Some(("n".to_owned(), json!("b"))));
        let roles = json!([{"value": "1"}, {"value": "2"}]);
        let told = json!({"name": "n", "properties": {"dataType": "Integer", "serverRoleGroupConfigurations": roles}});
        assert_eq!(parameter(&told), Some(("n".to_owned(), json!(2))));
    }
}

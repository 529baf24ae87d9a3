//! Ports of security rules: `80`, `8000-8080` or `*`, in one text or in a list of them.

use engine::hooks::prelude::*;

pub(super) struct PortRanges;

impl Hook for PortRanges {
    fn name(&self) -> &'static str {
        "port_ranges"
    }

    /// Replaces the lists by what is between the ports.
    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        Box::pin(async move {
            for list in ["securityRules", "defaultSecurityRules"] {
                let rules = document["properties"][list].as_array_mut();
                for rule in rules.into_iter().flatten() {
                    put_ranges(&mut rule["properties"]);
                }
            }
            Ok(Verdict::Keep)
        })
    }
}

fn put_ranges(properties: &mut Value) {
    if !properties.is_object() {
        return;
    }
    for side in ["source", "destination"] {
        let list = format!("{side}PortRanges");
        let one = properties[format!("{side}PortRange").as_str()].as_str().map(str::to_owned);
        let told: Vec<Value> = if let Some(one) = one {
            range(&one).into_iter().collect()
        } else {
            let many = properties[list.as_str()].as_array().into_iter().flatten();
            many.filter_map(|text| range(text.as_str()?)).collect()
        };
        properties[list.as_str()] = if told.is_empty() { Value::Null } else { told.into() };
    }
}

/// The first and the last port. `None`: it is no range.
fn range(text: &str) -> Option<Value> {
    let (start, end) = match text.trim() {
        "*" => (0, u16::MAX),
        text => {
            let (start, end) = text.split_once('-').unwrap_or((text, text));
            (start.trim().parse::<u16>().ok()?, end.trim().parse::<u16>().ok()?)
        }
    };
    Some(json!({"start": start, "end": end}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_ranges() {
        assert_eq!(range("80"), Some(json!({"start": 80, "end": 80})));
        assert_eq!(range("8000-8080"), Some(json!({"start": 8000, "end": 8080})));
        assert_eq!(range("*"), Some(json!({"start": 0, "end": 65535})));
        assert_eq!((range("http"), range("")), (None, None));
    }

    #[test]
    fn one_text_counts_more_than_a_list() {
        let mut rule = json!({"sourcePortRange": "*", "destinationPortRanges": ["80", "443"]});
        put_ranges(&mut rule);
        assert_eq!(rule["sourcePortRanges"], json!([{"start": 0, "end": 65535}]));
        assert_eq!(rule["destinationPortRanges"].as_array().map(Vec::len), Some(2));
        let mut nothing = Value::Null;
        put_ranges(&mut nothing);
        assert_eq!(nothing, Value::Null);
    }
}

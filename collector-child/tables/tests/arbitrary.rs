//! Documents come from outside: whatever they are, plans make something of them, and never panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, Value};
use tables::plan::{Condition, Function, Into, KindPlan, Path, Scope, Template};

static PLANS: LazyLock<[KindPlan; 2]> = LazyLock::new(|| {
    [
        support::plan(include_str!("tables/kms.toml"), "aws_kms_key"),
        support::plan(include_str!("tables/ec2.toml"), "aws_ec2_keypair"),
    ]
});

/// Names that the plans use, and others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "KeyId", "KeyPairId", "KeyName", "Tags", "TagKey", "TagValue", "Key", "Value", "Policy", "Arn", "Name",
            "MultiRegionConfiguration", "PrimaryKey", "ReplicaKeys", "Region", "EncryptionAlgorithms", "$item",
        ])
        .prop_map(str::to_owned),
        1 => ".{0,6}",
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["{\"b\": [2, 1]}", "%7B%7D", "%", "9e999", "true", "arn:aws:x:/"])
            .prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn plans_take_every_document(document in json()) {
        let place = support::place();
        for plan in PLANS.iter() {
            let scope = Scope::new(&document, &place);
            if let Some(properties) = plan.properties(&scope) {
                prop_assert!(properties.get("id").is_some());
                prop_assert!(properties.iter().all(|(_, value)| !value.is_null()));
                let _link = plan.provider_link(&scope, &properties);
            }
            for edge in &plan.edges {
                let _texts = edge.value.texts(&scope);
                let _holds = Condition::all(&edge.when, &scope);
            }
            for call in &plan.calls {
                let _filled = call.call.arguments.fill(&scope);
            }
        }
    }

    #[test]
    fn functions_take_every_value(value in json(), index in 0_usize..1000) {
        let known = [
            "json", "policy", "sort_json", "arn_last", "basename", "epoch_s", "epoch_ms", "date", "int", "float",
            "bool", "str", "base64", "lower", "upper", "not_empty", "present", "true_if:x", "starts_with:x", "contains:x", "len",
            "values", "keys", "sorted", "unique", "compact", "flatten", "first", "last", "sum", "list", "join:,", "split:,",
            "part:/:-1", "prefix:x", "suffix:x", "strip_prefix:x", "strip_suffix:x", "regex:/x(y)?/1", "mib_to_gib",
            "bytes_to_gib", "ceil", "div:3", "mul:1e300", "int_div:7", "pairs:k:v",
        ];
        let function: Function = known[index % known.len()].parse().unwrap();
        let borrowed = function.apply(std::borrow::Cow::Borrowed(&value)).map(std::borrow::Cow::into_owned);
        let owned = function.apply(std::borrow::Cow::Owned(value.clone())).map(std::borrow::Cow::into_owned);
        prop_assert_eq!(borrowed, owned);
    }

    #[test]
    fn answers_of_any_form_are_taken_and_put(answer in json(), mut document in json()) {
        let path: Path = "Tags[].Key".parse().unwrap();
        let _items = path.take(answer.clone());
        Into::Merge.put(&mut document, answer.clone());
        Into::Member("KeyId".to_owned()).put(&mut document, answer.clone());
        Into::Elements { list: "Tags".parse().unwrap(), member: Some("x".to_owned()) }.put(&mut document, answer);
    }

    #[test]
    fn texts_are_read_or_refused(text in "[ -~]{0,24}") {
        if let Ok(path) = text.parse::<Path>() {
            prop_assert_eq!(path.to_string().parse::<Path>(), Ok(path));
        }
        if let Ok(template) = text.parse::<Template>() {
            prop_assert_eq!(template.to_string().parse::<Template>(), Ok(template));
        }
        if let Ok(condition) = text.parse::<Condition>() {
            prop_assert_eq!(condition.to_string().parse::<Condition>(), Ok(condition));
        }
    }

    #[test]
    fn tables_are_compiled_or_refused(text in "(\\[aws_kms_key\\]\n|service = \"kms\"\n|list = |\\{ op = \"ListKeys\" \\}\n|[a-z\\[\\]={}\", \n]{0,12}){0,8}") {
        let _compiled = support::compiled(&text);
    }
}

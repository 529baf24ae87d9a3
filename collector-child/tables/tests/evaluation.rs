//! What plans make of documents.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use support::{place, plan, properties};
use tables::plan::{
    Argument, Arguments, Condition, EdgeRule, Extractor, FollowUp, Function, Into, Path, Properties, Scope,
    Stat, Template,
};

fn at(document: &Value, path: &str) -> Option<Value> {
    let place = place();
    let path: Path = path.parse().unwrap();
    assert_eq!(path.to_string().parse::<Path>().unwrap(), path, "spelled and read again it is the same");
    path.get(&Scope::new(document, &place)).map(Cow::into_owned)
}

#[test]
fn paths_find() {
    let document = json!({
        "A": {"B": [{"C": 1, "D": [1, 2]}, {"D": [3]}, {"C": null}]}, "dotted.name": 5, "null": null, "$item": "i",
        "Map": {"x": {"C": 1, "D": [1, 2]}, "y": {"D": [3]}},
    });
    for (path, expected) in [
        ("A.B[0].C", Some(json!(1))),
        ("A.B[-2].D[0]", Some(json!(3))),
        ("A.B[-4]", None),
        ("A.B[3]", None),
        // What an element lacks is null, so that positions stay.
        ("A.B[].C", Some(json!([1, null, null]))),
        // A list in a list is flattened; one that is missing adds nothing.
        ("A.B[].D[]", Some(json!([1, 2, 3]))),
        ("A.B[].D", Some(json!([[1, 2], [3], null]))),
        ("A.X[].C", None),
        // The values of a map are its elements.
        ("Map[].C", Some(json!([1, null]))),
        ("Map[].D[]", Some(json!([1, 2, 3]))),
        ("\"dotted.name\"", Some(json!(5))),
        ("null", None),
        ("A.B.C", None),
        ("$item", Some(json!("i"))),
        ("$doc.A.B[0].C", Some(json!(1))),
        ("$account", Some(json!("123456789012"))),
        ("$region", Some(json!("eu-west-1"))),
        ("$partition", Some(json!("aws"))),
        ("$parent.A", None),
        ("$each", None),
        ("@id", None),
    ] {
        assert_eq!(at(&document, path), expected, "{path}");
    }
    assert_eq!(at(&json!([1]), "."), Some(json!([1])));
}

#[test]
fn answers_are_taken_apart() {
    let take = |path: &str, answer: Value| path.parse::<Path>().unwrap().take(answer);
    let answer = json!({"R": [{"I": [{"n": 1}, {"n": 2}]}, {"I": []}, {}], "One": {"n": 3}, "Names": ["a"], "Null": null});
    assert_eq!(take("R[].I[]", answer.clone()), [json!({"n": 1}), json!({"n": 2})]);
    assert_eq!(take("R[0].I", answer.clone()), [json!({"n": 1}), json!({"n": 2})]);
    assert_eq!(take("One", answer.clone()), [json!({"n": 3})]);
    assert_eq!(take("Names", answer.clone()), [json!("a")]);
    assert_eq!(take("Null", answer.clone()), [] as [Value; 0]);
    assert_eq!(take("Missing.X", answer.clone()), [] as [Value; 0]);
    assert_eq!(take(".", json!([1, 2])), [json!(1), json!(2)]);
}

#[test]
fn answers_are_put_into_documents() {
    let mut document = json!({"A": 1, "L": [{"n": 1}, {"n": 2}, {"n": 3}]});
    Into::Merge.put(&mut document, json!({"A": 2, "B": 3}));
    Into::Member("C".to_owned()).put(&mut document, json!([4]));
    let elements = |member: Option<&str>| Into::Elements {
        list: "L".parse().unwrap(),
        member: member.map(str::to_owned),
    };
    elements(Some("t")).put(&mut document, json!(["x", null]));
    elements(None).put(&mut document, json!([{"m": 5}]));
    assert_eq!(
        document,
        json!({"A": 2, "L": [{"n": 1, "t": "x", "m": 5}, {"n": 2}, {"n": 3}], "B": 3, "C": [4]})
    );
    Into::Merge.put(&mut document, json!("no object"));
    assert_eq!(document["A"], 2);
}

#[test]
fn other_members_of_an_answer_come_along() {
    let call = json!({"service": "ecs", "operation": "DescribeTaskDefinition"});
    let follow = json!({"call": call, "take": "T", "also": ["tags"], "into": "merge"});
    let follow: FollowUp = serde_json::from_value(follow).unwrap();
    assert_eq!(
        follow.taken(json!({"T": {"a": 1}, "tags": [2], "other": 3})),
        Some(json!({"a": 1, "tags": [2]}))
    );
    assert_eq!(follow.taken(json!({"T": {"a": 1}})), Some(json!({"a": 1})));
    assert_eq!(follow.taken(json!({"tags": [2]})), None);
}

#[test]
fn functions_make() {
    for (function, from, expected) in [
        ("json", json!("{\"b\": [1]}"), json!({"b": [1]})),
        ("json", json!("no json"), Value::Null),
        ("json", json!({"a": 1}), Value::Null),
        (
            "policy",
            json!("{\"b\": [\"y\", \"x\"], \"a\": [{\"d\": 1, \"c\": 2}]}"),
            json!({"a": [{"c": 2, "d": 1}], "b": ["x", "y"]}),
        ),
        ("policy", json!("%7B%22b%22%3A%201%7D"), json!({"b": 1})),
        ("policy", json!({"b": [2, 1]}), json!({"b": [1, 2]})),
        ("policy", json!("%7"), Value::Null),
        ("arn_last", json!("arn:aws:kms:eu:1:key/a/b"), json!("b")),
        ("arn_last", json!("arn:aws:sns:eu:1:topic"), json!("topic")),
        ("arn_last", json!("plain"), json!("plain")),
        ("basename", json!("/a/b"), json!("b")),
        ("epoch_s", json!(0), json!("1970-01-01T00:00:00Z")),
        ("epoch_s", json!("1700000000"), json!("2023-11-14T22:13:20Z")),
        ("epoch_ms", json!(1_700_000_000_999_i64), json!("2023-11-14T22:13:20Z")),
        ("epoch_s", json!(1e300), Value::Null),
        ("date", json!("2023-11-14T22:13:20Z"), json!("2023-11-14")),
        ("int", json!("5.5"), json!(6)),
        ("int", json!("4.5"), json!(4)),
        ("int", json!(7), json!(7)),
        ("int", json!("x"), Value::Null),
        ("float", json!("5"), json!(5.0)),
        ("bool", json!("True"), json!(true)),
        ("bool", json!("enabled"), json!(false)),
        ("bool", json!([]), json!(false)),
        ("str", json!(5), json!("5")),
        ("str", json!(true), json!("True")),
        ("base64", json!("w6RiYw=="), json!("äbc")),
        ("base64", json!("/////w=="), Value::Null),
        ("base64", json!("no base64"), Value::Null),
        ("lower", json!("AbC"), json!("abc")),
        ("not_empty", json!(""), Value::Null),
        ("not_empty", json!([]), Value::Null),
        ("not_empty", json!(0), json!(0)),
        ("present", json!({}), json!(true)),
        ("true_if:ON", json!("ON"), json!(true)),
        ("true_if:true", json!("false"), json!(false)),
        ("true_if:5", json!(5), json!(true)),
        ("starts_with:a", json!("abc"), json!(true)),
        ("contains:b", json!("abc"), json!(true)),
        ("contains:b", json!(["a"]), json!(false)),
        ("len", json!([1, 2]), json!(2)),
        ("len", json!("äb"), json!(2)),
        ("values", json!({"a": 1, "b": 2}), json!([1, 2])),
        ("keys", json!({"a": 1, "b": 2}), json!(["a", "b"])),
        ("pairs:k:v", json!({"a": 1}), json!([{"k": "a", "v": 1}])),
        ("sorted", json!(["b", "a"]), json!(["a", "b"])),
        ("sorted", json!([{"b": 1}, {"a": 1}]), json!([{"b": 1}, {"a": 1}])),
        ("unique", json!([1, 2, 1]), json!([1, 2])),
        ("compact", json!([1, null]), json!([1])),
        ("flatten", json!([[1], 2, [3, 4]]), json!([1, 2, 3, 4])),
        ("sum", json!([1, null, "2", 2]), json!(3)),
        ("sum", json!([1, 0.5]), json!(1.5)),
        ("sum", json!([]), json!(0)),
        ("first", json!([1, 2]), json!(1)),
        ("last", json!([1, 2]), json!(2)),
        ("last", json!([]), Value::Null),
        ("list", json!("a"), json!(["a"])),
        ("list", json!(["a"]), json!(["a"])),
        ("join:, ", json!(["a", 1, null]), json!("a, 1")),
        ("split:/", json!("a/b"), json!(["a", "b"])),
        ("part:/:1", json!("a/b"), json!("b")),
        ("part:/:-1", json!("a/b/c"), json!("c")),
        ("part:/:5", json!("a/b"), Value::Null),
        ("prefix:x-", json!("a"), json!("x-a")),
        ("suffix:-x", json!("a"), json!("a-x")),
        ("strip_prefix:a", json!("abc"), json!("bc")),
        ("strip_suffix:x", json!("abc"), json!("abc")),
        ("regex:/(a+)(b*)/1", json!("xaab"), json!("aa")),
        ("regex:/z/0", json!("xaab"), Value::Null),
        ("mib_to_gib", json!(512), json!(0.5)),
        ("bytes_to_gib", json!(1_073_741_824), json!(1.0)),
        ("ceil", json!(1.2), json!(2)),
        ("div:1000", json!(1500), json!(1.5)),
        ("mul:2", json!(1.5), json!(3.0)),
        ("int_div:1000", json!(1999), json!(1)),
    ] {
        let parsed: Function = function.parse().unwrap();
        assert_eq!(parsed.to_string(), function);
        let made = parsed.apply(Cow::Borrowed(&from)).map_or(Value::Null, Cow::into_owned);
        assert_eq!(made, expected, "{function} of {from}");
        let made = parsed.apply(Cow::Owned(from.clone())).map_or(Value::Null, Cow::into_owned);
        assert_eq!(made, expected, "{function} of {from} that it may consume");
    }
}

#[test]
fn conditions_hold() {
    let document = json!({
        "State": "on", "Count": 5, "Flag": false, "Empty": [], "Many": [{"s": "a"}, {"s": "b"}],
    });
    let place = place();
    for (condition, expected) in [
        ("State == on", true),
        ("State == off", false),
        ("State != off", true),
        ("Missing != off", true),
        ("Missing == off", false),
        ("State in on, off", true),
        ("State not in on, off", false),
        ("Count == 5", true),
        ("Flag == false", true),
        ("Flag", false),
        ("!Flag", true),
        ("Empty", false),
        ("State", true),
        ("!Missing", true),
        ("Many[].s == b", true),
        ("Many[].s != b", false),
        ("Many[].s != c", true),
        ("$region == eu-west-1", true),
    ] {
        let parsed: Condition = condition.parse().unwrap();
        assert_eq!(parsed.to_string(), condition);
        assert_eq!(parsed.holds(&Scope::new(&document, &place)), expected, "{condition}");
    }
}

#[test]
fn templates_are_filled() {
    let document = json!({"a b": "x y/z", "n": 5, "t": true, "o": {}, "empty": ""});
    let place = place();
    let scope = Scope::new(&document, &place);
    for (template, expected) in [
        ("{n}-{t}", Some("5-True")),
        ("arn:{$partition}:{$account}:{\"a b\"}", Some("arn:aws:123456789012:x y/z")),
        ("{{{n}}}", Some("{5}")),
        ("{o}", None),
        ("{missing}", None),
        ("{missing|n}", Some("5")),
        ("{empty|n}", Some("5")),
        ("{n|missing}", Some("5")),
        ("plain", Some("plain")),
    ] {
        let parsed: Template = template.parse().unwrap();
        assert_eq!(parsed.to_string(), template);
        assert_eq!(parsed.fill(&scope).as_deref(), expected, "{template}");
    }
    let quoted: Template = "https://x/{\"a b\"}".parse().unwrap();
    assert_eq!(quoted.fill_quoted(&scope).unwrap(), "https://x/x+y%2Fz");
}

#[test]
fn arguments_keep_types_and_say_what_is_missing() {
    let document = json!({"id": "i-1", "count": 3, "list": ["a", "b"]});
    let place = place();
    let source = json!({"Id": "{id}", "N": "{count}", "L": "{list}", "T": "x-{count}", "C": true, "O": {"I": ["{id}"]}});
    let arguments = Arguments::try_from(source.clone()).unwrap();
    assert_eq!(Value::from(arguments.clone()), source);
    let filled = arguments.fill(&Scope::new(&document, &place)).unwrap();
    assert_eq!(
        Value::Object(filled),
        json!({"Id": "i-1", "N": 3, "L": ["a", "b"], "T": "x-3", "C": true, "O": {"I": ["i-1"]}})
    );
    let missing = Arguments::try_from(json!({"Id": "{nothing}"})).unwrap();
    let error = missing.fill(&Scope::new(&document, &place)).unwrap_err();
    assert_eq!(error.to_string(), "the argument `Id` has no value: nothing at `{nothing}`");
    assert!(matches!(Argument::try_from(json!("{{x}}")).unwrap(), Argument::Constant(text) if text == "{x}"));
}

#[test]
fn arguments_have_names_and_a_base() {
    let document = json!({"key": "team", "value": "a", "config": {"On": true, "Kept": [1]}});
    let place = place();
    let source = json!({"Tags": {"{key}": "{value}"}, "Config": {".": "{config}", "On": false}});
    let arguments = Arguments::try_from(source.clone()).unwrap();
    assert_eq!(Value::from(arguments.clone()), source);
    let filled = arguments.fill(&Scope::new(&document, &place)).unwrap();
    assert_eq!(Value::Object(filled), json!({"Tags": {"team": "a"}, "Config": {"On": false, "Kept": [1]}}));
    let nameless = Arguments::try_from(json!({"Tags": {"{nothing}": "x"}})).unwrap();
    assert!(nameless.fill(&Scope::new(&document, &place)).is_err());
}

#[test]
fn tags_and_parents_are_seen() {
    let document = json!({});
    let (key, value) = (json!("k"), json!("v"));
    let parent = json!({"Id": "p"});
    let parent_properties: Map<String, Value> = [("name".to_owned(), json!("n"))].into_iter().collect();
    let each = json!({"X": 1});
    let place = place();
    let scope = Scope::new(&document, &place)
        .with_tag(&key, &value)
        .with_parent(&parent, &parent_properties)
        .with_each(&each);
    let template: Template = "{$key}={$value} {$parent.Id} {$parent@name} {$each.X}".parse().unwrap();
    assert_eq!(template.fill(&scope).unwrap(), "k=v p n 1");
}

#[test]
fn a_key_becomes_properties() {
    let plan = plan(include_str!("tables/kms.toml"), "aws_kms_key");
    let document = json!({
        "KeyId": "1-2", "KeyState": "Enabled", "CreationDate": "2026-01-02T03:04:05Z", "MultiRegion": false,
        "MultiRegionConfiguration": {}, "EncryptionAlgorithms": ["A"], "Policy": "{\"b\": 1, \"a\": 2}",
        "Tags": [{"TagKey": "owner", "TagValue": "me"}, {"TagKey": "none"}],
    });
    assert_eq!(
        Value::Object(properties(&plan, &document)),
        json!({
            "id": "1-2", "tags": {"owner": "me", "none": ""}, "ctime": "2026-01-02T03:04:05Z",
            "access_key_status": "Enabled", "kms_multi_region": false, "kms_encryption_algorithms": ["A"],
            "kms_key_policy": {"a": 2, "b": 1}, "arn": "arn:aws:kms:eu-west-1:123456789012:key/1-2",
        })
    );
    let place = place();
    let scope = Scope::new(&document, &place);
    let made = plan.properties(&scope).unwrap();
    assert_eq!(
        plan.provider_link(&scope, &made).unwrap(),
        "https://eu-west-1.console.aws.amazon.com/kms/home?region=eu-west-1#/kms/keys/1-2"
    );
    assert_eq!(plan.properties(&Scope::new(&json!({"KeyState": "Enabled"}), &place)), None, "no id, no node");
}

#[test]
fn later_properties_see_earlier_ones() {
    let plan = plan(include_str!("tables/ec2.toml"), "aws_ec2_keypair");
    let tagged =
        json!({"KeyPairId": "k-1", "KeyName": "plain", "Tags": [{"Key": "Name", "Value": "tagged"}]});
    assert_eq!(properties(&plan, &tagged)["name"], "tagged");
    let untagged = json!({"KeyPairId": "k-1", "KeyName": "plain"});
    assert_eq!(properties(&plan, &untagged)["name"], "plain");
}

#[test]
fn edges_look_for_texts() {
    let plan = plan(include_str!("tables/ec2.toml"), "aws_ec2_keypair");
    let [by_name, deferred]: &[EdgeRule; 2] = plan.edges.as_slice().try_into().unwrap();
    let place = place();
    let document = json!({"KeyName": "k\"1"});
    assert_eq!(by_name.value.texts(&Scope::new(&document, &place)), ["k\"1"]);
    assert_eq!(deferred.criteria("k\"1", "aws_resource"), "is(aws_resource) and reported.arn==\"k\\\"1\"");
    let many = Extractor { paths: vec!["L[].n".parse().unwrap()], ..Extractor::default() };
    let document = json!({"L": [{"n": "a"}, {"n": null}, {"n": 5}, {"n": {}}]});
    assert_eq!(many.texts(&Scope::new(&document, &place)), ["a", "5"]);
}

#[test]
fn enumerations_defaults_and_constants() {
    let extractor = |json: Value| serde_json::from_value::<Extractor>(json).unwrap();
    let place = place();
    let document = json!({"s": "a", "other": "z", "l": ["ab", "cd"]});
    let scope = Scope::new(&document, &place);
    for (source, expected) in [
        (json!({"paths": ["s"], "stages": [{"choose": {"values": {"a": 1}}}]}), json!(1)),
        (json!({"paths": ["other"], "stages": [{"choose": {"values": {"a": 1}}}]}), json!("z")),
        (json!({"paths": ["other"], "stages": [{"choose": {"values": {"a": 1}, "other": 2}}]}), json!(2)),
        (json!({"paths": ["other"], "stages": [{"choose": {"values": {"a": 1}, "keep": true}}]}), json!("z")),
        (json!({"paths": ["missing", "s"]}), json!("a")),
        (json!({"paths": ["missing"], "default": []}), json!([])),
        (json!({"paths": ["missing"], "stages": [{"fn": "present"}]}), json!(false)),
        (json!({"paths": ["missing"], "stages": [{"fn": "lower"}], "default": "d"}), json!("d")),
        (json!({"const": 7}), json!(7)),
        (json!({"text": "{s}!"}), json!("a!")),
        (json!({"paths": ["l"], "stages": [{"each_fn": "upper"}, {"fn": "last"}]}), json!("CD")),
    ] {
        let extractor = extractor(source.clone());
        let value = extractor.extract(&scope, &[]).map_or(Value::Null, Cow::into_owned);
        assert_eq!(value, expected, "{source}");
    }
}

#[test]
fn properties_can_be_changed() {
    let mut properties = Properties::default();
    properties.set("a", Cow::Owned(json!(1)));
    properties.set("b".to_owned(), Cow::Owned(json!("text")));
    properties.set("a", Cow::Owned(json!(2)));
    properties.set("missing", Cow::Owned(Value::Null));
    assert_eq!(properties.text("b"), Some("text"));
    assert_eq!(properties.text("a"), None);
    properties.set("b", Cow::Owned(Value::Null));
    assert_eq!(properties.iter().collect::<Vec<_>>(), [("a", &json!(2))]);
}

#[test]
fn metrics_that_are_alike_share_an_entry() {
    let text = r#"
service = "ec2"
[aws_ec2_keypair]
list = { op = "DescribeKeyPairs", items = "KeyPairs" }
metrics = [
    { namespace = "N", unit = "Bytes", dimensions = { Pair = "{id}", Type = { path = "KeyType", fn = "upper" } }, stats = ["sum"], period = 300, metrics = { read_bytes = "Read", write_bytes = "Write" } },
    { namespace = "N", unit = "Count", dimensions = {}, name = "use_count", metric = "Use", round = 1 },
]
[aws_ec2_keypair.map]
fingerprint = "KeyFingerprint"
"#;
    let plan = plan(text, "aws_ec2_keypair");
    let names: Vec<_> = plan.metrics.iter().map(|rule| (rule.name.as_str(), rule.metric.as_str())).collect();
    assert_eq!(names, [("read_bytes", "Read"), ("write_bytes", "Write"), ("use_count", "Use")]);
    assert_eq!(plan.metrics[0].period, plan.metrics[1].period);
    assert_eq!((plan.metrics[1].stats.as_slice(), plan.metrics[1].round), ([Stat::Sum].as_slice(), Some(4)));
    assert_eq!((plan.metrics[2].stats.len(), plan.metrics[2].round), (3, Some(1)));
    let (document, place) = (json!({"KeyPairId": "k", "KeyType": "rsa"}), place());
    let mut properties = Properties::default();
    properties.set("id", Cow::Owned(json!("k")));
    let scope = Scope::new(&document, &place).with_properties(&properties);
    let dimensions =
        plan.metrics[0].dimensions.iter().map(|(name, value)| (name.as_str(), value.texts(&scope)));
    assert_eq!(
        dimensions.collect::<Vec<_>>(),
        [("Pair", vec!["k".to_owned()]), ("Type", vec!["RSA".to_owned()])]
    );
}

#[test]
fn lists_become_objects_by_a_member_with_another_one_or_the_whole_element() {
    let place = place();
    let document = json!({"L": [{"ID": "a", "V": 1}, {"ID": "b"}, {"V": 2}]});
    let made = |value: &str| {
        let extractor = json!({"paths": ["L"], "stages": [{"tags": ["ID", value]}]});
        let extractor: Extractor = serde_json::from_value(extractor).unwrap();
        extractor.extract(&Scope::new(&document, &place), &[]).unwrap().into_owned()
    };
    assert_eq!(made("V"), json!({"a": 1, "b": ""}));
    assert_eq!(made("."), json!({"a": {"ID": "a", "V": 1}, "b": {"ID": "b"}}));
}

#[test]
fn the_arn_of_what_another_account_shares_is_its_owners() {
    let plan = plan(
        "service = \"ec2\"\n[aws_vpc]\nlist = { op = \"DescribeVpcs\", items = \"Vpcs\" }\n\
         arn = \"arn:{partition}:ec2:{region}:{account}:vpc/{id}\"\n[aws_vpc.map]\nvpc_in_use = { const = false }\n",
        "aws_vpc",
    );
    for (owner, account) in [
        (json!("999999999999"), "999999999999"),
        (json!("123456789012"), "123456789012"),
        // What is no account says nothing.
        (json!("amazon-elb"), "123456789012"),
        (json!("99999999999"), "123456789012"),
        (Value::Null, "123456789012"),
    ] {
        let document = json!({"VpcId": "vpc-1", "OwnerId": owner});
        let properties = properties(&plan, &document);
        let arn = format!("arn:aws:ec2:eu-west-1:{account}:vpc/vpc-1");
        assert_eq!(properties.get("arn"), Some(&json!(arn)), "{owner}");
    }
}

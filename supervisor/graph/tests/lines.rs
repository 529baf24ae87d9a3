//! The line check against serde_json as oracle, and against everything a poisoned child may try.

use fixworker_graph::json::MAX_DEPTH;
use fixworker_graph::line::{LineError, SpliceForm, check_line};
use ipc_proto::graph::{Node, Role};
use ipc_proto::limits::MAX_NODE_JSON;
use proptest::prelude::*;
use serde_json::{Map, Value};

const ID: &str = "jhGgCglHlbuWRQy1l0y_FA";

fn node(json: &[u8]) -> Node<'_> {
    Node { id: ID, kind: "thing", role: Role::Resource, json }
}

fn check(json: &str) -> Result<SpliceForm, LineError> {
    check_line(&node(json.as_bytes())).map(|line| line.splice.form)
}

fn around(value: &str) -> String {
    format!(r#"{{"id": "{ID}", "reported": {{"kind": "thing", "value": {value}}}}}"#)
}

#[test]
fn good_lines_pass_and_say_where_marks_go() {
    let start = format!(r#"{{"id": "{ID}", "reported": {{"id": "x", "kind": "thing"}}"#);
    for (rest, form) in [
        ("}", SpliceForm::Section),
        (r#", "metadata": {}}"#, SpliceForm::First),
        (
            r#", "metadata": {"a": 1}, "usage": {"cpu": {"min": 0.5}}, "desired": {"clean": true}}"#,
            SpliceForm::Append,
        ),
        (r#","metadata":{"a":{"replace":true}} }  "#, SpliceForm::Append),
    ] {
        let line = format!("{start}{rest}");
        let node = node(line.as_bytes());
        let checked = check_line(&node).unwrap();
        assert_eq!(checked.splice.form, form);
        assert_eq!(checked.reported_id.as_deref(), Some("x"));
        let mut marked = line.clone();
        marked.insert_str(checked.splice.at, &checked.splice.text("\"replace\": true"));
        let marked: Value = serde_json::from_str(&marked).unwrap();
        assert_eq!(marked["metadata"]["replace"], true);
    }
    let escaped =
        format!(r#"{{"\u0069d": "\u006a{}", "reported": {{"\u006bind": "th\u0069ng"}}}}"#, &ID[1..]);
    assert!(check(&escaped).is_ok());
}

#[test]
fn poison_is_refused_in_any_spelling() {
    let with = |rest: &str| check(&format!(r#"{{"id": "{ID}", "reported": {{"kind": "thing"}}, {rest}}}"#));
    for key in ["replace", "ancestors", "search", "refs", "revision", "ID", "anc\\u0065stors", ""] {
        assert!(matches!(with(&format!("\"{key}\": {{}}")), Err(LineError::ForeignKey(_))), "{key}");
    }
    for key in ["replace", "exported_at", "re\\u0070lace", "\\u0065xported_at"] {
        let metadata = format!("\"metadata\": {{\"a\": [1], \"{key}\": false}}");
        assert!(matches!(with(&metadata), Err(LineError::Mark(_))), "{key}");
    }
    for rest in [
        "\"metadata\": {}, \"metadata\": {}",
        "\"id\": \"x\"",
        "\"\\u0072eported\": {}",
        "\"usage\": {}, \"usage\": {}",
    ] {
        assert!(matches!(with(rest), Err(LineError::DuplicateKey(_))), "{rest}");
    }
    for rest in ["\"metadata\": null", "\"metadata\": []", "\"usage\": null", "\"desired\": true"] {
        assert!(matches!(with(rest), Err(LineError::Type { .. })), "{rest}");
    }
    let twice = format!(r#"{{"id": "{ID}", "reported": {{"kind": "thing", "k\u0069nd": "account"}}}}"#);
    assert_eq!(check(&twice), Err(LineError::DuplicateKey("reported.kind")));
}

#[test]
fn frame_and_line_must_agree() {
    let line = |id: &str, kind: &str| check(&format!(r#"{{"id": {id}, "reported": {{"kind": {kind}}}}}"#));
    assert!(matches!(line("\"other\"", "\"thing\""), Err(LineError::Differs(_))));
    assert!(matches!(line(&format!("\"{ID}\""), "\"account\""), Err(LineError::Differs(_))));
    assert!(matches!(line("7", "\"thing\""), Err(LineError::Type { key: "id", .. })));
    assert!(matches!(line(&format!("\"{ID}\""), "null"), Err(LineError::Type { key: "kind", .. })));
    // The raw text is that of the frame, but it means something else.
    let node = Node { id: ID, kind: "\\u0061", role: Role::Resource, json: &[] };
    let json = format!(r#"{{"id": "{ID}", "reported": {{"kind": "\u0061"}}}}"#);
    assert!(matches!(check_line(&Node { json: json.as_bytes(), ..node }), Err(LineError::Differs(_))));
    for (json, missing) in [
        ("{}".to_owned(), "id"),
        (format!("{{\"id\": \"{ID}\"}}"), "reported"),
        (format!("{{\"id\": \"{ID}\", \"reported\": {{}}}}"), "kind"),
    ] {
        assert_eq!(check(&json), Err(LineError::Missing(missing)));
    }
}

#[test]
fn what_python_would_read_in_another_way_is_refused() {
    for value in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x1",
        "tru",
        "None",
        "'a'",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "{\"a\" 1}",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\ud800\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"open",
        "\"\t\"",
        "\"\n\"",
        "\"\r\"",
        "\t1",
        "\n1",
        "\r1",
        "1\u{0}",
        "[",
        "]",
        "",
    ] {
        assert!(matches!(check(&around(value)), Err(LineError::Json(_))), "{value:?}");
    }
    for value in [
        "\"\\ud83d\\ude00\"",
        "\"\u{7f}\u{2028}\\u0000\"",
        "-0",
        "1e-999",
        "1E+5",
        "18446744073709551616",
        "[]",
        "[ {} , [ ] ]",
    ] {
        assert!(check(&around(value)).is_ok(), "{value:?}");
    }
    assert!(check(&around(&"9".repeat(300))).is_ok());
    assert!(matches!(check(&around(&"9".repeat(400))), Err(LineError::Json(_))));
    assert!(matches!(check(&around(&format!("0.{}", "1".repeat(600)))), Err(LineError::Json(_))));
    let mut bytes = around("\"x\"").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'x').unwrap();
    bytes[at] = 0xFF;
    assert!(matches!(check_line(&node(&bytes)), Err(LineError::Json(_))));
    for behind in ["{}", "\n", "x", ","] {
        assert!(matches!(check(&(around("1") + behind)), Err(LineError::Json(_))), "{behind:?}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| around(&("[".repeat(depth) + &"]".repeat(depth)));
    let most = MAX_DEPTH as usize - 2;
    assert!(check(&nested(most)).is_ok());
    assert!(check(&nested(most + 1)).is_err());
    assert!(check(&nested(1_000_000)).is_err());
    let long = around(&format!("\"{}\"", "x".repeat(MAX_NODE_JSON)));
    assert_eq!(check(&long), Err(LineError::TooLong(long.len())));
    let json = around("1");
    for kind in [String::new(), "k".repeat(257)] {
        let node = Node { kind: &kind, ..node(json.as_bytes()) };
        assert_eq!(check_line(&node).unwrap_err(), LineError::KindLength(kind.len()));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,8}", inner), 0..6)
                .prop_map(|list| Value::Object(list.into_iter().collect())),
        ]
    })
}

/// Replaces some characters by escapes that mean the same.
fn with_escapes(text: &str, pattern: u64) -> String {
    let mut inside = false;
    let mut before = ' ';
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if c == '"' && before != '\\' {
            inside = !inside;
        }
        if inside
            && c.is_alphabetic()
            && before != '\\'
            && !c.is_ascii_hexdigit()
            && c != 'u'
            && pattern >> (at % 64) & 1 == 1
        {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.extend(["\\u".to_owned(), format!("{unit:04x}")]);
            }
        } else {
            out.push(c);
        }
        before = if before == '\\' { ' ' } else { c };
    }
    out
}

proptest! {
    #[test]
    fn valid_values_pass_anywhere(value in any_json(), pattern: u64) {
        let mut reported = Map::new();
        reported.insert("value".into(), value.clone());
        reported.insert("kind".into(), "thing".into());
        let line = serde_json::json!({"id": ID, "reported": reported, "metadata": {"x": value}}).to_string();
        prop_assert!(check(&line).is_ok(), "{}", line);
        let escaped = with_escapes(&line, pattern);
        if serde_json::from_str::<Value>(&escaped).is_ok_and(|json| json == serde_json::from_str::<Value>(&line).unwrap()) {
            prop_assert!(check(&escaped).is_ok(), "{}", escaped);
        }
    }

    #[test]
    fn mutated_lines_pass_only_if_they_are_harmless(
        value in any_json(),
        at in any::<prop::sample::Index>(),
        with in prop_oneof![any::<u8>(), prop::sample::select(b"\"\\{}[],:0e-. nft".to_vec())],
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let line = serde_json::json!({"id": ID, "reported": {"kind": "thing", "value": value}, "metadata": {"a": 1}}).to_string();
        let mut bytes = line.into_bytes();
        let index = at.index(bytes.len());
        bytes[index] = with;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        if check_line(&node(&bytes)).is_ok() {
            // What we take, the oracle takes as well, and reads nothing forbidden in it.
            let json: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&json["id"], ID);
            prop_assert_eq!(&json["reported"]["kind"], "thing");
            for key in json.as_object().unwrap().keys() {
                prop_assert!(["id", "reported", "metadata", "usage", "desired"].contains(&key.as_str()));
            }
            if let Some(metadata) = json.get("metadata") {
                prop_assert!(metadata.get("replace").is_none() && metadata.get("exported_at").is_none());
            }
            prop_assert!(bytes.iter().all(|byte| *byte >= 0x20));
        }
    }

    #[test]
    fn junk_never_passes_and_never_panics(junk in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}:,\"\\\\u0-9a-f ]{0,80}") {
        prop_assert!(check_line(&node(&junk)).is_err());
        prop_assert!(check(&text).is_err());
        let line = around(&text);
        prop_assert!(check(&line).is_err() || serde_json::from_str::<Value>(&line).is_ok());
    }

    #[test]
    fn strings_agree_with_the_oracle(raw in "[ -~äß€😀\\\\\"/bfnrtu0-9a-fA-FdD]{0,40}") {
        let quoted = format!("\"{raw}\"");
        let oracle = serde_json::from_str::<String>(&quoted).is_ok();
        prop_assert_eq!(check(&around(&quoted)).is_ok(), oracle, "{}", quoted);
    }

    #[test]
    fn numbers_agree_with_the_oracle(raw in "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,4})?") {
        prop_assume!(!raw.is_empty());
        let oracle = serde_json::from_str::<Value>(&raw).is_ok();
        prop_assert_eq!(check(&around(&raw)).is_ok(), oracle, "{}", raw);
    }
}

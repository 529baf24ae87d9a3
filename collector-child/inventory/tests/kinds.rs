//! The data files, and the model that fixcore gets.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};

use inventory::{KindTable, KindTableError, NodeBuilder, NodeFault, Role, TypeShape};
use serde_json::Value;

fn all() -> KindTable {
    KindTable::load(&KindTable::available().collect::<Vec<_>>()).unwrap()
}

/// Kinds by name, with the lists that Python makes from sets sorted.
fn by_name(kinds: &str) -> BTreeMap<String, Value> {
    let kinds: Vec<Value> = serde_json::from_str(kinds).unwrap();
    let mut by_name = BTreeMap::new();
    for mut kind in kinds {
        if let Some(Value::Array(categories)) = kind.pointer_mut("/metadata/categories") {
            categories.sort_by_key(ToString::to_string);
        }
        if let Some(Value::Object(successors)) = kind.get_mut("successor_kinds") {
            for list in successors.values_mut().filter_map(Value::as_array_mut) {
                list.sort_by_key(ToString::to_string);
            }
        }
        assert!(by_name.insert(kind["fqn"].as_str().unwrap().to_owned(), kind).is_none());
    }
    by_name
}

#[test]
fn every_kind_is_sound() {
    let table = all();
    for name in table.names() {
        let kind = table.kind(name).unwrap();
        assert_eq!(kind.fqn(), name);
        for base in &kind.model().bases {
            assert!(table.contains(base), "{name} extends {base}");
        }
        let properties = table.model_properties(name).unwrap();
        for field in kind.fields() {
            let property = properties.iter().find(|property| property.name == field.name);
            let property = property.unwrap_or_else(|| panic!("{name}.{} is not in the model", field.name));
            // Names in a document are texts, whatever the model says of them.
            let told = property.kind.replace("dictionary[any,", "dictionary[string,");
            assert_eq!(field.property_type.to_string(), told, "{name}.{}", field.name);
            if let TypeShape::Kind(other) = &field.property_type.shape {
                assert!(table.contains(other), "{name}.{} is a {other}", field.name);
            }
            if let Some(default) = field.default_json() {
                serde_json::from_str::<Value>(default).unwrap();
            }
        }
    }
}

#[test]
fn the_model_is_the_one_that_the_python_worker_uploads() {
    let ours = by_name(&KindTable::load(&["base", "example"]).unwrap().export_model().unwrap());
    let peers = by_name(include_str!("captures/peer-example-model.json"));
    let names = |kinds: &BTreeMap<String, Value>| kinds.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&ours), names(&peers));
    for (name, kind) in &ours {
        assert_eq!(kind, &peers[name], "{name}");
    }
    // What fixcore finds by these is not part of any class.
    assert!(ours.contains_key("resource_short_property_access"));
    let resource = ours["resource"]["properties"].as_array().unwrap();
    assert!(resource.iter().any(|p| p["name"] == "kind" && p["required"] == true));
    assert!(
        resource.iter().any(|p| p["name"] == "age" && p["synthetic"]["path"] == serde_json::json!(["ctime"]))
    );
}

#[test]
fn bases_tell_the_role() {
    let table = all();
    let role = |kind: &str| table.role(table.kind(kind).unwrap());
    assert_eq!(role("graph_root"), Role::Root);
    assert_eq!(role("cloud"), Role::Cloud);
    assert_eq!(role("organizational_unit"), Role::Organization);
    assert_eq!(role("example_account"), Role::Account);
    assert_eq!(role("random_region"), Role::Region);
    assert_eq!(role("zone"), Role::Zone);
    assert_eq!(role("random_volume"), Role::Resource);
    assert!(table.is_a("example_volume", "resource") && table.is_a("example_volume", "example_resource"));
    assert!(!table.is_a("example_volume", "instance") && !table.is_a("no_such_kind", "resource"));
}

#[test]
fn what_is_missing_is_said() {
    let error = KindTable::load(&["base", "nonsense"]).unwrap_err();
    let known: Vec<&str> = KindTable::available().collect();
    assert!(known.is_sorted() && known.contains(&"base"), "{known:?}");
    assert_eq!(
        error.to_string(),
        format!("there are no kinds called `nonsense`; known are {}", known.join(", "))
    );
    let mut table = KindTable::load(&["base"]).unwrap();
    assert!(matches!(table.add("x", "{"), Err(KindTableError::BrokenFile { .. })));
    table.add("x", r#"{"odd": {"model": {"fqn": "odd", "surprise": 1}}}"#).unwrap();
    let error = table.kind("odd").unwrap_err().to_string();
    assert!(
        error.starts_with("the kind `odd` in this build is broken: model: unknown field `surprise`"),
        "{error}"
    );
    let mut builder = NodeBuilder::new(&table);
    assert_eq!(
        builder.node("volume_status", "v").unwrap_err(),
        NodeFault::NoNodes("volume_status".to_owned())
    );
    assert_eq!(
        builder.node("example_volume", "v").unwrap_err().to_string(),
        "there is no kind `example_volume`"
    );
}

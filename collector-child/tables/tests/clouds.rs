//! What clouds other than AWS need: `cloud.toml`, operations by their path, base tables, places.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::LazyLock;

use inventory::KindTable;
use serde_json::{Value, json};
use tables::compile::{Compiled, Dialect, Mistake, SourceFile, cloud, compile};
use tables::plan::{
    CloudPlan, Direction, ErrorMeaning, HomePlan, KindPlan, KindScope, Lookup, MadeByCloud, NextPage, Other,
    Paging, PlaceKind, Properties, Scope,
};

static KINDS: LazyLock<KindTable> = LazyLock::new(|| KindTable::load(&["base", "hetzner"]).unwrap());

const CLOUD: &str = r#"
name = "hetzner"
word = "hcloud"
models = ["base", "hetzner"]
resource = "hcloud_resource"
account = "hcloud_project"
region = "hcloud_location"
zone = "hcloud_datacenter"
hangs = "region"
place = ["project"]

[service.api]
base = "https://{$place.project}.example.com/v1"
env = ["ENDPOINT"]
paging = { number = { param = "page", next = "meta.next" }, size = { param = "per_page", value = 50 } }

[errors]
code = "error.code"
gone = ["not_found", "404"]
later = ["conflict"]
"#;

fn read(text: &str) -> Result<CloudPlan, Vec<String>> {
    cloud(&SourceFile { name: "cloud", path: "cloud.toml", text })
        .map_err(|mistakes| mistakes.iter().map(Mistake::to_string).collect())
}

fn compiled(texts: &[&str]) -> Compiled {
    let names = ["a", "b", "c"];
    let paths = ["a.toml", "b.toml", "c.toml"];
    let files: Vec<SourceFile<'_>> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| SourceFile { name: names[at], path: paths[at], text })
        .collect();
    compile(&files, &KINDS, Dialect { cloud: &read(CLOUD).unwrap(), catalog: None })
}

#[track_caller]
fn plan(texts: &[&str], kind: &str) -> KindPlan {
    let compiled = compiled(texts);
    assert_eq!(compiled.mistakes, [], "mistakes");
    let mut plans = compiled.plans.into_iter().flat_map(|file| file.kinds);
    let plan = plans.find(|plan| plan.kind == kind).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(
        serde_json::from_str::<KindPlan>(&text).unwrap(),
        plan,
        "written and read again it is the same"
    );
    plan
}

fn mistakes(texts: &[&str]) -> Vec<String> {
    compiled(texts).mistakes.iter().map(ToString::to_string).collect()
}

/// A volume with lines added below its head.
fn volume(lines: &str) -> String {
    format!(
        "[hcloud_volume]\nlist = {{ op = \"GET /volumes\", items = \"volumes\" }}\n\
         document = {{ id = \"int64\", name = \"string\", size = \"int64\", location = {{ name = \"string\" }}, format = \"string\", linux_device = \"string\", protection = \"any\", tags = [{{ Key = \"string\", Value = \"string\" }}] }}\n\
         unset = [\"volume_type\", \"volume_iops\", \"volume_throughput\", \"volume_encrypted\", \"snapshot_before_delete\", \"volume_status\", \"tags\"]\n\
         {lines}\n[hcloud_volume.map]\nid = \"name\"\nvolume_size = \"size\"\nhcloud_id = \"id\"\n"
    )
}

#[test]
fn a_cloud_says_what_holds_for_all_its_kinds() {
    let cloud = read(CLOUD).unwrap();
    assert_eq!((cloud.name.as_str(), cloud.word.as_str()), ("hetzner", "hcloud"));
    assert!(cloud.below_region && !cloud.drops_unused && cloud.nowhere.is_none());
    let api = cloud.service("api").unwrap();
    assert_eq!((api.auth.as_deref(), api.at_once), (Some("bearer"), 16));
    let number = NextPage::Number { param: "page".into(), path: "meta.next".parse().unwrap() };
    assert_eq!(api.paging, Paging { next: number, size: Some(("per_page".into(), 50)) });
    assert_eq!(api.errors.meaning("not_found", 404, ""), Some(ErrorMeaning::Gone));
    assert_eq!(api.errors.meaning("x", 500, ""), None);
}

#[test]
fn mistakes_in_what_is_said_of_a_cloud() {
    let found = read(
        "name = \"x\"\nresource = \"r\"\naccount = \"a\"\nunused = \"yes\"\nfoo = 1\n[service.api]\npaging = {}\n",
    );
    assert_eq!(
        found.unwrap_err(),
        [
            "cloud.toml:1: `region` is missing",
            "cloud.toml:4: `unused` is one of keep, drop, this is `yes`",
            "cloud.toml:5: there is no `foo` here; there are: name, errors, auth, word, models, resource, account, region, zone, hangs, nowhere, unused, place, filter, per, shapes, members, arn_in_key, metrics_need, service",
            "cloud.toml:6: `base` is missing: the address before the paths of operations",
            "cloud.toml:7: `paging` has one of `token`, `number`, `link`, `header_link`, `header_token`",
        ]
    );
}

#[test]
fn operations_are_methods_and_paths() {
    let lines = r#"
calls = [
    { op = "GET /volumes/{id}/{+name}", query = { "page?" = "{size}", fixed = "x" }, answer = { extra = "string" }, into = "." },
    { op = "POST {+$doc.name}", body = { a = ["{id}"], "b?" = "{format}", gone = { null = true } }, paging = false, into = "More" },
]
"#;
    let plan = plan(&[&volume(lines)], "hcloud_volume");
    assert_eq!(plan.scope, KindScope::Global);
    let [first, second] = plan.calls.as_slice() else { panic!("{plan:?}") };
    assert_eq!(first.call.operation, "GET /volumes/{id}/{+name}");
    assert_eq!((first.call.service.as_str(), &first.call.paging), ("api", &None));
    let gone: Vec<&str> = first.gone.iter().map(|said| said.code.as_str()).collect();
    assert_eq!(gone, ["not_found", "404"], "as the service says");
    let document = json!({"id": 7, "name": "a/b"});
    let place = support::place();
    let scope = Scope::new(&document, &place);
    let filled = first.call.arguments.fill(&scope).unwrap();
    assert_eq!(Value::Object(filled), json!({"path": {"id": 7, "+name": "a/b"}, "query": {"fixed": "x"}}));
    let filled = second.call.arguments.fill(&scope).unwrap();
    assert_eq!(
        Value::Object(filled),
        json!({"path": {"+$doc.name": "a/b"}, "body": {"a": [7], "gone": null}})
    );
    assert_eq!(second.call.paging, Some(Box::default()));
    // Without the value the call is not made.
    let nothing = json!({});
    assert!(first.call.arguments.fill(&Scope::new(&nothing, &place)).is_err());
}

#[test]
fn mistakes_in_operations() {
    let says = |list: &str| {
        mistakes(&[&volume("").replace("list = { op = \"GET /volumes\",", &format!("list = {{ {list},"))])
    };
    assert_eq!(
        says(r#"op = "FETCH /volumes""#),
        [
            "a.toml:2: an operation is one of GET, POST, PUT, PATCH, DELETE, HEAD and a path, this is `FETCH /volumes`"
        ]
    );
    assert_eq!(
        says(r#"op = "GET volumes""#),
        ["a.toml:2: the path of an operation begins with `/`, or with an address in `{+...}`: `volumes`"]
    );
    assert_eq!(
        says(r#"op = "ListVolumes""#),
        ["a.toml:2: api has no shapes: an operation is its method and its path, `GET /things/{id}`"]
    );
    assert_eq!(
        says(r#"op = "GET /v/{$place.projekt}""#),
        ["a.toml:2: `$place.projekt` leads nowhere: a place has no `projekt`; did you mean project?"]
    );
    assert_eq!(
        says(r#"op = "GET /v", service = "appi""#),
        ["a.toml:2: there is no service `appi`; did you mean api?"]
    );
    assert_eq!(
        says(r#"op = "GET /v", args = { id = 1 }"#),
        ["a.toml:2: `args` is for operations with a shape; these take `query`, `body` and `form`"]
    );
    assert_eq!(says(r#"op = "GET /v", query = 5"#), ["a.toml:2: `query` is a table, this is a whole number"]);
}

#[test]
fn documents_are_as_declared() {
    let found = mistakes(&[&volume("edges = { to = \"hcloud_server\", id = \"server\" }")]);
    assert_eq!(
        found,
        [
            "a.toml:5: `server` leads nowhere: there is no `server`; there are: id, name, size, location, format, linux_device, protection, tags"
        ]
    );
    // A member for each property that the kind itself has; what is named besides wins.
    let table = r#"
[hcloud_firewall]
list = { op = "GET /firewalls", items = "firewalls" }
document = { "." = "hcloud_firewall", id = "int64", name = "string" }
unset = ["ctime", "tags"]
[hcloud_firewall.map]
id = "name"
hcloud_id = "id"
"#;
    let plan = plan(&[table], "hcloud_firewall");
    let document = json!({"id": 1, "name": "f", "firewall_rules": [{"port": "80", "other": 1}]});
    let place = support::place();
    let made = plan.properties(&Scope::new(&document, &place)).map(Properties::into_object).unwrap();
    assert_eq!(
        Value::Object(made),
        json!({"id": "f", "name": "f", "hcloud_id": 1, "firewall_rules": [{"port": "80"}]})
    );
}

#[test]
fn where_nodes_hang() {
    let lines = r#"home = ["location.name", { path = "@id", fn = "part:/:1" }]
home_fold = true
per = "zone"
"#;
    let plan = plan(&[&volume(lines)], "hcloud_volume");
    assert_eq!(plan.scope, KindScope::Zone);
    let HomePlan::Named { values, fold, parent } = plan.home else { panic!("{:?}", plan.home) };
    assert_eq!((values.len(), fold, parent), (2, true, false));
    let alone = volume_plan(r#"home = ["location.name", "$parent"]"#).home;
    assert!(matches!(alone, HomePlan::Named { parent: false, .. }), "it has no parent");
    assert_eq!(volume_plan(r#"home = "account""#).home, HomePlan::Account);
    assert_eq!(volume_plan("").home, HomePlan::Listed);
    assert_eq!(volume_plan(r#"places = "zone""#).places, Some(PlaceKind::Zone));
    assert_eq!(
        mistakes(&[&volume("places = \"town\"")]),
        ["a.toml:5: `places` is one of region, zone, this is `town`"]
    );
}

#[test]
fn children_hang_where_their_parents_do() {
    let parent = r#"
[hcloud_location]
list = { op = "GET /locations", items = "locations" }
document = { id = "int64", name = "string" }
unset = ["ctime", "tags", "region_in_use", "long_name", "latitude", "longitude", "hcloud_id"]
[hcloud_location.map]
id = "name"
"#;
    let child = volume("parent = \"hcloud_location\"\nhome = [\"location.name\", \"$parent\"]");
    let home = plan(&[&child, parent], "hcloud_volume").home;
    assert!(matches!(&home, HomePlan::Named { values, parent: true, .. } if values.len() == 1), "{home:?}");
}

#[test]
fn members_that_are_spelled_in_camel_case_need_no_table() {
    let cloud = read(&CLOUD.replace("place = ", "members = \"camel\"\nplace = ")).unwrap();
    let table = r#"
[hcloud_volume]
list = { op = "GET /volumes", items = "volumes" }
within = "properties"
document = "any"
unset = ["volume_size", "volume_type", "volume_status", "volume_iops", "volume_throughput", "volume_encrypted", "snapshot_before_delete"]
link = "https://x/#{+id}/{id}"
[hcloud_volume.map]
id = "id"
"#;
    let file = SourceFile { name: "a", path: "a.toml", text: table };
    let compiled = compile(&[file], &KINDS, Dialect { cloud: &cloud, catalog: None });
    assert_eq!(compiled.mistakes, [], "mistakes");
    let plan = &compiled.plans[0].kinds[0];
    let document = json!({"id": "/a/b", "properties": {"hcloudId": 7}, "hcloudId": 8});
    let place = support::place();
    let scope = Scope::new(&document, &place);
    let made = plan.properties(&scope).unwrap();
    assert_eq!(made.get("hcloud_id"), Some(&json!(7)));
    assert_eq!(plan.provider_link(&scope, &made).as_deref(), Some("https://x/#/a/b/%2Fa%2Fb"));
}

fn volume_plan(lines: &str) -> KindPlan {
    plan(&[&volume(lines)], "hcloud_volume")
}

#[test]
fn what_is_not_worth_keeping() {
    assert_eq!(volume_plan("made_by_cloud = true").made_by_cloud, MadeByCloud::Always);
    let MadeByCloud::When(lists) =
        volume_plan("made_by_cloud = [\"name == default\", \"volume_size == 1\"]").made_by_cloud
    else {
        panic!("conditions")
    };
    assert_eq!(lists.len(), 1);
    assert_eq!(lists[0][0].to_string(), "@name == default");
    let MadeByCloud::When(lists) =
        volume_plan("made_by_cloud = [[\"name == a\"], [\"name == b\"]]").made_by_cloud
    else {
        panic!("lists")
    };
    assert_eq!(lists.len(), 2);
    assert!(volume_plan("only_as_parent = true").only_as_parent);
    assert_eq!(
        mistakes(&[&volume("made_by_cloud = [\"nam\"]")]),
        ["a.toml:5: `nam` leads nowhere: there is no `nam`; did you mean name?"]
    );
}

#[test]
fn edges_fold_copy_and_count() {
    let lines = r#"edges = [
    { to = "$place" },
    { from = "hcloud_server", prop = { hcloud_id = "id" }, fold = true, copy = { format = "name" }, count = "primary_disk_size" },
]"#;
    let plan = volume_plan(lines);
    assert_eq!((&plan.edges[0].other, plan.edges[0].is_looked_up()), (&Other::Place, false));
    let edge = &plan.edges[1];
    assert_eq!((edge.direction, &edge.by), (Direction::From, &Lookup::Property("hcloud_id".into())));
    assert!(edge.fold);
    assert_eq!(
        (edge.copy.as_slice(), edge.count.as_deref()),
        ([("format".into(), "name".into())].as_slice(), Some("primary_disk_size"))
    );
    let wrong = volume(
        "edges = { from = \"hcloud_server\", id = \"id\", copy = { forma = \"nam\" }, count = \"x\" }",
    );
    assert_eq!(
        mistakes(&[&wrong]),
        [
            "a.toml:5: hcloud_server has no property `nam`",
            "a.toml:5: hcloud_server has no property `x`",
            "a.toml:5: hcloud_volume has no property `forma`",
        ]
    );
}

const BASE: &str = r#"
[base.hcloud_resource]
key = ["@link"]
map = { hcloud_id = "id", volume_size = "size", ctime = "created" }
unset = ["volume_iops", "ctime"]
edges = { to = "$place" }
[base.hcloud_resource.tag]
set = { each = { op = "GET /{$kind.many}/{hcloud_id}", items = "{$kind.one}" }, op = "PUT /{$kind.many}/{hcloud_id}", body = { labels = { ".?" = "{$each.labels}", "{$tag.key}" = "{$tag.value}" } } }
remove = { op = "PUT /{$kind.many}/{hcloud_id}", body = { labels = { "." = "{tags}", "{$tag.key}" = { drop = true } } } }
[base.hcloud_resource.delete]
calls = { op = "DELETE /{$kind.many}/{hcloud_id}" }
"#;

#[test]
fn base_tables_hold_for_all_kinds_of_the_base() {
    let base = BASE.replace("[\"@link\"]", "[\"@name\"]").replace("created", "name");
    let own = volume(
        "words = { many = \"volumes\", one = \"volume\" }\nkey = [\"@format\"]\nedges = { to = \"hcloud_server\", id = \"name\" }",
    );
    let plan = plan(&[&own, &base], "hcloud_volume");
    assert_eq!(plan.key.parts.len(), 2, "that of the base, and its own");
    assert!(plan.key.without_arn);
    assert_eq!(
        plan.edges.iter().map(|edge| &edge.other).collect::<Vec<_>>(),
        [&Other::Place, &Other::Kind("hcloud_server".into())]
    );
    let delete = plan.delete.unwrap();
    assert_eq!(delete.calls[0].call.operation, "DELETE /volumes/{hcloud_id}");
    assert_eq!(delete.gone.iter().map(|said| said.code.as_str()).collect::<Vec<_>>(), ["not_found", "404"]);
    assert_eq!(delete.later[0].code, "conflict");
    let tag = plan.tag.unwrap();
    let (key, value) = (json!("k?"), json!("v"));
    let (node, place) = (json!({"hcloud_id": 7, "tags": {"k?": "old", "b": "c"}}), support::place());
    let scope = Scope::new(&node, &place).with_tag(&key, &value);
    for (element, expected) in
        [(json!({"labels": {"a": "b"}}), json!({"a": "b", "k?": "v"})), (json!({}), json!({"k?": "v"}))]
    {
        let filled = tag.set[0].call.arguments.fill(&scope.with_each(&element)).unwrap();
        assert_eq!(filled["body"], json!({"labels": expected}));
        assert_eq!(filled["path"], json!({"hcloud_id": 7}));
    }
    let filled = tag.remove[0].call.arguments.fill(&scope).unwrap();
    assert_eq!(
        filled["body"],
        json!({"labels": {"b": "c"}}),
        "a tag whose name ends with a mark is one like others"
    );
}

#[test]
fn a_kind_may_say_else_than_its_base() {
    let base = BASE.replace("[\"@link\"]", "[\"@name\"]");
    let own = volume(
        "words = { many = \"volumes\", one = \"volume\" }\nno_base_key = true\ntag = false\ndelete = { calls = { op = \"DELETE /own\" } }",
    );
    // What the kind leaves unset is not mapped by the base.
    let own = own.replace("\"tags\"]", "\"tags\", \"ctime\"]");
    let one = plan(&[&own, &base], "hcloud_volume");
    assert!(one.key.parts.is_empty() && one.tag.is_none());
    assert_eq!(one.delete.unwrap().calls[0].call.operation, "DELETE /own");
    // A kind without the words is not changed by these tables.
    let other = plan(
        &[
            &own.replace("words = { many = \"volumes\", one = \"volume\" }", "").replace("tag = false", ""),
            &base,
        ],
        "hcloud_volume",
    );
    assert!(other.tag.is_none());
}

#[test]
fn mistakes_in_base_tables() {
    let base = "[base.hcloud_resorce]\n[base.hcloud_resource]\nlist = {}\nmap = { volum = \"x\" }\nlink = \"{$kind.missing}\"\n";
    assert_eq!(
        mistakes(&[&volume(""), base]),
        [
            "a.toml:1: `words` has no `missing`, which the table of the base hcloud_resource needs",
            "b.toml:1: there is no kind `hcloud_resorce`; did you mean hcloud_resource?",
            "b.toml:3: there is no `list` in a base table; did you mean link?",
            "b.toml:4: no kind with the base hcloud_resource and a table has a property `volum`",
        ]
    );
}

#[test]
fn items_of_maps_and_elements_by_condition() {
    let table =
        volume("home = [\"$item_key\"]").replace("items = \"volumes\"", "items = \"items{}.volumes[]\"");
    let table = table.replace("document = {", "document = { \"$item_key\" = \"string\",");
    let table = format!("{table}format = \"tags[first Key == format].Value\"\n");
    let plan = plan(&[&table], "hcloud_volume");
    let document =
        json!({"name": "v", "tags": [{"Key": "x", "Value": 1}, {"Key": "format", "Value": "xfs"}]});
    let place = support::place();
    let made = plan.properties(&Scope::new(&document, &place)).unwrap();
    assert_eq!(made.text("format"), Some("xfs"));
    let wrong = table.replace("Key == format", "Kei == format");
    assert_eq!(
        mistakes(&[&wrong]),
        [
            "a.toml:10: `tags[first Kei == format].Value` leads nowhere: `Kei` leads nowhere: there is no `Kei`; did you mean Key?"
        ]
    );
}

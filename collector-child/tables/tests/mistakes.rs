//! Mistakes in tables: each is said with its line, in words that help.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use support::mistakes;

/// A table of a key that has no mistake, with lines added below its head.
fn key(lines: &str) -> String {
    format!(
        "service = \"kms\"\n[aws_kms_key]\nlist = {{ op = \"ListKeys\", items = \"Keys\" }}\n\
         calls = {{ op = \"DescribeKey\", args = {{ KeyId = \"{{KeyId}}\" }}, take = \"KeyMetadata\", into = \".\" }}\n\
         unset = [\"kms_key_policy\", \"kms_key_rotation_enabled\"]\n{lines}\n\
         [aws_kms_key.map]\naccess_key_status = \"KeyState\"\narn = \"Arn\"\n"
    )
}

#[test]
fn the_table_of_the_examples_has_none() {
    assert_eq!(mistakes(&key("")), Vec::<String>::new());
}

/// The only mistake of the table of a key with these lines begins so; lines are counted from the first of these.
#[track_caller]
fn says(lines: &str, line: usize, expected: &str) {
    let found = mistakes(&key(lines));
    let [found] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(found, &format!("test.toml:{}: {expected}", line + 5));
}

#[test]
fn keys_that_do_not_exist() {
    says("lnk = \"x\"", 1, "there is no `lnk` here; did you mean link?");
    says(
        "edges = [{ to = \"aws_kms_key\", id = \"KeyId\", delte = \"same\" }]",
        1,
        "there is no `delte` here; did you mean delete?",
    );
    says(
        "edges = [\n  { to = \"aws_kms_key\", id = \"KeyId\" },\n  { to = \"aws_kms_key\", arn = \"Arn\", foo = 1 },\n]",
        3,
        "there is no `foo` here; there are: to, from, region, deferred, edge, delete, fold, copy, count, when, id, arn, name, prop, fn, each_fn",
    );
}

#[test]
fn paths_that_lead_nowhere() {
    says(
        "edges = { to = \"aws_kms_key\", id = \"KeyIdd\" }",
        1,
        "`KeyIdd` leads nowhere: there is no `KeyIdd`; did you mean KeyId?",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"MultiRegionConfiguration.ReplicaKeys.Arn\" }",
        1,
        "`MultiRegionConfiguration.ReplicaKeys.Arn` leads nowhere: `Arn` stands behind a list, which needs `[]` or `[0]` first",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"KeyId.X\" }",
        1,
        "`KeyId.X` leads nowhere: a text has no member `X`",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"KeyId[]\" }",
        1,
        "`KeyId[]` leads nowhere: brackets stand behind a text",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"$parent.X\" }",
        1,
        "`$parent.X` leads nowhere: there is no parent here",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"@kms_orgin\" }",
        1,
        "`@kms_orgin` leads nowhere: aws_kms_key has no property `kms_orgin`; did you mean kms_origin?",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"A..B\" }",
        1,
        "`A..B` is no path: `` is no name of a member",
    );
    says("edges = { to = \"aws_kms_key\", id = \"A.\" }", 1, "`A.` is no path: it ends with a dot");
    says(
        "edges = { to = \"aws_kms_key\", id = \"A[1x]\" }",
        1,
        "`A[1x]` is no path: `1x` is no position in a list",
    );
    says("only = [\"KeyIdd == x\"]", 1, "`KeyIdd` leads nowhere: there is no `KeyIdd`; did you mean KeyId?");
    says(
        "only = [\"KeyId = x\"]",
        1,
        "`KeyId = x` is no condition; those are `path == text`, `path != text`, `path in a, b`, `path not in a, b`, `path contains text`, `path`, `!path`",
    );
    says(
        "link = \"https://{KeyIdd}\"",
        1,
        "`link`: `KeyIdd` leads nowhere: there is no `KeyIdd`; did you mean KeyId?",
    );
    says("link = \"https://{id\"", 1, "`https://{id` has a brace without its partner");
}

#[test]
fn what_comes_along_with_an_answer() {
    let with = |also: &str, take: &str| {
        let call =
            format!("{{ op = \"ListKeys\", take = \"{take}\", into = \"More\", also = [\"{also}\"] }},");
        mistakes(&key("").replace("calls = {", &format!("calls = [{call} {{")).replace("\".\" }", "\".\" }]"))
    };
    assert_eq!(with("NextMarker", "Keys[0]"), Vec::<String>::new());
    assert_eq!(
        with("NextMarkr", "Keys[0]"),
        ["test.toml:4: `NextMarkr` leads nowhere: there is no `NextMarkr`; did you mean NextMarker?"]
    );
    assert_eq!(
        with("NextMarker", "Keys"),
        ["test.toml:4: `also` adds to an object, but a list of objects is taken"]
    );
}

#[test]
fn what_only_some_documents_have() {
    says(
        "optional = [\"kms_origin\"]",
        1,
        "`optional` is for nested kinds, which may be made of several kinds of documents",
    );
}

#[test]
fn kinds_edges_and_scopes() {
    says(
        "edges = { to = \"aws_kms_kee\", id = \"KeyId\" }",
        1,
        "there is no kind `aws_kms_kee`; did you mean aws_kms_key?",
    );
    says(
        "edges = { id = \"KeyId\" }",
        1,
        "an edge has `to` or `from`: the kind of the other node, `*`, `$parent` or `$place`",
    );
    says("edges = { to = \"$parent\" }", 1, "there is no parent here");
    says(
        "edges = { to = \"aws_kms_key\" }",
        1,
        "one of `id`, `arn`, `name`, `prop` says what of the other node is looked up",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"MultiRegionConfiguration\" }",
        1,
        "a text or a list of texts is looked up, this is an object",
    );
    says(
        "edges = { to = \"aws_kms_key\", prop = { foo = \"KeyId\" } }",
        1,
        "aws_kms_key has no property `foo`",
    );
    says(
        "edges = { to = \"aws_kms_key\", id = \"KeyId\", delete = \"yes\" }",
        1,
        "`delete` is one of reverse, same, this is `yes`",
    );
    says("scope = \"zone\"", 1, "`scope` is region, global or both, this is `zone`");
}

#[test]
fn operations_and_their_arguments() {
    let call = |call: &str| format!("[aws_kms_key.tag]\nhook = \"x\"\nset = {call}");
    says(
        &call("{ op = \"TagResourc\", args = {} }"),
        3,
        "kms has no operation `TagResourc`; did you mean TagResource?",
    );
    says(&call("{ args = {} }"), 3, "`op` is missing: the operation that is called");
    says(&call("{ op = \"EnableKey\" }"), 3, "EnableKey needs the argument `KeyId`");
    says(
        &call("{ op = \"EnableKey\", args = { KeyId = \"x\", Foo = 1 } }"),
        3,
        "EnableKey takes no argument `Foo`; there are: KeyId",
    );
    says(
        &call("{ op = \"EnableKey\", args = { KeyId = 1 } }"),
        3,
        "the argument `KeyId` of EnableKey is a string",
    );
    says(
        &call("{ op = \"TagResource\", args = { KeyId = \"{id}\", Tags = [{ TagKey = \"a\" }] } }"),
        3,
        "TagResource needs the argument `Tags[].TagValue`",
    );
    says(
        &call("{ op = \"EnableKey\", args = { KeyId = \"{kms_mac_algorithms}\" } }"),
        3,
        "the argument `KeyId` of EnableKey is a string, but `{kms_mac_algorithms}` is a list of texts",
    );
    says(
        &call("{ service = \"kmss\", op = \"EnableKey\", args = { KeyId = \"x\" } }"),
        3,
        "there is no service `kmss`; did you mean kms?",
    );
    says("[aws_kms_key.tag]", 1, "`tag` has `set` and `remove`, or a `hook`");
}

#[test]
fn what_is_deleted() {
    let delete = |more: &str| {
        format!(
            "[aws_kms_key.delete]\ncalls = {{ op = \"DisableKey\", args = {{ KeyId = \"{{id}}\" }} }}\n{more}\ngone = []"
        )
    };
    says(
        "[aws_kms_key.delete]\ncalls = { op = \"DisableKey\", args = { KeyId = \"{id}\" } }",
        1,
        "`delete` says in `gone` by which codes one that is not there is known; `[]` if by none",
    );
    says(
        &delete("holds = { each = { op = \"ListKeys\", items = \"Keys\" } }"),
        3,
        "`reason` is missing: what the resource waits for",
    );
    says(&delete("holds = { reason = \"x\" }"), 3, "`each` is missing: the call that lists what keeps it");
    says(
        &delete("holds = { each = { op = \"ListKeys\", items = \"Keys\" }, reason = \"{$each.Kye}\" }"),
        3,
        "`reason`: `$each.Kye` leads nowhere: there is no `Kye`; there are: KeyId, KeyArn",
    );
    says(
        &delete("refuse = { when = [\"kms_origin == X\"] }"),
        3,
        "what is never deleted has `when` and a `reason`",
    );
    says(
        &delete("refuse = { when = [\"kms_orgin == X\"], reason = \"x\" }"),
        3,
        "`kms_orgin` leads nowhere: there is no `kms_orgin`; did you mean kms_origin?",
    );
    says(&delete("with = { kind = \"aws_vpcc\" }"), 3, "there is no kind `aws_vpcc`; did you mean aws_vpc?");
    says(
        &delete("before = { op = \"ListKeys\", failed = \"Keys\" }"),
        3,
        "`failed` leads to errors with `Code` and `Message`: `Code` leads nowhere: there is no `Code`; there are: KeyId, KeyArn",
    );
    says("[aws_kms_key.delete]\ngone = [\"X\"]", 1, "`delete` has `calls`, or a `hook`");
}

#[test]
fn properties_and_functions() {
    let entry = |entry: &str| {
        format!("[aws_kms_key.map]\naccess_key_status = \"KeyState\"\narn = \"Arn\"\n{entry}\n")
    };
    let table = |text: &str| {
        let head = key("");
        let head = head.split_once("[aws_kms_key.map]").unwrap().0.to_owned();
        mistakes(&(head + &entry(text)))
    };
    for (text, expected) in [
        ("kms_orgin = \"Origin\"", "aws_kms_key has no property `kms_orgin`; did you mean kms_origin?"),
        ("kms_origin = \"MultiRegionConfiguration\"", "kms_origin: `string` cannot be made of an object"),
        ("kms_origin = \"MacAlgorithms\"", "kms_origin: `string` cannot be made of a list of texts"),
        (
            "kms_mac_algorithms = \"Origin\"",
            "kms_mac_algorithms: `string[]` cannot be made of a text; `fn = \"list\"` makes a list of one element",
        ),
        (
            "kms_enabled = \"KeyState\"",
            "kms_enabled: `boolean` is made of a text with `fn = \"true_if:TEXT\"` or `bool`",
        ),
        (
            "ctime = \"PendingDeletionWindowInDays\"",
            "ctime: `datetime` is made of a number with `fn = \"epoch_s\"` or `epoch_ms`",
        ),
        (
            "kms_multiregion_configuration = \"Origin\"",
            "kms_multiregion_configuration: `aws_kms_multiregion_config` cannot be made of a text",
        ),
        (
            "kms_origin = { path = \"Origin\", fn = \"lowr\" }",
            "there is no function `lowr`; did you mean lower?",
        ),
        (
            "kms_origin = { path = \"Origin\", fn = \"join\" }",
            "`join` needs more: it is written `join:SEPARATOR`",
        ),
        ("kms_origin = { path = \"Origin\", fn = \"lower:x\" }", "`lower` takes nothing behind its name"),
        ("kms_origin = { path = \"Origin\", fn = \"first\" }", "`first` is for lists, this is a text"),
        (
            "kms_origin = { path = \"MacAlgorithms\", fn = \"lower\" }",
            "`lower` is for texts; for each element of a list write `each:lower`",
        ),
        (
            "kms_origin = { path = \"Origin\", fn = \"regex:/(/0\" }",
            "`regex:/(/0` does not work: `(` is no pattern",
        ),
        (
            "kms_origin = { path = \"Origin\", const = \"x\" }",
            "one of `path`, `any`, `text`, `const` says where the value comes from",
        ),
        (
            "kms_origin = { pth = \"Origin\" }",
            "one of `path`, `any`, `text`, `const` says where the value comes from",
        ),
        (
            "kms_origin = { path = \"Origin\", tags = [\"Key\"] }",
            "`tags` takes two names: of the member with the key and of that with the value",
        ),
        ("kms_origin = 5", "a path or a table stands here, this is a whole number"),
    ] {
        let found = table(text);
        assert!(
            found.iter().any(|mistake| mistake.starts_with(&format!("test.toml:10: {expected}"))),
            "{text}: {found:#?}"
        );
    }
}

#[test]
fn what_is_open_is_said_at_once() {
    let found =
        mistakes("service = \"kms\"\n\n[aws_kms_key]\nlist = { op = \"ListKeys\", items = \"Keys\" }\n");
    let [found] = found.as_slice() else { panic!("{found:#?}") };
    assert!(
        found.starts_with(
            "test.toml:3: aws_kms_key: where do these come from? map them or list them in `unset`\n    \
             access_key_status (string)\n    kms_aws_account_id (string)\n"
        ),
        "{found}"
    );
}

#[test]
fn files_as_a_whole() {
    for (text, expected) in [
        (
            "service = \"kms\"\n[aws_kms_kye]\n",
            "test.toml:2: there is no kind `aws_kms_kye`; did you mean aws_kms_key?",
        ),
        (
            "[aws_kms_key]\nelsewhere = true\n",
            "test.toml:1: `service` is missing: the service of the kinds of this file",
        ),
        (
            "service = \"kms\"\n[aws_kms_multiregion_config]\n",
            "test.toml:2: there are no nodes of the kind `aws_kms_multiregion_config`; exceptions for it stand in \
             `[nested.aws_kms_multiregion_config.map]`",
        ),
        (
            "service = \"kms\"\nfoo = 1\n",
            "test.toml:2: there is no `foo` here; there are `service`, `empty_lists`, `nested` and kinds",
        ),
        (
            "service = \"kms\"\n[nested.aws_kms_multiregion_config]\n",
            "test.toml:2: no kind of this file has a `aws_kms_multiregion_config` in it",
        ),
        (
            "service = \"kms\"\n[aws_kms_key]\n",
            "test.toml:2: where its items come from is missing: `list`, or `parent` with `items`, or `hook`, or \
             `elsewhere = true`",
        ),
        (
            "service = \"kms\"\n[aws_kms_key]\nparent = \"aws_kms_kee\"\nitems = \"X\"\n",
            "test.toml:3: there is no table for the parent `aws_kms_kee`; did you mean aws_kms_key?",
        ),
        (
            "service = \"kms\"\n[aws_kms_key]\nparent = \"aws_kms_key\"\nitems = \"X\"\n",
            "test.toml:3: nothing is known about the documents of `aws_kms_key`: see its own mistakes",
        ),
    ] {
        let found = mistakes(text);
        assert!(found.iter().any(|mistake| mistake == expected), "{text}: {found:#?}");
    }
    let broken = mistakes("service = \"kms\"\n[aws_kms_key\n");
    assert!(broken[0].starts_with("test.toml:2: this is no TOML: "), "{broken:#?}");
}

#[test]
fn several_at_once_in_the_order_of_the_file() {
    let found = mistakes(&key("scope = \"x\"\nlnk = \"y\"\n"));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("test.toml:6: ") && found[1].starts_with("test.toml:7: "), "{found:#?}");
}

#[test]
fn a_kind_with_a_mistake_has_no_plan_and_neither_has_what_is_below_it() {
    let text = "service = \"apigateway\"\n[aws_apigateway_rest_api]\nlist = { op = \"GetRestApis\", items = \"items\" }\n\
                [aws_apigateway_deployment]\nparent = \"aws_apigateway_rest_api\"\n\
                list = { op = \"GetDeployments\", items = \"items\", args = { restApiId = \"{$parent.id}\" } }\n";
    let compiled = support::compiled(text);
    assert!(!compiled.mistakes.is_empty());
    assert_eq!(compiled.plans[0].kinds, []);
}

#[test]
fn tokens_that_nobody_follows() {
    let with = |call: &str| {
        mistakes(&format!(
            "service = \"kms\"\n[aws_kms_key]\nlist = {{ op = \"ListKeys\", items = \"Keys\" }}\n\
             calls = [\n  {{ op = \"DescribeKey\", args = {{ KeyId = \"{{KeyId}}\" }}, take = \"KeyMetadata\", into = \".\" }},\n  {call},\n]\n\
             unset = [\"kms_key_policy\", \"kms_key_rotation_enabled\"]\n\
             [aws_kms_key.map]\naccess_key_status = \"KeyState\"\narn = \"Arn\"\n"
        ))
    };
    let args = "args = { DetectorId = \"{KeyId}\" }";
    let found =
        with(&format!("{{ op = \"GetFindingsStatistics\", service = \"guardduty\", {args}, into = \"S\" }}"));
    assert_eq!(
        found,
        [
            "test.toml:6: GetFindingsStatistics answers with `NextToken`, and nothing is known about how to ask for more, \
             or nobody reads it: say it in shapes/scripts/paging.py"
        ]
    );
    let paged = with("{ op = \"ListResourceTags\", args = { KeyId = \"{KeyId}\" }, into = \"T\" }");
    assert_eq!(paged, Vec::<String>::new(), "its pages are put together");
}

#[test]
fn failures_in_good_answers_that_nobody_reads() {
    let with = |more: &str| {
        mistakes(&format!(
            "service = \"ecs\"\n[aws_ecs_cluster]\nlist = {{ op = \"ListClusters\", items = \"clusterArns\" }}\n\
             batch = {{ op = \"DescribeClusters\", arg = \"clusters\", from = \"$item\", size = 100, items = \"clusters\"{more} }}\n\
             unset = [\"cluster_status\"]\n"
        ))
    };
    let said = "test.toml:4: DescribeClusters tells in `failures` what is missing from a good answer: `failed = \"failures\"`";
    assert!(with("").iter().any(|found| found == said), "{:#?}", with(""));
    let read = with(", failed = \"failures\"");
    assert!(!read.iter().any(|found| found.contains("failed") || found.contains("failures")), "{read:#?}");
    let wrong = with(", failed = \"clusters[0].status\"");
    assert!(wrong.iter().any(|found| found.contains("`clusters[0].status` is no list")), "{wrong:#?}");
}

#[test]
fn items_that_are_gone_need_calls_that_say_so() {
    let text = "service = \"kms\"\n[aws_kms_key]\nlist = { op = \"ListKeys\", items = \"Keys\" }\ngone = [\"NotFoundException\"]\n\
                unset = [\"kms_key_policy\"]\n";
    let found = mistakes(text);
    assert!(found.contains(&"test.toml:4: `gone` is for kinds with `calls`".to_owned()), "{found:#?}");
}

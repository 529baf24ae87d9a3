//! `cloud.toml`: what holds for all kinds of a cloud.

use serde_json::{Map, Value};

use super::SourceFile;
use super::mistake::{Log, Mistake};
use super::reader::{Fields, Member, Node, Toml};
use crate::plan::{
    CloudPlan, Condition, ErrorMeaning, ErrorRules, Filter, NextPage, OperationPlan, Paging, ParamPlace,
    Path, Per, ServicePlan, Template,
};

/// Calls of one account to one service that are under way at once, if nothing else is said.
const AT_ONCE: u32 = 16;

/// Reads a `cloud.toml`; everything that is wrong with it.
pub fn cloud(file: &SourceFile<'_>) -> Result<CloudPlan, Vec<Mistake>> {
    let logs = Log::all(std::iter::once((file.path, file.text)));
    let Some(log) = logs.first() else { return Err(Vec::new()) };
    let members = Node::parse(file.text, log);
    let fields = Fields::new(&members, log.place(0), log);
    let cloud = read(&fields);
    fields.finish();
    let mut mistakes = log.take();
    mistakes.sort();
    if mistakes.is_empty() { Ok(cloud) } else { Err(mistakes) }
}

fn read(fields: &Fields<'_>) -> CloudPlan {
    let need = |key: &'static str| {
        let found = fields.text(key).map(|(text, _)| text.to_owned());
        if found.is_none() {
            fields.log.say(fields.at, format!("`{key}` is missing"));
        }
        found.unwrap_or_default()
    };
    let texts = |key| fields.texts(key).into_iter().map(|(text, _)| text.to_owned()).collect::<Vec<_>>();
    let text = |key| fields.text(key).map(|(text, _)| text.to_owned());
    let name = need("name");
    let shared = fields.table("errors").map(|errors| error_rules(&errors)).unwrap_or_default();
    let auth = text("auth").unwrap_or_else(|| "bearer".to_owned());
    CloudPlan {
        word: text("word").unwrap_or_else(|| name.clone()),
        models: texts("models"),
        resource: need("resource"),
        account: need("account"),
        region: need("region"),
        zone: text("zone"),
        below_region: fields.choice("hangs", &[("zone", false), ("region", true)]).unwrap_or_default(),
        nowhere: text("nowhere").filter(|place| place != "account"),
        drops_unused: fields.choice("unused", &[("keep", false), ("drop", true)]).unwrap_or_default(),
        place: texts("place"),
        filter: fields
            .choice("filter", &[("exact", Filter::Exact), ("glob", Filter::Glob)])
            .unwrap_or_default(),
        per: per(fields).unwrap_or_default(),
        shapes: fields.flag("shapes"),
        camel: fields.choice("members", &[("as_known", false), ("camel", true)]).unwrap_or_default(),
        arn_in_key: fields.flag("arn_in_key"),
        metrics_need: texts("metrics_need"),
        services: fields
            .table("service")
            .map(|services| {
                services.all().iter().filter_map(|one| service(one, &shared, &auth, fields.log)).collect()
            })
            .unwrap_or_default(),
        name,
    }
}

/// `per`: where a kind is listed.
pub(crate) fn per(fields: &Fields<'_>) -> Option<Per> {
    fields.choice("per", &[("account", Per::Account), ("region", Per::Region), ("zone", Per::Zone)])
}

fn service(member: &Member, shared: &ErrorRules, auth: &str, log: &Log) -> Option<ServicePlan> {
    let fields = Fields::of(&member.node, &format!("`service.{}`", member.key), log)?;
    let base = fields.parsed::<Template>("base");
    if base.is_none() {
        log.say(fields.at, "`base` is missing: the address before the paths of operations");
    }
    let auth = fields.text("auth").map_or(auth, |(auth, _)| auth);
    let plan = ServicePlan {
        name: member.key.clone(),
        base: base.map_or_else(|| Template { parts: Vec::new() }, |(base, _)| base),
        env: fields.texts("env").into_iter().map(|(name, _)| name.to_owned()).collect(),
        shapes: fields.text("shapes").map(|(name, _)| name.to_owned()),
        auth: (auth != "none").then(|| auth.to_owned()),
        query: constants(&fields, "query"),
        headers: headers(&fields),
        at_once: fields.count("at_once").and_then(|(count, _)| u32::try_from(count).ok()).unwrap_or(AT_ONCE),
        paging: fields.table("paging").map(|paging| read_paging(&paging)).unwrap_or_default(),
        always_lists: fields.flag("always_lists"),
        nothing: fields
            .all_parsed::<Condition>("nothing")
            .into_iter()
            .map(|(condition, _)| condition)
            .collect(),
        errors: fields.table("errors").map_or_else(|| shared.clone(), |errors| error_rules(&errors)),
        operations: fields.table("operations").and_then(|table| operations(&table)),
    };
    fields.finish();
    Some(plan)
}

/// `operations`: how a change is followed that takes its time.
fn operations(fields: &Fields<'_>) -> Option<OperationPlan> {
    let texts = |key| fields.texts(key).into_iter().map(|(text, _)| text.to_owned()).collect::<Vec<_>>();
    let (headers, done, failed) = (texts("headers"), texts("done"), texts("failed"));
    let status = fields.parsed::<Path>("status");
    fields.finish();
    match status {
        Some((status, _)) if !headers.is_empty() && !done.is_empty() => {
            Some(OperationPlan { headers, status, done, failed })
        }
        _ => {
            fields.log.say(fields.at, "`operations` has `headers`, `status`, `done` and `failed`");
            None
        }
    }
}

fn constants(fields: &Fields<'_>, key: &'static str) -> Map<String, Value> {
    match fields.get(key).map(Node::json) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn headers(fields: &Fields<'_>) -> Vec<(String, String)> {
    let members = fields.table("headers").map_or(&[][..], |table| table.all());
    let texts = members.iter().filter_map(|member| {
        if let Toml::Text(text) = &member.node.value {
            return Some((member.key.clone(), text.clone()));
        }
        fields.log.say(member.at, format!("a header is a text, this is {}", member.node.what()));
        None
    });
    texts.collect()
}

/// `paging` of a call: a style of its own, or `false` for one page.
pub(crate) fn paging_of_call(fields: &Fields<'_>) -> Option<Box<Paging>> {
    match fields.get("paging") {
        None => None,
        Some(Node { value: Toml::Bool(false), .. }) => Some(Box::default()),
        Some(node) => Fields::of(node, "`paging`", fields.log).map(|paging| read_paging(&paging).into()),
    }
}

fn read_paging(fields: &Fields<'_>) -> Paging {
    let text = |table: &Fields<'_>, key: &'static str| {
        let found = table.text(key).map(|(text, _)| text.to_owned());
        if found.is_none() {
            table.log.say(table.at, format!("`{key}` is missing"));
        }
        found
    };
    let path = |table: &Fields<'_>, key: &'static str| {
        let found = table.parsed::<Path>(key).map(|(path, _)| path);
        if found.is_none() {
            table.log.say(table.at, format!("`{key}` is missing"));
        }
        found
    };
    let mut styles = Vec::new();
    if let Some(table) = fields.table("token") {
        let into = table.choice(
            "in",
            &[("query", ParamPlace::Query), ("body", ParamPlace::Body), ("form", ParamPlace::Form)],
        );
        if let (Some(param), Some(path)) = (text(&table, "param"), path(&table, "path")) {
            styles.push(NextPage::Token { param, path, into: into.unwrap_or_default() });
        }
        table.finish();
    }
    if let Some(table) = fields.table("number") {
        if let (Some(param), Some(path)) = (text(&table, "param"), path(&table, "next")) {
            styles.push(NextPage::Number { param, path });
        }
        table.finish();
    }
    let links = fields.all_parsed::<Path>("link");
    if !links.is_empty() {
        styles.push(NextPage::Link(links.into_iter().map(|(path, _)| path).collect()));
    }
    if fields.flag("header_link") {
        styles.push(NextPage::HeaderLink);
    }
    if let Some(table) = fields.table("header_token") {
        if let (Some(param), Some(header)) = (text(&table, "param"), text(&table, "header")) {
            styles.push(NextPage::HeaderToken { param, header });
        }
        table.finish();
    }
    let size = fields.table("size").and_then(|table| {
        let (param, value) = (text(&table, "param"), table.count("value"));
        table.finish();
        Some((param?, u64::try_from(value?.0).ok()?))
    });
    fields.finish();
    if styles.len() != 1 {
        fields
            .log
            .say(fields.at, "`paging` has one of `token`, `number`, `link`, `header_link`, `header_token`");
    }
    Paging { next: styles.pop().unwrap_or_default(), size }
}

const MEANINGS: [(&str, ErrorMeaning); 9] = [
    ("denied", ErrorMeaning::Denied),
    ("throttled", ErrorMeaning::Throttled),
    ("expired", ErrorMeaning::Expired),
    ("invalid", ErrorMeaning::Invalid),
    ("gone", ErrorMeaning::Gone),
    ("later", ErrorMeaning::Later),
    ("disabled", ErrorMeaning::Disabled),
    ("absent", ErrorMeaning::Absent),
    ("unavailable", ErrorMeaning::Unavailable),
];

fn error_rules(fields: &Fields<'_>) -> ErrorRules {
    let paths = |key| fields.all_parsed::<Path>(key).into_iter().map(|(path, _)| path).collect();
    let mut rules = Vec::new();
    for (word, meaning) in MEANINGS {
        let said = fields.texts(word).into_iter();
        rules.extend(said.map(|(said, _)| (meaning, said.to_owned().into())));
    }
    let read = ErrorRules {
        code: paths("code"),
        message: paths("message"),
        request_id: paths("request_id"),
        unreached: paths("unreached"),
        in_ok: fields.all_parsed::<Condition>("in_ok").into_iter().map(|(condition, _)| condition).collect(),
        rules,
    };
    fields.finish();
    read
}

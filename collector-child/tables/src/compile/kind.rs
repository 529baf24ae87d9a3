//! The table of one kind, and all tables together.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use inventory::suggest;
use inventory::{Kind, KindTable};

use super::Dialect;
use super::calls::{self, Under};
use super::changes;
use super::doc::Doc;
use super::edges;
use super::exceptions::Exceptions;
use super::gather::{self, Gathered};
use super::mapping;
use super::metrics;
use super::mistake::Log;
use super::on_node;
use super::places;
use super::reader::{Fields, Member, Toml};
use super::report::KindReport;
use super::roots::Roots;
use crate::plan::{Condition, KindPlan};

/// All tables.
pub(crate) struct Tables<'s> {
    kinds: &'s KindTable,
    dialect: Dialect<'s>,
    files: Vec<File<'s>>,
    of_kinds: Vec<Table<'s>>,
    gathered: RefCell<HashMap<String, Option<Rc<Gathered>>>>,
}

struct File<'s> {
    name: String,
    log: &'s Log,
    nested: Vec<&'s Member>,
    /// Lists that are missing are empty.
    empty_lists: bool,
    nested_used: RefCell<HashSet<String>>,
}

/// The table of one kind.
struct Table<'s> {
    file: usize,
    kind: &'s Kind,
    service: String,
    fields: Fields<'s>,
}

impl<'s> Tables<'s> {
    pub(crate) fn new(kinds: &'s KindTable, dialect: Dialect<'s>) -> Self {
        Self { kinds, dialect, files: Vec::new(), of_kinds: Vec::new(), gathered: RefCell::default() }
    }

    /// Adds the tables of a file.
    pub(crate) fn add_file(&mut self, name: &str, members: &'s [Member], log: &'s Log) {
        let file = self.files.len();
        // With one service only, it need not be said.
        let mut service = match self.dialect.cloud.services.as_slice() {
            [only] if !self.dialect.cloud.shapes => only.name.clone(),
            _ => String::new(),
        };
        let mut nested = Vec::new();
        let mut empty_lists = false;
        for member in members {
            match (member.key.as_str(), &member.node.value) {
                ("empty_lists", Toml::Bool(flag)) => empty_lists = *flag,
                ("service", Toml::Text(text)) => {
                    calls::service_exists(text, self.dialect, member.node.at, log);
                    service.clone_from(text);
                }
                ("nested", Toml::Table(members)) => nested.extend(members),
                ("service" | "nested" | "empty_lists", _) => {
                    log.say(member.at, format!("`{}` is not {}", member.key, member.node.what()));
                }
                (kind, Toml::Table(inside)) => self.add_table(file, kind, member, inside, &service, log),
                (other, _) => log.say(
                    member.at,
                    format!(
                        "there is no `{other}` here; there are `service`, `empty_lists`, `nested` and kinds"
                    ),
                ),
            }
        }
        if service.is_empty() {
            log.say(log.place(0), "`service` is missing: the service of the kinds of this file");
        }
        let name = name.to_owned();
        self.files.push(File { name, log, nested, empty_lists, nested_used: RefCell::default() });
    }

    fn add_table(
        &mut self,
        file: usize,
        name: &str,
        member: &Member,
        inside: &'s [Member],
        service: &str,
        log: &'s Log,
    ) {
        let Ok(kind) = self.kinds.kind(name) else {
            let close = suggest::closest(name, self.kinds.names());
            let hint = if close.is_empty() {
                String::new()
            } else {
                format!("; did you mean {}?", close.join(" or "))
            };
            log.say(member.at, format!("there is no kind `{name}`{hint}"));
            return;
        };
        if kind.python_type().is_none() {
            log.say(member.at, format!("there are no nodes of the kind `{name}`; exceptions for it stand in `[nested.{name}.map]`"));
            return;
        }
        if self.of_kinds.iter().any(|table| table.kind.fqn() == name) {
            log.say(member.at, format!("`{name}` has a table in another file already"));
            return;
        }
        let fields = Fields::new(inside, member.at, log);
        let _before = log.enter(Some(name));
        let service = fields.text("service").map_or(service, |(own, at)| {
            calls::service_exists(own, self.dialect, at, log);
            own
        });
        log.enter(None);
        self.of_kinds.push(Table { file, kind, service: service.to_owned(), fields });
    }

    /// The plans with the names of their files, and what was found.
    pub(crate) fn compile(&self) -> (Vec<(String, KindPlan)>, Vec<KindReport>) {
        let mut plans = Vec::new();
        let mut reports = Vec::new();
        for table in &self.of_kinds {
            let file = &self.files[table.file];
            let before = file.log.enter(Some(table.kind.fqn()));
            let compiled = self.kind(table, file);
            file.log.enter(before.as_deref());
            if let Some((plan, report)) = compiled {
                plans.push((file.name.clone(), plan));
                reports.push(report);
            }
        }
        self.check_nested();
        (plans, reports)
    }

    /// Exceptions for nested kinds that no kind of the file has are mistakes.
    fn check_nested(&self) {
        for file in &self.files {
            let used = file.nested_used.borrow();
            for member in &file.nested {
                if !self.kinds.contains(&member.key) {
                    let close = suggest::closest(&member.key, self.kinds.names());
                    file.log.say(
                        member.at,
                        format!("there is no kind `{}`; did you mean {}?", member.key, close.join(" or ")),
                    );
                } else if !used.contains(&member.key) {
                    file.log.say(member.at, format!("no kind of this file has a `{}` in it", member.key));
                }
            }
        }
    }

    /// How the items of a kind are gathered; `None` if that is a mistake, which is in the log.
    fn gathered(&self, table: &Table<'s>) -> Option<Rc<Gathered>> {
        let name = table.kind.fqn();
        if let Some(known) = self.gathered.borrow().get(name) {
            return known.clone();
        }
        // Until it is known, it is a mistake to ask for it: a kind is not below itself.
        self.gathered.borrow_mut().insert(name.to_owned(), None);
        let log = table.fields.log;
        let before = log.enter(Some(name));
        let gathered = self.gather(table).map(Rc::new);
        log.enter(before.as_deref());
        self.gathered.borrow_mut().insert(name.to_owned(), gathered.clone());
        gathered
    }

    fn gather(&self, table: &Table<'s>) -> Option<Gathered> {
        let fields = &table.fields;
        let hook = fields.text("hook").is_some();
        let parent = self.parent(table)?;
        gather::gather(
            fields,
            Under { service: &table.service, dialect: self.dialect },
            parent.as_ref(),
            fields.text("parent").map(|(name, _)| name),
            hook,
            self.kinds,
        )
    }

    /// Document and kind of the parent, if there is to be one.
    #[expect(clippy::option_option, reason = "no parent, and a wrong one, are different")]
    fn parent(&self, table: &Table<'s>) -> Option<Option<(Doc, &'s Kind)>> {
        let Some((name, at)) = table.fields.text("parent") else { return Some(None) };
        let log = table.fields.log;
        let Some(parent) = self.of_kinds.iter().find(|other| other.kind.fqn() == name) else {
            let names = self.of_kinds.iter().map(|table| table.kind.fqn());
            let close = suggest::closest(name, names);
            let hint = if close.is_empty() {
                String::new()
            } else {
                format!("; did you mean {}?", close.join(" or "))
            };
            log.say(at, format!("there is no table for the parent `{name}`{hint}"));
            return None;
        };
        let gathered = self.gathered(parent);
        if gathered.is_none() {
            log.say(at, format!("nothing is known about the documents of `{name}`: see its own mistakes"));
        }
        gathered.map(|gathered| Some((gathered.doc.clone(), parent.kind)))
    }

    fn kind(&self, table: &Table<'s>, file: &File<'s>) -> Option<(KindPlan, KindReport)> {
        let fields = &table.fields;
        let kind = table.kind;
        let gathered = self.gathered(table);
        let Some(gathered) = gathered else {
            // Its other mistakes would be about a document that is not known.
            return None;
        };
        let parent = self.parent(table).flatten();
        let roots = Roots::of(&gathered.doc)
            .with_parent(parent.as_ref())
            .with_kind(kind)
            .in_cloud(self.dialect.cloud);
        let under = Under { service: &table.service, dialect: self.dialect };
        let mapped = self.mapping(table, file, &gathered.doc, parent);
        let only = fields.all_parsed::<Condition>("only");
        for (condition, at) in &only {
            if let Err(reason) = roots.condition(condition) {
                fields.log.say(*at, reason);
            }
        }
        let plan = KindPlan {
            kind: kind.fqn().to_owned(),
            service: table.service.clone(),
            scope: places::scope(fields, self.dialect.cloud),
            source: gathered.source.clone(),
            only: only.into_iter().map(|(condition, _)| condition).collect(),
            batches: gathered.batches.clone(),
            calls: gathered.calls.clone(),
            mapping: mapped.mapping,
            arn: on_node::node_template(fields, "arn", kind, &roots, true),
            link: on_node::node_template(fields, "link", kind, &roots, true),
            key: edges::key(fields, &roots, self.dialect.cloud),
            places: places::places(fields),
            home: places::home(fields, &roots),
            made_by_cloud: places::made_by_cloud(fields, kind),
            only_as_parent: fields.flag("only_as_parent"),
            below_edges: fields.flag("below_edges"),
            edges: edges::edges(fields, self.kinds, &roots),
            metrics: metrics::metrics(fields, kind, &roots, self.dialect.cloud),
            hook: fields.text("hook").map(|(name, _)| name.to_owned()),
            tag: changes::tag(fields, under, kind),
            delete: changes::delete(fields, under, kind, self.kinds),
        };
        fields.finish();
        let plan = with_gone(plan);
        let report = KindReport {
            file: file.name.clone(),
            kind: kind.fqn().to_owned(),
            operations: operations(&plan),
            properties: mapped.properties,
            unused: mapped.unused,
        };
        Some((plan, report))
    }

    fn mapping(
        &self,
        table: &Table<'s>,
        file: &File<'s>,
        doc: &Doc,
        parent: Option<(Doc, &'s Kind)>,
    ) -> mapping::Mapped {
        let fields = &table.fields;
        let log = fields.log;
        let own = Exceptions::read(fields);
        let inside = fields.table("nested").map_or(&[][..], |nested| nested.all());
        let mut nested = Vec::new();
        for member in inside.iter().chain(file.nested.iter().copied()) {
            if let Some(fields) = Fields::of(&member.node, &format!("`nested.{}`", member.key), log) {
                nested.push((member.key.clone(), Exceptions::read(&fields)));
                fields.finish();
            }
        }
        let tables = mapping::Tables {
            kinds: self.kinds,
            cloud: self.dialect.cloud,
            log,
            at: fields.at,
            own,
            nested,
            empty_lists: file.empty_lists,
            parent,
            within: fields.text("within").map(|(within, _)| within),
        };
        let mapped = mapping::map(table.kind, doc, &tables);
        file.nested_used.borrow_mut().extend(mapped.nested_used.iter().cloned());
        for member in inside.iter().filter(|member| !mapped.nested_used.contains(&member.key)) {
            log.say(member.at, format!("{} has no `{}` in it", table.kind.fqn(), member.key));
        }
        mapped
    }
}

/// What is said of an item that is not there is said to whoever asks, not only when it is deleted. What a call expects
/// means something else there.
fn with_gone(mut plan: KindPlan) -> KindPlan {
    let said = plan.delete.iter().flat_map(|delete| &delete.gone);
    for follow in &mut plan.calls {
        let said = said.clone().filter(|said| !follow.call.expected.contains(&said.code));
        let more: Vec<_> = said.filter(|said| !follow.gone.contains(said)).cloned().collect();
        follow.gone.extend(more);
    }
    plan
}

/// All operations of a plan that collect.
fn operations(plan: &KindPlan) -> Vec<String> {
    use crate::plan::Source;
    let lists = match &plan.source {
        Source::List { calls, .. } => calls.as_slice(),
        _ => &[],
    };
    let calls = lists.iter().map(|list| &list.call);
    let calls = calls.chain(plan.batches.iter().map(|batch| &batch.call));
    let calls = calls.chain(plan.calls.iter().map(|call| &call.call));
    calls.map(|call| format!("{}:{}", call.service, call.operation)).collect()
}

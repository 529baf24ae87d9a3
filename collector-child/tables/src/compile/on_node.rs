//! Templates and arguments whose plain names mean the node.

use inventory::Kind;

use super::reader::Fields;
use super::roots::Roots;
use crate::plan::{Argument, Arguments, Part, Path, Root, Template};

/// A template whose plain names mean the node: `{id}`, `{name}`, `{arn}`, `{account}`, `{region}` (its name),
/// `{region_id}`, `{partition}`, then members of the document if `document` is set, then properties.
pub(crate) fn node_template(
    fields: &Fields<'_>,
    key: &'static str,
    kind: &Kind,
    roots: &Roots<'_>,
    document: bool,
) -> Option<Template> {
    let (mut template, at) = fields.parsed::<Template>(key)?;
    for part in &mut template.parts {
        if let Part::Value(paths) | Part::Optional(paths) | Part::Plain(paths) = part {
            *paths = paths.iter().flat_map(|path| of_node(path, kind, roots, document)).collect();
        }
    }
    roots.template(&template).map_err(|reason| fields.log.say(at, format!("`{key}`: {reason}"))).ok()?;
    Some(template)
}

fn of_node(path: &Path, kind: &Kind, roots: &Roots<'_>, document: bool) -> Vec<Path> {
    let property = |name: &str| Path { root: Root::Property(name.to_owned()), steps: Vec::new() };
    let whole = |root| Path { root, steps: Vec::new() };
    let text = path.to_string();
    match text.as_str() {
        "id" | "arn" => vec![property(&text)],
        "name" => vec![property("name"), property("id")],
        _ => match place(&text) {
            Some(root) => vec![whole(root)],
            None if path.root != Root::Item => vec![path.clone()],
            None => {
                let mut paths = Vec::new();
                if document && roots.at(path).is_ok() {
                    paths.push(path.clone());
                }
                if kind.position(&text).is_some() {
                    paths.push(property(&text));
                }
                if paths.is_empty() { vec![path.clone()] } else { paths }
            }
        },
    }
}

fn place(name: &str) -> Option<Root> {
    Some(match name {
        "account" => Root::Account,
        "region" => Root::RegionName,
        "region_id" => Root::Region,
        "partition" => Root::Partition,
        _ => return None,
    })
}

/// In arguments of calls that change nodes, `{account}`, `{region}` (its name), `{region_id}` and `{partition}`
/// are where the node is, unless it reports a property of that name.
pub(crate) fn in_place(arguments: Arguments, kind: &Kind) -> Arguments {
    fn replace(argument: Argument, kind: &Kind) -> Argument {
        match argument {
            Argument::Template(mut template) => {
                for part in &mut template.parts {
                    let (Part::Value(paths) | Part::Optional(paths) | Part::Plain(paths)) = part else {
                        continue;
                    };
                    for path in paths.iter_mut().filter(|path| path.root == Root::Item) {
                        let name = path.to_string();
                        if let Some(root) = place(&name).filter(|_| kind.position(&name).is_none()) {
                            *path = Path { root, steps: Vec::new() };
                        }
                    }
                }
                Argument::Template(template)
            }
            Argument::List(items) => {
                Argument::List(items.into_iter().map(|item| replace(item, kind)).collect())
            }
            Argument::Object(members) => Argument::Object(
                members.into_iter().map(|(name, member)| (name, replace(member, kind))).collect(),
            ),
            constant @ (Argument::Constant(_) | Argument::Drop) => constant,
        }
    }
    let members = arguments.members.into_iter().map(|(name, argument)| (name, replace(argument, kind)));
    Arguments { members: members.collect() }
}

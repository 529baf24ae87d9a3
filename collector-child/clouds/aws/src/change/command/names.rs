//! Names as the command line writes them.

use shapes::{Member, Operation, Service, Structure};

use super::Wrong;

/// Services that the command line calls otherwise than boto3.
const RENAMED: [(&str, &str); 2] = [("configservice", "config"), ("s3api", "s3")];
/// Commands of the command line that are programs of their own.
const PROGRAMS: [(&str, &[&str]); 2] = [
    ("s3", &["cp", "ls", "mb", "mv", "presign", "rb", "rm", "sync", "website"]),
    ("cloudformation", &["deploy", "package"]),
];
/// Suggestions in one sentence.
const SUGGESTED: usize = 3;

/// A name in small words: `DescribeDBInstances` is `describe-db-instances`.
pub(super) fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut kebab = String::with_capacity(name.len() + 8);
    for (at, char) in chars.iter().enumerate() {
        let previous = at.checked_sub(1).map(|at| chars[at]);
        let next = chars.get(at + 1);
        // A plural of an abbreviation is no word: `DBs`.
        let plural = next == Some(&'s') && chars.get(at + 2).is_none_or(char::is_ascii_uppercase);
        let begins = char.is_ascii_uppercase()
            && previous.is_some_and(|previous| {
                !previous.is_ascii_uppercase() || next.is_some_and(char::is_ascii_lowercase) && !plural
            });
        if begins && !kebab.ends_with('-') {
            kebab.push('-');
        }
        kebab.push(if *char == '_' { '-' } else { char.to_ascii_lowercase() });
    }
    kebab
}

/// What is the same in all ways of writing a name: its letters and digits.
pub(super) fn squashed(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

/// The service of this name.
pub(super) fn service(name: &str) -> Result<&'static Service, Wrong> {
    let known = RENAMED.iter().find(|(cli, _)| *cli == name).map_or(name, |(_, boto)| boto);
    aws_shapes::service(known).map_err(|_| {
        let hint = close(name, aws_shapes::services().map(str::to_owned));
        Wrong::new(format!("there is no service {name:?} here{hint}"))
    })
}

/// The operation of this name.
pub(super) fn operation(service: &'static Service, name: &str) -> Result<&'static Operation, Wrong> {
    let wanted = squashed(name);
    let found = service.operations().find(|known| squashed(known) == wanted);
    if let Some(operation) = found.and_then(|name| service.operation(name)) {
        return Ok(operation);
    }
    let program = PROGRAMS.iter().any(|(of, names)| *of == service.name && names.contains(&name));
    if program {
        return Err(Wrong::new(format!(
            "{} {name} is a program of the AWS command line and no operation of the service; what the service itself \
             offers is under {}",
            service.name,
            if service.name == "s3" { "s3api" } else { service.name },
        )));
    }
    let hint = close(name, service.operations().map(kebab));
    Err(Wrong::new(format!("{} has no operation {name:?}{hint}", service.name)))
}

/// The parameter of this name.
pub(super) fn member<'a>(structure: &'a Structure, name: &str) -> Option<&'a Member> {
    let wanted = squashed(name);
    structure.members.iter().find(|member| squashed(member.name) == wanted)
}

/// A sentence that names what may have been meant; empty if nothing is close.
pub(super) fn close(wrong: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<String> = known.collect();
    let mut close = inventory::suggest::closest(wrong, known.iter().map(String::as_str));
    if close.is_empty() && wrong.len() > 2 {
        close = known.iter().map(String::as_str).filter(|name| name.contains(wrong)).collect();
    }
    close.truncate(SUGGESTED);
    if close.is_empty() { String::new() } else { format!("; did you mean {}?", close.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_on_the_command_line() {
        for (name, expected) in [
            ("DescribeVolumes", "describe-volumes"),
            ("DescribeDBInstances", "describe-db-instances"),
            ("ListObjectsV2", "list-objects-v2"),
            ("GetSAMLProvider", "get-saml-provider"),
            ("ListMFADevices", "list-mfa-devices"),
            ("VPCs", "vpcs"),
            ("restApiId", "rest-api-id"),
            ("Id", "id"),
        ] {
            assert_eq!(kebab(name), expected);
        }
    }

    /// Otherwise one of them could not be reached.
    #[test]
    fn no_two_operations_or_parameters_differ_only_in_how_they_are_written() {
        for name in aws_shapes::services() {
            let service = aws_shapes::service(name).unwrap();
            let mut operations: Vec<String> = service.operations().map(squashed).collect();
            let all = operations.len();
            operations.sort();
            operations.dedup();
            assert_eq!(operations.len(), all, "{name}");
        }
    }

    #[test]
    fn wrong_names_are_answered_with_what_may_be_meant() {
        let message = |wrong: Wrong| wrong.to_string();
        assert_eq!(service("s3api").unwrap().name, "s3");
        assert_eq!(
            message(service("ec3").unwrap_err()),
            "there is no service \"ec3\" here; did you mean ec2 or ecr or ecs?"
        );
        let ec2 = service("ec2").unwrap();
        assert_eq!(operation(ec2, "describe-volumes").unwrap().name, "DescribeVolumes");
        assert_eq!(
            message(operation(ec2, "describe-volume").unwrap_err()),
            "ec2 has no operation \"describe-volume\"; did you mean describe-volumes?"
        );
        let copy = message(operation(service("s3").unwrap(), "cp").unwrap_err());
        assert!(copy.starts_with("s3 cp is a program of the AWS command line"), "{copy}");
    }
}

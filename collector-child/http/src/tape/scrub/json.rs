//! Texts of JSON, by the name of their member and by what stands around it. Everything else stays as it is, byte by byte:
//! answers that are broken are what recordings are made for.

/// Values of environment variables stand under these.
const VARIABLES: [&str; 5] = [
    "variables",
    "environmentvariables",
    "envvars",
    "buildenvironmentvariables",
    "secretenvironmentvariables",
];
/// And, among other things, under these.
const ENVIRONMENT: [&str; 3] = ["environment", "env", "environmentoverrides"];
/// What is known of a variable but its value.
const ABOUT: [&str; 7] = ["name", "Name", "key", "Key", "type", "Type", "id"];
/// Nobody nests so deep but to do harm; what is deeper is not looked into.
const DEEPEST: usize = 512;

#[derive(Default)]
struct Frame<'t> {
    object: bool,
    /// The next text is the name of a member.
    at_name: bool,
    /// The name of the member whose value comes; of a list, that of the list.
    name: &'t str,
    variables: Variables,
}

/// Where variables stand.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Variables {
    /// None in here.
    #[default]
    None,
    /// What has the name of one.
    ByName,
    /// Everything.
    All,
}

impl<'t> Frame<'t> {
    fn within(&self, object: bool) -> Self {
        let plain: String =
            self.name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let variables = match self.variables {
            Variables::All => Variables::All,
            _ if VARIABLES.contains(&plain.as_str()) => Variables::All,
            _ if ENVIRONMENT.contains(&plain.as_str()) => Variables::ByName,
            // The members of a list.
            Variables::ByName if !self.object => Variables::ByName,
            _ => Variables::None,
        };
        Self { object, at_name: object, name: if object { "" } else { self.name }, variables }
    }

    /// Takes a text: the name of a member, or a value, which may be replaced.
    fn text(
        &mut self,
        text: &'t str,
        replace: &mut dyn FnMut(&str, &str) -> Option<String>,
    ) -> Option<String> {
        if self.at_name {
            (self.name, self.at_name) = (text, false);
            return None;
        }
        replace(if self.holds_variable() { "secret" } else { self.name }, text)
    }

    fn holds_variable(&self) -> bool {
        let by_name = |name: &str| {
            name.starts_with(|letter: char| letter.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        };
        match self.variables {
            Variables::None => false,
            Variables::ByName => {
                self.object && (by_name(self.name) || matches!(self.name, "value" | "Value"))
            }
            Variables::All => !ABOUT.contains(&self.name),
        }
    }
}

/// The document with the texts that `replace` gives for name and text, `None` for as it is; texts of variables are always
/// given as secrets, under the name `secret`.
pub(super) fn scrubbed(json: &str, replace: &mut dyn FnMut(&str, &str) -> Option<String>) -> String {
    let mut out = String::with_capacity(json.len());
    let mut frames = vec![Frame::default()];
    let mut rest = json;
    while let Some(at) = rest.find(['"', '{', '[', '}', ']', ',', ':']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let sign = from.as_bytes().first().copied().unwrap_or_default();
        let Some(behind) = from.get(1..) else { break };
        out.push(char::from(sign));
        rest = behind;
        if sign == b'"' {
            let Some((text, behind)) = text_of(rest) else { break };
            let replaced = frames.last_mut().and_then(|frame| frame.text(text, replace));
            out.push_str(replaced.as_deref().unwrap_or(text));
            out.push('"');
            rest = behind;
            continue;
        }
        match sign {
            b'{' | b'[' if frames.len() < DEEPEST => {
                let frame = frames.last().map(|frame| frame.within(sign == b'{'));
                frames.extend(frame);
            }
            b'}' | b']' if frames.len() > 1 => drop(frames.pop()),
            b',' => {
                if let Some(frame) = frames.last_mut() {
                    frame.at_name = frame.object;
                }
            }
            _ => {}
        }
    }
    out.push_str(rest);
    out
}

/// The text up to its closing quote, and what is behind that; `None` if it does not end.
fn text_of(rest: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = rest.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((rest.get(..end)?, rest.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn scrub(json: &str) -> String {
        super::scrubbed(json, &mut |name, _| (name == "secret").then(|| "-".to_owned()))
    }

    #[test]
    fn texts_go_by_the_name_of_their_member() {
        assert_eq!(
            scrub(
                r#"{"secret": "a\"b", "x": {"secret": ["c", {"y": "d"}, "e"]}, "secret": 1.50, "z": "secret"}"#
            ),
            r#"{"secret": "-", "x": {"secret": ["-", {"y": "d"}, "-"]}, "secret": 1.50, "z": "secret"}"#
        );
    }

    #[test]
    fn values_of_variables_go_and_their_names_stay() {
        assert_eq!(
            scrub(r#"{"Environment": {"Variables": {"DB": "x", "mode": "y"}}, "DB": "z"}"#),
            r#"{"Environment": {"Variables": {"DB": "-", "mode": "-"}}, "DB": "z"}"#
        );
        assert_eq!(
            scrub(r#"{"environment": [{"name": "DB", "value": "x"}], "name": "n", "value": "v"}"#),
            r#"{"environment": [{"name": "DB", "value": "-"}], "name": "n", "value": "v"}"#
        );
        assert_eq!(
            scrub(
                r#"{"Environment": {"Name": "airflow", "Arn": "arn"}, "environment": {"type": "LINUX", "environmentVariables": [{"name": "A", "value": "x", "type": "PLAINTEXT"}]}}"#
            ),
            r#"{"Environment": {"Name": "airflow", "Arn": "arn"}, "environment": {"type": "LINUX", "environmentVariables": [{"name": "A", "value": "-", "type": "PLAINTEXT"}]}}"#
        );
        assert_eq!(
            scrub(r#"{"Environment": {"DB_URL": "x", "Other": "y"}}"#),
            r#"{"Environment": {"DB_URL": "-", "Other": "y"}}"#
        );
    }

    #[test]
    fn what_is_broken_stays_as_it_is() {
        for broken in [
            "",
            "{",
            "\"",
            "{\"a",
            "{\"a\": \"b",
            "]]]}",
            "{\"a\" \"b\"}",
            "nothing",
            "{\"secret\":",
            "[,,]",
            "{\"a\\",
        ] {
            assert_eq!(scrub(broken), broken);
        }
        assert_eq!(scrub(&"[".repeat(100_000)), "[".repeat(100_000));
    }

    proptest! {
        #[test]
        fn nothing_changes_that_is_not_replaced(text in "[\\[\\]{}:,\"a\\\\ 0é]{0,60}") {
            prop_assert_eq!(super::scrubbed(&text, &mut |_, _| None), text);
        }
    }
}

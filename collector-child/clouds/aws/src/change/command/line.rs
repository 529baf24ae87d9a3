//! The words of a command, sorted: whom it is for, which operation, which parameters.

use super::Wrong;

/// A command line that is understood as far as that goes without knowing the operation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) service: String,
    pub(super) operation: String,
    /// Names without the dashes, with the values behind them.
    pub(super) params: Vec<(String, Vec<String>)>,
    pub(super) options: Options,
}

/// What is not for the operation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) account: Option<String>,
    pub(super) role: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) region: Option<String>,
    /// All parameters as one JSON object.
    pub(super) input: Option<String>,
    /// Only the first page.
    pub(super) first_page: bool,
    /// Not more than this many items.
    pub(super) max_items: Option<usize>,
    /// Items that the service gives at once.
    pub(super) page_size: Option<String>,
}

/// Options of the command line that have no meaning for the answer.
const WITHOUT_MEANING: [&str; 3] = ["no-cli-pager", "no-cli-auto-prompt", "no-color"];
/// Options that cannot be had, and why.
const NOT_HERE: [(&str, &str); 9] = [
    ("query", "answers cannot be filtered here: use | jq behind the command"),
    ("endpoint-url", "the endpoint is set with AWS_ENDPOINT_URL in the environment of fixworker"),
    ("no-sign-request", "all calls are signed"),
    ("no-verify-ssl", "certificates are always verified"),
    ("ca-bundle", "it is set with AWS_CA_BUNDLE in the environment of fixworker"),
    ("starting-token", "all pages are read, or the first one with --no-paginate"),
    ("generate-cli-skeleton", "see the reference of the AWS command line"),
    ("cli-input-yaml", "--cli-input-json takes all parameters"),
    ("debug", "see the log of fixworker"),
];

/// Sorts the words of a command.
pub(super) fn read(args: &[String]) -> Result<Line, Wrong> {
    let mut line = Line::default();
    let mut names = Vec::new();
    let mut words = args.iter().peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty()) else {
            names.push(word.clone());
            continue;
        };
        let (name, mut values) = match option.split_once('=') {
            Some((name, value)) => (name, vec![value.to_owned()]),
            None => (option, Vec::new()),
        };
        // What stands before the operation can only be an option with one value.
        let most = if names.len() < 2 || Options::takes_one(name) { 1 } else { usize::MAX };
        while values.len() < most
            && !is_flag(name)
            && let Some(value) = words.next_if(|word| !word.starts_with("--"))
        {
            values.push(value.clone());
        }
        if !line.options.take(name, &values)? {
            line.params.push((name.to_owned(), values));
        }
    }
    let mut names = names.into_iter();
    match (names.next(), names.next(), names.next()) {
        (Some(service), Some(operation), None) => Ok(Line { service, operation, ..line }),
        (Some(_), Some(_), Some(extra)) => Err(Wrong::new(format!(
            "{extra:?} is neither the name of a parameter nor behind one; parameters are given as --name value"
        ))),
        (Some(service), None, _) => {
            Err(Wrong::new(format!("the operation of {service} is missing, as in: aws ec2 describe-volumes")))
        }
        (None, ..) => Err(Wrong::new("service and operation are missing, as in: aws ec2 describe-volumes")),
    }
}

/// Options without a value.
fn is_flag(name: &str) -> bool {
    name == "no-paginate" || WITHOUT_MEANING.contains(&name)
}

impl Options {
    fn takes_one(name: &str) -> bool {
        matches!(
            name,
            "account"
                | "role"
                | "profile"
                | "region"
                | "cli-input-json"
                | "max-items"
                | "page-size"
                | "output"
        )
    }

    /// True if it is an option and no parameter of the operation.
    fn take(&mut self, name: &str, values: &[String]) -> Result<bool, Wrong> {
        if let Some((_, why)) = NOT_HERE.iter().find(|(known, _)| *known == name) {
            return Err(Wrong::new(format!("--{name} is not available: {why}")));
        }
        if WITHOUT_MEANING.contains(&name) {
            return Ok(true);
        }
        if name == "no-paginate" {
            self.first_page = true;
            return Ok(true);
        }
        if !Self::takes_one(name) {
            return Ok(false);
        }
        let [value] = values else { return Err(Wrong::new(format!("--{name} needs a value"))) };
        let value = value.clone();
        match name {
            "account" => self.account = Some(value),
            // Operations have a parameter of this name.
            "role" if value.starts_with("arn:") => return Ok(false),
            "role" => self.role = Some(value),
            "profile" => self.profile = Some(value),
            "region" => self.region = Some(value),
            "cli-input-json" => self.input = Some(value),
            "page-size" => self.page_size = Some(value),
            "max-items" => {
                let items = value.parse().ok().filter(|items| *items > 0);
                self.max_items =
                    Some(items.ok_or_else(|| Wrong::new("--max-items needs a number above zero"))?);
            }
            _ if value == "json" => {}
            _ => {
                return Err(Wrong::new(
                    "--output is always json; fixcore formats it (see the commands list and write)",
                ));
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, String> {
        let words: Vec<String> = text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        read(&words).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn words_are_sorted() {
        let found =
            line("--region eu-west-1 ec2 describe-volumes --volume-ids a b --dry-run --role R --max-items 5")
                .unwrap();
        assert_eq!((found.service.as_str(), found.operation.as_str()), ("ec2", "describe-volumes"));
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found.params,
            [("volume-ids".to_owned(), own(&["a", "b"])), ("dry-run".to_owned(), own(&[]))]
        );
        assert_eq!(
            (found.options.region.as_deref(), found.options.role.as_deref()),
            (Some("eu-west-1"), Some("R"))
        );
        assert_eq!(found.options.max_items, Some(5));
    }

    #[test]
    fn values_may_follow_an_equal_sign_or_begin_with_one_dash() {
        let found = line("x y --count=-1 --offset -1 --a=b=c").unwrap();
        let params: Vec<_> =
            found.params.iter().map(|(name, values)| (name.as_str(), values[0].as_str())).collect();
        assert_eq!(params, [("count", "-1"), ("offset", "-1"), ("a", "b=c")]);
    }

    #[test]
    fn a_role_with_an_arn_is_a_parameter_of_the_operation() {
        let found = line("lambda create-function --role arn:aws:iam::1:role/x").unwrap();
        assert_eq!((found.params.len(), found.options.role), (1, None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, told) in [
            ("", "service and operation are missing"),
            ("ec2", "the operation of ec2 is missing"),
            ("s3 cp here there", "\"here\" is neither the name"),
            ("ec2 describe-volumes --query x", "use | jq behind the command"),
            ("ec2 describe-volumes --region", "--region needs a value"),
            ("ec2 describe-volumes --max-items many", "number above zero"),
            ("ec2 describe-volumes --output table", "always json"),
        ] {
            let message = line(text).unwrap_err();
            assert!(message.contains(told), "{text}: {message}");
        }
    }
}

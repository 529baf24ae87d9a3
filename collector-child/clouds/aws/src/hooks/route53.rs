//! The parts that the value of a DNS record has, by its type.

use super::prelude::*;

/// Of an SOA record, behind the two names.
const SOA_NUMBERS: [&str; 5] =
    ["record_serial", "record_refresh", "record_retry", "record_expire", "record_minimum"];
/// Of an SRV record, before the target.
const SRV_NUMBERS: [&str; 3] = ["record_priority", "record_weight", "record_port"];

pub(super) struct Route53;

impl Hook for Route53 {
    fn name(&self) -> &'static str {
        "route53"
    }

    fn listed<'a>(
        &'a self,
        _context: Context<'a>,
        plan: &'static KindPlan,
        mut items: Vec<Value>,
    ) -> BoxFuture<'a, Result<Vec<Value>, Failure>> {
        if plan.kind == "aws_route53_zone" {
            for zone in &mut items {
                if let Some((_, id)) = zone["Id"].as_str().and_then(|path| path.rsplit_once('/')) {
                    zone["Id"] = Value::from(id);
                }
            }
        }
        Box::pin(async { Ok(items) })
    }

    fn finish<'a>(
        &'a self,
        _context: Context<'a>,
        plan: &'static KindPlan,
        node: &'a mut Draft,
        _document: &'a Value,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        if plan.kind == "aws_route53_resource_record" {
            let text = |name| node.get(name).and_then(Value::as_str).unwrap_or_default();
            for (name, value) in parts(text("record_type"), text("record_data")) {
                node.set(name, value);
            }
        }
        Box::pin(async { Ok(Verdict::Keep) })
    }
}

/// Properties and their values. A value that does not look like its type has one part, itself.
fn parts(record_type: &str, data: &str) -> Vec<(&'static str, Value)> {
    if record_type == "TXT" {
        return vec![("record_value", joined_text(data).into())];
    }
    let plain = plain(data);
    let words: Vec<&str> = plain.split(' ').collect();
    let several = match (record_type, words.as_slice()) {
        ("SOA", [mname, rname, numbers @ ..]) => numbered(&SOA_NUMBERS, numbers).map(|parts| {
            let names = [("record_mname", *mname), ("record_rname", *rname)];
            let names = names.map(|(name, value)| (name, value.into()));
            names.into_iter().chain([("record_value", plain.as_str().into())]).chain(parts).collect()
        }),
        ("MX", [priority, exchange]) => with_value(&["record_priority"], &[priority], exchange),
        ("SRV", [numbers @ .., target]) => with_value(&SRV_NUMBERS, numbers, target),
        // The value is quoted and may have blanks.
        ("CAA", [flags, tag, value @ ..]) if !value.is_empty() => {
            with_value(&["record_flags"], &[flags], &value.join(" ")).map(|mut parts| {
                parts.push(("record_tag", (*tag).into()));
                parts
            })
        }
        _ => None,
    };
    several.unwrap_or_else(|| vec![("record_value", plain.into())])
}

fn with_value(names: &[&'static str], numbers: &[&str], value: &str) -> Option<Vec<(&'static str, Value)>> {
    let mut parts = numbered(names, numbers)?;
    parts.push(("record_value", value.into()));
    Some(parts)
}

/// Names with the numbers of texts, as many as there are names.
fn numbered(names: &[&'static str], texts: &[&str]) -> Option<Vec<(&'static str, Value)>> {
    if names.len() != texts.len() {
        return None;
    }
    let number = |text: &&str| text.parse::<u64>().ok().map(Value::from);
    let numbers: Option<Vec<Value>> = texts.iter().map(number).collect();
    Some(names.iter().copied().zip(numbers?).collect())
}

/// The data of a record in one line: without comments and parentheses, with single blanks. What is quoted stays as
/// it is.
fn plain(data: &str) -> String {
    let mut plain = String::with_capacity(data.len());
    let (mut quoted, mut escaped, mut comment) = (false, false, false);
    for c in data.chars() {
        let quote = c == '"' && !escaped && !comment;
        escaped = c == '\\' && !escaped;
        match c {
            '\n' | '\r' if !quoted => comment = false,
            ';' if !quoted => comment = true,
            _ => {}
        }
        if quoted || !(comment || "();".contains(c) || c.is_whitespace()) {
            plain.push(c);
        } else if c.is_whitespace() && !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
        quoted ^= quote;
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// The text of a TXT record, which is sent in pieces that are quoted each.
fn joined_text(data: &str) -> String {
    let inside = data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(data);
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once("\" \"") {
        text.push_str(before);
        if before.ends_with('\\') {
            text.push_str("\" \"");
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(record_type: &str, data: &str) -> Value {
        Value::Object(
            parts(record_type, data).into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        )
    }

    #[test]
    fn records_of_several_words_are_taken_apart() {
        let soa = "ns-1.example.com. (hostmaster.example.com.\n 1 ; serial\n 7200 900 1209600 86400)";
        assert_eq!(
            told("SOA", soa),
            json!({
                "record_value": "ns-1.example.com. hostmaster.example.com. 1 7200 900 1209600 86400",
                "record_mname": "ns-1.example.com.", "record_rname": "hostmaster.example.com.",
                "record_serial": 1, "record_refresh": 7200, "record_retry": 900, "record_expire": 1_209_600,
                "record_minimum": 86400,
            })
        );
        assert_eq!(
            told("MX", "10  mail.example.com."),
            json!({"record_priority": 10, "record_value": "mail.example.com."})
        );
        assert_eq!(
            told("SRV", "1 10 5269 sip.example.com."),
            json!({"record_priority": 1, "record_weight": 10, "record_port": 5269, "record_value": "sip.example.com."})
        );
        assert_eq!(
            told("CAA", r#"0 issue "ca.example.com; policy=ev""#),
            json!({"record_flags": 0, "record_tag": "issue", "record_value": r#""ca.example.com; policy=ev""#})
        );
    }

    #[test]
    fn what_does_not_look_like_its_type_is_its_own_value() {
        for (record_type, data) in [
            ("SOA", "ns-1 hostmaster 1 2 3"),
            ("MX", "ten mail"),
            ("MX", "mail"),
            ("SRV", "1 2 host"),
            ("CAA", "0 issue"),
        ] {
            assert_eq!(told(record_type, data), json!({"record_value": data}));
        }
        assert_eq!(told("A", ""), json!({"record_value": ""}));
    }

    #[test]
    fn what_is_quoted_stays_as_it_is() {
        let naptr = r#"100 50 "u" "E2U+sip" "!^(.*)$!sip:\1@example.com;x  y!" ."#;
        assert_eq!(told("NAPTR", naptr), json!({"record_value": naptr}));
    }

    #[test]
    fn pieces_of_a_text_are_joined_but_not_at_quotes_that_are_part_of_it() {
        assert_eq!(told("TXT", r#""v=spf1 -all""#), json!({"record_value": "v=spf1 -all"}));
        assert_eq!(told("TXT", r#""one ; two" " three""#), json!({"record_value": "one ; two three"}));
        assert_eq!(told("TXT", r#""say \"a\" \"b\"""#), json!({"record_value": r#"say \"a\" \"b\""#}));
        assert_eq!(told("TXT", "\""), json!({"record_value": "\""}));
        assert_eq!(told("TXT", ""), json!({"record_value": ""}));
    }
}

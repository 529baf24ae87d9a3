//! Fields of forms and of addresses: `a=b&c=d`.

/// The fields with the values that `replace` gives for name and value, both as they stand there.
pub(super) fn scrubbed(form: &str, replace: &mut dyn FnMut(&str, &str) -> String) -> String {
    let field = |field: &str| match field.split_once('=') {
        Some((name, value)) => format!("{name}={}", replace(name, value)),
        None => field.to_owned(),
    };
    form.split('&').map(field).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_keep_their_order_and_form() {
        let mut seen = Vec::new();
        let scrubbed = super::scrubbed("a=1&flag&b=x%20y=z&=&a=2", &mut |name, value| {
            seen.push(format!("{name}:{value}"));
            if name == "b" { "-".to_owned() } else { value.to_owned() }
        });
        assert_eq!(scrubbed, "a=1&flag&b=-&=&a=2");
        assert_eq!(seen, ["a:1", "b:x%20y=z", ":", "a:2"]);
    }
}

//! Texts of XML, by the name of their element. Everything else stays as it is, byte by byte: answers that are broken are
//! what recordings are made for.

/// The document with the texts that `replace` gives for element and text, `None` for as it is.
pub(super) fn scrubbed(xml: &str, replace: &mut dyn FnMut(&str, &str) -> Option<String>) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        out.push('<');
        let Some((inside, behind)) = tag.split_once('>') else {
            rest = tag;
            continue;
        };
        out.push_str(inside);
        out.push('>');
        rest = behind;
        let opens = !inside.starts_with(['/', '?', '!']) && !inside.ends_with('/');
        if !opens {
            continue;
        }
        let name = inside.split([' ', '\t', '\n', '\r']).next().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or_default();
        let text = behind.split('<').next().unwrap_or_default();
        if !text.trim().is_empty()
            && let Some(replaced) = replace(name, text)
        {
            out.push_str(&replaced);
            rest = behind.get(text.len()..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    fn scrub(xml: &str) -> String {
        super::scrubbed(xml, &mut |name, _| (name == "Secret").then(|| "-".to_owned()))
    }

    #[test]
    fn texts_go_and_everything_else_stays() {
        assert_eq!(
            scrub(
                "<?xml version=\"1.0\"?>\n<a:R x=\"1\"> <n:Secret y=\"2\">s &amp; t</n:Secret><Other>o</Other><Secret/></a:R>"
            ),
            "<?xml version=\"1.0\"?>\n<a:R x=\"1\"> <n:Secret y=\"2\">-</n:Secret><Other>o</Other><Secret/></a:R>"
        );
        for broken in ["<", "<a", "a>b<", "<Secret>", "<a><b></a>", "<!-- <x> -->"] {
            assert_eq!(scrub(broken), broken);
        }
        assert_eq!(scrub("<Secret>cut off"), "<Secret>-");
    }
}

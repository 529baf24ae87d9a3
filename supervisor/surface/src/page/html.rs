//! Markup that foreign text cannot become: tags are texts of this program, everything else is escaped.

use std::fmt::{self, Display, Write};

use crate::text::one_line;

/// Markup under construction.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of ours.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Text, or the value of a quoted attribute, whoever wrote it.
    pub(super) fn text(&mut self, text: impl Display) {
        let text = text.to_string();
        // Writing into a string cannot fail.
        write!(self.0, "{}", Escaped(&one_line(&text))).unwrap_or_default();
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '`']) {
            let (before, special) = rest.split_at(at);
            f.write_str(before)?;
            f.write_str(match special.as_bytes()[0] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                b'\'' => "&#39;",
                _ => "&#96;",
            })?;
            rest = &special[1..];
        }
        f.write_str(rest)
    }
}

/// `put!(html, "<b>", (text), "</b>")`: literals are markup, what is in parentheses is text.
macro_rules! put {
    (@ $html:expr $(,)?) => {};
    (@ $html:expr, $markup:literal $(, $($rest:tt)*)?) => {
        $html.raw($markup);
        $($crate::page::html::put!(@ $html, $($rest)*);)?
    };
    (@ $html:expr, ($text:expr) $(, $($rest:tt)*)?) => {
        $html.text($text);
        $($crate::page::html::put!(@ $html, $($rest)*);)?
    };
    ($html:expr, $($parts:tt)*) => {{
        $crate::page::html::put!(@ $html, $($parts)*);
    }};
}
pub(super) use put;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_no_markup() {
        let mut html = Html::default();
        put!(html, "<b title=\"", ("\" onload='x`"), "\">", ("<script>&</script>\n\u{202e}"), "</b>");
        assert_eq!(
            html.into_string(),
            "<b title=\"&quot; onload=&#39;x&#96;\">&lt;script&gt;&amp;&lt;/script&gt;\\n\\u{202e}</b>"
        );
    }

    proptest! {
        #[test]
        fn no_text_has_anything_that_a_browser_obeys(text in ".*") {
            let mut html = Html::default();
            html.text(&text);
            let html = html.into_string();
            prop_assert!(!html.contains(['<', '>', '"', '\'', '`', '\n', '\r', '\0']), "{html}");
        }
    }
}

//! Lists of names, packed into messages that fixcore shows whole.

/// fixcore's users see messages of at most this many characters, the context in front included.
pub const MAX_MESSAGE: usize = 500;
/// However long the context is, a message has room for this.
const LEAST: usize = 100;

/// Packs `names` into messages: `head name, name`, and in those that follow `head (continued) name`. No name is
/// cut, unless it does not fit into a message alone. `context` characters of a message are taken already.
pub fn pack(head: &str, names: &[String], context: usize) -> Vec<String> {
    let limit = MAX_MESSAGE.saturating_sub(context).max(LEAST);
    // A head that is a whole story leaves half of the room to names.
    let head = clip(head, limit / 2);
    let continued = clip(&format!("{} (continued)", head.trim_end_matches(':')), limit / 2 + 20) + ":";
    let mut messages = Vec::new();
    let mut message = format!("{head} ");
    let mut empty = true;
    for name in names {
        let separator = if empty { "" } else { ", " };
        if length(&message) + length(separator) + length(name) <= limit {
            message += separator;
        } else {
            if !empty {
                messages.push(std::mem::replace(&mut message, format!("{continued} ")));
            }
            let room = limit.saturating_sub(length(&message));
            message += &clip(name, room);
            empty = false;
            continue;
        }
        message += name;
        empty = false;
    }
    if !empty {
        messages.push(message);
    }
    messages
}

/// At most `limit` characters of `text`; cut text ends in an ellipsis.
pub fn clip(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
    kept + "…"
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_list_is_one_message() {
        assert_eq!(pack("not deleted:", &["a".into(), "b c".into()], 10), ["not deleted: a, b c"]);
        assert_eq!(pack("nothing:", &[], 10), Vec::<String>::new());
    }

    #[test]
    fn a_long_list_becomes_several_messages_with_whole_names() {
        let names: Vec<String> =
            (0..200).map(|number| format!("volume number {number} (vol-{number:08})")).collect();
        let messages = pack("not deleted (it is in use):", &names, 30);
        assert!(messages.len() > 10);
        assert!(messages.iter().all(|message| length(message) <= MAX_MESSAGE - 30), "{messages:?}");
        assert!(messages[0].starts_with("not deleted (it is in use): volume number 0 (vol-00000000), "));
        assert!(messages[1].starts_with("not deleted (it is in use) (continued): volume"), "{}", messages[1]);
        for name in &names {
            assert_eq!(messages.iter().filter(|message| message.contains(name)).count(), 1, "{name}");
        }
    }

    #[test]
    fn a_name_or_a_reason_that_is_too_long_for_any_message_is_cut() {
        let messages = pack("x:", &["short".into(), "n".repeat(2000), "last".into()], 0);
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(length(&messages[1]) <= MAX_MESSAGE && messages[1].ends_with('…'));
        let messages = pack(&"why ".repeat(500), &["short".into()], 450);
        assert_eq!(messages.len(), 1);
        assert!(length(&messages[0]) <= LEAST && messages[0].ends_with("short"), "{messages:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_long(
            names in prop::collection::vec("[a-zä]{1,120}", 0..60),
            head in "[a-z ]{0,600}:",
            context in 0_usize..600,
        ) {
            let messages = pack(&head, &names, context);
            let limit = MAX_MESSAGE.saturating_sub(context).max(LEAST);
            prop_assert!(messages.iter().all(|message| length(message) <= limit));
            let mut rest = messages.iter().flat_map(|message| {
                let list = message.rsplit_once(": ").map_or(message.as_str(), |(_, list)| list);
                list.split(", ").map(str::to_owned)
            });
            for name in &names {
                let shown = rest.next().unwrap();
                prop_assert!(shown.ends_with(name.as_str()) || shown.ends_with('…'), "{shown} {name}");
                prop_assert!(name.len() > 40 || !shown.ends_with('…'), "{shown} {name}");
            }
            prop_assert_eq!(rest.next(), None);
        }
    }
}

//! Names as convention sees them.

/// Letters and digits in lower case: `DBInstanceIdentifier` and `db_instance_identifier` are the same.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The words of a name in snake case or camel case, in lower case: `DBInstanceId` is db, instance, id.
pub(crate) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        let begins = letter.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit())
                || after.is_some_and(char::is_ascii_lowercase));
        if begins || !letter.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A name in snake case as one in camel case: `disk_iops_read_only` is `diskIopsReadOnly`.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split('_').filter(|word| !word.is_empty()) {
        if camel.is_empty() {
            camel.push_str(word);
        } else {
            camel.push_str(&word[..1].to_ascii_uppercase());
            camel.push_str(&word[1..]);
        }
    }
    camel
}

/// Without the mark of the plural at the end.
pub(crate) fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        format!("{stem}y")
    } else if ["sses", "xes", "ches", "shes"].iter().any(|end| name.ends_with(end)) {
        name[..name.len() - 2].to_owned()
    } else if name.ends_with("ss") {
        name.to_owned()
    } else {
        name.strip_suffix('s').unwrap_or(name).to_owned()
    }
}

/// What convention may leave out at the beginning of names of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    /// The words of the kind's name.
    words: Vec<String>,
    /// What the table says besides, as it stands at the beginning of properties.
    prefixes: Vec<String>,
}

impl Vocabulary {
    /// `cloud` is the word that the names of all kinds of the cloud begin with.
    pub(crate) fn new(kind: &str, cloud: &str, prefixes: Vec<String>) -> Self {
        let mut words = words(kind);
        if words.first().is_some_and(|word| word == cloud) {
            words.remove(0);
        }
        Self { words, prefixes }
    }

    /// With the word that most of the kind's own properties begin with, if there is one.
    pub(crate) fn with_habit<'n>(mut self, properties: impl Iterator<Item = &'n str>) -> Self {
        let firsts: Vec<&str> = properties.map(|name| name.split('_').next().unwrap_or(name)).collect();
        let often = |word: &&str| firsts.iter().filter(|first| *first == word).count();
        if let Some(word) = firsts.iter().max_by_key(|word| often(word))
            && often(word) >= 3
            && often(word) * 2 >= firsts.len()
        {
            self.prefixes.push(format!("{word}_"));
        }
        self
    }

    /// The name, and what is left of it without prefixes, the longest first.
    pub(crate) fn of_property(&self, name: &str) -> Vec<String> {
        let mut names = vec![plain(name)];
        for prefix in &self.prefixes {
            names.extend(name.strip_prefix(prefix.as_str()).map(plain));
        }
        let parts = words(name);
        let own = parts.iter().take_while(|word| self.words.contains(word)).count();
        names.extend((1..=own).map(|count| parts[count..].concat()));
        names.retain(|name| !name.is_empty());
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.dedup();
        names
    }

    /// What is left of the name of a member without words of the kind at its beginning.
    pub(crate) fn of_member(&self, name: &str) -> Vec<String> {
        let parts = words(name);
        let own = parts.iter().take_while(|word| self.words.contains(word)).count();
        (1..=own).map(|count| parts[count..].concat()).filter(|name| !name.is_empty()).collect()
    }

    /// What things of this kind may be called: for `cloud_ec2_instance` these are `ec2instance` and `instance`.
    pub(crate) fn nouns(&self) -> Vec<String> {
        (0..self.words.len()).map(|from| self.words[from..].concat()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_words() {
        for (name, expected) in [
            ("DBInstanceIdentifier", "db instance identifier"),
            ("kms_key_usage", "kms key usage"),
            ("VpcId", "vpc id"),
            ("privateIpv4Address", "private ipv4 address"),
            ("SSEDescription", "sse description"),
            ("bindIP", "bind ip"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
    }

    #[test]
    fn plurals_are_folded() {
        for (name, expected) in [
            ("policies", "policy"),
            ("securitygroups", "securitygroup"),
            ("address", "address"),
            ("addresses", "address"),
            ("status", "statu"),
            ("batches", "batch"),
        ] {
            assert_eq!(singular(name), expected);
        }
    }

    #[test]
    fn properties_lose_words_of_their_kind() {
        let vocabulary = Vocabulary::new("cloud_ec2_instance", "cloud", vec!["vm_".to_owned()]);
        assert_eq!(vocabulary.of_property("instance_state_name"), ["instancestatename", "statename"]);
        assert_eq!(vocabulary.of_property("vm_size"), ["vmsize", "size"]);
        assert_eq!(vocabulary.of_member("InstanceType"), ["type"]);
        assert_eq!(vocabulary.nouns(), ["ec2instance", "instance"]);
    }
}

//! Labels and selectors of a whole cluster: which objects a selector selects. No I/O.

use std::collections::HashMap;

use serde_json::Value;

/// Texts, each kept once: of a hundred thousand pods most labels are the same.
#[derive(Debug, Default)]
struct Texts(HashMap<Box<str>, u32>);

impl Texts {
    fn number(&mut self, text: String) -> u32 {
        // More than four billion different ones fit no memory.
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(text.into()).or_insert(next)
    }

    fn known(&self, text: &str) -> Option<u32> {
        self.0.get(text).copied()
    }
}

/// The labels of objects, by the number that adding them gives.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    texts: Texts,
    objects: Vec<Box<[u32]>>,
}

/// Which objects have a label in a namespace.
#[derive(Debug, Default)]
pub(crate) struct Index<T> {
    texts: Texts,
    by_label: HashMap<(u32, u32), Vec<u32>>,
    objects: Vec<(T, Box<[u32]>)>,
}

impl Labels {
    /// Keeps the labels of an object: its number.
    pub(crate) fn add(&mut self, namespace: &str, labels: Option<&Value>) -> usize {
        let labels = labels.and_then(Value::as_object).into_iter().flatten();
        let pairs = labels.filter_map(|(name, value)| Some(pair(name, value.as_str()?)));
        let namespace = self.texts.number(namespace.to_owned());
        let numbers = std::iter::once(namespace).chain(pairs.map(|pair| self.texts.number(pair)));
        self.objects.push(numbers.collect());
        self.objects.len() - 1
    }

    /// To be searched; `things` are what the numbers stand for.
    pub(crate) fn into_index<T>(self, things: impl Iterator<Item = (usize, T)>) -> Index<T> {
        let Self { texts, mut objects } = self;
        let mut index = Index { texts, by_label: HashMap::new(), objects: Vec::new() };
        for (number, thing) in things {
            let Some(numbers) = objects.get_mut(number).map(std::mem::take) else { continue };
            let at = u32::try_from(index.objects.len()).unwrap_or(u32::MAX);
            let Some((namespace, labels)) = numbers.split_first() else { continue };
            for label in labels {
                index.by_label.entry((*namespace, *label)).or_default().push(at);
            }
            index.objects.push((thing, labels.into()));
        }
        index
    }
}

impl<T: Copy> Index<T> {
    /// The objects of a namespace that have all of these labels. A selector without labels selects nothing.
    pub(crate) fn selected(&self, namespace: &str, selector: &Value) -> Vec<T> {
        let Some(selector) = selector.as_object().filter(|selector| !selector.is_empty()) else {
            return Vec::new();
        };
        let Some(namespace) = self.texts.known(namespace) else { return Vec::new() };
        let wanted = selector.iter().map(|(name, value)| self.texts.known(&pair(name, value.as_str()?)));
        let Some(wanted) = wanted.collect::<Option<Vec<u32>>>() else { return Vec::new() };
        let with = |label: &u32| self.by_label.get(&(namespace, *label)).map_or(&[][..], Vec::as_slice);
        let fewest = wanted.iter().map(with).min_by_key(|objects| objects.len()).unwrap_or_default();
        let objects = fewest.iter().filter_map(|at| self.objects.get(usize::try_from(*at).ok()?));
        let has_all = |labels: &[u32]| wanted.iter().all(|label| labels.contains(label));
        objects.filter(|(_, labels)| has_all(labels)).map(|(thing, _)| *thing).collect()
    }
}

/// No label has this character in it.
fn pair(name: &str, value: &str) -> String {
    format!("{name}\0{value}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_selects_what_has_all_of_its_labels_in_its_namespace() {
        let mut labels = Labels::default();
        let objects = [
            ("shop", json!({"app": "web", "tier": "front"})),
            ("shop", json!({"app": "web"})),
            ("other", json!({"app": "web", "tier": "front"})),
            ("shop", Value::Null),
        ];
        let numbers: Vec<_> =
            objects.iter().map(|(namespace, own)| labels.add(namespace, Some(own))).collect();
        let index = labels.into_index(numbers.into_iter().zip(['a', 'b', 'c', 'd']));
        let selected = |namespace: &str, selector: Value| {
            index.selected(namespace, &selector).into_iter().collect::<String>()
        };
        assert_eq!(selected("shop", json!({"app": "web"})), "ab");
        assert_eq!(selected("shop", json!({"app": "web", "tier": "front"})), "a");
        assert_eq!(selected("other", json!({"tier": "front"})), "c");
        for nothing in
            [json!({}), Value::Null, json!({"app": 1}), json!({"app": "web", "no": "such"}), json!("app")]
        {
            assert_eq!(selected("shop", nothing), "");
        }
        assert_eq!(selected("nowhere", json!({"app": "web"})), "");
    }
}

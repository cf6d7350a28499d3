//! One page of a list of keys: prefix, delimiter, and the position after which the page begins.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Which keys a page contains.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    pub(super) prefix: String,
    /// Keys that contain the delimiter after the prefix are summarized by their beginning up to the delimiter.
    pub(super) delimiter: Option<String>,
    /// The last key or common prefix of the previous page.
    pub(super) after: String,
    pub(super) max_entries: usize,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page<'a, T> {
    pub(super) entries: Vec<(&'a str, &'a T)>,
    /// The beginnings that keys have in common.
    pub(super) common_prefixes: Vec<String>,
    /// The position after which the next page begins. None if this page is the last one.
    pub(super) next: Option<String>,
}

/// Selects a page of the values, in the order of their keys' bytes.
pub(super) fn page_of<'a, T>(values: &'a BTreeMap<String, T>, selection: &Selection) -> Page<'a, T> {
    let Selection { prefix, delimiter, after, max_entries } = selection;
    let mut page = Page { entries: Vec::new(), common_prefixes: Vec::new(), next: None };
    let mut last: Option<String> = None;
    let start = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
    for (key, value) in values.range::<String, _>((start, Bound::Unbounded)) {
        if !key.starts_with(prefix.as_str()) {
            break;
        }
        let common = delimiter.as_ref().filter(|delimiter| !delimiter.is_empty()).and_then(|delimiter| {
            let end = key[prefix.len()..].find(delimiter.as_str())?;
            Some(&key[..prefix.len() + end + delimiter.len()])
        });
        let position = common.unwrap_or(key);
        // A common prefix is listed once, even if its keys continue on the next page.
        if common.is_some() && (last.as_deref() == Some(position) || after == position) {
            continue;
        }
        if page.entries.len() + page.common_prefixes.len() == *max_entries {
            page.next = last;
            break;
        }
        match common {
            Some(common) => page.common_prefixes.push(common.to_owned()),
            None => page.entries.push((key, value)),
        }
        last = Some(position.to_owned());
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn values(keys: &[&str]) -> BTreeMap<String, u8> {
        keys.iter().map(|key| ((*key).to_owned(), 0)).collect()
    }

    fn keys<'a>(page: &Page<'a, u8>) -> Vec<&'a str> {
        page.entries.iter().map(|(key, _)| *key).collect()
    }

    #[test]
    fn delimiter_summarizes_keys_by_their_common_prefix() {
        let values = values(&["a", "photos/2025/1", "photos/2026/1", "photos/2026/2", "photos/index"]);
        let selection = Selection {
            prefix: "photos/".to_owned(),
            delimiter: Some("/".to_owned()),
            max_entries: 1000,
            ..Selection::default()
        };
        let page = page_of(&values, &selection);
        assert_eq!((keys(&page), page.next), (vec!["photos/index"], None));
        assert_eq!(page.common_prefixes, ["photos/2025/", "photos/2026/"]);
    }

    #[test]
    fn page_without_entries_is_the_last_one() {
        let values = values(&["a"]);
        let page = page_of(&values, &Selection::default());
        assert_eq!((keys(&page), page.next), (vec![], None));
    }

    proptest! {
        #[test]
        fn pages_together_are_the_whole_list(
            keys in prop::collection::btree_set("[a/b]{0,6}", 0..30),
            prefix in "[a/]{0,2}",
            has_delimiter: bool,
            max_entries in 1_usize..5,
        ) {
            let values: BTreeMap<String, u8> = keys.iter().map(|key| (key.clone(), 0)).collect();
            let delimiter = has_delimiter.then(|| "/".to_owned());
            let mut selection = Selection { prefix: prefix.clone(), delimiter, after: String::new(), max_entries };
            let (mut listed, mut common) = (Vec::new(), Vec::new());
            loop {
                let page = page_of(&values, &selection);
                prop_assert!(page.entries.len() + page.common_prefixes.len() <= max_entries);
                listed.extend(page.entries.iter().map(|(key, _)| (*key).to_owned()));
                common.extend(page.common_prefixes);
                match page.next {
                    Some(next) => selection.after = next,
                    None => break,
                }
            }
            // The empty key cannot exist in a bucket.
            let selected = keys.iter().filter(|key| key.starts_with(&prefix) && !key.is_empty());
            let (grouped, single): (Vec<_>, Vec<_>) = selected.partition(|key| has_delimiter && key[prefix.len()..].contains('/'));
            let groups: BTreeSet<String> = grouped
                .iter()
                .map(|key| key[..=prefix.len() + key[prefix.len()..].find('/').unwrap()].to_owned())
                .collect();
            prop_assert_eq!(listed, single.into_iter().cloned().collect::<Vec<_>>());
            prop_assert_eq!(common, groups.into_iter().collect::<Vec<_>>());
        }
    }
}

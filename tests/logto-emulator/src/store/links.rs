//! A relation table: pairs of ids, each pair once.

use std::collections::HashMap;

use super::Violation;

/// Pairs (left, right), found from either side in the order of their making.
#[derive(Default)]
pub(crate) struct Links {
    rights: HashMap<String, Vec<String>>,
    lefts: HashMap<String, Vec<String>>,
}

impl Links {
    pub(crate) fn insert(&mut self, left: &str, right: &str) -> Result<(), Violation> {
        if self.contains(left, right) {
            return Err(Violation::Unique);
        }
        self.rights
            .entry(left.to_owned())
            .or_default()
            .push(right.to_owned());
        self.lefts
            .entry(right.to_owned())
            .or_default()
            .push(left.to_owned());
        Ok(())
    }

    pub(crate) fn contains(&self, left: &str, right: &str) -> bool {
        self.rights_of(left).iter().any(|held| held == right)
    }

    pub(crate) fn rights_of(&self, left: &str) -> &[String] {
        self.rights.get(left).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn lefts_of(&self, right: &str) -> &[String] {
        self.lefts.get(right).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn remove(&mut self, left: &str, right: &str) -> Result<(), Violation> {
        if !self.contains(left, right) {
            return Err(Violation::Missing);
        }
        take_from(&mut self.rights, left, right);
        take_from(&mut self.lefts, right, left);
        Ok(())
    }

    /// The cascade of a deleted left row.
    pub(crate) fn remove_left(&mut self, left: &str) {
        for right in self.rights.remove(left).unwrap_or_default() {
            take_from(&mut self.lefts, &right, left);
        }
    }

    /// The cascade of a deleted right row.
    pub(crate) fn remove_right(&mut self, right: &str) {
        for left in self.lefts.remove(right).unwrap_or_default() {
            take_from(&mut self.rights, &left, right);
        }
    }
}

fn take_from(side: &mut HashMap<String, Vec<String>>, key: &str, value: &str) {
    if let Some(values) = side.get_mut(key) {
        values.retain(|held| held != value);
        if values.is_empty() {
            side.remove(key);
        }
    }
}

//! One table of rows: found by id or by their unique key, listed in heap order.

use std::collections::{BTreeMap, HashMap};

use super::Violation;

/// What a table has to know of its rows.
pub(crate) trait Row: Clone {
    fn id(&self) -> &str;

    /// The row's unique key besides its id, where it has one.
    fn unique_key(&self) -> Option<String>;
}

/// Rows in heap order. As in PostgreSQL, an update writes the row anew at the end, so that a list read in pages
/// while rows change can miss one row and hold another twice.
pub(crate) struct Table<R> {
    rows: BTreeMap<u64, R>,
    place_of_id: HashMap<String, u64>,
    place_of_key: HashMap<String, u64>,
    next_place: u64,
}

impl<R: Row> Table<R> {
    pub(crate) fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            place_of_id: HashMap::new(),
            place_of_key: HashMap::new(),
            next_place: 0,
        }
    }

    pub(crate) fn insert(&mut self, row: R) -> Result<(), Violation> {
        if self.place_of_id.contains_key(row.id()) || self.key_is_taken(&row, None) {
            return Err(Violation::Unique);
        }
        let place = self.next_place;
        self.next_place += 1;
        if let Some(key) = row.unique_key() {
            self.place_of_key.insert(key, place);
        }
        self.place_of_id.insert(row.id().to_owned(), place);
        self.rows.insert(place, row);
        Ok(())
    }

    /// Writes `row` over the one with its id; it moves to the end of the heap.
    pub(crate) fn update(&mut self, row: R) -> Result<(), Violation> {
        let own_place = self.place_of_id.get(row.id()).copied();
        if own_place.is_none() {
            return Err(Violation::Missing);
        }
        if self.key_is_taken(&row, own_place) {
            return Err(Violation::Unique);
        }
        self.remove(row.id());
        self.insert(row)
    }

    fn key_is_taken(&self, row: &R, own_place: Option<u64>) -> bool {
        let holder = row
            .unique_key()
            .and_then(|key| self.place_of_key.get(&key).copied());
        holder.is_some() && holder != own_place
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<R> {
        let place = self.place_of_id.remove(id)?;
        let row = self.rows.remove(&place)?;
        if let Some(key) = row.unique_key() {
            self.place_of_key.remove(&key);
        }
        Some(row)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&R> {
        self.rows.get(self.place_of_id.get(id)?)
    }

    pub(crate) fn by_key(&self, key: &str) -> Option<&R> {
        self.rows.get(self.place_of_key.get(key)?)
    }

    /// Every row in heap order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &R> {
        self.rows.values()
    }
}

//! Compares an answer with the recorded one, and learns what differs from run to run.

use std::collections::BTreeMap;

use serde_json::Value;

/// Where a value is made anew in each run, and stays the same from then on.
const LEARNED_TEXTS: [&str; 5] = ["id", "jti", "kid", "x", "y"];
const LEARNED_TIMES: [&str; 2] = ["createdAt", "updatedAt"];
/// Times of a token: two that were recorded in one second need not be made in one here. The session compares lives.
const FREE_TIMES: [&str; 2] = ["iat", "exp"];

/// The origin of the Logto that was recorded.
const RECORDED_ORIGIN: &str = "http://localhost:3011";

/// What stands for what: a recorded value and the emulator's.
pub struct Learned {
    origin: String,
    texts: BTreeMap<String, String>,
    times: BTreeMap<u64, u64>,
}

impl Learned {
    pub fn new(origin: String) -> Self {
        Self {
            origin,
            texts: BTreeMap::new(),
            times: BTreeMap::new(),
        }
    }

    /// A recorded text with everything known put in.
    pub fn translate(&self, recorded: &str) -> String {
        let mut text = recorded.replace(RECORDED_ORIGIN, &self.origin);
        for (theirs, ours) in &self.texts {
            text = text.replace(theirs, ours);
        }
        text
    }

    /// A recorded value with everything known put in.
    pub fn translate_all(&self, recorded: &Value) -> Value {
        match recorded {
            Value::String(text) => Value::String(self.translate(text)),
            Value::Array(items) => items.iter().map(|item| self.translate_all(item)).collect(),
            Value::Object(map) => {
                let entries = map.iter();
                let translated = entries.map(|(key, item)| (key.clone(), self.translate_all(item)));
                Value::Object(translated.collect())
            }
            other => other.clone(),
        }
    }

    /// Every difference between a recorded value and ours; `at` says where it stands, `key` is its key.
    pub fn differences(
        &mut self,
        at: &str,
        key: &str,
        recorded: &Value,
        ours: &Value,
    ) -> Vec<String> {
        match (recorded, ours) {
            (Value::Object(_), Value::Object(_)) => self.object_differences(at, recorded, ours),
            (Value::Array(theirs), Value::Array(ours)) => {
                self.array_differences(at, key, theirs, ours)
            }
            (Value::String(theirs), Value::String(mine)) if self.same_text(key, theirs, mine) => {
                Vec::new()
            }
            (Value::Number(theirs), Value::Number(mine))
                if self.same_time(key, theirs.as_u64(), mine.as_u64()) =>
            {
                Vec::new()
            }
            (theirs, mine) if theirs == mine => Vec::new(),
            (theirs, mine) => vec![format!("{at}: recorded {theirs}, here {mine}")],
        }
    }

    fn object_differences(&mut self, at: &str, recorded: &Value, ours: &Value) -> Vec<String> {
        let (Some(theirs), Some(mine)) = (recorded.as_object(), ours.as_object()) else {
            return Vec::new();
        };
        let mut differences = Vec::new();
        for (key, value) in theirs {
            match mine.get(key) {
                None => differences.push(format!("{at}.{key}: recorded {value}, missing here")),
                Some(own) => {
                    differences.extend(self.differences(&format!("{at}.{key}"), key, value, own));
                }
            }
        }
        for (key, own) in mine.iter().filter(|(key, _)| !theirs.contains_key(*key)) {
            differences.push(format!("{at}.{key}: not recorded, here {own}"));
        }
        differences
    }

    /// Rows (objects with an id) have no promised order; everything else has.
    fn array_differences(
        &mut self,
        at: &str,
        key: &str,
        theirs: &[Value],
        ours: &[Value],
    ) -> Vec<String> {
        if theirs.len() != ours.len() {
            let (theirs, ours) = (theirs.len(), ours.len());
            return vec![format!("{at}: recorded {theirs} items, here {ours}")];
        }
        let mut differences = Vec::new();
        for (index, row) in theirs.iter().enumerate() {
            let own = match row.get("id") {
                Some(_) => self.row_like(row, ours),
                None => ours.get(index),
            };
            let at = format!("{at}[{index}]");
            match own {
                Some(own) => differences.extend(self.differences(&at, key, row, own)),
                None => differences.push(format!("{at}: recorded {row}, no such row here")),
            }
        }
        differences
    }

    fn row_like<'a>(&self, row: &Value, ours: &'a [Value]) -> Option<&'a Value> {
        let id = self.translate_all(&row["id"]);
        let by_id = ours.iter().find(|own| own["id"] == id);
        by_id.or_else(|| ours.iter().find(|own| own["name"] == row["name"]))
    }

    fn same_text(&mut self, key: &str, theirs: &str, ours: &str) -> bool {
        let masked = theirs.starts_with('<') && theirs.ends_with('>');
        if masked {
            return !ours.is_empty();
        }
        if self.translate(theirs) == ours {
            return true;
        }
        let new = !self.texts.contains_key(theirs) && !self.texts.values().any(|text| text == ours);
        let learned = LEARNED_TEXTS.contains(&key) && new && theirs.len() == ours.len();
        if learned {
            self.texts.insert(theirs.to_owned(), ours.to_owned());
        }
        learned
    }

    fn same_time(&mut self, key: &str, theirs: Option<u64>, ours: Option<u64>) -> bool {
        let (Some(theirs), Some(ours)) = (theirs, ours) else {
            return false;
        };
        let is_free = FREE_TIMES.contains(&key);
        if !is_free && !LEARNED_TIMES.contains(&key) {
            return false;
        }
        // Seconds stay seconds, milliseconds stay milliseconds.
        let same_unit = theirs.to_string().len() == ours.to_string().len();
        same_unit && (is_free || *self.times.entry(theirs).or_insert(ours) == ours)
    }
}

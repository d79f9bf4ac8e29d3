//! What is counted only when somebody asks: how the objects are that the controllers know.

use std::{collections::HashMap, fmt::Debug};

/// More reasons than there are; a status that somebody else wrote can not bring more.
const MOST: usize = 200;

/// How many objects there are of each kind, by what their condition Ready says.
#[derive(Debug, Default)]
pub struct Count {
    pub(super) objects: HashMap<(&'static str, String, String), i64>,
    /// Whether each LogtoTenant's Logto answers, by `<namespace>/<name>`.
    pub(super) connected: HashMap<String, bool>,
}

impl Count {
    /// Counts an object.
    pub fn object(&mut self, kind: &'static str, ready: &str, reason: &str) {
        let at = (kind, ready.to_owned(), reason.to_owned());
        if self.objects.len() < MOST || self.objects.contains_key(&at) {
            *self.objects.entry(at).or_default() += 1;
        }
    }

    /// Notes whether a tenant's Logto answers.
    pub fn tenant(&mut self, tenant: String, answers: bool) {
        self.connected.insert(tenant, answers);
    }
}

/// Who knows the objects.
pub trait Census: Debug + Send + Sync {
    /// Counts all of them.
    fn count(&self) -> Count;
}

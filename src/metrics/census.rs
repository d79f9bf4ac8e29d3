//! What is counted only when somebody asks: how the objects are that the controllers know.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
};

/// More reasons than there are; a status that somebody else wrote can not bring more.
const MOST: usize = 200;

/// How many objects there are of each kind, by what their condition Ready says.
#[derive(Debug, Default)]
pub struct Count {
    pub(super) objects: HashMap<(&'static str, String, String), i64>,
    /// The LogtoTenants that there are, by `<namespace>/<name>`.
    pub(super) tenants: HashSet<String>,
    /// Whether the Logto of each that is looked at answers.
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

    /// Notes that there is a tenant, and whether its Logto answers, if anybody looks.
    pub fn tenant(&mut self, tenant: &str, answers: Option<bool>) {
        self.tenants.insert(tenant.to_owned());
        if let Some(answers) = answers {
            self.connected.insert(tenant.to_owned(), answers);
        }
    }
}

/// Who knows the objects.
pub trait Census: Debug + Send + Sync {
    /// Counts all of them.
    fn count(&self) -> Count;
}

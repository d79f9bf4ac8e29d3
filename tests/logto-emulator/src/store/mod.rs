//! The tenant's data with the constraints and cascades of Logto's database schema.

mod applications;
mod custom_jwt;
mod links;
mod organizations;
mod resources;
mod roles;
mod rows;
mod seed;
mod subject_tokens;
mod table;
mod users;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

pub(crate) use applications::NewApplication;
pub use custom_jwt::TokenKind;
pub(crate) use organizations::OrganizationRole;
pub use rows::{
    Application, ApplicationSecret, ApplicationType, Organization, Resource, Role, RoleType, Scope,
    User,
};
pub(crate) use rows::{TENANT_ID, scope_key};
pub(crate) use seed::{MANAGEMENT_API_ROLE, MANAGEMENT_RESOURCE_ID, Seed};
pub(crate) use subject_tokens::{SUBJECT_TOKEN_LIFE_SECONDS, SubjectToken};

use links::Links;
use table::Table;

/// Why the database refused a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A unique key is taken, or a link is there already.
    Unique,
    /// The row refers to one that is not there.
    ForeignKey,
    /// A role of one type can not be given to a holder of the other.
    Check,
    /// There is no such row or link.
    Missing,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unique => "a unique key is taken",
            Self::ForeignKey => "the row refers to one that is not there",
            Self::Check => "the role's type does not fit its holder",
            Self::Missing => "there is no such row",
        })
    }
}

impl std::error::Error for Violation {}

/// All tables of the tenant.
pub(crate) struct Store {
    resources: Table<Resource>,
    scopes: Table<Scope>,
    roles: Table<Role>,
    users: Table<User>,
    applications: Table<Application>,
    secrets: Vec<ApplicationSecret>,
    role_scopes: Links,
    user_roles: Links,
    application_roles: Links,
    /// Third-party applications and the scopes that they may ask for.
    consent_scopes: Links,
    organizations: Vec<Organization>,
    /// What users hold in organizations.
    organization_roles: Vec<OrganizationRole>,
    custom_jwt: BTreeMap<TokenKind, Map<String, Value>>,
    subject_tokens: HashMap<String, SubjectToken>,
}

impl Store {
    fn empty() -> Self {
        Self {
            resources: Table::new(),
            scopes: Table::new(),
            roles: Table::new(),
            users: Table::new(),
            applications: Table::new(),
            secrets: Vec::new(),
            role_scopes: Links::default(),
            user_roles: Links::default(),
            application_roles: Links::default(),
            consent_scopes: Links::default(),
            organizations: Vec::new(),
            organization_roles: Vec::new(),
            custom_jwt: BTreeMap::new(),
            subject_tokens: HashMap::new(),
        }
    }
}

/// A random id of `length` characters of `[0-9a-z]`, as Logto makes them (21 characters, users 12).
pub(crate) fn random_id(length: usize) -> String {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    (0..length)
        .map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]))
        .collect()
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

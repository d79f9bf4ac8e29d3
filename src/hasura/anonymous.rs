//! The role that a container gives callers without a token, wherever it is set.
//!
//! Such callers choose their own session variables, so a role of signed-in users would let them be anybody.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;

use super::container::named;
use super::env::{AuthEnv, DesiredAuth, UNAUTHORIZED_ROLE};
use super::env_from::{EnvFromKeys, MAX_ROLE, Referenced, in_bounds};
use super::place::Place;
use super::refusal::{Note, Refusal};
use super::settings::{Setting, Settings, is_optional};

const FLAG: &str = "unauthorized-role";

/// The flag as a text names it.
const WRITTEN_FLAG: &str = "--unauthorized-role";

/// What is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AnonymousRole {
    /// Callers without a token are refused.
    None,
    /// They have this role.
    Is { place: Place, role: String },
    /// There is a sign of one that can not be read.
    Unknown { place: Place, why: &'static str },
}

/// The role that the container gives callers without a token, as far as it can be read.
pub fn anonymous_role(
    deployment: &Deployment,
    container: &str,
    env_from: &EnvFromKeys,
) -> Option<String> {
    let settings = Settings::of(named(deployment, container)?, env_from, None);
    match AnonymousRole::of(&settings) {
        AnonymousRole::Is { role, .. } => Some(role),
        AnonymousRole::None | AnonymousRole::Unknown { .. } => None,
    }
}

impl AnonymousRole {
    /// The flag goes before all, then what a shell sets, then `env`, then `envFrom`.
    pub(super) fn of(settings: &Settings<'_>) -> Self {
        if settings.flag(FLAG).is_none()
            && let Some(place) = in_text(settings)
        {
            let why = "what is set there wins over the env; take it out of the command and args, and set \
                       spec.auth.unauthorizedRole of the HasuraInstance";
            return Self::Unknown { place, why };
        }
        let Some(setting) = settings.effective(FLAG, UNAUTHORIZED_ROLE) else {
            return Self::None;
        };
        let place = setting.place();
        match setting {
            Setting::Flag { value, .. } => Self::Is {
                place,
                role: in_bounds(value),
            },
            Setting::Literal { value, .. } => match expanded(settings, value) {
                Some(role) => Self::Is { place, role },
                None => {
                    let why = "it is made of variables whose values are not read; give it as a plain value, or set \
                               spec.auth.unauthorizedRole of the HasuraInstance in its place";
                    Self::Unknown { place, why }
                }
            },
            Setting::Reference { from, .. } => match &settings.env_from.referenced_role {
                Some(Referenced::Value(role)) => Self::Is {
                    place,
                    role: role.clone(),
                },
                // The entry is as if it were not there, so that one before it counts.
                Some(Referenced::Absent) if is_optional(from) => {
                    if settings.entries(UNAUTHORIZED_ROLE).nth(1).is_none() {
                        return Self::by_source(settings);
                    }
                    let why = "the env holds it twice, and what its last entry refers to is not there; leave one of them";
                    Self::Unknown { place, why }
                }
                // No pod starts before it is there.
                Some(Referenced::Absent) => Self::None,
                Some(Referenced::Unread) | None => {
                    let why = "the operator can not read what it refers to; let it get that, or take the entry out and \
                               set spec.auth.unauthorizedRole of the HasuraInstance";
                    Self::Unknown { place, why }
                }
            },
            Setting::EnvFrom { .. } => Self::by_source(settings),
        }
    }

    /// What `envFrom` gives.
    fn by_source(settings: &Settings<'_>) -> Self {
        let source = settings.env_from.setting(UNAUTHORIZED_ROLE);
        let found = source.and_then(|source| Some((source, source.role.clone()?)));
        found.map_or(Self::None, |(source, role)| {
            let name = UNAUTHORIZED_ROLE;
            let place = Setting::EnvFrom { name, source }.place();
            Self::Is { place, role }
        })
    }

    /// A role that Hasura does not start with, or that is the superuser's.
    pub(super) fn invalid(&self) -> Option<Refusal> {
        let Self::Is { place, role } = self else {
            return None;
        };
        let is_invalid = role.is_empty() || role.eq_ignore_ascii_case("admin");
        is_invalid.then(|| Refusal::UnauthorizedRoleInvalid {
            place: place.clone(),
            role: role.clone(),
        })
    }

    /// Somebody else's role that is also a role of signed-in users.
    pub(super) fn bound(&self, bound_roles: &BTreeSet<String>) -> Option<Refusal> {
        let Self::Is { place, role } = self else {
            return None;
        };
        bound_roles
            .contains(role)
            .then(|| Refusal::UnauthorizedRoleBound {
                place: place.clone(),
                role: role.clone(),
            })
    }

    /// A role that may be anybody's.
    pub(super) fn unknown(&self) -> Option<Refusal> {
        let Self::Unknown { place, why } = self else {
            return None;
        };
        Some(Refusal::UnauthorizedRoleUnknown {
            place: place.clone(),
            why,
        })
    }

    /// That somebody else than the operator sets it.
    pub(super) fn unmanaged(&self, desired: Option<&DesiredAuth>) -> Option<Note> {
        if let Some(AuthEnv::Jwt {
            unauthorized_role: Some(_),
            ..
        }) = desired.map(|desired| &desired.env)
        {
            return None;
        }
        let role = match self {
            Self::None => return None,
            Self::Is { place, role } => (!place.is_in_secret()).then(|| role.clone()),
            Self::Unknown { .. } => None,
        };
        Some(Note::UnauthorizedRoleUnmanaged { role })
    }
}

/// A sign that the shell or program which starts Hasura sets it.
pub(super) fn in_text(settings: &Settings<'_>) -> Option<Place> {
    let signs = [UNAUTHORIZED_ROLE, WRITTEN_FLAG];
    let sign = signs
        .into_iter()
        .find(|name| settings.command.names(name))?;
    Some(Place::Command(sign))
}

/// The value of the role's env entry as a pod gets it; none when it holds a value that is not read, or gets too long.
///
/// Kubernetes replaces each `$(NAME)` of an entry before it, also of one of the same name, or of `envFrom`; an unknown one
/// stays, and `$$` is one dollar.
fn expanded(settings: &Settings<'_>, text: &str) -> Option<String> {
    let mut role = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        role.push_str(before);
        let reference = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'));
        rest = match (after.strip_prefix('$'), reference) {
            (Some(after), _) => {
                role.push('$');
                after
            }
            (None, Some((name, after))) => {
                match earlier(settings, name)? {
                    Some(value) => role.push_str(value),
                    None => role.extend(["$(", name, ")"]),
                }
                after
            }
            (None, None) => {
                role.push('$');
                after
            }
        };
        if role.len() > 8 * MAX_ROLE {
            return None;
        }
    }
    Some(in_bounds(&(role + rest)))
}

/// The plain value of a variable that the role's entry may refer to; `Some(None)` when there is no such variable, and nothing
/// when it is one whose value is not read.
fn earlier<'a>(settings: &Settings<'a>, name: &str) -> Option<Option<&'a str>> {
    // The last of several entries counts, and it may refer to the others.
    let mut entries = settings.env.iter().rev();
    if settings.entries(UNAUTHORIZED_ROLE).next().is_some() {
        entries.find(|entry| entry.name == UNAUTHORIZED_ROLE);
    }
    match entries.find(|entry| entry.name == name) {
        Some(entry) if entry.value_from.is_some() => None,
        Some(entry) => {
            let value = entry.value.as_deref().unwrap_or_default();
            (!value.contains('$')).then_some(Some(value))
        }
        None => {
            let sources = settings.env_from;
            let hidden = sources.setting(name).or_else(|| sources.unread(name));
            hidden.is_none().then_some(None)
        }
    }
}

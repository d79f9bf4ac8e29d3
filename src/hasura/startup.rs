//! Hasura's start-up rules, judged on the Deployment that a dry run gave back.
//!
//! They are those of `setupAuthMode` in `server/src-lib/Hasura/Server/Auth.hs` of hasura/graphql-engine, with the flags and
//! variables of `Init/Arg/Command/Serve.hs`.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;

use super::Target;
use super::anonymous::{AnonymousRole, in_text};
use super::command::Command;
use super::container::named;
use super::env::{AUTH_HASH, AUTH_HOOK, AuthEnv, DesiredAuth, JWT_SECRET, UNAUTHORIZED_ROLE};
use super::env_from::{EnvFromKeys, Keys};
use super::live::key_hash;
use super::place::Place;
use super::progress::is_unprobed;
use super::refusal::{Note, Refusal, Refused};
use super::settings::{Setting, Settings, is_optional};
use super::strategy::stops_all_pods;
use super::visibility::{own_start, sets_auth};

const ADMIN_SECRET: &str = "HASURA_GRAPHQL_ADMIN_SECRET";
const ACCESS_KEY: &str = "HASURA_GRAPHQL_ACCESS_KEY";
const ADMIN_SECRETS: &str = "HASURA_GRAPHQL_ADMIN_SECRETS";
const DISABLE_ADMIN_SECRET: &str = "HASURA_GRAPHQL_DISABLE_ADMIN_SECRET";
pub(super) const JWT_SECRETS: &str = "HASURA_GRAPHQL_JWT_SECRETS";
const AUTH_HOOK_TYPE: &str = "HASURA_GRAPHQL_AUTH_HOOK_TYPE";

/// What is to be judged.
pub struct Proposal<'a> {
    /// The Deployment as it would be.
    pub deployment: &'a Deployment,
    /// Name of Hasura's container.
    pub container: &'a str,
    /// What the operator sets; nothing when it takes its entries away.
    pub desired: Option<&'a DesiredAuth>,
    /// Roles of signed-in users, which callers without a token must not have in mode JWT, nor once the entries are gone.
    pub bound_roles: &'a BTreeSet<String>,
    /// What `envFrom` of that container brings.
    pub env_from: &'a EnvFromKeys,
    /// Whether the pod template changes, so that pods are replaced.
    pub rolls: bool,
    /// Whether all old pods may be stopped before a new one is ready.
    pub allow_recreate: bool,
}

/// Judges whether Hasura would start, and be safe, as proposed.
///
/// # Errors
/// [`Refused`] with all causes. What can not be seen (a shell, an unreadable source) is a [`Note`], except for the admin secret:
/// without one Hasura may take everybody for admin, so it has to be seen.
pub fn judge(proposal: &Proposal<'_>) -> Result<Vec<Note>, Refused> {
    // A container that is gone takes the entries with it: there is nothing left to judge.
    let Some(container) = named(proposal.deployment, proposal.container) else {
        return Ok(Vec::new());
    };
    let settings = Settings::of(container, proposal.env_from, proposal.desired);
    let mut refusals = Vec::new();
    refusals.extend(admin_secret(&settings));
    let role = AnonymousRole::of(&settings);
    refusals.extend(role.invalid());
    match proposal.desired.map(|desired| &desired.env) {
        Some(AuthEnv::Jwt {
            unauthorized_role: ours,
            ..
        }) => {
            if ours.is_none() {
                refusals.extend(role.bound(proposal.bound_roles));
            }
            refusals.extend(role.unknown());
            refusals.extend(hook_beside_jwt(&settings));
            refusals.extend(set_by_command(&settings));
            refusals.extend(winning_flags(
                &settings,
                &["jwt-secret", "jwt-secrets", "unauthorized-role"],
            ));
            refusals.extend(plural_secret(&settings));
        }
        Some(AuthEnv::Webhook { .. }) => {
            refusals.extend(jwt_beside_hook(&settings));
            refusals.extend(role_beside_hook(&settings));
            refusals.extend(hook_type(&settings));
            refusals.extend(set_by_command(&settings));
            refusals.extend(winning_flags(&settings, &["auth-hook", "auth-hook-mode"]));
        }
        None => {
            // One by envFrom works again; removing ours makes no other worse.
            if let AnonymousRole::Is { place, .. } = &role
                && matches!(place, Place::EnvFrom { .. })
            {
                refusals.extend(role.bound(proposal.bound_roles));
            }
            refusals.extend(hook_beside_jwt(&settings));
        }
    }
    if let Some(desired) = proposal.desired {
        refusals.extend(not_kept(proposal.deployment, &settings, desired));
    }
    refusals.extend(strategy(proposal));
    if refusals.is_empty() {
        return Ok(notes(proposal, container, &settings, &role));
    }
    refusals.sort();
    let takes_from_objects = settings.takes_from_objects();
    let mut all = refusals.iter();
    let unwatched = all.any(|refusal| refusal.may_end_unseen(takes_from_objects));
    Err(Refused {
        target: Target::new(proposal.deployment, proposal.container),
        refusals,
        unwatched,
    })
}

fn admin_secret(settings: &Settings<'_>) -> Option<Refusal> {
    let disabled = admin_secret_disabled(settings);
    if let Some(place) = &disabled
        && jwt(settings).is_none()
        && hook(settings).is_none()
    {
        let place = place.clone();
        return Some(Refusal::NothingAuthenticates { place });
    }
    match admin_setting(settings) {
        Some(setting) if setting.value() == Some("") => Some(Refusal::AdminSecretEmpty {
            place: setting.place(),
        }),
        Some(Setting::Reference { name, from }) if is_optional(from) => {
            let why = "comes from an optional reference, and Hasura starts without it";
            Some(Refusal::AdminSecretUnknown {
                why: format!("{name} {why}"),
            })
        }
        Some(_) => None,
        None if disabled.is_some() => None,
        None => Some(no_admin_secret(settings)),
    }
}

/// What is taken for the admin secret.
pub(super) fn admin_setting<'a>(settings: &Settings<'a>) -> Option<Setting<'a>> {
    settings
        .flag("admin-secret")
        .or_else(|| settings.flag("access-key"))
        .or_else(|| settings.variable(ADMIN_SECRET))
        .or_else(|| settings.variable(ACCESS_KEY))
}

fn no_admin_secret(settings: &Settings<'_>) -> Refusal {
    if let Some(plural) = settings.variable(ADMIN_SECRETS) {
        let why = format!("only Hasura Enterprise reads {}", plural.place());
        return Refusal::AdminSecretUnknown { why };
    }
    if let Some(source) = settings.env_from.unread(ADMIN_SECRET) {
        let why = format!(
            "the operator may not read envFrom {source} (the right to get it would do; for a Secret, that is the Helm \
             chart's value secrets)"
        );
        return Refusal::AdminSecretUnknown { why };
    }
    match own_start(settings).first() {
        Some(unseen) => Refusal::AdminSecretUnknown {
            why: unseen.to_string(),
        },
        None => Refusal::AdminSecretMissing,
    }
}

/// Where the admin secret is disabled, if it visibly is.
fn admin_secret_disabled(settings: &Settings<'_>) -> Option<Place> {
    let by_flag = settings.flag("disable-admin-secret");
    let by_variable = settings.variable(DISABLE_ADMIN_SECRET).filter(|setting| {
        setting.value().is_some_and(|value| {
            ["true", "t", "yes", "y", "1"].contains(&value.to_ascii_lowercase().as_str())
        })
    });
    by_flag.or(by_variable).map(|setting| setting.place())
}

fn jwt<'a>(settings: &Settings<'a>) -> Option<Setting<'a>> {
    settings.effective("jwt-secret", JWT_SECRET)
}

fn hook<'a>(settings: &Settings<'a>) -> Option<Setting<'a>> {
    settings.effective("auth-hook", AUTH_HOOK)
}

/// Even an empty address counts as a webhook.
fn hook_beside_jwt(settings: &Settings<'_>) -> Option<Refusal> {
    jwt(settings)?;
    let place = hook(settings)?.place();
    Some(Refusal::AuthHookSet { place })
}

/// A JWT secret that is not the operator's, singular or plural: the Enterprise Edition reads both.
fn jwt_beside_hook(settings: &Settings<'_>) -> Option<Refusal> {
    let plural = || settings.effective("jwt-secrets", JWT_SECRETS);
    let place = jwt(settings).or_else(plural)?.place();
    Some(Refusal::JwtSecretSet { place })
}

fn role_beside_hook(settings: &Settings<'_>) -> Option<Refusal> {
    let setting = settings.effective("unauthorized-role", UNAUTHORIZED_ROLE);
    let place = setting.map(|setting| setting.place());
    let place = place.or_else(|| in_text(settings))?;
    Some(Refusal::UnauthorizedRoleBesideHook { place })
}

/// The operator's AUTH_HOOK_MODE wins over the older name, but Hasura reads both.
///
/// Source: hasura/graphql-engine `server/src-lib/Hasura/Server/Init.hs`, `mkAuthHook` and `considerEnvs`.
fn hook_type(settings: &Settings<'_>) -> Option<Refusal> {
    let setting = settings.variable(AUTH_HOOK_TYPE)?;
    let value = setting
        .value()
        .filter(|value| !["GET", "POST"].contains(value))?;
    Some(Refusal::HookTypeInvalid {
        place: setting.place(),
        value: value.to_owned(),
    })
}

/// What the shell or program that starts Hasura sets as the operator does.
fn set_by_command(settings: &Settings<'_>) -> Vec<Refusal> {
    let names = sets_auth(settings);
    names.map(|name| Refusal::CommandSets { name }).collect()
}

/// Flags that win over the operator's entries.
fn winning_flags(settings: &Settings<'_>, flags: &[&'static str]) -> Vec<Refusal> {
    let set = flags.iter().filter(|flag| settings.flag(flag).is_some());
    set.map(|flag| Refusal::FlagWins { flag }).collect()
}

fn plural_secret(settings: &Settings<'_>) -> Option<Refusal> {
    let place = settings.variable(JWT_SECRETS)?.place();
    Some(Refusal::PluralWins { place })
}

fn not_kept(
    deployment: &Deployment,
    settings: &Settings<'_>,
    desired: &DesiredAuth,
) -> Vec<Refusal> {
    let lost_entry = |(name, value): &(&'static str, &str)| {
        if desired.delivered.is_some() {
            return settings.delivered(name) != Some(*value);
        }
        let mut found = settings.entries(name);
        let kept = found
            .next()
            .is_some_and(|e| e.value.as_deref() == Some(*value) && e.value_from.is_none());
        !kept || found.next().is_some()
    };
    let entries = desired.entries().into_iter().filter(lost_entry);
    let wanted = desired.key_hash.as_deref();
    let lost_hash = wanted.is_some() && key_hash(deployment) != wanted;
    entries
        .map(|(name, _)| name)
        .chain(lost_hash.then_some(AUTH_HASH))
        .map(|name| Refusal::EntryNotKept { name })
        .collect()
}

fn strategy(proposal: &Proposal<'_>) -> Option<Refusal> {
    if !proposal.rolls || proposal.allow_recreate {
        return None;
    }
    let strategy = stops_all_pods(proposal.deployment.spec.as_ref()?)?;
    Some(Refusal::StrategyStopsAllPods { strategy })
}

fn notes(
    proposal: &Proposal<'_>,
    container: &Container,
    settings: &Settings<'_>,
    role: &AnonymousRole,
) -> Vec<Note> {
    let mut notes = Vec::new();
    if matches!(settings.command, Command::Unreadable(_)) {
        notes.push(Note::CommandUnreadable);
    }
    for source in &settings.env_from.sources {
        let source_name = source.to_string();
        match source.keys {
            Keys::Unknown => notes.push(Note::EnvFromUnread { source_name }),
            Keys::Missing { optional: false } => notes.push(Note::EnvFromMissing { source_name }),
            Keys::Missing { optional: true } | Keys::Known(_) => {}
        }
    }
    if admin_secret_disabled(settings).is_some() {
        notes.push(Note::AdminSecretDisabled);
    }
    notes.extend(role.unmanaged(proposal.desired));
    if proposal.rolls && is_unprobed(container) {
        notes.push(Note::NoReadinessProbe);
    }
    notes
}

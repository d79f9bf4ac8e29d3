//! Why a patch is not applied, and what is worth saying about one that is.

use super::Target;
use super::place::Place;
use crate::api::conditions::reasons;

/// Hasura would not start, or not be safe, with the patched Deployment, so it was not patched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {}", sentences(refusals))]
pub struct Refused {
    /// What was judged.
    pub target: Target,
    /// All causes, the weightiest first; never empty.
    pub refusals: Vec<Refusal>,
    /// Whether a cause may end by a change that nobody sees: of an object that the container takes its env from, or of the
    /// right to read it.
    pub unwatched: bool,
}

impl Refused {
    /// The reason of the weightiest cause, for a condition.
    pub fn reason(&self) -> &'static str {
        self.refusals
            .first()
            .map_or(reasons::APPLY_FAILED, Refusal::reason)
    }
}

fn sentences(refusals: &[Refusal]) -> String {
    let all: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// One cause of a refusal, with its mend. The order of the variants is the order of weight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// Without an admin secret Hasura takes everybody for admin, or does not start in JWT mode.
    #[error(
        "Hasura has no admin secret; set HASURA_GRAPHQL_ADMIN_SECRET from a Secret in the container's env"
    )]
    AdminSecretMissing,
    /// The admin secret is the empty text.
    #[error("{place} is empty; give Hasura an admin secret from a Secret")]
    AdminSecretEmpty {
        /// Where it is set.
        place: Place,
    },
    /// There may be an admin secret, but that is not enough.
    #[error(
        "it can not be told whether Hasura has an admin secret: {why}; set HASURA_GRAPHQL_ADMIN_SECRET by a secretKeyRef in the container's env"
    )]
    AdminSecretUnknown {
        /// What stands between.
        why: String,
    },
    /// The admin secret is disabled and nothing else would authenticate.
    #[error(
        "{place} disables the admin secret and no other way to authenticate would be left; remove it first"
    )]
    NothingAuthenticates {
        /// Where it is disabled.
        place: Place,
    },
    /// A webhook beside the JWT secret.
    #[error(
        "{place} sets a webhook, and Hasura does not start with a webhook and a JWT secret; remove it"
    )]
    AuthHookSet {
        /// Where it is set.
        place: Place,
    },
    /// A JWT secret beside the webhook.
    #[error(
        "{place} sets a JWT secret, and Hasura does not start with a JWT secret and a webhook; remove it"
    )]
    JwtSecretSet {
        /// Where it is set.
        place: Place,
    },
    /// A role of requests without a token beside the webhook, which decides that itself.
    #[error(
        "{place} sets the role of requests without a token, and Hasura does not start with that and a webhook; remove it, and set spec.auth.unauthorizedRole of the HasuraInstance"
    )]
    UnauthorizedRoleBesideHook {
        /// Where it is set.
        place: Place,
    },
    /// Hasura reads this name for the webhook's method too, and stops at a bad value.
    #[error("{place} is {value:?}; Hasura starts with GET or POST there only; remove it")]
    HookTypeInvalid {
        /// Where it is set.
        place: Place,
        /// The value.
        value: String,
    },
    /// Callers without a token choose their own session variables, so they can not have a signed-in user's role.
    #[error(
        "{place} gives requests without a token the role {role:?}, which signed-in users have: such callers choose their own session variables; take the variable away, or do not bind the role"
    )]
    UnauthorizedRoleBound {
        /// Where it is set.
        place: Place,
        /// The value.
        role: String,
    },
    /// Callers without a token may have the role of a signed-in user.
    #[error("{place} gives requests without a token a role that can not be seen: {why}")]
    UnauthorizedRoleUnknown {
        /// Where it is set.
        place: Place,
        /// What stands between, with its mend.
        why: &'static str,
    },
    /// The shell or program that starts Hasura sets what the operator sets.
    #[error(
        "the container's command or args name {name} other than to read it, and what they set wins over the operator's env entry; take it out of them"
    )]
    CommandSets {
        /// The variable or flag.
        name: &'static str,
    },
    /// A flag wins over the variable that the operator sets.
    #[error(
        "the flag --{flag} wins over the operator's env entry; remove it from the container's command and args"
    )]
    FlagWins {
        /// The flag without dashes.
        flag: &'static str,
    },
    /// The plural secret wins in Hasura Enterprise, and is ignored by the Community Edition.
    #[error("{place} wins over HASURA_GRAPHQL_JWT_SECRET in Hasura Enterprise; remove it")]
    PluralWins {
        /// Where it is set.
        place: Place,
    },
    /// The cluster changed what was applied.
    #[error(
        "{name} would not have the value that the operator applies; look for another env entry of this name or a webhook that changes Deployments"
    )]
    EntryNotKept {
        /// The variable or annotation.
        name: &'static str,
    },
    /// Anonymous requests would be refused at start, or be superuser's.
    #[error("{place} is {role:?}; Hasura needs a role that is neither empty nor admin there")]
    UnauthorizedRoleInvalid {
        /// Where it is set.
        place: Place,
        /// The value.
        role: String,
    },
    /// The rollout would stop all old pods before a new one is ready.
    #[error(
        "the rollout strategy ({strategy}) stops all old pods before a new one is ready, so a failing start is an outage; use RollingUpdate with maxUnavailable 0, or set allowRecreate"
    )]
    StrategyStopsAllPods {
        /// The strategy in short.
        strategy: String,
    },
}

impl Refusal {
    /// The reason for a condition.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::AdminSecretMissing | Self::AdminSecretEmpty { .. } => {
                reasons::ADMIN_SECRET_MISSING
            }
            Self::AdminSecretUnknown { .. } => reasons::ADMIN_SECRET_UNKNOWN,
            Self::NothingAuthenticates { .. } => reasons::NOTHING_AUTHENTICATES,
            Self::AuthHookSet { .. } => reasons::AUTH_HOOK_SET,
            Self::JwtSecretSet { .. } => reasons::JWT_SECRET_SET,
            Self::UnauthorizedRoleBesideHook { .. } => reasons::UNAUTHORIZED_ROLE_INVALID,
            Self::HookTypeInvalid { .. } => reasons::AUTH_HOOK_SET,
            Self::UnauthorizedRoleBound { .. } => reasons::UNAUTHORIZED_ROLE_BOUND,
            Self::UnauthorizedRoleUnknown { .. } => reasons::UNAUTHORIZED_ROLE_UNKNOWN,
            Self::CommandSets { .. } => reasons::COMMAND_SETS_AUTH,
            Self::FlagWins { .. } => reasons::FLAG_WINS,
            Self::PluralWins { .. } => reasons::PLURAL_SECRET_WINS,
            Self::EntryNotKept { .. } => reasons::ENV_NOT_KEPT,
            Self::UnauthorizedRoleInvalid { .. } => reasons::UNAUTHORIZED_ROLE_INVALID,
            Self::StrategyStopsAllPods { .. } => reasons::STRATEGY_STOPS_ALL_PODS,
        }
    }

    /// Whether it may end by a change that nobody sees, where the container takes its env from objects or does not.
    pub(super) const fn may_end_unseen(&self, takes_from_objects: bool) -> bool {
        match self {
            // Any of them may come to hold one, or be read.
            Self::AdminSecretMissing | Self::AdminSecretUnknown { .. } => takes_from_objects,
            Self::AdminSecretEmpty { place }
            | Self::NothingAuthenticates { place }
            | Self::AuthHookSet { place }
            | Self::JwtSecretSet { place }
            | Self::UnauthorizedRoleBesideHook { place }
            | Self::HookTypeInvalid { place, .. }
            | Self::UnauthorizedRoleBound { place, .. }
            | Self::UnauthorizedRoleUnknown { place, .. }
            | Self::PluralWins { place }
            | Self::UnauthorizedRoleInvalid { place, .. } => !place.is_watched(),
            Self::CommandSets { .. }
            | Self::FlagWins { .. }
            | Self::EntryNotKept { .. }
            | Self::StrategyStopsAllPods { .. } => false,
        }
    }
}

/// What does not stop a patch but can not be judged, or weakens what the operator promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The container starts Hasura by a shell or a wrapper.
    #[error(
        "the container's command is not graphql-engine itself, so flags that win over the env can not be seen"
    )]
    CommandUnreadable,
    /// A source of `envFrom` can not be read.
    #[error(
        "envFrom {source_name} can not be read, so a webhook, a second JWT secret or a role for requests without a token in it can not be seen; allow the operator to get it"
    )]
    EnvFromUnread {
        /// Kind and name.
        source_name: String,
    },
    /// A source of `envFrom` that pods need is not there.
    #[error("envFrom {source_name} does not exist, so no new pod starts; create it")]
    EnvFromMissing {
        /// Kind and name.
        source_name: String,
    },
    /// Only recent releases know the setting.
    #[error(
        "the admin secret is disabled; Hasura before 2.50 ignores that and does not start without one"
    )]
    AdminSecretDisabled,
    /// Somebody else sets the role of requests without a token.
    #[error("requests without a token get {}, which the operator does not manage", role.as_ref().map_or("a role".to_owned(), |role| format!("the role {role:?}")))]
    UnauthorizedRoleUnmanaged {
        /// The role, where the Deployment tells it.
        role: Option<String>,
    },
    /// A pod counts as available although Hasura has not started.
    #[error(
        "the container has no readiness probe, so a failing start may replace pods that work; add one on /healthz"
    )]
    NoReadinessProbe,
}

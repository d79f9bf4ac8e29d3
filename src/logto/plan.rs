//! Limits of the plan of a Logto Cloud tenant. A self-hosted Logto has none.

use std::fmt;

use serde::Deserialize;

/// What a plan, or Logto Cloud as a whole, allows no more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanLimit {
    /// 429 `auth.exceed_token_limit`: the tokens of this billing period are used up, so nobody can sign in either.
    Tokens,
    /// 403 `subscription.limit_exceeded`: the plan allows no more of something.
    Plan(Option<Quota>),
    /// 403 `system_limit.limit_exceeded`: no plan allows more of something.
    System(Option<Quota>),
}

/// What is limited; only the words for what the operator asks for are known.
///
/// Source: logto-io/logto `packages/core/src/libraries/quota.ts`, the keys of `guardTenantUsageByKey`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    key: &'static str,
    what: &'static str,
}

const QUOTAS: [Quota; 6] = [
    quota("resourcesLimit", "API resources"),
    quota("scopesPerResourceLimit", "scopes of one API resource"),
    quota("userRolesLimit", "roles for users"),
    quota("machineToMachineRolesLimit", "roles for machines"),
    quota("scopesPerRoleLimit", "scopes of one role"),
    quota("customJwtEnabled", "Custom JWT scripts"),
];

const fn quota(key: &'static str, what: &'static str) -> Quota {
    Quota { key, what }
}

impl PlanLimit {
    /// What a refusal says of a limit; none when it speaks of something else.
    pub(super) fn of(status: u16, code: &str, body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            data: Option<Data>,
        }
        #[derive(Deserialize)]
        struct Data {
            key: Option<String>,
        }
        let known = || {
            let body: Body = serde_json::from_slice(body).ok()?;
            let key = body.data?.key?;
            QUOTAS.into_iter().find(|quota| quota.key == key)
        };
        match (status, code) {
            (429, "auth.exceed_token_limit") => Some(Self::Tokens),
            (403, "subscription.limit_exceeded") => Some(Self::Plan(known())),
            (403, "system_limit.limit_exceeded") => Some(Self::System(known())),
            _ => None,
        }
    }

    /// Whether it is surely looked at before a role is made: a limit of the scopes that the role is given with may be
    /// looked at after.
    pub(super) fn counts_roles(self) -> bool {
        let (Self::Plan(Some(quota)) | Self::System(Some(quota))) = self else {
            return self == Self::Tokens;
        };
        ["userRolesLimit", "machineToMachineRolesLimit"].contains(&quota.key)
    }
}

/// What is used up, by which code, and what to do.
impl fmt::Display for PlanLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens => f.write_str(
                "the tokens of the tenant's Logto Cloud plan are used up (auth.exceed_token_limit), for people who sign in \
                 too; take a plan with more tokens in Logto's console, or wait for the next billing period",
            ),
            Self::Plan(Some(quota)) => write!(
                f,
                "the tenant's Logto Cloud plan allows no more {} (subscription.limit_exceeded, {}); take a plan or an add-on \
                 that does in Logto's console, or delete what is not needed there",
                quota.what, quota.key
            ),
            Self::Plan(None) => f.write_str(
                "the tenant's Logto Cloud plan allows no more of it (subscription.limit_exceeded); take a plan or an add-on \
                 that does in Logto's console, or delete what is not needed there",
            ),
            Self::System(Some(quota)) => write!(
                f,
                "Logto Cloud allows no more {} on any plan (system_limit.limit_exceeded, {}); delete what is not needed \
                 in Logto's console, or ask Logto's support",
                quota.what, quota.key
            ),
            Self::System(None) => f.write_str(
                "Logto Cloud allows no more of it on any plan (system_limit.limit_exceeded); delete what is not needed in \
                 Logto's console, or ask Logto's support",
            ),
        }
    }
}

use super::claims::{ALLOWED_ROLES, Claim, Claims, ClaimsMap, DEFAULT_ROLE};
use super::{JwtSecret, RequiredClaim};

/// What Hasura does not check and is still wrong, or weaker than it looks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A field that Hasura does not know, and ignores.
    #[error("field {0:?} is unknown to Hasura and ignored; look for a typing error")]
    UnknownField(String),
    /// `type` beside `jwk_url`.
    #[error("type is ignored, because jwk_url is set; leave it out")]
    TypeIgnored,
    /// A namespace or format beside a claims map.
    #[error("{0} is ignored, because claims_map is set; leave one of them out")]
    ClaimsFieldIgnored(&'static str),
    /// No audience.
    #[error(
        "audience is not set, so a token for any other application passes; set the API resource's indicator"
    )]
    NoAudience,
    /// No issuer.
    #[error("issuer is not set, so a token of any issuer with a fitting key passes; set it")]
    NoIssuer,
    /// An issuer that ends in a slash.
    #[error("issuer ends in a slash; Logto's does not, and the comparison is exact")]
    IssuerTrailingSlash,
    /// No tolerance of clock differences.
    #[error("allowed_skew is 0, so a clock that is late by a second refuses fresh tokens; set 60")]
    NoSkew,
    /// A claim is demanded whose value nobody compares.
    #[error("extra_required_claims names {0}, which is not set, so it does nothing; set {0}")]
    RequiredClaimNotSet(&'static str),
    /// The superuser's role in a literal or a default.
    #[error(
        "{0} gives the role admin, which is superuser in Hasura, to tokens that do not name it; take it out"
    )]
    AdminRole(&'static str),
    /// A namespace that is a registered claim, where Hasura never looks.
    #[error(
        "claims_namespace {0:?} is a registered claim, which Hasura does not search; use a URL"
    )]
    RegisteredNamespace(String),
}

/// Hasura takes these out of the token before it looks for the namespace.
const REGISTERED_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

impl JwtSecret {
    /// The mistakes that the secret itself shows; [`JwtSecret::review`] also finds those in the text that it was read from.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        if self.audience.is_empty() {
            found.push(Mistake::NoAudience);
        }
        match &self.issuer {
            None => found.push(Mistake::NoIssuer),
            Some(issuer) if issuer.as_str().ends_with('/') => {
                found.push(Mistake::IssuerTrailingSlash);
            }
            Some(_) => {}
        }
        if self.allowed_skew == 0 {
            found.push(Mistake::NoSkew);
        }
        for claim in &self.extra_required_claims {
            let is_set = match claim {
                RequiredClaim::Audience => !self.audience.is_empty(),
                RequiredClaim::Issuer => self.issuer.is_some(),
            };
            if !is_set {
                found.push(Mistake::RequiredClaimNotSet(claim.name()));
            }
        }
        match &self.claims {
            Claims::Namespace { name, .. } if REGISTERED_CLAIMS.contains(&name.as_str()) => {
                found.push(Mistake::RegisteredNamespace(name.as_str().to_owned()));
            }
            Claims::Map(map) => found.extend(admin_roles(map)),
            Claims::Namespace { .. } | Claims::NamespacePath { .. } => {}
        }
        found
    }
}

fn admin_roles(map: &ClaimsMap) -> impl Iterator<Item = Mistake> {
    let allowed = fixed(&map.allowed_roles)
        .is_some_and(|roles| roles.iter().any(|role| is_admin(role.as_str())));
    let default = fixed(&map.default_role).is_some_and(|role| is_admin(role.as_str()));
    [(ALLOWED_ROLES, allowed), (DEFAULT_ROLE, default)]
        .into_iter()
        .filter(|(_, admin)| *admin)
        .map(|(claim, _)| Mistake::AdminRole(claim))
}

/// The value that does not come from the token.
fn fixed<T>(claim: &Claim<T>) -> Option<&T> {
    match claim {
        Claim::Literal(value) => Some(value),
        Claim::Path { default, .. } => default.as_ref(),
    }
}

fn is_admin(role: &str) -> bool {
    role.eq_ignore_ascii_case("admin")
}

//! Other origins of one Logto, at which people sign in: Logto Cloud's custom domains have issuers of their own.
//!
//! An origin counts when it shows the tenant's keys. Anybody can show a copy of them, and gains nothing: what Hasura
//! takes is signed by those keys whoever announces an issuer. No credentials are sent there.

use super::{
    Client, Discovery, Endpoint, Error, Jwks, KeySet, StopCause, Unexpected,
    discovery::{KEYS_PATH, fetch_keys},
};

/// Why an origin at which people sign in does not count. Their messages say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInDoubt {
    /// Its keys are others.
    #[error(
        "the keys at {at}/oidc/jwks are not those of the tenant, so it is another Logto, or another tenant of it; take it \
         out of spec.signInEndpoints"
    )]
    KeysDiffer {
        /// Where they are.
        at: Endpoint,
    },
    /// Some of its keys are others, as while keys are rotated.
    #[error(
        "some of the keys at {at}/oidc/jwks are not those of the tenant; while keys are rotated that passes"
    )]
    SomeKeysDiffer {
        /// Where they are.
        at: Endpoint,
    },
    /// It gave no document or no keys.
    #[error(
        "{at} of spec.signInEndpoints: {error}. The operator has to reach it, and trust its certificate"
    )]
    Unread {
        /// Who was asked.
        at: Endpoint,
        /// What went wrong.
        error: Error,
    },
}

impl SignInDoubt {
    /// Whether it is known to be no origin of this tenant, whatever it was before.
    pub fn is_foreign(&self) -> bool {
        match self {
            Self::KeysDiffer { .. } => true,
            Self::SomeKeysDiffer { .. } => false,
            Self::Unread { error, .. } => matches!(
                error,
                Error::Stop {
                    cause: StopCause::ForbiddenAddress
                        | StopCause::Unexpected {
                            what: Unexpected::Redirect,
                            ..
                        },
                    ..
                }
            ),
        }
    }

    /// Whether it may pass without anybody changing something.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::KeysDiffer { .. } => false,
            Self::SomeKeysDiffer { .. } => true,
            Self::Unread { error, .. } => {
                matches!(error, Error::Retry { .. } | Error::Wait { .. })
            }
        }
    }
}

impl Client {
    /// The issuer that an origin announces at which people sign in, when it shows the keys of this tenant.
    ///
    /// # Errors
    /// Why it does not count.
    pub async fn issuer_at(&self, at: &Endpoint, own: &Jwks) -> Result<String, SignInDoubt> {
        let unread = |error| SignInDoubt::Unread {
            at: at.clone(),
            error,
        };
        if *at == self.shared.endpoint {
            return Ok(self.shared.discovery.issuer.clone());
        }
        let exchange = &self.shared.exchange;
        let issuer = Discovery::fetch_issuer(exchange, self.priority, at);
        let issuer = issuer.await.map_err(unread)?;
        let keys = fetch_keys(exchange, self.priority, at.at(KEYS_PATH));
        let KeySet { keys, .. } = keys.await.map_err(unread)?;
        let at = at.clone();
        match (keys == *own, keys.shares_a_key(own)) {
            (true, _) => Ok(issuer),
            (false, true) => Err(SignInDoubt::SomeKeysDiffer { at }),
            (false, false) => Err(SignInDoubt::KeysDiffer { at }),
        }
    }
}

//! What a connection is made of, and whether another one is to the same tenant.

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use crate::{
    api::LogtoTenant,
    logto::{Credentials, Endpoint},
};

/// What a connection is made of; when that differs, it has to be made anew.
#[derive(PartialEq, Eq)]
pub struct MadeOf {
    /// The Secret's endpoint.
    endpoint: Endpoint,
    /// The tenant there.
    tenant_id: String,
    /// Of everything, the secret included, so it is a hash.
    hash: String,
}

impl MadeOf {
    /// Everything that a tenant, its Secret and its CAs say.
    pub fn new(tenant: &LogtoTenant, credentials: &Credentials, ca_bundle: Option<&[u8]>) -> Self {
        Self {
            endpoint: credentials.endpoint.clone(),
            tenant_id: tenant.spec.tenant_id.clone(),
            hash: hash(tenant, credentials, ca_bundle),
        }
    }

    /// Whether what was proved in a connection that is made of `before` holds in this one. What a server announces counts for
    /// nothing: anybody can announce somebody else's issuer, so a LogtoTenant could be pointed at such a server and back.
    pub fn is_same_tenant(&self, before: &Self) -> bool {
        self.endpoint == before.endpoint && self.tenant_id == before.tenant_id
    }
}

fn hash(tenant: &LogtoTenant, credentials: &Credentials, ca_bundle: Option<&[u8]>) -> String {
    let spec = &tenant.spec;
    let endpoint = credentials.endpoint.to_string();
    let settings = format!(
        "{:?} {:?} {:?} {:?} {}",
        spec.endpoint_for_hasura,
        spec.sign_in_endpoints,
        spec.jwks_check,
        spec.rate_limit,
        ca_bundle.is_some()
    );
    let parts = [
        endpoint.as_bytes(),
        credentials.client_id.as_bytes(),
        credentials.client_secret.expose_secret().as_bytes(),
        spec.tenant_id.as_bytes(),
        settings.as_bytes(),
        ca_bundle.unwrap_or_default(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    format!("{:x?}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made_of(endpoint: &str, tenant_id: &str, secret: &str, hasura: &str) -> MadeOf {
        let tenant: LogtoTenant = serde_json::from_value(json!({
            "apiVersion": "logto-hasura.dev/v1alpha1",
            "kind": "LogtoTenant",
            "metadata": {"name": "main", "namespace": "shop"},
            "spec": {
                "tenantId": tenant_id, "credentialsSecretRef": {"name": "logto"}, "endpointForHasura": hasura,
            },
        }))
        .unwrap();
        let credentials = Credentials {
            endpoint: Endpoint::parse(endpoint, false).unwrap(),
            client_id: "operator".to_owned(),
            client_secret: secret.into(),
        };
        MadeOf::new(&tenant, &credentials, None)
    }

    #[test]
    fn what_was_proved_holds_only_at_the_same_address_and_in_the_same_tenant() {
        let (here, there) = ("https://logto.example.com", "https://rogue.example.com");
        let before = made_of(here, "default", "hunter2", "");
        assert!(before == made_of(here, "default", "hunter2", ""));
        let alike = [
            made_of(here, "default", "hunter3", ""),
            made_of(here, "default", "hunter2", "https://inside.example.com"),
        ];
        for now in alike {
            assert!(now != before && now.is_same_tenant(&before));
        }
        // Whatever the server there announces.
        let others = [
            made_of(there, "default", "hunter2", ""),
            made_of("https://logto.example.com:8443", "default", "hunter2", ""),
            made_of(here, "other", "hunter2", ""),
        ];
        for now in others {
            assert!(!now.is_same_tenant(&before));
            assert!(!before.is_same_tenant(&now), "and back");
        }
    }
}

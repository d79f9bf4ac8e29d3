//! From a LogtoTenant and its Secret to a connection.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use secrecy::zeroize::Zeroize;

use super::{
    api_resource, ca_bundle,
    context::{Context, key},
    made_of::MadeOf,
    registry::Connection,
    sign_in::SignIn,
    status::Verdict,
    visit::Outcome,
};
use crate::{
    api::{LogtoTenant, conditions::reasons, credentials::CREDENTIALS_LABEL, tenant::JwksCheck},
    domain::provenance::ProofKey,
    logto::{
        Client, ClientConfig, Credentials, Endpoint, Error, RateLimit, Session, Transport, jwk_url,
    },
};

/// What came of an attempt.
pub enum Attempt {
    /// A connection, maybe the one before.
    Connected(Arc<Connection>),
    /// What the status says.
    Failed(Verdict),
}

/// Connects, or keeps the connection before when nothing that it was made of changed.
pub async fn connect(
    ctx: &Context,
    tenant: &LogtoTenant,
    before: Option<&Arc<Connection>>,
) -> Attempt {
    match try_connect(ctx, tenant, before).await {
        Ok(connection) => Attempt::Connected(connection),
        Err(verdict) => Attempt::Failed(verdict),
    }
}

async fn try_connect(
    ctx: &Context,
    tenant: &LogtoTenant,
    before: Option<&Arc<Connection>>,
) -> Result<Arc<Connection>, Verdict> {
    let credentials = read_credentials(ctx, tenant).await?;
    let for_hasura = endpoint_for_hasura(tenant, &credentials)?;
    allowed(ctx, "the credentials Secret", &credentials.endpoint)?;
    allowed(ctx, "spec.endpointForHasura", &for_hasura)?;
    let sign_in = sign_in_endpoints(ctx, tenant)?;
    let ca_bundle = ca_bundle::read(ctx, tenant).await?;
    let made_of = MadeOf::new(tenant, &credentials, ca_bundle.as_deref());
    if let Some(before) = before.filter(|before| before.made_of == made_of)
        && is_up_to_date(before).await
    {
        return Ok(Arc::clone(before));
    }
    let client_id = credentials.client_id.clone();
    let proof_key = proof_key(tenant, &credentials);
    let client = Client::connect(config(ctx, tenant, credentials, ca_bundle.as_deref())?)
        .await
        .map_err(|error| refused(&error))?;
    let jwk_url = jwk_url(&for_hasura, client.discovery());
    let check = (tenant.spec.jwks_check == JwksCheck::Require).then_some(for_hasura);
    let session = Session::open(client, ctx.owner.clone())
        .await
        .map_err(|error| refused(&error))?;
    let same_tenant = before.filter(|before| made_of.is_same_tenant(&before.made_of));
    // An origin counts by keys that equal the tenant's, of which nothing is known once all are others. Until it is looked at
    // Hasuras keep the issuer that they have.
    let same_keys = same_tenant.filter(|before| !before.is_outdated());
    let sign_in = SignIn::new(sign_in, same_keys.map(|before| &before.sign_in));
    let connection = Connection::new(
        session, made_of, jwk_url, check, sign_in, client_id, proof_key,
    );
    Ok(Arc::new(match same_tenant {
        Some(before) => {
            api_resource::recall_all(ctx, tenant, before);
            connection.follows(before)
        }
        None => connection,
    }))
}

fn proof_key(tenant: &LogtoTenant, credentials: &Credentials) -> ProofKey {
    let endpoint = credentials.endpoint.to_string();
    ProofKey::derive(
        &credentials.client_secret,
        &tenant.spec.tenant_id,
        &endpoint,
    )
}

/// Whether Logto announces what it did. A document that can not be read, or names addresses elsewhere, changes nothing
/// while the token works.
async fn is_up_to_date(connection: &Connection) -> bool {
    let client = connection.session.client();
    let announces_otherwise = |now| now != *client.discovery();
    !connection.is_outdated() && !client.discover().await.is_ok_and(announces_otherwise)
}

async fn read_credentials(ctx: &Context, tenant: &LogtoTenant) -> Result<Credentials, Verdict> {
    let reference = &tenant.spec.credentials_secret_ref;
    let (name, keys) = (&reference.name, reference.keys.clone().unwrap_or_default());
    let namespace = tenant.namespace().unwrap_or_default();
    let secrets: Api<Secret> = Api::namespaced(ctx.client.clone(), &namespace);
    let secret = match secrets.get_opt(name).await {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            let message = format!(
                "Secret {name:?} is not in this namespace; it is looked for every {} s. It holds the keys {keys}",
                ctx.clocks.credentials_retry.as_secs()
            );
            return Err(Verdict::Waiting(reasons::SECRET_NOT_FOUND, message));
        }
        Err(kube::Error::Api(status)) if status.is_forbidden() => {
            let message = format!(
                "the operator may not get Secret {name:?}: give its ServiceAccount that right (the Helm chart's value secrets)"
            );
            return Err(Verdict::Waiting(reasons::SECRET_FORBIDDEN, message));
        }
        Err(error) => {
            return Err(Verdict::Waiting(
                reasons::KUBERNETES_ERROR,
                format!("reading Secret {name:?}: {error}"),
            ));
        }
    };
    let may_be_named = consents(&secret);
    let mut data = secret.data.unwrap_or_default();
    let read = if keys.are_named() && !may_be_named {
        Err(not_labelled(name))
    } else {
        let value_of = |key: &str| data.get(key).map(|value| value.0.as_slice());
        Credentials::read(value_of, &keys, tenant.spec.allow_plain_http).map_err(|error| {
            let message = format!("Secret {name:?}: {error}");
            Verdict::Stalled(reasons::CREDENTIALS_INVALID, message)
        })
    };
    for value in data.values_mut() {
        value.0.zeroize();
    }
    read
}

/// Whether LogtoTenants may name the keys of a Secret. By the usual names it is one for Logto; by other names it could be
/// any Secret of the namespace, whose values would be sent to an address that stands in it too.
fn consents(secret: &Secret) -> bool {
    let label = secret.labels().get(CREDENTIALS_LABEL);
    label.is_some_and(|value| value == "true")
}

fn not_labelled(name: &str) -> Verdict {
    let message = format!(
        "spec.credentialsSecretRef.keys names keys of Secret {name:?}, which does not say that it holds credentials for \
         Logto: put the label {CREDENTIALS_LABEL}: \"true\" on it, or leave keys out"
    );
    Verdict::Stalled(reasons::CREDENTIALS_NOT_LABELLED, message)
}

/// Whoever runs the operator may say which hosts it talks to, whatever a tenant's author wants.
fn allowed(ctx: &Context, by: &str, endpoint: &Endpoint) -> Result<(), Verdict> {
    if ctx.allowed_hosts.allow(endpoint) {
        return Ok(());
    }
    let message = format!(
        "{by} names {endpoint}, whose host is not among those that the operator's flag --allow-logto-host names: name one \
         of them, or have it added there"
    );
    Err(Verdict::Stalled(reasons::HOST_NOT_ALLOWED, message))
}

fn endpoint_for_hasura(
    tenant: &LogtoTenant,
    credentials: &Credentials,
) -> Result<Endpoint, Verdict> {
    match tenant
        .spec
        .endpoint_for_hasura
        .as_deref()
        .filter(|text| !text.is_empty())
    {
        None => Ok(credentials.endpoint.clone()),
        Some(text) => Endpoint::parse(text, tenant.spec.allow_plain_http).map_err(|error| {
            Verdict::Stalled(
                reasons::CREDENTIALS_INVALID,
                format!("spec.endpointForHasura: {error}"),
            )
        }),
    }
}

/// The origins at which people sign in.
fn sign_in_endpoints(ctx: &Context, tenant: &LogtoTenant) -> Result<Vec<Endpoint>, Verdict> {
    let texts = tenant.spec.sign_in_endpoints.iter();
    let parsed = texts.map(|text| {
        let endpoint = Endpoint::parse(text, tenant.spec.allow_plain_http).map_err(|error| {
            Verdict::Stalled(
                reasons::SIGN_IN_REFUSED,
                format!("spec.signInEndpoints: {error}"),
            )
        })?;
        allowed(ctx, "spec.signInEndpoints", &endpoint)?;
        Ok(endpoint)
    });
    parsed.collect()
}

fn config(
    ctx: &Context,
    tenant: &LogtoTenant,
    credentials: Credentials,
    ca_bundle: Option<&[u8]>,
) -> Result<ClientConfig, Verdict> {
    let transport = Transport::new(ctx.clocks.request_timeout, ca_bundle);
    let transport = transport.map_err(|error| match &tenant.spec.ca_bundle_ref {
        Some(reference) => {
            let (object, key) = (ca_bundle::words(reference), &reference.key);
            let message = format!("key {key:?} of {object}: {error}");
            Verdict::Stalled(reasons::CA_BUNDLE_INVALID, message)
        }
        None => Verdict::Stalled(reasons::CREDENTIALS_INVALID, error.to_string()),
    })?;
    let metrics = Arc::clone(&ctx.metrics);
    let name = key(tenant).to_string();
    let limit = &tenant.spec.rate_limit;
    Ok(ClientConfig {
        transport,
        credentials,
        tenant_id: tenant.spec.tenant_id.clone(),
        rate: RateLimit {
            requests_per_second: limit.requests_per_second.unsigned_abs(),
            burst: limit.burst.unsigned_abs(),
        },
        fence: ctx.fence.clone(),
        observer: Arc::new(move |exchanged| {
            let what = (exchanged.operation.name(), exchanged.outcome.name());
            metrics.waited(&name, exchanged.waited);
            metrics.requested(&name, what, exchanged.status, exchanged.took);
            let (operation, outcome) = what;
            tracing::debug!(
                tenant = name, operation, outcome, status = exchanged.status,
                took = ?exchanged.took, waited = ?exchanged.waited, "asked Logto"
            );
        }),
    })
}

/// What an error of Logto's comes to for the tenant as a whole.
pub fn refused(error: &Error) -> Verdict {
    match error {
        Error::Credentials { .. } => {
            Verdict::Stalled(reasons::CREDENTIALS_REFUSED, error.to_string())
        }
        Error::Stop { .. } => Verdict::Stalled(reasons::DISCOVERY_REFUSED, error.to_string()),
        _ => Outcome::of(error).verdict,
    }
}

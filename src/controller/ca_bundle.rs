//! The CA certificates that `spec.caBundleRef` names.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, ResourceExt};

use super::{context::Context, status::Verdict};
use crate::api::{
    LogtoTenant,
    conditions::reasons,
    tenant::{CaBundleKind, CaBundleRef},
};

/// Reads the certificates, as PEM; nothing without a reference.
///
/// # Errors
/// What the status says: the object or its key is not there, or may not be read.
pub async fn read(ctx: &Context, tenant: &LogtoTenant) -> Result<Option<Vec<u8>>, Verdict> {
    let Some(reference) = &tenant.spec.ca_bundle_ref else {
        return Ok(None);
    };
    let namespace = tenant.namespace().unwrap_or_default();
    let found = match reference.kind {
        CaBundleKind::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(ctx.client.clone(), &namespace);
            let object = api.get_opt(&reference.name).await;
            object.map(|object| object.map(|object| in_config_map(object, &reference.key)))
        }
        CaBundleKind::Secret => {
            let api: Api<Secret> = Api::namespaced(ctx.client.clone(), &namespace);
            let object = api.get_opt(&reference.name).await;
            object.map(|object| object.map(|object| in_secret(object, &reference.key)))
        }
    };
    match found {
        Ok(Some(Some(pem))) => Ok(Some(pem)),
        Ok(Some(None)) => Err(Verdict::Stalled(
            reasons::CA_BUNDLE_INVALID,
            format!("{} has no key {:?}", words(reference), reference.key),
        )),
        Ok(None) => Err(Verdict::Waiting(
            reasons::CA_BUNDLE_NOT_FOUND,
            format!(
                "{} is not in this namespace; it is looked for every {} s",
                words(reference),
                ctx.clocks.credentials_retry.as_secs()
            ),
        )),
        Err(kube::Error::Api(status)) if status.is_forbidden() => Err(Verdict::Waiting(
            reasons::CA_BUNDLE_FORBIDDEN,
            format!(
                "the operator may not get {}: give its ServiceAccount that right (for a Secret, the Helm chart's value secrets)",
                words(reference)
            ),
        )),
        Err(error) => Err(Verdict::Waiting(
            reasons::KUBERNETES_ERROR,
            format!("reading {}: {error}", words(reference)),
        )),
    }
}

/// The object, as messages name it.
pub fn words(reference: &CaBundleRef) -> String {
    format!(
        "{:?} {:?} of spec.caBundleRef",
        reference.kind, reference.name
    )
}

fn in_config_map(object: ConfigMap, key: &str) -> Option<Vec<u8>> {
    let text = object.data.and_then(|mut data| data.remove(key));
    text.map(String::into_bytes).or_else(|| {
        let bytes = object.binary_data.and_then(|mut data| data.remove(key));
        bytes.map(|bytes| bytes.0)
    })
}

fn in_secret(object: Secret, key: &str) -> Option<Vec<u8>> {
    let bytes = object.data.and_then(|mut data| data.remove(key));
    bytes.map(|bytes| bytes.0)
}

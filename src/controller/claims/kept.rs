//! The text of a script that the operator's replaced, in a ConfigMap beside the LogtoTenant.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Resource, ResourceExt, api::PostParams};

use crate::{
    api::{FIELD_MANAGER, LogtoTenant, conditions::reasons},
    controller::{context::Context, status::Verdict},
    domain::claims::program::Kind,
};

/// The key of the text.
const KEY: &str = "script.js";

/// Keeps a text before it is replaced.
///
/// # Errors
/// What the status says: a ConfigMap of that name is there that the operator did not make or that holds another text, or
/// the API server refused.
pub async fn keep(
    ctx: &Context,
    tenant: &LogtoTenant,
    kind: Kind,
    text: &str,
) -> Result<(), Verdict> {
    let name = name(tenant, kind);
    match read(ctx, tenant, kind).await? {
        Some(kept) if kept == text => return Ok(()),
        Some(_) => {
            let message = format!(
                "ConfigMap {name:?} holds another script that was replaced before: delete it if nobody needs that text any more"
            );
            return Err(Verdict::Stalled(reasons::FOREIGN_SCRIPT, message));
        }
        None => {}
    }
    let mut config_map = ConfigMap::default();
    config_map.metadata.name = Some(name.clone());
    config_map.metadata.namespace = tenant.namespace();
    config_map.metadata.owner_references = tenant.owner_ref(&()).map(|reference| vec![reference]);
    config_map.data = Some([(KEY.to_owned(), text.to_owned())].into());
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match api(ctx, tenant).create(&params, &config_map).await {
        Ok(_) => Ok(()),
        Err(error) => Err(failed("keep the replaced script in", &name, &error)),
    }
}

/// The text that was kept for a LogtoTenant of this uid; none when there is none.
///
/// # Errors
/// What the status says: the API server refused, or somebody else made the ConfigMap.
pub async fn read(
    ctx: &Context,
    tenant: &LogtoTenant,
    kind: Kind,
) -> Result<Option<String>, Verdict> {
    let name = name(tenant, kind);
    let config_map = match api(ctx, tenant).get_opt(&name).await {
        Ok(Some(config_map)) => config_map,
        Ok(None) => return Ok(None),
        Err(error) => return Err(failed("read", &name, &error)),
    };
    let owner = config_map
        .owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == tenant.uid().as_ref());
    if !owner {
        let message = format!(
            "ConfigMap {name:?} is there, but was not made for this LogtoTenant: delete or rename it"
        );
        return Err(Verdict::Stalled(reasons::FOREIGN_SCRIPT, message));
    }
    Ok(config_map.data.and_then(|mut data| data.remove(KEY)))
}

fn api(ctx: &Context, tenant: &LogtoTenant) -> Api<ConfigMap> {
    Api::namespaced(ctx.client.clone(), &tenant.namespace().unwrap_or_default())
}

fn name(tenant: &LogtoTenant, kind: Kind) -> String {
    let kind = match kind {
        Kind::Users => "users",
        Kind::Machines => "machines",
    };
    format!("{}.replaced-script-{kind}", tenant.name_any())
}

fn failed(what: &str, name: &str, error: &kube::Error) -> Verdict {
    if let kube::Error::Api(status) = error
        && status.is_forbidden()
    {
        let message = format!(
            "the operator may not {what} ConfigMap {name:?}: give its ServiceAccount that right (chart value replacedScripts)"
        );
        return Verdict::Waiting(reasons::FORBIDDEN, message);
    }
    Verdict::Waiting(
        reasons::KUBERNETES_ERROR,
        format!("could not {what} ConfigMap {name:?}: {error}"),
    )
}

//! Taking the finalizer off one object, and nothing else.

use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::json;

use super::found::Holder;
use crate::{
    api::FINALIZER,
    controller::{NotLeft, leave},
};

/// How often it is tried while somebody else changes the finalizers.
const ATTEMPTS: u32 = 5;

/// Why an object keeps the finalizer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its Secret or ConfigMap would go with it.
    #[error(transparent)]
    NotLeft(#[from] NotLeft),
    /// The API server failed or refused.
    #[error(transparent)]
    Kube(#[from] kube::Error),
    /// Somebody changes the finalizers all the time.
    #[error("its finalizers changed {ATTEMPTS} times while it was written; run this again")]
    Changing,
    /// It can not be put into a patch.
    #[error("the patch: {0}")]
    Patch(#[from] serde_json::Error),
}

/// Takes the finalizer off; gives what was let go of before, which would have gone with the object. One that is gone, or
/// holds it no longer, is as wanted.
pub async fn take_off(client: &Client, holder: &Holder) -> Result<Vec<String>, Error> {
    let kept = match &holder.instance {
        Some(instance) => leave(client, instance).await?,
        None => Vec::new(),
    };
    let namespace = holder.metadata.namespace.as_deref().unwrap_or_default();
    let name = holder.metadata.name.as_deref().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &holder.resource);
    let mut finalizers = holder.metadata.finalizers.clone().unwrap_or_default();
    for _ in 0..ATTEMPTS {
        let Some(index) = finalizers.iter().position(|held| held == FINALIZER) else {
            return Ok(kept);
        };
        // The tests make it fail rather than take off another finalizer, or ours off another object of the same name.
        let path = format!("/metadata/finalizers/{index}");
        let patch = serde_json::from_value(json!([
            {"op": "test", "path": "/metadata/uid", "value": holder.metadata.uid},
            {"op": "test", "path": path, "value": FINALIZER},
            {"op": "remove", "path": path},
        ]))?;
        let patch = Patch::Json::<()>(patch);
        match api
            .patch_metadata(name, &PatchParams::default(), &patch)
            .await
        {
            Ok(_) => return Ok(kept),
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(kept),
            Err(kube::Error::Api(status)) if status.is_invalid() || status.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
        let now = api.get_metadata_opt(name).await?;
        finalizers = now
            .filter(|now| now.metadata.uid == holder.metadata.uid)
            .map(|now| now.finalizers().to_vec())
            .unwrap_or_default();
    }
    Err(Error::Changing)
}
